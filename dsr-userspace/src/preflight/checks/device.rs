//! The interface itself: driver, MTU, queues, state, and who else is there.

use super::finding;
use crate::{
    config::XdpMode,
    model::SINGLE_BUFFER_MTU,
    preflight::{
        Finding, Severity, drivers,
        facts::{Device, Facts, Interface, LinkState, Peer, Program, ProgramMode, QueueSetting, XdpFeatures},
    },
};

/// What is found of one interface.
pub(super) fn findings(facts: &Facts, interface: &Interface) -> Vec<Finding> {
    let found = [
        native(facts.mode, interface),
        buffers(facts.mode, interface),
        deaf_peer(interface),
        queues(facts.cpus, interface),
    ];
    found.into_iter().flatten().chain(itself(interface)).collect()
}

/// What is found of it whatever it is.
pub(super) fn itself(interface: &Interface) -> impl Iterator<Item = Finding> {
    let program = interface.program.as_ref().map(|program| occupied(&interface.name, program));
    [program, state(interface), promiscuous(interface)].into_iter().flatten()
}

/// Without native XDP the program is refused, or slow.
fn native(mode: XdpMode, interface: &Interface) -> Option<Finding> {
    let name = &interface.name;
    let driver = interface.driver.as_deref();
    let called = driver.map_or_else(|| "its driver".to_owned(), |driver| format!("its driver {driver}"));
    match interface.xdp {
        Some(features) if features.has(XdpFeatures::BASIC) => return None,
        None if driver.is_some_and(drivers::has_native_xdp) => return None,
        // A veth whose peer sends by more queues than it receives by.
        Some(_) if interface.device == Device::Veth => {
            let what = "it has fewer receive queues than its peer has transmit queues, which rules out native XDP";
            return Some(finding(
                severity(mode),
                name,
                what,
                format!("ethtool -L {name} rx N, with N as the peer's tx"),
            ));
        }
        _ => {}
    }
    let (what, remedy) = match &interface.device {
        Device::Bridge(ports) => {
            let what = "it is a bridge, which has no native XDP";
            (what.to_owned(), format!("write its ports in the configuration: `interfaces: [{}]`", ports.join(", ")))
        }
        Device::Vlan(Some(below)) => {
            let what = "it is a VLAN sub-interface, which has no native XDP";
            (what.to_owned(), format!("write its lower interface in the configuration: `interfaces: [{below}]`"))
        }
        _ if interface.xdp.is_none() => {
            let what =
                format!("this kernel does not report whether {called} has native XDP, and the driver is unknown");
            let remedy = format!("try whether `dsr run` can attach to it; `ethtool -i {name}` shows the driver");
            return Some(finding(Severity::Warning, name, what, remedy));
        }
        _ => {
            let remedy = "use another network card, or, for tests only, write `xdp_mode: generic` in the configuration";
            (format!("{called} has no native XDP"), remedy.to_owned())
        }
    };
    let slow = "; the program runs in generic mode, several times slower";
    let what = if mode == XdpMode::Native { what } else { what + slow };
    Some(finding(severity(mode), name, what, remedy))
}

pub(super) fn severity(mode: XdpMode) -> Severity {
    match mode {
        XdpMode::Native => Severity::Error,
        XdpMode::GenericAllowed => Severity::Warning,
    }
}

/// Frames that do not fit into one buffer need a driver that gives the program several.
fn buffers(mode: XdpMode, interface: &Interface) -> Option<Finding> {
    let features = interface.xdp.filter(|features| features.has(XdpFeatures::BASIC))?;
    if interface.mtu <= SINGLE_BUFFER_MTU || features.has(XdpFeatures::FRAGMENTS) {
        return None;
    }
    let what =
        format!("its MTU of {} needs multi-buffer frames, which its driver does not support with XDP", interface.mtu);
    let remedy = format!("ip link set dev {} mtu {SINGLE_BUFFER_MTU}", interface.name);
    Some(finding(severity(mode), &interface.name, what, remedy))
}

fn occupied(name: &str, program: &Program) -> Finding {
    let (how, word) = match program.mode {
        ProgramMode::Native => ("natively", "xdpdrv"),
        ProgramMode::Generic => ("in generic mode", "xdpgeneric"),
        ProgramMode::Offloaded => ("on the card", "xdpoffload"),
    };
    let called = program.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let what = format!("another XDP program{called} (id {}) is attached {how}", program.id);
    let remedy = match program.link {
        Some(link) => format!("bpftool link detach id {link}"),
        None => format!("ip link set dev {name} {word} off"),
    };
    finding(Severity::Error, name, what, remedy)
}

fn state(interface: &Interface) -> Option<Finding> {
    let name = &interface.name;
    match interface.state {
        LinkState::Up => None,
        LinkState::Down => Some(finding(Severity::Error, name, "it is down", format!("ip link set dev {name} up"))),
        LinkState::NoCarrier => {
            let remedy = format!("check the cable and the other end; see `ethtool {name}`");
            Some(finding(Severity::Warning, name, "it is up, but has no carrier", remedy))
        }
    }
}

/// A veth end puts frames that a program sends into a queue of its peer, which only NAPI empties (`veth_xdp_xmit`). GRO
/// switches NAPI on too, but for frames that are sent back (`XDP_TX`) the peer is woken only where it runs a program
/// (`veth_xdp_flush`).
fn deaf_peer(interface: &Interface) -> Option<Finding> {
    let features = interface.xdp.filter(|features| features.has(XdpFeatures::BASIC))?;
    let what = match (features.has(XdpFeatures::SENDS), interface.peer) {
        _ if interface.device != Device::Veth => return None,
        (false, _) => "its veth peer drops frames sent by an XDP program: all forwarded packets would be lost",
        (true, Peer::RunsNone) => {
            "its veth peer runs no XDP program: replies and frames sent back out of this interface arrive seconds \
             late or not at all; GRO at the peer does not help"
        }
        (true, Peer::RunsProgram | Peer::Unknown) => return None,
    };
    let remedy = "attach an XDP program that passes every frame to the other end, PEER: \
                  `ip link set dev PEER xdpdrv object PASS.o section xdp`";
    Some(finding(Severity::Warning, &interface.name, what, remedy))
}

/// A queue is served by one CPU at a time. A veth is given frames by as many as its peer sends by.
fn queues(cpus: u32, interface: &Interface) -> Option<Finding> {
    let queues = interface.queues.filter(|_| interface.device != Device::Veth)?;
    let wanted = cpus.min(queues.most);
    if queues.used >= wanted {
        return None;
    }
    let name = &interface.name;
    let what =
        format!("{} of its {} receive queues are in use, and this host has {cpus} CPUs", queues.used, queues.most);
    let remedy = match queues.setting {
        QueueSetting::Combined => format!("ethtool -L {name} combined {wanted}"),
        QueueSetting::Separate => format!("ethtool -L {name} rx {wanted}"),
    };
    Some(finding(Severity::Warning, name, what, remedy))
}

fn promiscuous(interface: &Interface) -> Option<Finding> {
    let name = &interface.name;
    let what = "it is promiscuous: the program also receives other hosts' frames";
    interface.promiscuous.then(|| finding(Severity::Warning, name, what, format!("ip link set dev {name} promisc off")))
}
