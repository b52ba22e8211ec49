//! Open connections live through changes in every mode.

use dsr_common::forward::ForwardMode;
use dsr_tests::lab::{
    agent,
    connections::{Connections, Servers},
    dsr_program, eventually,
};
use rustix::process::Signal;

use super::{configuration, lab};

const CONNECTIONS: usize = 60;

#[test]
#[ignore = "needs root"]
fn connections_live_through_changes_and_restarts() {
    for mode in ForwardMode::ALL {
        let mut lab = lab(mode, 3);
        let _servers = Servers::start(&lab);
        let all = configuration(&lab);
        agent::start(&all.clone().without("web3"), &mut lab);
        let connections = Connections::open(&lab, CONNECTIONS);
        let whole = |what: &str| {
            connections.go_on();
            let broken = connections.broken();
            assert!(broken.is_empty(), "{mode:?}, {what}: {broken:?}");
        };
        agent::reload(&all, &lab);
        whole("a backend was added");
        agent::reload(&all.clone().weight("web1", 0), &lab);
        whole("a backend was drained");
        assert!(connections.by_backend()["web1"] > 0);
        agent::running(&lab).signal(Signal::USR1);
        eventually("end of the agent", || agent::running(&lab).ended());
        whole("the agent has ended");
        lab.start_agent(dsr_program()).unwrap();
        agent::wait_for_log(agent::running(&lab), &["took over"]);
        whole("another agent took over");
        let later = Connections::open(&lab, CONNECTIONS);
        assert!(later.by_backend().contains_key("web3") && !later.by_backend().contains_key("web1"), "{mode:?}");
        // The backends' agents too: their programs stay attached.
        (1..=3).try_for_each(|number| lab.start_backend_agent(number, dsr_program().as_ref())).unwrap();
        later.go_on();
        assert!(later.broken().is_empty(), "{mode:?}: {:?}", later.broken());
    }
}
