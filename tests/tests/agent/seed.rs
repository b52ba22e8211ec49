//! The seed of the hashes says which backend a flow goes to, and nothing else does.

use dsr_lab::Lab;
use dsr_tests::lab::{
    agent,
    datagram::{NameServers, who_answers},
    traffic::{Traffic, services},
};

#[test]
#[ignore = "needs root"]
fn a_seed_moves_flows_and_brings_them_back() {
    let mut lab = Lab::builder().build().unwrap();
    let _servers = NameServers::start(&lab);
    let (one, other) = (services(&lab).hash_seed(1), services(&lab).hash_seed(2));
    let ports = 20000..20200;
    agent::start(&one, &mut lab);
    let first = who_answers(&lab, ports.clone());
    assert_eq!(who_answers(&lab, ports.clone()), first);

    let traffic = Traffic::start(&lab);
    agent::reload(&other, &lab);
    let second = who_answers(&lab, ports.clone());
    agent::reload(&one, &lab);
    let third = who_answers(&lab, ports.clone());
    traffic.goes_on();
    traffic.stop(2);
    assert_ne!(second, first);
    assert_eq!(third, first);

    // Another agent with the same seed, as on another balancer of a cluster.
    agent::start(&one, &mut lab);
    assert_eq!(who_answers(&lab, ports), first);
}
