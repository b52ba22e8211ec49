//! What a configuration says of this host, compared with what the host is.

use std::net::IpAddr;

use super::{
    Config,
    error::{Errors, Located, Problem},
    listen, program, suggest,
};

/// What is known of this host's network: of one network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// The names of its Ethernet interfaces.
    pub interfaces: Vec<String>,
    /// The names of its other interfaces: the loopback, tunnels.
    pub others: Vec<String>,
    /// Its own addresses.
    pub addresses: Vec<AddressOnHost>,
    /// The first port that a process without `CAP_NET_BIND_SERVICE` may listen at; zero where all are.
    pub first_free_port: u16,
}

/// An address of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressOnHost {
    /// The address.
    pub address: IpAddr,
    /// The length of its prefix in bits.
    pub prefix: u8,
    /// The interface that it is on.
    pub interface: String,
}

/// Compares a configuration with a host: its interfaces exist and are Ethernet, neither a VIP nor a backend is the host
/// itself or the address of one of its subnets as a whole.
pub fn check_host(config: &Config, host: &HostFacts) -> Result<(), Errors> {
    Errors::some(problems(config, host)).map_or(Ok(()), Err)
}

/// What [`check_host`] finds.
pub(super) fn problems(config: &Config, host: &HostFacts) -> Vec<Problem> {
    let problem = |at: &Located<_>, message| Problem::new(&at.file, at.place, &at.field, message);
    let whole = |address| host.addresses.iter().find_map(|local| of_subnet(address, local));
    let vips = config.vips.iter().filter_map(|at| {
        let on_host = host.find(at.value).map(vip_on_host);
        Some(problem(at, on_host.or_else(|| whole(at.value))?))
    });
    let backends = config.backends.iter().filter_map(|at| {
        let on_host = host.find(at.value).map(backend_on_host);
        Some(problem(at, on_host.or_else(|| whole(at.value))?))
    });
    let interfaces = config.interfaces.iter().filter(|at| !host.interfaces.contains(&at.value)).map(|at| {
        let message = no_interface(&at.value, host);
        Problem::new(&at.file, at.place, &at.field, message)
    });
    interfaces.chain(vips).chain(backends).collect()
}

/// What of a configuration may not work on this host.
pub(super) fn warnings(config: &Config, host: &HostFacts) -> Vec<Problem> {
    let programs = config.programs.iter().filter_map(|at| {
        let message = program::unfit(&at.value)?;
        Some(Problem::new(&at.file, at.place, &at.field, message))
    });
    let metrics = config.metrics_at.iter().filter_map(|at| {
        let message = listen::unfit_metrics(at.value, config.vips(), host)?;
        Some(Problem::new(&at.file, at.place, &at.field, message))
    });
    let api = config.api_at.iter().filter_map(|at| {
        let message = listen::unfit_api(&at.value)?;
        Some(Problem::new(&at.file, at.place, &at.field, message))
    });
    metrics.chain(api).chain(programs).collect()
}

impl HostFacts {
    /// The address, where this host has it.
    pub(super) fn find(&self, address: IpAddr) -> Option<&AddressOnHost> {
        self.addresses.iter().find(|on_host| on_host.address == address)
    }
}

fn no_interface(name: &str, host: &HostFacts) -> String {
    let names = || host.interfaces.iter().map(String::as_str);
    if host.others.iter().any(|other| other == name) {
        let write = suggest::listed(names());
        return format!("cannot attach to {name}: not an Ethernet interface; write one with a MAC: {write}");
    }
    match suggest::closest(name, names()) {
        Some(close) => format!("this host has no interface {name}: did you mean {close}?"),
        None => format!("this host has no interface {name}: write {}", suggest::listed(names())),
    }
}

fn vip_on_host(AddressOnHost { address, prefix, interface }: &AddressOnHost) -> String {
    format!(
        "{address} is an address of this host, on {interface}: a balancer must not have its VIPs as addresses; \
         remove it with `ip address del {address}/{prefix} dev {interface}`"
    )
}

