//! All changes, one after the other, with and without what keeps connections where they are.

use dsr_tests::lab::{connections::Connections, flood::Flood};
use rustix::process::Signal;

use super::fixture::{Fixture, further};

/// Everything that an operator does in a year.
fn change_everything(fixture: &mut Fixture, connections: &Connections) {
    let (added, address) = further(1, 3);
    fixture.change(|file| file.backend(&added, address, 100));
    connections.go_on();
    fixture.change(|file| file.weight("web1", 0));
    connections.go_on();
    fixture.change(|file| file.weight("web2", 300));
    connections.go_on();
    fixture.flap("web3", || connections.go_on());
    connections.go_on();
    fixture.change_mac(2);
    connections.go_on();
    for reload in 0..20 {
        fixture.change(|file| file.weight("web3", 101 + reload % 2));
    }
    connections.go_on();
    for signal in [Signal::USR1, Signal::KILL] {
        fixture.restart(signal);
        connections.go_on();
    }
    // One more is too many for the table.
    let (last, address) = further(2, 3);
    fixture.change(|file| file.backend(&last, address, 100));
    connections.go_on();
    fixture.restart(Signal::KILL);
    fixture.change(|file| file.weight("web1", 100));
    connections.go_on();
}

#[test]
#[ignore = "needs root"]
fn no_connection_breaks_whatever_is_changed() {
    let mut fixture = Fixture::start("affinity: auto", None, 9);
    let connections = Connections::open(&fixture.lab, 2000);
    connections.go_on();
    assert!(connections.by_backend().values().all(|count| *count > 400), "{:?}", connections.by_backend());
    assert_eq!(fixture.count("dsr_slots_tracked", &[]) + fixture.count("dsr_flows", &[]), 0, "nothing has changed yet");
    change_everything(&mut fixture, &connections);
    let hits = fixture.count("dsr_tracking_total", &[("event", "hit")]);
    assert!(hits > 0 && fixture.count("dsr_slots_tracked", &[]) > 0, "{hits}");
    let broken = connections.broken();
    assert!(broken.is_empty(), "{} connections are broken: {:?}", broken.len(), broken.first());
}

#[test]
#[ignore = "needs root"]
fn without_affinity_connections_do_break() {
    let mut fixture = Fixture::start("affinity: none", None, 9);
    let connections = Connections::open(&fixture.lab, 500);
    connections.go_on();
    assert_eq!(connections.broken().len(), 0);
    change_everything(&mut fixture, &connections);
    assert_eq!(fixture.count("dsr_flows", &[]), 0);
    // A third had a backend that was drained, and nearly all another one when the table got another size.
    assert!(connections.broken().len() > 250, "{:?}", connections.by_backend());
}

#[test]
#[ignore = "needs root"]
fn no_connection_breaks_in_a_flood_of_first_packets() {
    let mut fixture = Fixture::start("affinity: auto", Some("flow_table: {established: 65536, embryonic: 1024}"), 9);
    let connections = Connections::open(&fixture.lab, 1000);
    connections.go_on();
    let flood = Flood::start(&fixture.lab, 60_000);
    change_everything(&mut fixture, &connections);
    assert!(flood.sent() > 5000, "{} SYNs are no flood", flood.sent());
    let forgotten = |event| fixture.count("dsr_tracking_total", &[("event", event)]);
    assert!(forgotten("evicted_new") > 1000, "the table of first packets was never full");
    assert_eq!(forgotten("evicted"), 0);
    let broken = connections.broken();
    assert!(broken.is_empty(), "{} connections are broken: {:?}", broken.len(), broken.first());
}

#[test]
#[ignore = "needs root"]
fn no_connection_breaks_when_the_affinity_changes() {
    let mut fixture = Fixture::start("affinity: auto", None, 9);
    let (silent, mut active) = (Connections::open(&fixture.lab, 300), vec![Connections::open(&fixture.lab, 300)]);
    silent.go_on();
    for affinity in ["source", "auto", "source", "flow", "source", "auto"] {
        fixture.change_fields(&format!("affinity: {affinity}"));
        let opened = Connections::open(&fixture.lab, 60);
        // All of them are one client's.
        assert_eq!(opened.by_backend().len() == 1, affinity == "source", "{:?}", opened.by_backend());
        active.push(opened);
        active.iter().for_each(Connections::go_on);
    }
    fixture.restart(Signal::KILL);
    for connections in active.iter().chain([&silent]) {
        connections.go_on();
        let broken = connections.broken();
        assert!(broken.is_empty(), "{} connections are broken: {:?}", broken.len(), broken.first());
    }
}
