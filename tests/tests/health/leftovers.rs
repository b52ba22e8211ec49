//! What probes are led by is removed, whatever becomes of the agent.

use dsr_lab::Lab;
use dsr_tests::lab::{Configuration, agent, dsr_program, eventually, process::ip};
use rustix::process::Signal;

use crate::seen::{HTTP, wait_up};

#[test]
#[ignore = "needs root"]
fn nothing_is_left_by_an_agent_that_stops() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let before = node(&lab);
    agent::start(&Configuration::of(&lab).health(HTTP), &mut lab);
    wait_up(&lab, "web1");
    assert!(node(&lab).contains("dsr-probe") && node(&lab) != before);
    assert_eq!(agent::running(&lab).stop().and_then(|status| status.code()), Some(0));
    assert_eq!(node(&lab), before);
}

#[test]
#[ignore = "needs root"]
fn what_a_crash_leaves_is_removed_by_the_next_agent() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let before = node(&lab);
    let checked = Configuration::of(&lab).health(HTTP);
    agent::start(&checked, &mut lab);
    wait_up(&lab, "web1");
    let during = node(&lab);
    for again in [checked.clone(), checked, Configuration::of(&lab)] {
        agent::running(&lab).signal(Signal::KILL);
        eventually("end of the agent", || agent::running(&lab).ended());
        assert!(node(&lab).contains("dsr-probe"), "a crash leaves the link");
        lab.write_config(&again.to_string()).unwrap();
        lab.start_agent(dsr_program()).unwrap();
        lab.wait_ready().unwrap();
        if again == Configuration::of(&lab) {
            eventually("node as it was", || (node(&lab) == before).then_some(()));
        } else {
            wait_up(&lab, "web1");
            assert_eq!(node(&lab), during);
        }
    }
}

/// The balancer's links, rules and routes of all tables, without numbers that grow.
pub(crate) fn node(lab: &Lab) -> String {
    let name = |line: &str| line.split(": ").nth(1).unwrap_or_default().split('@').next().unwrap().to_owned();
    let links: Vec<String> = ip(lab.balancer(), "-o link show").lines().map(name).collect();
    let routes = ip(lab.balancer(), "route show table all");
    format!("{links:?}\n{}{}{routes}", ip(lab.balancer(), "rule show"), ip(lab.balancer(), "-6 rule show"))
}