/// The first address of an IPv4 subnet names it, and the last one is everybody's (RFC 1122, 3.2.1.3); a subnet of two
/// addresses has neither (RFC 3021). The first one of an IPv6 subnet is every router's (RFC 4291, 2.6.1), again but for
/// subnets of two (RFC 6164).
fn of_subnet(candidate: IpAddr, local: &AddressOnHost) -> Option<String> {
    let AddressOnHost { address, prefix, interface } = local;
    let what = match (candidate, address) {
        (IpAddr::V4(vip), IpAddr::V4(address)) if *prefix < 31 => {
            let host_bits = u32::MAX.checked_shr(u32::from(*prefix)).unwrap_or(0);
            match (vip.to_bits() ^ (address.to_bits() & !host_bits), vip.to_bits() | !host_bits) {
                (0, _) => "the network address",
                (_, u32::MAX) if (vip.to_bits() ^ address.to_bits()) & !host_bits == 0 => "the broadcast address",
                _ => return None,
            }
        }
        (IpAddr::V6(vip), IpAddr::V6(address)) if *prefix < 127 => {
            let host_bits = u128::MAX.checked_shr(u32::from(*prefix)).unwrap_or(0);
            (vip.to_bits() == address.to_bits() & !host_bits).then_some("the address of all routers")?
        }
        _ => return None,
    };
    Some(format!(
        "{candidate} is {what} of the subnet {address}/{prefix} on {interface}: no host there sends packets to it as \
         to one host; write another address"
    ))
}

