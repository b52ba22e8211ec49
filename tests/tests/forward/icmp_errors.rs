//! What routers and backends say of a tunnel by ICMP is counted for its backend, and told once.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
};

use dsr_common::forward::ForwardMode;
use dsr_lab::{Lab, Namespace, Node};
use dsr_tests::lab::{
    Configuration, agent, dsr_program, eventually,
    process::{finish, ip, set},
};

use super::configuration;

const PORT: u16 = 5000;
/// Clients, so many that each backend has some.
const CLIENTS: usize = 64;
/// What a host says of a tunnel that ends nowhere there; "port" where the kernel has the module of such tunnels.
const REFUSED: [&str; 2] = ["protocol-unreachable", "port-unreachable"];
/// Larger than fits the narrow link, in any tunnel that fits the balancer's own.
const LARGE: usize = 1400;

/// A lab without a backend that ends tunnels, and a router that reports every packet that it drops.
fn lab(mode: ForwardMode) -> Lab {
    let lab = Lab::builder().backends(2).without_http().with_ipv6().forward(mode).build().unwrap();
    for namespace in [lab.router().unwrap(), lab.backend(1).unwrap(), lab.backend(2).unwrap()] {
        set(namespace, "ipv4.icmp_ratelimit", "0");
        set(namespace, "ipv6.icmp.ratelimit", "0");
    }
    lab
}

