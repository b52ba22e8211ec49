//! What keeps the agent from starting: told clearly, with an exit code, and nothing touched.

use std::net::TcpListener;

use dsr_lab::Lab;
use dsr_tests::lab::{Configuration, agent, dsr_program, eventually, process::finish};

/// Starts the agent with this configuration; gives its exit code and log once it has ended by itself.
fn refused(lab: &mut Lab, yaml: &str) -> (Option<i32>, String) {
    lab.write_config(yaml).unwrap();
    let running = lab.start_agent(dsr_program()).unwrap();
    let status = eventually("end of the agent", || running.ended());
    let log = running.log();
    assert!(!agent::has_program(lab, "eth0"), "{log}");
    (status.code(), log)
}

#[test]
#[ignore = "needs root"]
fn a_bad_file_is_refused_with_all_its_errors() {
    let mut lab = Lab::builder().backends(1).without_http().build().unwrap();
    let yaml = "\
interfaces: [eth7]
metrics: 127.0.0.1:9650
colour: blue
pools:
  web:
    backends:
      - {name: web1, address: 10.77.1.1, weight: 1001}
      - {name: web1, address: 10.77.1.2}
services:
  - {name: www, vip: 10.77.0.2, port: 80, pool: web}
  - {name: dns, vip: 10.77.0.10, port: 53, protocol: icmp, pool: wbe}
";
    let (code, log) = refused(&mut lab, yaml);
    assert_eq!(code, Some(2), "{log}");
    let expected = [
        ":1:14: interfaces[0]: this host has no interface eth7",
        ":3:1: colour: ",
        ":7:50: pools.web.backends[0].weight: ",
        ":8:16: pools.web.backends[1].name: ",
        ":10:22: services[0].vip: 10.77.0.2 is an address of this host, on eth0",
        ":11:54: services[1].protocol: ",
        ":11:66: services[1].pool: ",
    ];
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{log}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(&format!("/run/dsr/dsr.yaml{expected}")), "{expected} is missing:\n{log}");
    }
}

#[test]
#[ignore = "needs root"]
fn a_missing_file_is_refused() {
    let lab = Lab::builder().backends(0).without_http().build().unwrap();
    let mut command = lab.agent_command(dsr_program()).unwrap();
    let output = command.args(["run", "-c", "/run/dsr/no-such.yaml"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("/run/dsr/no-such.yaml: cannot be read"), "{said}");
}

#[test]
#[ignore = "needs root"]
fn a_vip_of_the_host_and_an_unknown_interface_are_refused() {
    // The file is good, and the host may change: exit code 1 makes a service manager try again.
    let mut lab = Lab::builder().backends(1).without_http().build().unwrap();
    let good = Configuration::of(&lab);
    let vip = lab.vip(0).unwrap().to_string();

    let (code, log) = refused(&mut lab, &good.to_string().replace(&vip, "10.77.0.2"));
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("services[0].vip: 10.77.0.2 is an address of this host, on eth0"), "{log}");
    assert!(log.contains("`ip address del 10.77.0.2/16 dev eth0`"), "{log}");

    let (code, log) = refused(&mut lab, &good.clone().interfaces(&["eth0", "eth1"]).to_string());
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("interfaces[1]: this host has no interface eth1: did you mean eth0?"), "{log}");
}

#[test]
#[ignore = "needs root"]
fn an_interface_without_native_xdp_is_refused() {
    let mut lab = Lab::builder().backends(1).without_http().build().unwrap();
    let configuration = Configuration::of(&lab);
    let bridge = finish(lab.balancer().command("ip").unwrap().args(["link", "add", "br7", "type", "bridge"]));
    assert!(bridge.status.success(), "{bridge:?}");
    let (code, log) = refused(&mut lab, &configuration.clone().interfaces(&["eth0", "br7"]).to_string());
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("cannot attach to br7: its driver has no native XDP; `xdp_mode: generic`"), "{log}");

    let (code, log) = refused(&mut lab, &configuration.interfaces(&["eth0", "lo"]).to_string());
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("cannot attach to lo: not an Ethernet interface"), "{log}");
}

#[test]
#[ignore = "needs root"]
fn a_metrics_port_in_use_is_refused() {
    let mut lab = Lab::builder().backends(1).without_http().build().unwrap();
    let _taken = lab.balancer().run(|| TcpListener::bind("127.0.0.1:9650")).unwrap().unwrap();
    let yaml = Configuration::of(&lab).to_string();
    let (code, log) = refused(&mut lab, &yaml);
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("`metrics`: 127.0.0.1:9650 is in use by another process"), "{log}");
}

#[test]
#[ignore = "needs root"]
fn a_second_agent_is_refused_and_the_first_goes_on() {
    let mut lab = Lab::builder().backends(1).build().unwrap();
    let configuration = Configuration::of(&lab);
    agent::start(&configuration, &mut lab);
    let second = lab.directory().join("second.yaml");
    std::fs::write(second, format!("{}api: off\n", configuration.metrics(None))).unwrap();
    let refused = |arguments: &[&str], why: &str| {
        let mut command = lab.agent_command(dsr_program()).unwrap();
        let output = command.args(["run", "-c", "/run/dsr/second.yaml"]).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(why), "{said}");
    };
    refused(&[], "/sys/fs/bpf/dsr is in use by another agent");
    refused(&["--pins", "/sys/fs/bpf/dsr2"], "cannot attach to eth0: another XDP program is attached");
    assert!(!lab.directory().join("bpf/dsr2").exists(), "the second one leaves its pins");
    refused(&["--pins", "/run/dsr/pins"], "cannot pin maps and links in /run/dsr/pins");
    assert!(agent::has_program(&lab, "eth0"));
    assert_eq!(dsr_tests::lab::curl::request_many(&lab, 20).good, 20);
}
