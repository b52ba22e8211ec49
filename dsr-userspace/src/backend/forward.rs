//! How packets reach a backend, as `--forward` and its options are written; and the devices of Linux that take them.

use std::{collections::BTreeMap, net::IpAddr};

use dsr_common::forward::{ForwardMode, GUE_PORT};

use super::request::System;
use crate::model::DscpCode;

/// The forward mode of the backend's pool, as it was asked for.
#[derive(Clone, Debug)]
pub struct AskedForward {
    /// The mode.
    pub mode: ForwardMode,
    /// The DSCP code of each VIP, like `192.0.2.10=8`.
    pub codes: Vec<String>,
    /// The key of GRE.
    pub key: Option<u32>,
    /// The UDP port of GUE.
    pub port: Option<u16>,
}

/// A forward mode without errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// As it is, for the VIP.
    L2,
    /// With the code of a VIP.
    Dscp(BTreeMap<IpAddr, DscpCode>),
    /// Through a tunnel to this address.
    Tunnel(Tunnel),
}

/// A tunnel, as Linux takes it off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tunnel {
    /// Where it ends.
    address: IpAddr,
    mode: ForwardMode,
    key: Option<u32>,
    /// The port of GUE; in other modes without meaning.
    pub(super) port: u16,
}

impl AskedForward {
    /// Packets as they are.
    pub const L2: Self = Self { mode: ForwardMode::L2, codes: Vec::new(), key: None, port: None };

    /// The mode, for these VIPs of a backend with this address; or what is wrong, by argument.
    pub(super) fn validate(
        &self,
        vips: &[IpAddr],
        address: Option<IpAddr>,
        wrong: &mut Vec<(&'static str, String)>,
    ) -> Received {
        let mut require = |fits: bool, argument, message: String| {
            if !fits {
                wrong.push((argument, message));
            }
        };
        let only = |mode: ForwardMode| format!("is for --forward {}: leave it out", mode.name());
        require(self.codes.is_empty() || self.mode == ForwardMode::Dscp, "--dscp", only(ForwardMode::Dscp));
        require(self.key.is_none() || self.mode == ForwardMode::Gre, "--gre-key", only(ForwardMode::Gre));
        require(self.port.is_none() || self.mode == ForwardMode::Gue, "--gue-port", only(ForwardMode::Gue));
        require(self.port != Some(0), "--gue-port", "0 is not a port: write a number from 1 to 65535".to_owned());
        match self.mode {
            ForwardMode::L2 => Received::L2,
            ForwardMode::Dscp => Received::Dscp(self.codes(vips, wrong)),
            mode => {
                let missing = || "is missing: write the address that the tunnel ends at".to_owned();
                require(address.is_some(), "--address", missing());
                let address = address.unwrap_or(IpAddr::from([0, 0, 0, 0]));
                let port = self.port.unwrap_or(GUE_PORT);
                Received::Tunnel(Tunnel { address, mode, key: self.key, port })
            }
        }
    }

    fn codes(&self, vips: &[IpAddr], wrong: &mut Vec<(&'static str, String)>) -> BTreeMap<IpAddr, DscpCode> {
        let mut codes = BTreeMap::new();
        for text in &self.codes {
            match code(text) {
                Some((vip, code)) if vips.contains(&vip) => {
                    codes.insert(vip, code);
                }
                Some((vip, _)) => wrong.push(("--dscp", format!("{vip} is not among the VIPs: add it to --vip"))),
                None => wrong.push((
                    "--dscp",
                    format!(
                        "`{}` is not a VIP with its code: write one like 192.0.2.10=8, 1 to 63",
                        text.escape_debug()
                    ),
                )),
            }
        }
        for vip in vips.iter().filter(|vip| !codes.contains_key(*vip)) {
            wrong.push(("--dscp", format!("{vip} has no code: add {vip}=CODE, the code that the balancers have")));
        }
        let mut seen = BTreeMap::new();
        for (vip, code) in &codes {
            if let Some(other) = seen.insert((vip.is_ipv4(), code), vip) {
                wrong.push(("--dscp", format!("{vip} has the code of {other}: write another one")));
            }
        }
        codes
    }
}

fn code(text: &str) -> Option<(IpAddr, DscpCode)> {
    let (vip, code) = text.split_once('=')?;
    Some((vip.parse().ok()?, DscpCode::new(code.parse().ok()?)?))
}

/// The mode of a name.
///
/// # Errors
/// The names that there are.
pub fn mode(name: &str) -> Result<ForwardMode, String> {
    let found = ForwardMode::ALL.into_iter().find(|mode| mode.name() == name);
    found.ok_or_else(|| format!("write one of {}", ForwardMode::ALL.map(ForwardMode::name).join(", ")))
}

impl Tunnel {
    /// The devices that take off this tunnel's headers, by name, each with the words that make it; for VIPs of these
    /// families.
    pub(super) fn devices(&self, v4: bool, v6: bool) -> Vec<(&'static str, String)> {
        let local = self.address;
        match (self.mode, local) {
            (ForwardMode::Gre, _) => {
                let key = self.key.map_or_else(String::new, |key| format!(" key {key}"));
                let (name, kind) = if local.is_ipv4() { ("dsr-gre", "gre") } else { ("dsr-gre6", "ip6gre") };
                vec![(name, format!("{kind} local {local}{key}"))]
            }
            // GUE leaves an IPIP packet behind, which is taken off by the same devices.
            (_, IpAddr::V4(_)) => {
                let both = [
                    (v4, ("dsr-ipip", format!("ipip local {local}"))),
                    (v6, ("dsr-sit", format!("sit local {local}"))),
                ];
                both.into_iter().filter(|(needed, _)| *needed).map(|(_, device)| device).collect()
            }
            (_, IpAddr::V6(_)) => vec![("dsr-ip6tnl", format!("ip6tnl local {local} mode any"))],
        }
    }

    /// The words for the UDP port of GUE; nothing in other modes.
    pub(super) fn fou(&self) -> Option<(&'static str, String)> {
        let family = if self.address.is_ipv4() { "-4" } else { "-6" };
        (self.mode == ForwardMode::Gue).then(|| (family, format!("port {}", self.port)))
    }
}

/// What a system other than Linux has for a mode, if anything; see `docs/backend-half.md`.
pub(super) const fn elsewhere(system: System, mode: ForwardMode) -> &'static str {
    match (system, mode) {
        (System::Docker | System::Pod, _) => {
            "is for --os linux: the host ends the tunnel by `dsr backend run`, then the container is a backend as before"
        }
        (System::Freebsd, ForwardMode::Ipip | ForwardMode::Gre) | (System::Macos, ForwardMode::Ipip) => {
            "is for --os linux: this system has `gif` and FreeBSD `gre` interfaces, one for each balancer; \
             docs/backend-half.md has the commands"
        }
        (System::Solaris | System::Illumos, ForwardMode::Ipip) => {
            "is for --os linux: this system has `dladm create-iptun`, one for each balancer; docs/backend-half.md has the \
             commands"
        }
        (System::Windows, ForwardMode::Ipip) => {
            "is for --os linux: Windows has `v6v4tunnel`, for IPv6 in IPv4 alone, one for each balancer; \
             docs/backend-half.md has the command"
        }
        (System::Windows, _) => {
            "is for --os linux: no means of Windows is known that takes these packets: use --forward l2"
        }
        _ => "is for --os linux: no means of this system is known that takes these packets: use --forward l2 or ipip",
    }
}
