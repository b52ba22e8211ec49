//! `dsr explain` against where real connections went.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddrV4, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use dsr::api::view::Explanation;
use dsr_lab::{Lab, Node};
use dsr_tests::lab::{Configuration, agent};

use super::{complaint, dsr, said};

/// Where [`Servers`] answer.
const PORT: u16 = 7000;

/// On every backend a server that answers each byte of a connection with the number of the backend. Dropping it ends
/// them.
struct Servers(Arc<AtomicBool>);

impl Servers {
    fn start(lab: &Lab) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        for number in (1..).take(lab.backend_names().len()) {
            let listen = || TcpListener::bind(SocketAddrV4::new(*lab.service().ip(), PORT));
            let listener = lab.backend(number).unwrap().run(listen).unwrap().unwrap();
            listener.set_nonblocking(true).unwrap();
            let end = Arc::clone(&end);
            thread::spawn(move || serve(number, &listener, &end));
        }
        Self(end)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn serve(number: u8, listener: &TcpListener, end: &AtomicBool) {
    let mut connections = Vec::new();
    while !end.load(Ordering::Acquire) {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true).unwrap();
            connections.push(stream);
        }
        for connection in &mut connections {
            if matches!(connection.read(&mut [0]), Ok(1)) {
                connection.write_all(&[number]).unwrap();
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// A connection that stays, from this port.
struct Connection {
    stream: TcpStream,
    port: u16,
    backend: String,
}

impl Connection {
    fn open(lab: &Lab) -> Self {
        let service = SocketAddrV4::new(*lab.service().ip(), PORT);
        let connect = || TcpStream::connect_timeout(&service.into(), Duration::from_secs(10));
        let stream = lab.client().run(connect).unwrap().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let port = stream.local_addr().unwrap().port();
        let mut connection = Self { stream, port, backend: String::new() };
        connection.backend = connection.ask();
        connection
    }

    /// The name that the backend answers with.
    fn ask(&mut self) -> String {
        let mut number = [0];
        self.stream.write_all(b"?").unwrap();
        self.stream.read_exact(&mut number).unwrap();
        format!("web{}", number[0])
    }

    fn explained(&self, lab: &Lab) -> Explanation {
        let (client, vip) = (Node::Client.address(), *lab.service().ip());
        let (text, code) = said(&dsr(lab, &format!("explain --json {client}:{} {vip}:{PORT}/tcp", self.port)));
        assert_eq!(code, Some(0), "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

#[test]
#[ignore = "needs root"]
fn an_explanation_names_the_backend_that_a_connection_has() {
    let mut lab = Lab::builder().build().unwrap();
    let _servers = Servers::start(&lab);
    agent::start(&Configuration::of(&lab).no_services().service(&lab, "www", "tcp", PORT), &mut lab);
    let mut connections: Vec<Connection> = (0..12).map(|_| Connection::open(&lab)).collect();
    for connection in &connections {
        let explanation = connection.explained(&lab);
        let (member, service) = (explanation.member.unwrap(), explanation.service.unwrap());
        assert_eq!(member.backend, connection.backend);
        let number = member.backend.strip_prefix("web").unwrap().parse().unwrap();
        assert_eq!(member.mac, Some(Node::Backend(number).mac().to_string()));
        assert_eq!((member.interface.as_deref(), service.name.as_str()), (Some("eth0"), "www"));
        // Slots whose backend was found after the others have changed since the start.
        assert_eq!(explanation.why == "stable", !service.tracked, "{}", explanation.why);
    }

    // A drain moves the slots of a backend and keeps its connections.
    let drained = connections[0].backend.clone();
    assert_eq!(dsr(&lab, &format!("drain {drained}")).status.code(), Some(0));
    for connection in &mut connections {
        let before = connection.explained(&lab);
        assert_eq!(connection.ask(), connection.backend);
        let after = connection.explained(&lab);
        for explanation in [&before, &after] {
            assert_eq!(explanation.member.as_ref().unwrap().backend, connection.backend);
            assert_ne!(explanation.if_opening.as_ref().unwrap().backend, drained);
        }
        let service = after.service.unwrap();
        if connection.backend == drained {
            assert!(service.tracked);
            assert_eq!(service.previous.unwrap().backend, drained);
            assert_ne!(service.current.unwrap().backend, drained);
            assert!(before.why == "previous" || before.why.starts_with("remembered"), "{}", before.why);
            assert!(after.why.starts_with("remembered"), "{}", after.why);
        }
    }
    let (client, port) = (Node::Client.address(), connections[0].port);
    let service = SocketAddrV4::new(*lab.service().ip(), PORT);
    let (text, _) = said(&dsr(&lab, &format!("explain {client}:{port} {service}/tcp")));
    for line in [format!("flow         {client}:{port} > {service}/tcp"), format!("slot's then  {drained} 10.77.1.")] {
        assert!(text.contains(&line), "{line} is missing:\n{text}");
    }
    assert!(text.contains(&format!("goes to      {drained} ")) && text.contains("if it opens  web"), "{text}");
}

#[test]
#[ignore = "needs root"]
fn what_goes_nowhere_is_explained_too() {
    let mut lab = Lab::builder().backends(1).build().unwrap();
    agent::start(&Configuration::of(&lab), &mut lab);
    let vip = *lab.service().ip();
    let (text, code) = said(&dsr(&lab, &format!("explain 10.77.0.1:4711 {vip}:81/tcp")));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("(no_service)") && text.contains("goes to      no backend"), "{text}");
    assert_eq!(dsr(&lab, "weight web1 0").status.code(), Some(0));
    let (text, code) = said(&dsr(&lab, &format!("explain 192.0.2.1:1 {vip}:80/tcp --json")));
    // Its old flows are still served by the backend that drains; a new one has none.
    let explanation: Explanation = serde_json::from_str(&text).unwrap();
    assert_eq!((code, explanation.why.as_str(), explanation.if_opening), (Some(0), "previous", None));

    let cases = [
        (format!("explain 10.77.0.1:4711 {vip}:80"), "write the protocol too"),
        (format!("explain 10.77.0.1 {vip}:80/tcp"), "tcp has ports: write both"),
        (format!("explain 10.77.0.1:1 {vip}:80/http"), "`http` is not a protocol"),
        (
            "explain 10.77.0.1:1 10.77.0.99:80/tcp".to_owned(),
            "10.77.0.99 is not a VIP of this agent: name one of 10.77.0.10",
        ),
        (format!("explain [::1]:1 {vip}:80/tcp"), "different IP versions"),
    ];
    for (arguments, expected) in cases {
        let output = dsr(&lab, &arguments);
        assert_eq!(said(&output), (String::new(), Some(2)), "{arguments}");
        assert!(complaint(&output).contains(expected), "{arguments}: {}", complaint(&output));
    }
}