fn backend_on_host(AddressOnHost { address, interface, .. }: &AddressOnHost) -> String {
    format!(
        "{address} is this host, on {interface}: a balancer cannot be its own backend; write another host's address"
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{super::parse, *};

    const TEXT: &str = "\
interfaces: [eth0, eht1]
pools:
  web:
    backends:
      - {name: web1, address: 10.0.0.11}
services:
  - {name: www, vip: 192.0.2.10, port: 80, pool: web}
  - {name: https, vip: 192.0.2.10, port: 443, pool: web}
";

    fn on_host(address: &str, prefix: u8, interface: &str) -> AddressOnHost {
        AddressOnHost { address: address.parse().unwrap(), prefix, interface: interface.to_owned() }
    }

    fn found(host: &HostFacts) -> String {
        let config = parse(TEXT, Path::new("dsr.yaml")).unwrap();
        check_host(&config, host).map_or_else(|errors| errors.to_string(), |()| String::new())
    }

    #[test]
    fn a_fitting_host_has_no_errors() {
        let interfaces = ["eth0", "eht1"].map(str::to_owned).to_vec();
        let host = HostFacts { interfaces, addresses: vec![on_host("10.0.0.1", 24, "eth0")], ..HostFacts::default() };
        assert_eq!(found(&host), "");
    }

    #[test]
    fn all_that_does_not_fit_is_told_at_once() {
        let interfaces = ["eth0", "eth1"].map(str::to_owned).to_vec();
        let addresses = vec![on_host("192.0.2.10", 32, "lo"), on_host("10.0.0.11", 24, "eth0")];
        let expected = "\
dsr.yaml:1:20: interfaces[1]: this host has no interface eht1: did you mean eth1?
dsr.yaml:5:31: pools.web.backends[0].address: 10.0.0.11 is this host, on eth0: a balancer cannot be its own backend; \
write another host's address
dsr.yaml:7:22: services[0].vip: 192.0.2.10 is an address of this host, on lo: a balancer must not have its VIPs as \
addresses; remove it with `ip address del 192.0.2.10/32 dev lo`";
        assert_eq!(found(&HostFacts { interfaces, addresses, ..HostFacts::default() }), expected);
    }

    #[test]
    fn a_port_that_the_unit_cannot_have_is_doubtful() {
        let host = HostFacts { first_free_port: 1024, ..HostFacts::default() };
        let warned = |port: u16| {
            let config = parse(&format!("{TEXT}metrics: 127.0.0.1:{port}\n"), Path::new("dsr.yaml")).unwrap();
            warnings(&config, &host).iter().map(ToString::to_string).collect::<String>()
        };
        assert_eq!(warned(1024), "");
        let told = warned(80);
        assert!(told.starts_with("dsr.yaml:9:10: metrics: port 80 needs CAP_NET_BIND_SERVICE"), "{told}");
    }

    #[test]
    fn places_to_listen_at_that_the_host_does_not_have_are_doubtful() {
        let text = format!("{TEXT}metrics: 192.0.2.10:9650\napi: /proc/none/api.sock\n");
        let config = parse(&text, Path::new("dsr.yaml")).unwrap();
        let warned: Vec<_> = warnings(&config, &HostFacts::default()).iter().map(ToString::to_string).collect();
        let [metrics, api] = warned.as_slice() else { panic!("{warned:?}") };
        assert!(metrics.starts_with("dsr.yaml:9:10: metrics: 192.0.2.10 is a VIP"), "{metrics}");
        assert!(api.starts_with("dsr.yaml:10:6: api: there is no directory /proc/none"), "{api}");
    }

    #[test]
    fn a_vip_that_is_a_subnets_is_refused() {
        let interfaces = ["eth0", "eht1"].map(str::to_owned).to_vec();
        let told = |vip: &str, local: &str, prefix| {
            let config = parse(&TEXT.replace("192.0.2.10", vip), Path::new("dsr.yaml")).unwrap();
            let addresses = vec![on_host(local, prefix, "eth0")];
            let host = HostFacts { interfaces: interfaces.clone(), addresses, ..HostFacts::default() };
            check_host(&config, &host).map_or_else(|errors| errors.to_string(), |()| String::new())
        };
        let expected = "dsr.yaml:7:22: services[0].vip: 192.0.2.255 is the broadcast address of the subnet 192.0.2.7/24 \
                        on eth0: no host there sends packets to it as to one host; write another address";
        assert_eq!(told("192.0.2.255", "192.0.2.7", 24), expected);
        assert!(told("192.0.2.0", "192.0.2.7", 24).contains("is the network address of"));
        assert!(told("\"2001:db8::\"", "2001:db8::7", 64).contains("is the address of all routers of"));
        for (vip, local, prefix) in [
            ("192.0.2.255", "192.0.2.7", 16),
            ("192.0.2.255", "198.51.100.7", 24),
            ("192.0.2.0", "198.51.100.7", 24),
            ("192.0.2.6", "192.0.2.7", 31),
            ("192.0.2.8", "192.0.2.7", 32),
            ("\"2001:db8::6\"", "2001:db8::7", 127),
        ] {
            assert_eq!(told(vip, local, prefix), "", "{vip} beside {local}/{prefix}");
        }
    }

    #[test]
    fn a_backend_that_is_a_subnets_is_refused() {
        let interfaces = ["eth0", "eht1"].map(str::to_owned).to_vec();
        let told = |backend: &str, local: &str, prefix| {
            let text = TEXT.replace("10.0.0.11", backend).replace("192.0.2.10", vip_beside(backend));
            let config = parse(&text, Path::new("dsr.yaml")).unwrap();
            let addresses = vec![on_host(local, prefix, "eth0")];
            let host = HostFacts { interfaces: interfaces.clone(), addresses, ..HostFacts::default() };
            check_host(&config, &host).map_or_else(|errors| errors.to_string(), |()| String::new())
        };
        let expected = "dsr.yaml:5:31: pools.web.backends[0].address: 10.0.0.255 is the broadcast address of the subnet \
                        10.0.0.1/24 on eth0: no host there sends packets to it as to one host; write another address";
        assert_eq!(told("10.0.0.255", "10.0.0.1", 24), expected);
        assert!(told("10.0.0.0", "10.0.0.1", 24).contains("is the network address of"));
        assert!(told("\"2001:db8::\"", "2001:db8::7", 64).contains("is the address of all routers of"));
        assert_eq!(told("10.0.0.255", "10.0.0.1", 16), "");
        assert_eq!(told("10.0.0.0", "10.0.0.1", 31), "");
    }

    /// A VIP of the same family as a backend.
    fn vip_beside(backend: &str) -> &'static str {
        if backend.contains(':') { "\"2001:db8:1::10\"" } else { "192.0.2.10" }
    }

    #[test]
    fn a_host_without_a_similar_interface_lists_its_own() {
        let host = HostFacts { interfaces: vec!["ens3".to_owned()], ..HostFacts::default() };
        assert!(found(&host).contains("this host has no interface eth0: write ens3"));
    }

    #[test]
    fn an_interface_that_is_not_ethernet_is_refused() {
        let others = vec!["eht1".to_owned(), "lo".to_owned()];
        let host = HostFacts { interfaces: vec!["eth0".to_owned()], others, ..HostFacts::default() };
        let expected = "dsr.yaml:1:20: interfaces[1]: cannot attach to eht1: not an Ethernet interface; write one \
                        with a MAC: eth0";
        assert_eq!(found(&host), expected);
    }
}
