//! Where no agent runs.

use dsr_lab::{Broken, Fault, Lab};
use dsr_tests::lab::Configuration;

use super::{diagnosis, named};

#[test]
#[ignore = "needs root"]
fn faults_are_named_before_the_agent_is_started() {
    let lab = Lab::builder().backends(4).build().unwrap();
    lab.write_config(&Configuration::of(&lab).to_string()).unwrap();
    assert_eq!(diagnosis(&lab), []);
    for (backend, fault) in [(2, Fault::Arp), (3, Fault::Vip), (4, Fault::App)] {
        lab.break_backend(Broken { backend, fault }).unwrap();
    }
    let expected = [("application-down", "web4"), ("arp-leak", "web2"), ("vip-missing", "web3")];
    assert_eq!(diagnosis(&lab), named(&expected));
}
