//! Datagrams of any size, each answered whole by the backend that got it whole.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use dsr_lab::{Lab, Namespace, Node};

/// On every backend and at every address, a thread that answers a datagram with the backend's name, a space, and the
/// datagram. Dropping it ends them.
#[derive(Debug)]
pub struct EchoServers {
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl EchoServers {
    /// Starts them.
    ///
    /// # Panics
    /// Where they cannot listen.
    #[must_use]
    pub fn start(lab: &Lab, addresses: &[SocketAddr]) -> Self {
        let all: Vec<_> = (1..).map_while(|number| lab.backend(number).map(|_| number)).collect();
        Self::start_at(lab, &all, addresses)
    }

    /// Starts them on these backends alone.
    ///
    /// # Panics
    /// Where they cannot listen.
    #[must_use]
    pub fn start_at(lab: &Lab, backends: &[u8], addresses: &[SocketAddr]) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for &number in backends {
            let backend = lab.backend(number).expect("the lab has the backend");
            let name = Node::Backend(number).to_string();
            for &address in addresses {
                let socket = backend.run(|| UdpSocket::bind(address)).expect("the namespace can be entered");
                let (socket, end) = (socket.expect("the backend holds the VIP"), Arc::clone(&end));
                let name = name.clone();
                threads.push(thread::spawn(move || answer(&socket, &name, &end)));
            }
        }
        Self { end, threads }
    }
}

impl Drop for EchoServers {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn answer(socket: &UdpSocket, name: &str, end: &AtomicBool) {
    socket.set_read_timeout(Some(LOOK)).expect("the limit is not zero");
    let mut question = vec![0; LARGEST];
    while !end.load(Ordering::Acquire) {
        if let Ok((length, from)) = socket.recv_from(&mut question) {
            let answer = [name.as_bytes(), b" ", &question[..length]].concat();
            // The client may have given up.
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// A socket in `namespace` that sends from this port, or any where it is zero, to `to`, and waits `patience` for what
/// it receives.
///
/// # Panics
/// Where the port is taken, or `to` cannot be reached.
#[must_use]
pub fn socket(namespace: &Namespace, port: u16, to: SocketAddr, patience: Duration) -> UdpSocket {
    let any = if to.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let bound = namespace.run(|| UdpSocket::bind((any, port)).and_then(|socket| socket.connect(to).map(|()| socket)));
    let socket = bound.expect("the namespace can be entered").expect("the port is free and there is a route");
    socket.set_read_timeout(Some(patience)).expect("the limit is not zero");
    socket
}

/// The name of the backend that sent this datagram back, whole.
///
/// # Errors
/// What the kernel says where there is no answer.
///
/// # Panics
/// Where the answer is another than the datagram.
pub fn answerer(socket: &UdpSocket, datagram: &[u8]) -> io::Result<String> {
    let mut answer = vec![0; LARGEST];
    let length = socket.recv(&mut answer)?;
    let space = answer.iter().position(|byte| *byte == b' ').expect("a name comes first");
    assert!(answer[space + 1..length] == *datagram, "{length} bytes came back, other ones than were sent");
    Ok(String::from_utf8_lossy(&answer[..space]).into_owned())
}

/// Who answers a datagram from this port.
///
/// # Errors
/// What the kernel says where there is no answer.
///
/// # Panics
/// Where it cannot be sent, or the answer is another than the datagram.
pub fn ask(namespace: &Namespace, port: u16, to: SocketAddr, datagram: &[u8]) -> io::Result<String> {
    let socket = socket(namespace, port, to, PATIENCE);
    socket.send(datagram)?;
    answerer(&socket, datagram)
}

const LARGEST: usize = 65536;
/// How long an answer may take: long enough for any machine, since none ever comes that is lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a thread checks whether to end.
const LOOK: Duration = Duration::from_millis(50);
