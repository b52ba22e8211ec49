//! The files that keep a Linux backend set up after a restart.

use std::net::IpAddr;

use super::{request::Persist, vip};

/// A file that the set-up writes.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) path: String,
    pub(super) mode: &'static str,
    pub(super) template: &'static str,
    /// The VIP that it is for; a file for all of them goes with the last.
    pub(super) vip: Option<IpAddr>,
}

impl Persist {
    /// The program that reads the files.
    pub(super) const fn program(self) -> &'static str {
        match self {
            Self::SystemdNetworkd => "systemd-networkd",
            Self::Ifupdown => "ifupdown",
            Self::NetworkManager => "NetworkManager",
            Self::Netplan => "netplan",
        }
    }

    /// The directory that must be there.
    pub(super) const fn directory(self) -> &'static str {
        match self {
            Self::SystemdNetworkd => "/etc/systemd/network",
            Self::Ifupdown => "/etc/network/interfaces.d",
            Self::NetworkManager => "/etc/NetworkManager/system-connections",
            Self::Netplan => "/etc/netplan",
        }
    }

    /// A directory of the set-up's own.
    pub(super) const fn own_directory(self) -> Option<&'static str> {
        match self {
            Self::SystemdNetworkd => Some("/etc/systemd/network/10-dsr-lo.network.d"),
            _ => None,
        }
    }

    /// The interface that gets the VIP. NetworkManager leaves the loopback alone before version 1.42, and gives an
    /// interface one profile at a time: there each VIP has an interface of its own.
    pub(super) fn device(self, vip: IpAddr) -> String {
        match self {
            Self::NetworkManager => vip::device(vip),
            _ => "lo".to_owned(),
        }
    }

    /// Every file for these VIPs. `interface` is `all` or a name.
    pub(super) fn files(self, vips: &[IpAddr], interface: &str) -> Vec<Planned> {
        let mut files = Vec::new();
        let shared = |path, template| Planned { path, mode: "644", template, vip: None };
        if vips.iter().any(IpAddr::is_ipv4) {
            files.push(shared(format!("/etc/sysctl.d/60-dsr-backend-{interface}.conf"), "linux/persist/sysctl.conf"));
        }
        let directory = self.directory();
        if self == Self::SystemdNetworkd {
            files.push(shared(format!("{directory}/10-dsr-lo.network"), "linux/persist/lo.network"));
        }
        files.extend(vips.iter().map(|vip| {
            let slug = vip::slug(*vip);
            let (path, mode, template) = match self {
                Self::SystemdNetworkd => {
                    (format!("10-dsr-lo.network.d/{slug}.conf"), "644", "linux/persist/vip.network.conf")
                }
                Self::Ifupdown => (format!("dsr-{slug}"), "644", "linux/persist/vip.interfaces"),
                // Both refuse, or complain of, files that others can read.
                Self::NetworkManager => (format!("dsr-{slug}.nmconnection"), "600", "linux/persist/vip.nmconnection"),
                Self::Netplan => (format!("60-dsr-{slug}.yaml"), "600", "linux/persist/vip.netplan.yaml"),
            };
            Planned { path: format!("{directory}/{path}"), mode, template, vip: Some(*vip) }
        }));
        files
    }
}
