//! A backend is drained when its connections are gone, and a change settles when nothing is left of it.

use dsr_tests::{
    lab::{agent, connections::Connections, eventually},
    privilege::is_root,
};

use super::scene::Scene;

#[test]
fn a_backend_is_drained_when_its_connections_are_gone() {
    if !is_root("a_backend_is_drained_when_its_connections_are_gone") {
        return;
    }
    let mut scene = Scene::start("affinity: auto, flow_timeout: 3s", None, 3);
    let connections = Connections::open(&scene.lab, 60);
    connections.go_on();
    scene.change(|file| file.weight("web1", 0));
    let drained = |scene: &Scene| scene.count("dsr_backend_drained", &[("backend", "web1")]);
    // Longer than the timeout: what is silent for less is not forgotten.
    let before = scene.count("dsr_tracking_total", &[("event", "hit")]);
    eventually("packets for some time", || {
        connections.go_on();
        assert_eq!(drained(&scene), 0, "web1 has connections");
        (scene.count("dsr_tracking_total", &[("event", "hit")]) > before + 600).then_some(())
    });
    assert!(connections.by_backend()["web1"] > 0 && connections.broken().is_empty(), "{:?}", connections.broken());
    assert!(scene.count("dsr_slots_tracked", &[]) > 0);
    drop(connections);
    eventually("drained backend", || (drained(&scene) == 1).then_some(()));
    let log = agent::running(&scene.lab).log();
    assert!(log.contains("drained: the backend has no flows any more") && log.contains("backend=\"web1\""), "{log}");
    eventually("end of the change", || {
        (scene.count("dsr_slots_tracked", &[]) + scene.count("dsr_flows", &[]) == 0).then_some(())
    });
}
