# Windows has the driver of the KM-TEST loopback adapter, but no command that adds one on every version: this calls
# what the wizard "Add legacy hardware" calls.
Add-Type -TypeDefinition @'
using System;
using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

public static class DsrLoopback
{
    [StructLayout(LayoutKind.Sequential)]
    struct Device { public int Size; public Guid Class; public int Instance; public IntPtr Reserved; }

    [DllImport("setupapi.dll", SetLastError = true)]
    static extern IntPtr SetupDiCreateDeviceInfoList(ref Guid setupClass, IntPtr window);
    [DllImport("setupapi.dll", SetLastError = true)]
    static extern bool SetupDiDestroyDeviceInfoList(IntPtr list);
    [DllImport("setupapi.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern bool SetupDiCreateDeviceInfoW(IntPtr list, string name, ref Guid setupClass, string description, IntPtr window, int flags, ref Device device);
    [DllImport("setupapi.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern bool SetupDiOpenDeviceInfoW(IntPtr list, string id, IntPtr window, int flags, ref Device device);
    [DllImport("setupapi.dll", SetLastError = true)]
    static extern bool SetupDiSetDeviceRegistryPropertyW(IntPtr list, ref Device device, int property, byte[] value, int size);
    [DllImport("setupapi.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern bool SetupDiGetDeviceInstanceIdW(IntPtr list, ref Device device, StringBuilder id, int size, IntPtr required);
    [DllImport("setupapi.dll", SetLastError = true)]
    static extern bool SetupDiCallClassInstaller(int function, IntPtr list, ref Device device);
    [DllImport("newdev.dll", CharSet = CharSet.Unicode, SetLastError = true)]
    static extern bool UpdateDriverForPlugAndPlayDevicesW(IntPtr window, string hardware, string inf, int flags, out bool reboot);

    const int GenerateId = 1, HardwareId = 1, RegisterDevice = 0x19, RemoveDevice = 0x5;
    // GUID_DEVCLASS_NET
    static Guid network = new Guid("4d36e972-e325-11ce-bfc1-08002be10318");

    // Adds an adapter, and returns the id of its device.
    public static string Add(string inf)
    {
        IntPtr list = SetupDiCreateDeviceInfoList(ref network, IntPtr.Zero);
        if (list == new IntPtr(-1)) throw new Win32Exception();
        try
        {
            Device device = Empty();
            Check(SetupDiCreateDeviceInfoW(list, "NET", ref network, null, IntPtr.Zero, GenerateId, ref device));
            byte[] hardware = Encoding.Unicode.GetBytes("*MSLOOP\0\0");
            Check(SetupDiSetDeviceRegistryPropertyW(list, ref device, HardwareId, hardware, hardware.Length));
            Check(SetupDiCallClassInstaller(RegisterDevice, list, ref device));
            bool reboot;
            if (!UpdateDriverForPlugAndPlayDevicesW(IntPtr.Zero, "*MSLOOP", inf, 0, out reboot))
            {
                Win32Exception why = new Win32Exception();
                SetupDiCallClassInstaller(RemoveDevice, list, ref device);
                throw why;
            }
            StringBuilder id = new StringBuilder(256);
            Check(SetupDiGetDeviceInstanceIdW(list, ref device, id, id.Capacity, IntPtr.Zero));
            return id.ToString();
        }
        finally { SetupDiDestroyDeviceInfoList(list); }
    }

    // Removes the adapter whose device has this id.
    public static void Remove(string id)
    {
        IntPtr list = SetupDiCreateDeviceInfoList(ref network, IntPtr.Zero);
        if (list == new IntPtr(-1)) throw new Win32Exception();
        try
        {
            Device device = Empty();
            Check(SetupDiOpenDeviceInfoW(list, id, IntPtr.Zero, 0, ref device));
            Check(SetupDiCallClassInstaller(RemoveDevice, list, ref device));
        }
        finally { SetupDiDestroyDeviceInfoList(list); }
    }

    static Device Empty()
    {
        Device device = new Device();
        device.Size = Marshal.SizeOf(typeof(Device));
        return device;
    }

    static void Check(bool done) { if (!done) throw new Win32Exception(); }
}
'@
