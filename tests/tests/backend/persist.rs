//! The files that outlast a restart: written, undone, and read by the programs that they are for.

use std::fs;

use dsr::backend::{Action, Asked, Means, Persist, System};
use dsr_tests::lab::{
    eventually,
    process::{Daemon, ip, set},
};

use crate::{
    host::Host,
    scripts::{PERSISTS, VIP, VIP6, asked, text},
};

fn by(persist: Persist, action: Action) -> Asked {
    Asked { means: Means::Files(persist), ..asked(System::Linux, action) }
}

#[test]
#[ignore = "needs root"]
fn files_are_written_checked_and_removed() {
    for persist in PERSISTS {
        let host = Host::build();
        stand_in(&host, persist);
        let before = host.state();
        assert!(host.names(&by(persist, Action::Check)).contains(&"persisted".to_owned()));
        host.must(&by(persist, Action::Setup));
        let done = host.state();
        host.must(&by(persist, Action::Setup));
        host.assert_is(&done);
        host.must(&by(persist, Action::Check));
        assert!(host.accepts(VIP) && host.accepts(VIP6) && !host.is_told(VIP) && !host.is_told(VIP6), "{persist:?}");
        let sysctl = host.path("etc/sysctl.d/60-dsr-backend-all.conf");
        fs::write(&sysctl, "# Written by dsr backend setup, and changed.\n").unwrap();
        assert_eq!(host.names(&by(persist, Action::Check)), ["persisted"]);
        host.must(&by(persist, Action::Undo));
        assert!(host.names(&by(persist, Action::Check)).contains(&"persisted".to_owned()));
        host.assert_is(&before);
    }
}

/// Where the kernel makes no dummy interfaces, the ones that the set-up would make are there already, of another kind.
fn stand_in(host: &Host, persist: Persist) {
    let dummy = host.backend.command("ip").unwrap().args(["link", "add", "dsr-try", "type", "dummy"]).output();
    if dummy.unwrap().status.success() {
        ip(&host.backend, "link del dsr-try");
    } else if persist == Persist::NetworkManager {
        eprintln!("this kernel makes no dummy interfaces: others stand in for them");
        for name in ["dsr-0a09000a", "dsr6-bc456a69"] {
            ip(&host.backend, &format!("link add {name} type veth peer name p{name}"));
            ip(&host.backend, &format!("link set {name} arp off up"));
            ip(&host.backend, &format!("link set p{name} arp off up"));
        }
    }
}

#[test]
#[ignore = "needs root"]
fn files_of_others_stay_as_they_are() {
    let host = Host::build();
    let path = host.path("etc/netplan/60-dsr-10-9-0-10.yaml");
    fs::write(&path, "# by hand\n").unwrap();
    let output = host.run(&text(&by(Persist::Netplan, Action::Setup)));
    assert!(String::from_utf8_lossy(&output.stderr).contains("was not written by this script"), "{output:?}");
    host.must(&by(Persist::Netplan, Action::Undo));
    assert_eq!(fs::read_to_string(path).unwrap(), "# by hand\n");
    fs::write(host.path("etc/network/interfaces"), "auto lo\niface lo inet loopback\n").unwrap();
    let output = host.run(&text(&by(Persist::Ifupdown, Action::Setup)));
    assert!(String::from_utf8_lossy(&output.stderr).contains("does not read interfaces.d"), "{output:?}");
    fs::remove_dir(host.path("etc/NetworkManager/system-connections")).unwrap();
    let output = host.run(&text(&by(Persist::NetworkManager, Action::Setup)));
    assert!(String::from_utf8_lossy(&output.stderr).contains("NetworkManager is not what sets up"), "{output:?}");
}

/// A host that is set up, and then has forgotten all that a restart forgets; its settings are read from their file.
fn restarted(persist: Persist) -> Host {
    let host = Host::build();
    host.must(&by(persist, Action::Setup));
    ip(&host.backend, &format!("address del {VIP}/32 dev lo"));
    ip(&host.backend, &format!("address del {VIP6}/128 dev lo"));
    set(&host.backend, "ipv4.conf.all.arp_ignore", "0");
    set(&host.backend, "ipv4.conf.all.arp_announce", "0");
    assert_eq!(host.names(&by(persist, Action::Check)), ["vip-held", "vip-held", "arp-ignore", "arp-announce"]);
    let output = host.run("sysctl --load=/etc/sysctl.d/60-dsr-backend-all.conf");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(host.names(&by(persist, Action::Check)), ["vip-held", "vip-held"]);
    host
}

