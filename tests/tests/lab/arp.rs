//! A backend holds the VIP and keeps quiet about it.

use dsr_lab::{Lab, Node, net::write_sysctl};
use dsr_tests::lab::arp::told_of;

#[test]
#[ignore = "needs root"]
fn a_backend_answers_for_its_own_address_only() {
    let lab = Lab::builder().backends(1).without_http().build().unwrap();
    let (vip, own) = (lab.vip(0).unwrap(), Node::Backend(1).address());
    assert_eq!(told_of(lab.client(), vip, own), [own]);

    // The other way round, to know that a claim would have been seen.
    let web1 = lab.backend(1).unwrap();
    let relax = ["all", "eth0"].map(|interface| format!("ipv4/conf/{interface}/arp_ignore"));
    web1.run(|| relax.iter().try_for_each(|key| write_sysctl(key, "0"))).unwrap().unwrap();
    assert_eq!(told_of(lab.client(), vip, own), [vip, own]);
}
