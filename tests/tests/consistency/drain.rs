//! A backend is drained when its connections are gone, and a change settles when nothing is left of it.

use dsr_tests::lab::{agent, connections::Connections, eventually};

use super::fixture::Fixture;

#[test]
#[ignore = "needs root"]
fn a_backend_is_drained_when_its_connections_are_gone() {
    let mut fixture = Fixture::start("affinity: auto, flow_timeout: 3s", None, 3);
    let connections = Connections::open(&fixture.lab, 60);
    connections.go_on();
    fixture.change(|file| file.weight("web1", 0));
    let drained = |fixture: &Fixture| fixture.count("dsr_backend_drained", &[("backend", "web1")]);
    // Longer than the timeout: what is silent for less is not forgotten.
    let before = fixture.count("dsr_tracking_total", &[("event", "hit")]);
    eventually("packets for some time", || {
        connections.go_on();
        assert_eq!(drained(&fixture), 0, "web1 has connections");
        (fixture.count("dsr_tracking_total", &[("event", "hit")]) > before + 600).then_some(())
    });
    assert!(connections.by_backend()["web1"] > 0 && connections.broken().is_empty(), "{:?}", connections.broken());
    assert!(fixture.count("dsr_slots_tracked", &[]) > 0);
    drop(connections);
    eventually("drained backend", || (drained(&fixture) == 1).then_some(()));
    let words = ["drained: the backend has no flows left", "backend=\"web1\""];
    agent::wait_for_log(agent::running(&fixture.lab), &words);
    eventually("end of the change", || {
        (fixture.count("dsr_slots_tracked", &[]) + fixture.count("dsr_flows", &[]) == 0).then_some(())
    });
}
