//! Where all is well.

use dsr_lab::{Lab, PORT};
use dsr_tests::lab::{Configuration, agent, dsr_program, process::finish};

use super::{diagnosis, examine, lab};

#[test]
#[ignore = "needs root"]
fn a_healthy_lab_has_no_findings() {
    let (lab, _) = lab(3);
    assert_eq!(examine(&lab, &[]), (Some(0), "nothing is wrong\n".to_owned()));
    // As the note says.
    let refused = finish(lab.balancer().command("curl").unwrap().args(["-sS", "-m", "1", &url(&lab)]));
    assert!(!refused.status.success(), "{refused:?}");
    // Nothing of the questions and probes stays: no claims, no half-open connections.
    assert_eq!(agent::count(&lab, "dsr_arp_claims_total", &[]), 0);
    let mut command = lab.backend(1).unwrap().command("ss").unwrap();
    let open = finish(command.args(["-Htn", "state", "syn-recv"]));
    assert_eq!(String::from_utf8_lossy(&open.stdout), "");
}

fn url(lab: &Lab) -> String {
    format!("http://{}:{PORT}/", lab.vip(0).unwrap())
}

#[test]
#[ignore = "needs root"]
fn a_healthy_lab_of_both_families_has_no_findings() {
    let mut lab = Lab::builder().with_ipv6().build().unwrap();
    let fields = format!("name: v6, vip: \"{}\", port: 80", lab.vip6(0).unwrap());
    // Backends known by IPv4 and by IPv6, for a VIP of each family.
    let configuration = Configuration::of(&lab).line(&fields);
    agent::start(&configuration, &mut lab);
    assert_eq!(diagnosis(&lab), []);
    agent::reload(&configuration.by_ipv6(), &lab);
    assert_eq!(diagnosis(&lab), []);
}

#[test]
#[ignore = "needs root"]
fn a_bad_file_is_no_finding() {
    let lab = Lab::builder().backends(1).without_http().build().unwrap();
    lab.write_config("interfaces: [eth7]\n").unwrap();
    let mut command = lab.agent_command(dsr_program()).unwrap();
    let output = finish(command.args(["doctor", "-c", "/run/dsr/dsr.yaml"]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(said.contains("services: is missing") && said.contains("no interface eth7"), "{said}");
}
