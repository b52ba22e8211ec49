//! Offloads of an interface, by the ethtool ioctl (`linux/ethtool.h`), in the calling thread's network namespace.

use std::{io, os::fd::AsRawFd};

use rustix::net::{AddressFamily, SocketType, socket};

use crate::lab::error::{Doing, Result};

/// An offload that the ioctl can switch; the value is its "set" command.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
enum Offload {
    TransmitChecksum = 0x17,
    ScatterGather = 0x19,
    TcpSegmentation = 0x1f,
    GenericSegmentation = 0x24,
}

/// Lets an interface send frames only as they would be on a wire: checksum filled in, no longer than the MTU.
///
/// XDP at the other end of a veth pair sees a frame as the sender left it, checksum to be filled in by nobody.
pub fn disable_sender_offloads(interface: &str) -> Result<()> {
    let offloads =
        [Offload::GenericSegmentation, Offload::TcpSegmentation, Offload::ScatterGather, Offload::TransmitChecksum];
    offloads.into_iter().try_for_each(|offload| set(interface, offload, 0))
}

/// Lets an interface send VLAN tags in the frames, as they are on a wire.
///
/// The other end of a veth pair is told of a tag beside the frame otherwise, where XDP does not see it.
pub fn disable_tag_offload(interface: &str) -> Result<()> {
    let mut flags = EthtoolValue { command: GET_FLAGS, data: 0 };
    ethtool(interface, &mut flags).doing(|| format!("read the offloads of {interface}"))?;
    let mut flags = EthtoolValue { command: SET_FLAGS, data: flags.data & !TRANSMIT_TAG };
    ethtool(interface, &mut flags).doing(|| format!("switch off the tag offload of {interface}"))
}

/// `ETHTOOL_GFLAGS`, `ETHTOOL_SFLAGS` and `ETH_FLAG_TXVLAN`.
const GET_FLAGS: u32 = 0x25;
const SET_FLAGS: u32 = 0x26;
const TRANSMIT_TAG: u32 = 1 << 7;

/// `struct ethtool_value`
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

fn set(interface: &str, offload: Offload, data: u32) -> Result<()> {
    let mut value = EthtoolValue { command: offload as u32, data };
    ethtool(interface, &mut value).doing(|| format!("set {offload:?} of {interface} to {data}"))
}

fn ethtool(interface: &str, value: &mut EthtoolValue) -> io::Result<()> {
    if interface.len() >= libc::IFNAMSIZ {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    let data: *mut EthtoolValue = value;
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_data: data.cast() },
    };
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from.cast_signed();
    }
    // SAFETY: the request holds a name that ends in a zero (its length was checked) and a pointer to the structure
    // that every command of `Offload` takes; both live until the call returns.
    let status = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// `linux/sockios.h`
const SIOCETHTOOL: libc::Ioctl = 0x8946;
