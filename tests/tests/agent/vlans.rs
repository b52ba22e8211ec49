//! On a trunk a VIP is taken in its own VLANs and in no others.

use std::{fs, net::Ipv4Addr};

use dsr::api::view::Explanation;
use dsr_lab::{Lab, Node, net::disable_tag_offload};
use dsr_tests::lab::{
    Configuration,
    agent::{self, reason},
    arp::told_in,
    dsr_program,
    process::finish,
};

const VLAN: &[(u16, u16)] = &[(0x8100, 30)];
const PRIORITY: &[(u16, u16)] = &[(0x8100, 0)];

#[test]
#[ignore = "needs root"]
fn a_vip_is_answered_for_in_its_own_vlans_alone() {
    let mut lab = Lab::builder().vips(2).build().unwrap();
    // Else the program would see no tag.
    lab.switch().run(|| disable_tag_offload(&Node::Balancer.to_string())).unwrap().unwrap();
    let [known, vip] = [0, 1].map(|index| lab.vip(index).unwrap());
    let configuration =
        |vlans: &str| Configuration::of(&lab).line(&format!("name: other, vip: {vip}, port: 80{vlans}"));
    let [default, both, tagged] = ["", ", vlans: [untagged, 30]", ", vlans: [30]"].map(configuration);
    agent::start(&default, &mut lab);

    let answered = |tags: &[(u16, u16)]| told_in(lab.client(), tags, vip, known).contains(&vip);
    assert_eq!(reason(&lab, "pass_vlan"), 0);
    assert_eq!([&[][..], PRIORITY, VLAN].map(answered), [true, true, false], "the host is not in VLAN 30");
    assert_eq!(reason(&lab, "pass_vlan"), 1);
    assert_eq!(explained_vlans(&lab, vip), ["untagged"]);
    agent::reload(&both, &lab);
    assert_eq!(explained_vlans(&lab, vip), ["untagged", "30"]);
    assert_eq!([&[][..], PRIORITY, VLAN].map(answered), [true, true, true]);
    agent::reload(&tagged, &lab);
    assert_eq!([&[][..], PRIORITY, VLAN].map(answered), [false, false, true]);
    agent::reload(&default, &lab);
    assert_eq!([&[][..], PRIORITY, VLAN].map(answered), [true, true, false]);
}

#[test]
#[ignore = "needs root"]
fn a_check_warns_where_tags_are_hidden() {
    let mut lab = Lab::builder().vips(2).build().unwrap();
    let [known, vip] = [0, 1].map(|index| lab.vip(index).unwrap());
    let plain = Configuration::of(&lab);
    let untagged = plain.clone().line(&format!("name: other, vip: {vip}, port: 80, vlans: [untagged]"));
    assert_eq!(findings_about_tags(&lab, &plain), [""; 0], "no tags are expected");
    let warned = findings_about_tags(&lab, &untagged);
    assert!(warned.len() == 1 && warned[0].contains("so `vlans` has no effect"), "{warned:?}");
    assert!(warned[0].ends_with("ethtool -K PEER txvlan off, where PEER is the other end"), "{warned:?}");

    // The list does not keep the VIP out of VLAN 30, until the remedy is applied.
    agent::start(&untagged, &mut lab);
    assert!(told_in(lab.client(), VLAN, vip, known).contains(&vip));
    lab.switch().run(|| disable_tag_offload(&Node::Balancer.to_string())).unwrap().unwrap();
    assert!(!told_in(lab.client(), VLAN, vip, known).contains(&vip));
}

/// The warnings of `dsr check` about tags.
fn findings_about_tags(lab: &Lab, configuration: &Configuration) -> Vec<String> {
    fs::write(lab.directory().join("new.yaml"), configuration.to_string()).unwrap();
    let mut command = lab.agent_command(dsr_program()).unwrap();
    let output = finish(command.args(["check", "-c", "/run/dsr/new.yaml"]));
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    text.lines()
        .filter(|line| line.starts_with("warning: eth0: ") && line.contains("tags"))
        .map(str::to_owned)
        .collect()
}

/// The VLANs that `dsr explain` tells of a VIP.
fn explained_vlans(lab: &Lab, vip: Ipv4Addr) -> Vec<String> {
    let mut command = lab.agent_command(dsr_program()).unwrap();
    let output = finish(command.args(["explain", "10.77.0.1:40000", &format!("{vip}:80/tcp"), "--json"]));
    let explanation: Explanation = serde_json::from_slice(&output.stdout).unwrap();
    explanation.service.unwrap().vlans
}
