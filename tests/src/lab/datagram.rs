//! Requests of a single packet each, over UDP.
//!
//! Where a TCP request may be in the middle when its slot gets another member, and may hide a lost SYN behind its
//! repetition, a datagram is answered or the balancer lost it. So no change whatever may leave one without answer.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use dsr_lab::{Error, Lab};
use tokio::{net::UdpSocket as Socket, time};

/// Where the service is that answers datagrams.
pub const UDP_PORT: u16 = 5353;

/// On every backend, a thread that answers datagrams to the VIP with the backend's name.
#[derive(Debug)]
pub struct NameServers {
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl NameServers {
    /// Starts them at [`UDP_PORT`] of the first VIP.
    ///
    /// # Panics
    /// Where they cannot listen.
    #[must_use]
    pub fn start(lab: &Lab) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let service = service(lab);
        let threads = (1..).zip(lab.backend_names()).map(|(number, name)| {
            let backend = lab.backend(number).expect("there is a backend of every name");
            let socket = backend.run(|| UdpSocket::bind(service)).expect("the namespace can be entered");
            let (socket, end) = (socket.expect("the backend holds the VIP"), Arc::clone(&end));
            socket.set_read_timeout(Some(LOOK)).expect("the limit is not zero");
            thread::spawn(move || answer(&socket, &name, &end))
        });
        let threads = threads.collect();
        Self { end, threads }
    }
}

impl Drop for NameServers {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn answer(socket: &UdpSocket, name: &str, end: &AtomicBool) {
    let mut question = [0; 16];
    while !end.load(Ordering::Acquire) {
        if let Ok((_, from)) = socket.recv_from(&mut question) {
            // The client may have given up.
            let _ = socket.send_to(name.as_bytes(), from);
        }
    }
}

/// What came of the datagrams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// Answers by the name in them.
    pub by: BTreeMap<String, u64>,
    /// Datagrams without an answer.
    pub lost: u64,
}

impl Answered {
    /// Datagrams that were answered.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.by.values().sum()
    }

    fn record(&mut self, answer: Option<String>) {
        match answer {
            Some(name) => *self.by.entry(name).or_default() += 1,
            None => self.lost += 1,
        }
    }
}

/// Datagrams that are being sent, each from a socket of its own. Dropping it ends them.
#[derive(Debug)]
pub struct Datagrams {
    end: Arc<AtomicBool>,
    answered: Arc<Mutex<Answered>>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Datagrams {
    /// Starts to send.
    ///
    /// # Panics
    /// Where no thread can be started.
    #[must_use]
    pub fn start(lab: &Lab) -> Self {
        let (end, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Answered::default())));
        let service = service(lab);
        let work = {
            let (end, answered) = (Arc::clone(&end), Arc::clone(&answered));
            move || async move {
                let sender = || send(service, &end, &answered);
                tokio::join!(sender(), sender(), sender(), sender());
            }
        };
        let thread = lab.client().spawn(work).expect("a thread can be started");
        Self { end, answered, thread: Some(thread) }
    }

    /// What came of them so far.
    ///
    /// # Panics
    /// Where the sender panicked.
    #[must_use]
    pub fn answered(&self) -> Answered {
        self.answered.lock().expect("the sender does not panic").clone()
    }

    /// Sends no more, waits for the last answers, and gives what came of all.
    ///
    /// # Panics
    /// Where the sender panicked.
    #[must_use]
    pub fn stop(mut self) -> Answered {
        self.end.store(true, Ordering::Release);
        let thread = self.thread.take().expect("it is stopped once");
        thread.join().expect("the sender does not panic").expect("the sender can run");
        self.answered()
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn send(service: SocketAddrV4, end: &AtomicBool, answered: &Mutex<Answered>) {
    while !end.load(Ordering::Acquire) {
        let answer = ask(service, 0).await;
        answered.lock().expect("no thread panics").record(answer);
        time::sleep(GAP).await;
    }
}

/// The name that a datagram from this source port is answered with; from any port where it is zero.
async fn ask(service: SocketAddrV4, from: u16) -> Option<String> {
    let socket = Socket::bind((Ipv4Addr::UNSPECIFIED, from)).await.expect("a port is free");
    socket.connect(service).await.expect("there is a route");
    socket.send(b"?").await.expect("the interface is up");
    let mut name = [0; 64];
    // A refusal counts as no answer.
    let length = time::timeout(TIMEOUT, socket.recv(&mut name)).await.ok()?.ok()?;
    Some(String::from_utf8_lossy(&name[..length]).into_owned())
}

/// Who answers datagrams from each of these source ports.
///
/// # Panics
/// Where one is not answered.
#[must_use]
pub fn who_answers(lab: &Lab, ports: std::ops::Range<u16>) -> Vec<String> {
    let service = service(lab);
    let names = lab.client().block_on(|| async {
        let mut names = Vec::new();
        for port in ports {
            names.push(ask(service, port).await.expect("every datagram is answered"));
        }
        names
    });
    names.expect("the namespace can be entered")
}

fn service(lab: &Lab) -> SocketAddrV4 {
    SocketAddrV4::new(*lab.service().ip(), UDP_PORT)
}

/// How long an answer may take: long enough for any machine, since none ever comes that is lost.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Between an answer and the sender's next datagram.
const GAP: Duration = Duration::from_millis(1);
/// How often a thread checks whether to end.
const LOOK: Duration = Duration::from_millis(50);
