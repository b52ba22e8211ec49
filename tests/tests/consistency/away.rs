//! Backends that are away for a while, and come back with the connections that they had.

use dsr_lab::Lab;
use dsr_tests::lab::{agent, connections::Connections, eventually, process::finish};
use rustix::process::Signal;

use super::fixture::Fixture;

/// Waits until a backend has an acknowledgement of all that it has sent. What it repeats when it is back makes clients
/// send packets before the balancer has noticed, and such a connection is not silent.
fn wait_until_silent(lab: &Lab, backend: u8) {
    let is_silent = || {
        let mut sockets = lab.backend(backend)?.command("ss").ok()?;
        let output = finish(sockets.args(["--tcp", "--info", "--no-header", "state", "established"]));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success() && !text.is_empty() && !text.contains(" unacked:")).then_some(())
    };
    eventually("silence", is_silent);
}

#[test]
#[ignore = "needs root"]
fn silent_connections_survive_an_absence_of_their_backend() {
    let mut fixture = Fixture::start("affinity: auto", None, 9);
    let silent = Connections::open(&fixture.lab, 600);
    silent.go_on();
    assert!(silent.by_backend()["web3"] > 100, "{:?}", silent.by_backend());
    let mut since = Vec::new();
    wait_until_silent(&fixture.lab, 3);
    fixture.unplug(3, |fixture| since.push(Connections::open(&fixture.lab, 100)));
    // Once more, for an agent that finds the backend away and did not see it go.
    fixture.unplug(3, |fixture| {
        fixture.restart_agent(Signal::KILL);
        since.push(Connections::open(&fixture.lab, 100));
        assert!(fixture.count("dsr_slots_tracked", &[]) > 0, "the backend's return is not awaited");
    });
    for connections in since.iter().chain([&silent]) {
        connections.go_on();
        let broken = connections.broken();
        let log = agent::running(&fixture.lab).log();
        assert!(broken.is_empty(), "{} connections are broken: {:?}\n{log}", broken.len(), broken.first());
    }
    assert!(since.iter().all(|during| !during.by_backend().contains_key("web3")), "they began at other backends");
}

#[test]
#[ignore = "needs root"]
fn without_a_return_timeout_they_do_not() {
    let mut fixture = Fixture::start("affinity: auto, return_timeout: 0s", None, 9);
    let silent = Connections::open(&fixture.lab, 300);
    silent.go_on();
    wait_until_silent(&fixture.lab, 3);
    fixture.unplug(3, |_| ());
    silent.go_on();
    assert!(!silent.broken().is_empty(), "{:?}", silent.by_backend());
    assert!(silent.broken().iter().all(|broken| broken.backend == "web3"), "{:?}", silent.broken());
}
