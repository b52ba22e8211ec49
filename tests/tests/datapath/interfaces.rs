//! The interface table: interfaces and ports come and go, for ever.

use aya::{TestRun as _, programs::TestRunOptions};
use dsr::{
    datapath::{Datapath, Error},
    model::{InterfaceState, Mac},
    reconcile::Sizes,
};
use dsr_common::{limits::INTERFACE_ROWS, stats::Reason};
use dsr_tests::{
    frame::{CLIENT, OWN_MAC, Segment, tcp},
    program::{IFINDEX, desired},
};

use super::NEEDED;

fn own() -> InterfaceState {
    InterfaceState { ifindex: IFINDEX, mac: Mac(OWN_MAC), mtu: 1500, up: true }
}

fn datapath() -> Datapath {
    Datapath::load(Sizes::for_desired(&desired()), NEEDED, 1).unwrap()
}

#[test]
#[ignore = "needs root"]
fn rows_of_ports_that_are_gone_are_used_again() {
    let mut datapath = datapath();
    datapath.set_interfaces(&[(0, own())]).unwrap();
    for port in 100..100 + 3 * INTERFACE_ROWS {
        datapath.set_port(port, &own()).unwrap();
        datapath.set_port(port, &own()).unwrap();
        datapath.forget_interface(port).unwrap();
    }
    // One row is the interface's own.
    for port in 100..99 + INTERFACE_ROWS {
        datapath.set_port(port, &own()).unwrap();
    }
    assert!(matches!(datapath.set_port(7, &own()), Err(Error::TooManyInterfaces(7))));
    datapath.forget_interface(120).unwrap();
    datapath.set_port(7, &own()).unwrap();
}

#[test]
#[ignore = "needs root"]
fn an_interface_is_found_behind_one_that_is_gone() {
    let mut datapath = datapath();
    // It has the row that ours would be in.
    datapath.set_port(IFINDEX + INTERFACE_ROWS, &own()).unwrap();
    datapath.set_interfaces(&[(0, own())]).unwrap();
    let frame = tcp((CLIENT, 4000), (CLIENT, 80), Segment::Syn);
    let passed = |datapath: &Datapath, ifindex| datapath.reason(ifindex, Reason::PassNotVip).unwrap();
    for count in 1..=2 {
        let options = TestRunOptions { data_in: Some(&frame), ..TestRunOptions::new() };
        datapath.program().unwrap().test_run(options).unwrap();
        assert_eq!(passed(&datapath, Some(IFINDEX)), count);
        assert_eq!(datapath.reason(None, Reason::PassNoInterface).unwrap(), 0);
        datapath.forget_interface(IFINDEX + INTERFACE_ROWS).unwrap();
    }
    datapath.forget_interface(IFINDEX).unwrap();
    datapath.set_port(IFINDEX, &own()).unwrap();
    assert_eq!(passed(&datapath, Some(IFINDEX)), 0, "counts do not pass to another");
}