#[test]
#[ignore = "needs root"]
fn ifupdown_reads_its_files() {
    let host = restarted(Persist::Ifupdown);
    let output = host.run("mkdir -p /run/network; ifup lo");
    assert!(output.status.success(), "{output:?}");
    host.must(&by(Persist::Ifupdown, Action::Check));
    assert!(host.accepts(VIP) && host.accepts(VIP6) && !host.is_told(VIP));
    let shown = ip(&host.backend, "-o address show dev lo");
    assert!(shown.contains(&format!("inet {VIP}/32 brd {VIP} scope host")), "{shown}");
    assert!(shown.contains("deprecated"), "the IPv6 VIP is preferred as a source: {shown}");
}

#[test]
#[ignore = "needs root"]
fn systemd_networkd_reads_its_files() {
    let host = restarted(Persist::SystemdNetworkd);
    networkd(&host, Persist::SystemdNetworkd);
    let shown = ip(&host.backend, "-o address show dev lo");
    assert!(shown.contains(&format!("inet {VIP}/32 scope host")), "{shown}");
    assert!(shown.contains("inet 127.0.0.1/8") && shown.contains("deprecated"), "{shown}");
}

#[test]
#[ignore = "needs root"]
fn netplan_makes_what_networkd_reads() {
    let host = restarted(Persist::Netplan);
    let output = host.run("netplan generate");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    networkd(&host, Persist::Netplan);
}

/// Runs the real daemon until the host is a backend again.
fn networkd(host: &Host, persist: Persist) {
    // With /sys read-only, as in a container, the daemon does not wait for udev.
    let mut command = host.command(
        "mkdir -p /run/systemd/netif/links /run/systemd/netif/leases; chown -R systemd-network /run/systemd/netif
        mount -t sysfs -o ro sysfs /sys; exec /lib/systemd/systemd-networkd",
    );
    let log = host.path("networkd.log");
    let mut daemon = Daemon::start(&mut command, &log);
    let check = text(&by(persist, Action::Check));
    eventually("backend set up by systemd-networkd", || {
        daemon.assert_running();
        host.run(&check).status.success().then_some(())
    });
    assert!(host.accepts(VIP) && host.accepts(VIP6) && !host.is_told(VIP) && !host.is_told(VIP6));
}

/// `NetworkManager` itself is not run: its profile is a file of keys and values, and these are what its manual,
/// nm-settings-keyfile(5), names.
#[test]
#[ignore = "needs root"]
fn the_profile_of_networkmanager_is_a_key_file() {
    let host = Host::build();
    stand_in(&host, Persist::NetworkManager);
    host.must(&by(Persist::NetworkManager, Action::Setup));
    let directory = host.path("etc/NetworkManager/system-connections");
    let known = ["id", "uuid", "type", "interface-name", "autoconnect", "method", "address1", "never-default"];
    let known = [&known[..], &["dad-timeout", "addr-gen-mode"]].concat();
    let mut uuids = Vec::new();
    for (vip, name, device) in [("10.9.0.10/32", "10-9-0-10", "dsr-0a09000a"), ("fd09::10/128", "fd09--10", "dsr6-")] {
        let text = fs::read_to_string(directory.join(format!("dsr-{name}.nmconnection"))).unwrap();
        let settings = text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '[']));
        let settings: Vec<_> = settings.map(|line| line.split_once('=').unwrap()).collect();
        assert!(settings.iter().all(|(key, _)| known.contains(key)), "{text}");
        assert!(settings.contains(&("address1", vip)) && settings.contains(&("type", "dummy")), "{text}");
        assert!(settings.iter().any(|(key, value)| *key == "interface-name" && value.starts_with(device)), "{text}");
        uuids.extend(settings.iter().filter(|(key, _)| *key == "uuid").map(|(_, value)| (*value).to_owned()));
    }
    assert!(uuids.len() == 2 && uuids[0] != uuids[1] && uuids.iter().all(|uuid| uuid.len() == 36), "{uuids:?}");
}
