//! Readers of the agent, however many and however slow, hold up nothing: the heartbeat goes on, and so does traffic.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use dsr_common::limits::AGENT_PATIENCE_SECONDS;
use dsr_lab::{self as lab, Lab, PORT};
use dsr_tests::lab::{
    Configuration, PATIENCE, agent::running, curl::request_many, dsr_program, eventually, process::finish,
};

/// What each reader reads, as often as it can.
const READERS: [&[&str]; 5] = [&["status"], &["status", "--json"], &["status"], &["status", "--json"], &[SCRAPE]];
const SCRAPE: &str = "scrape";
const SERVICES: u16 = 2000;
const REQUESTS: u32 = 100;
/// Answers that a reader gets at least.
const ANSWERS: usize = 2;

#[test]
#[ignore = "needs root"]
fn readers_never_hold_up_the_heartbeat() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    start(&mut lab);
    let deaf = deaf_readers(&lab);
    let (end, answers) = (AtomicBool::new(false), READERS.map(|_| AtomicUsize::new(0)));
    let since = Instant::now();
    // Long enough for a heartbeat that any of these held up to be missed, and again.
    let enough = || {
        let all_read = answers.iter().all(|answers| answers.load(Ordering::Acquire) >= ANSWERS);
        all_read && since.elapsed() > 2 * Duration::from_secs(AGENT_PATIENCE_SECONDS)
    };
    thread::scope(|scope| {
        let _ends = Ends(&end);
        for (reader, answers) in READERS.iter().zip(&answers) {
            let (lab, end) = (&lab, &end);
            scope.spawn(move || {
                while !end.load(Ordering::Acquire) {
                    if read(lab, reader) {
                        answers.fetch_add(1, Ordering::AcqRel);
                    }
                }
            });
        }
        while !enough() {
            assert!(since.elapsed() < 6 * PATIENCE, "readers got {answers:?} answers");
            assert_eq!(request_many(&lab, REQUESTS).good, u64::from(REQUESTS), "{}", running(&lab).log());
        }
    });
    let metrics = eventually("metrics", || scrape(&lab));
    let passed: Vec<_> = metrics.lines().filter(|line| line.contains("reason=\"pass_agent_dead\"")).collect();
    let none = |line: &&str| line.ends_with(" 0");
    assert!(!passed.is_empty() && passed.iter().all(none), "{passed:?}\n{}", running(&lab).log());
    drop(deaf);
}

/// Services whose packets are passed as soon as the heartbeat is missed; nothing on the balancer would answer them.
fn configuration(lab: &Lab) -> Configuration {
    let vip = lab.vip(0).unwrap();
    let fields = |name: &str, port: u16| format!("name: {name}, vip: {vip}, port: {port}, on_agent_death: pass");
    let www = Configuration::of(lab).no_services().line(&fields("www", PORT));
    (1..SERVICES).fold(www, |all, number| all.line(&fields(&format!("service{number}"), 10_000 + number)))
}

/// Starts the agent and waits until requests are answered. All metrics of so many services take their time.
fn start(lab: &mut Lab) {
    lab.write_config(&configuration(lab).to_string()).unwrap();
    lab.start_agent(dsr_program()).unwrap();
    let request = || lab::get(lab.service().into(), "/", Duration::from_secs(2));
    eventually("answer to a request", || lab.client().block_on(request).unwrap().ok());
}

/// Reads once. Whether there was an answer in time.
fn read(lab: &Lab, what: &[&str]) -> bool {
    if what == [SCRAPE] {
        return scrape(lab).is_some();
    }
    finish(lab.agent_command(dsr_program()).unwrap().args(what)).status.code() == Some(0)
}

/// The metrics, if they come in time.
fn scrape(lab: &Lab) -> Option<String> {
    let metrics = || lab::get(([127, 0, 0, 1], 9650).into(), "/metrics", PATIENCE);
    let answer = lab.balancer().block_on(metrics).unwrap().ok()?;
    Some(String::from_utf8_lossy(&answer.body).into_owned())
}

/// Readers that ask for all there is and never read the answers, of both servers.
fn deaf_readers(lab: &Lab) -> (Vec<UnixStream>, Vec<TcpStream>) {
    let api = || {
        let mut stream = UnixStream::connect(lab.directory().join("api.sock")).unwrap();
        ask(&mut stream, "/v1/status");
        stream
    };
    let metrics = || {
        let mut stream = TcpStream::connect(("127.0.0.1", 9650)).unwrap();
        ask(&mut stream, "/metrics");
        stream
    };
    let both = || ([api(), api()].into(), [metrics(), metrics()].into());
    lab.balancer().run(both).unwrap()
}

/// Asks, and reads no more than the first byte of the answer.
fn ask(stream: &mut (impl Read + Write), path: &str) {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    stream.read_exact(&mut [0]).unwrap();
}

/// Ends the readers when it is dropped, also where the test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
