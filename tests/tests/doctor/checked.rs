//! What only the check of the configuration can see: an application that takes connections and answers wrongly.

use std::{
    convert::Infallible,
    io::Write,
    net::{TcpListener, UdpSocket},
    sync::mpsc::{self, Receiver, TryRecvError},
    thread,
    time::Duration,
};

use dsr_lab::{Lab, Samples};
use dsr_tests::lab::{Configuration, PATIENCE, agent, dsr_program};

use super::{diagnosis, examine, named};

/// The lab's pages say the backend's name.
const FOR_WEB1: &str = "{http: {path: /, body: web1}, interval: 300ms, timeout: 300ms, rise: 2, fall: 2}";

/// A lab with one service, whose check web2 does not pass; nothing runs yet.
fn lab(service: &str, check: &str) -> Lab {
    let lab = Lab::builder().backends(2).build().unwrap();
    let line = format!("name: one, vip: {}, {service}, health: {check}", lab.vip(0).unwrap());
    lab.write_config(&Configuration::of(&lab).no_services().line(&line).to_string()).unwrap();
    lab
}

/// Starts the agent and waits until it has a cause for web2 and none for web1.
fn start(lab: &mut Lab) {
    lab.start_agent(dsr_program()).unwrap();
    let state = |samples: &Samples, backend: &str, metric: &str| samples.sum(metric, &[("backend", backend)]) as u64;
    let found = |samples: &Samples| {
        state(samples, "web2", "dsr_backend_state") == 1
            && state(samples, "web1", "dsr_backend_probe_seconds_count") > 1
    };
    agent::running(lab).wait_until("a cause for web2", PATIENCE, found).unwrap();
}

#[test]
#[ignore = "needs root"]
fn a_page_that_the_agent_refuses_is_named() {
    let mut lab = lab("port: 80", FOR_WEB1);
    start(&mut lab);
    assert_eq!(diagnosis(&lab), named(&[("application-down", "web2")]));
    let said = examine(&lab, &[]).1;
    for part in [
        "error: web2: application-down: it accepts the VIP's packets but fails the http check of service one: ",
        "its page does not contain the text that is expected",
        "`curl -i --connect-to ::10.77.1.2:80 http://10.77.0.10:80/`",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

#[test]
#[ignore = "needs root"]
fn a_page_is_looked_at_where_no_agent_runs() {
    let lab = lab("port: 80", FOR_WEB1);
    assert_eq!(diagnosis(&lab), named(&[("application-down", "web2")]));
    let said = examine(&lab, &[]).1;
    assert!(
        said.starts_with("warning: web2: application-down: it fails the http check of service one at 10.77.1.2"),
        "{said}"
    );
}

#[test]
#[ignore = "needs root"]
fn a_service_without_connections_is_named_by_its_check() {
    let check = "{dns: {name: www.example.com}, interval: 300ms, timeout: 300ms, rise: 2, fall: 2}";
    let mut lab = lab("port: 53, protocol: udp", check);
    let server = lab.backend(1).unwrap().run(|| UdpSocket::bind("10.77.0.10:53").unwrap()).unwrap();
    thread::scope(|scope| {
        let (end, ended) = mpsc::channel();
        let server = &server;
        scope.spawn(move || answer_until_told(server, &ended));
        start(&mut lab);
        let found = diagnosis(&lab);
        drop(end);
        assert_eq!(found, named(&[("application-down", "web2")]));
    });
}

#[test]
#[ignore = "needs root"]
fn a_backend_that_says_it_is_down_is_named() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let words = [(1, "up\n"), (2, "down for repair\n")];
    for (number, word) in words {
        let listener = lab.backend(number).unwrap().run(|| TcpListener::bind("0.0.0.0:9777").unwrap()).unwrap();
        thread::spawn(move || listener.incoming().flatten().for_each(|mut asked| _ = asked.write_all(word.as_bytes())));
    }
    let configuration = Configuration::of(&lab).field("agent_check: {port: 9777, interval: 200ms}");
    lab.write_config(&configuration.to_string()).unwrap();
    lab.start_agent(dsr_program()).unwrap();
    let down = |samples: &Samples| samples.sum("dsr_backend_state", &[("backend", "web2")]) as u64 == 1;
    agent::running(&lab).wait_until("the word of web2", PATIENCE, down).unwrap();
    assert_eq!(diagnosis(&lab), named(&[("reported-down", "web2")]));
    assert!(examine(&lab, &[]).1.starts_with("warning: web2: reported-down: its agent check reports it down"));
}

/// Every name has an answer without records.
fn answer_until_told(server: &UdpSocket, ended: &Receiver<Infallible>) {
    server.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut message = [0; 512];
    while ended.try_recv() == Err(TryRecvError::Empty) {
        if let Ok((length, from)) = server.recv_from(&mut message) {
            // The question with the bit that makes it an answer.
            message[2] |= 0x80;
            let _ = server.send_to(&message[..length], from);
        }
    }
}