/// Datagrams of so many bytes to the VIP, until the second backend has an error of one of these kinds; gives which.
fn provoke(lab: &Lab, kinds: &[&'static str], length: usize) -> &'static str {
    let to = SocketAddr::new(lab.vip(0).unwrap().into(), PORT);
    let clients: Vec<_> = lab.client().run(|| (0..CLIENTS).map(|_| UdpSocket::bind("0.0.0.0:0")).collect()).unwrap();
    let clients = clients.into_iter().map(Result::unwrap).collect::<Vec<_>>();
    let kind = eventually(&format!("error of {kinds:?} about web2"), || {
        for client in &clients {
            client.send_to(&vec![b'x'; length], to).unwrap();
        }
        kinds.iter().copied().find(|kind| counted(lab, "web2", kind) > 0)
    });
    let words = ["WARN", "ICMP errors about the tunnel", "backend=\"web2\"", &format!("kind=\"{kind}\"")];
    agent::wait_for_log(agent::running(lab), &words);
    kind
}

fn counted(lab: &Lab, backend: &str, kind: &str) -> u64 {
    let labels = [("pool", "web"), ("backend", backend), ("kind", kind)];
    let scrape = || agent::running(lab).scrape().ok();
    eventually("answer to a scrape", scrape).sum("dsr_backend_tunnel_icmp_errors_total", &labels) as u64
}

/// What `dsr status` says.
fn status(lab: &Lab, arguments: &[&str]) -> String {
    let output = finish(lab.agent_command(dsr_program()).unwrap().arg("status").args(arguments));
    String::from_utf8(output.stdout).unwrap()
}

/// What the router says of packets to a host, what makes it say so, and how that is undone.
type Fault = (&'static str, fn(&Lab, IpAddr), fn(&Lab, IpAddr));

/// The faults of a router and of its links.
const FAULTS: [Fault; 5] = [
    ("net-unreachable", |lab, to| refusal(lab, "add", to), |lab, to| refusal(lab, "del", to)),
    (
        "prohibited",
        |lab, to| at_router(lab, &format!("route add prohibit {to}")),
        |lab, to| {
            at_router(lab, &format!("route del prohibit {to}"));
        },
    ),
    ("time-exceeded", |lab, to| expire(lab, to), |lab, _| nft(lab, "flush ruleset")),
    ("too-big", |lab, _| at_router(lab, "link set eth1 mtu 1300"), |lab, _| at_router(lab, "link set eth1 mtu 1500")),
    (
        "host-unreachable",
        |lab, to| {
            ip(lab.backend(2).unwrap(), "link set eth0 down");
            at_router(lab, &format!("neighbour flush to {to}"));
        },
        |lab, _| drop(ip(lab.backend(2).unwrap(), "link set eth0 up")),
    ),
];

fn router(lab: &Lab) -> &Namespace {
    lab.router().unwrap()
}

fn at_router(lab: &Lab, arguments: &str) {
    ip(router(lab), arguments);
}

/// That no route leads there: IPv4 has a type of rule for it, IPv6 a type of route.
fn refusal(lab: &Lab, verb: &str, to: IpAddr) {
    match to {
        IpAddr::V4(to) => at_router(lab, &format!("rule {verb} to {to} pref 10 unreachable")),
        IpAddr::V6(to) => at_router(lab, &format!("route {verb} unreachable {to}")),
    }
}

/// As behind a chain of sixty other routers.
fn expire(lab: &Lab, to: IpAddr) {
    let (family, field) = if to.is_ipv4() { ("ip", "ttl") } else { ("ip6", "hoplimit") };
    let chain = "type filter hook prerouting priority 0;";
    nft(
        lab,
        &format!("table {family} far {{ chain late {{ {chain} {family} daddr {to} {family} {field} set 1; }}; }}"),
    );
}

fn nft(lab: &Lab, rules: &str) {
    let file = lab.directory().join("router.nft");
    fs::write(&file, rules).unwrap();
    let output = finish(router(lab).command("nft").unwrap().arg("-f").arg(&file));
    assert!(output.status.success(), "{output:?}");
}

fn run(lab: &mut Lab, file: &Configuration, to: IpAddr, refused: &[&'static str]) {
    agent::start(file, lab);
    let refused = provoke(lab, refused, 10);
    for (kind, begin, end) in FAULTS {
        assert_eq!(counted(lab, "web2", kind), 0, "{kind}");
        begin(lab, to);
        provoke(lab, &[kind], if kind == "too-big" { LARGE } else { 10 });
        end(lab, to);
        // The link is narrow for both.
        assert!(kind == "too-big" || counted(lab, "web1", kind) == 0, "{kind} about the other backend");
    }
    assert!(counted(lab, "web1", refused) > 1, "each is counted");
    let told = agent::wait_for_lines(agent::running(lab), &["WARN", "about the tunnel", "web1", refused], 1);
    assert_eq!(told.len(), 1, "{told:?}");
    let json: serde_json::Value = serde_json::from_str(&status(lab, &["--json"])).unwrap();
    let errors = json["services"][0]["members"][1]["tunnel_icmp_errors"].as_object().unwrap();
    let kinds = FAULTS.map(|(kind, ..)| kind).into_iter().chain([refused]);
    assert!(kinds.into_iter().all(|kind| errors[kind].as_u64() > Some(0)), "{errors:?}");
    let said = status(lab, &[]);
    assert!(said.contains("the tunnel to backend web2: too-big, the MTU there is 1300"), "{said}");
}

#[test]
#[ignore = "needs root"]
fn errors_are_counted_for_their_backend() {
    for (mode, refused) in [(ForwardMode::Ipip, &REFUSED[..]), (ForwardMode::Gue, &["port-unreachable"])] {
        let mut lab = lab(mode);
        let file = configuration(&lab).no_services().service(&lab, "echo", "udp", PORT);
        run(&mut lab, &file, Node::Backend(2).address().into(), refused);
    }
}

#[test]
#[ignore = "needs root"]
fn errors_by_icmpv6_are_counted_for_their_backend() {
    let mut lab = lab(ForwardMode::Gre);
    let file = configuration(&lab).by_ipv6().no_services().service(&lab, "echo", "udp", PORT);
    run(&mut lab, &file, Node::Backend(2).address6().into(), &REFUSED);
}

/// A router sends errors to the outer source. Where that varies, they reach the agent if the prefix is local to the balancer.
#[test]
#[ignore = "needs root"]
fn errors_to_a_local_prefix_are_counted() {
    const PREFIX: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 0);
    let mut lab = lab(ForwardMode::Gue);
    ip(router(&lab), &format!("route add {PREFIX}/24 via {}", Node::Balancer.address()));
    ip(lab.balancer(), &format!("route add local {PREFIX}/24 dev lo"));
    let file = Configuration::of(&lab).field(&format!("forward: {{gue: {{source: {PREFIX}/24}}}}"));
    agent::start(&file.no_services().service(&lab, "echo", "udp", PORT), &mut lab);
    refusal(&lab, "add", Node::Backend(2).address().into());
    provoke(&lab, &["net-unreachable"], 10);
}
