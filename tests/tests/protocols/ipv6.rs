//! IPv6 VIPs: services, and the neighbour discovery that leads to them.

use std::net::Ipv6Addr;

use dsr_lab::{Lab, Namespace};
use dsr_tests::lab::{
    Configuration,
    agent::{self, count, reason},
    echo::{self, EchoServers},
    eventually,
    process::{finish, ip, set},
};

/// A lab with a service of each family in front of the same backends.
fn lab(change: impl FnOnce(Configuration) -> Configuration) -> Lab {
    let mut lab = Lab::builder().with_ipv6().build().unwrap();
    let configuration = Configuration::of(&lab).line(&format!("name: www6, vip: \"{}\", port: 80", vip(&lab)));
    agent::start(&change(configuration), &mut lab);
    lab
}

fn vip(lab: &Lab) -> Ipv6Addr {
    lab.vip6(0).unwrap()
}

/// The bodies that the client's curl gets, each on a connection of its own from a port of its own.
fn bodies(lab: &Lab, authority: &str) -> Vec<String> {
    let mut curl = lab.client().command("curl").unwrap();
    curl.args(["--silent", "--show-error", "--fail", "--globoff", "--max-time", "20", "--no-keepalive"]);
    curl.args(vec![format!("http://{authority}/"); REQUESTS]);
    let output = finish(&mut curl);
    assert!(output.status.success(), "{authority}: {output:?}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn assert_all_answer(bodies: &[String]) {
    assert_eq!(bodies.len(), REQUESTS);
    for name in ["web1", "web2", "web3"] {
        assert!(bodies.iter().any(|body| body == name), "{name} answered none of {REQUESTS}: {bodies:?}");
    }
}

/// Each family's VIP, served by backends that are known by addresses of one family.
fn assert_both_families_are_served(lab: &Lab) {
    assert_all_answer(&bodies(lab, &format!("[{}]", vip(lab))));
    assert_all_answer(&bodies(lab, &lab.vip(0).unwrap().to_string()));
    for service in ["www", "www6"] {
        let flows = count(lab, "dsr_member_new_flows_total", &[("service", service)]);
        assert!(flows >= REQUESTS as u64, "{service}: {flows}");
    }
    assert_eq!(reason(lab, "drop_malformed") + reason(lab, "drop_no_backend") + reason(lab, "drop_no_service"), 0);
}

#[test]
#[ignore = "needs root"]
fn backends_known_by_ipv4_serve_both_families() {
    assert_both_families_are_served(&lab(|configuration| configuration));
}

#[test]
#[ignore = "needs root"]
fn backends_known_by_ipv6_serve_both_families() {
    assert_both_families_are_served(&lab(Configuration::by_ipv6));
}

#[test]
#[ignore = "needs root"]
fn the_clients_kernel_finds_the_vip() {
    let lab = lab(|configuration| configuration);
    let vip = vip(&lab);
    let neighbour = || ip(lab.client(), &format!("-6 neigh show {vip} dev eth0"));
    // Else the agent's announcement may have told the client already.
    ip(lab.client(), "-6 neigh flush dev eth0");
    let before = reason(&lab, "answer_ndp");
    ping(lab.client(), vip, 1);
    assert!(reason(&lab, "answer_ndp") > before);
    assert!(neighbour().contains("lladdr 02:00:0a:4d:00:02"), "{}", neighbour());
    // Not as a router: the client may have no way through it.
    assert!(!neighbour().contains("router"), "{}", neighbour());

    // Asked again, this time by the neighbour's own address: the entry is confirmed and stays.
    ip(lab.client(), &format!("-6 neigh change {vip} dev eth0 lladdr 02:00:0a:4d:00:02 nud probe"));
    eventually("confirmed entry", || neighbour().contains("REACHABLE").then_some(()));
}

#[test]
#[ignore = "needs root"]
fn ping_over_ipv6_is_answered() {
    let lab = lab(|configuration| configuration);
    for size in [0, 56, 1452] {
        let before = reason(&lab, "answer_echo");
        ping(lab.client(), vip(&lab), size);
        assert_eq!(reason(&lab, "answer_echo") - before, 10);
    }
    assert_eq!(count(&lab, "dsr_member_packets_total", &[]), 0);
}

#[test]
#[ignore = "needs root"]
fn a_host_that_would_take_the_vip_finds_it_taken() {
    let lab = lab(|configuration| configuration);
    set(lab.client(), "ipv6.conf.all.accept_dad", "1");
    set(lab.client(), "ipv6.conf.eth0.accept_dad", "1");
    let before = reason(&lab, "answer_ndp");
    eventually("answered probe", || {
        // The agent's announcements of the VIP settle the matter too, but they end.
        assert!(take(lab.client(), vip(&lab)).contains("dadfailed"));
        (reason(&lab, "answer_ndp") > before).then_some(())
    });
    let nobodys = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 0xffff);
    assert!(!take(lab.client(), nobodys).contains("dadfailed"));
}

/// Gives the host an address, unless another host has it, and removes it; returns what became of it.
fn take(host: &Namespace, address: Ipv6Addr) -> String {
    ip(host, &format!("-6 address add {address}/64 dev eth0"));
    let shown = eventually("end of the duplicate address detection", || {
        let shown = ip(host, &format!("-6 address show dev eth0 to {address}"));
        (shown.contains("dadfailed") || !shown.contains("tentative")).then_some(shown)
    });
    ip(host, &format!("-6 address del {address}/64 dev eth0"));
    shown
}

#[test]
#[ignore = "needs root"]
fn datagrams_over_ipv6_are_answered_by_all() {
    let line = "name: names, vip: \"fd77::a\", protocol: udp, port: 5353";
    let lab = lab(|configuration| configuration.line(line));
    let service = (vip(&lab), 5353).into();
    let _servers = EchoServers::start(&lab, &[service]);
    let names: Vec<_> =
        (0..REQUESTS).map(|number| echo::ask(lab.client(), 20000 + number as u16, service, b"?").unwrap()).collect();
    assert_all_answer(&names);
}

fn ping(from: &Namespace, vip: Ipv6Addr, size: usize) {
    let mut ping = from.command("ping").unwrap();
    let size = size.to_string();
    let output = finish(ping.args(["-6", "-c", "10", "-i", "0.01", "-W", "10", "-s", &size, &vip.to_string()]));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("10 received"), "{size} bytes: {output:?}");
    assert!(!said.contains("wrong data"), "{said}");
}

/// Few enough to be quick; that one of three backends gets none of them is a matter of 2^-34.
const REQUESTS: usize = 60;
