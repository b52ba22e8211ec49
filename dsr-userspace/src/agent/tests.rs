//! The agent itself in the balancer of a lab, with a task among its own that goes wrong.

use super::*;
use crate::tasks::{End, Task};
use dsr_lab::{Lab, Result};

/// Runs an agent until it ends by itself; `go_wrong` starts a task among its own.
fn ended(go_wrong: impl Fn(&Tasks) -> Task + Sync) -> Result<Error> {
    let lab = Lab::builder().backends(1).build()?;
    // The agent is this process, which has the mounts of the machine: the directory is the lab's, and a socket would not be.
    let file = lab.write_config(&format!("api: off\n{}", lab.default_configuration()))?;
    let pins = lab.directory().join("bpf/dsr");
    lab.balancer().block_on(|| async {
        let mut supervisor = Supervisor::new();
        let tasks = supervisor.tasks();
        let mut signals = Signals::start(&tasks).unwrap();
        let prepared = Prepared::read(&file, &tasks).await.unwrap();
        let mut agent = Agent::start(prepared, &pins, &tasks, signals.ending()).await.unwrap();
        let _wrong = go_wrong(&tasks);
        let ended = agent.live_on(&mut signals, &mut supervisor).await;
        agent.probing.stop().await;
        agent.program.stop().unwrap();
        ended.expect_err("it goes on without the task")
    })
}

#[test]
#[ignore = "needs root"]
fn a_task_that_panics_or_ends_by_itself_ends_the_agent_with_its_name() {
    let panics = ended(|tasks| tasks.spawn("one of many", async { panic!("no {}", "memory") })).unwrap().to_string();
    assert!(panics.starts_with("the task `one of many` ended: panic: no memory"), "{panics}");
    let fails = ended(|tasks| tasks.spawn("another", async { End::Failed("its socket is closed".to_owned()) }));
    let fails = fails.unwrap().to_string();
    assert!(fails.starts_with("the task `another` ended: its socket is closed"), "{fails}");
}
