//! What becomes of a service's packets when its agent dies or hangs (`on_agent_death`), and when one is there again.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use dsr_common::limits::AGENT_PATIENCE_SECONDS;
use dsr_lab::{self as lab, Lab, PORT};
use dsr_tests::lab::{
    Configuration,
    agent::{self, reason},
    dsr_program, eventually,
    process::{Daemon, ip},
};
use rustix::process::Signal;

/// The first VIP's service keeps, the second one's does this.
fn configuration(lab: &Lab, on_agent_death: &str) -> Configuration {
    let vip = lab.vip(1).unwrap();
    Configuration::of(lab).line(&format!("name: spare, vip: {vip}, port: {PORT}, on_agent_death: {on_agent_death}"))
}

/// A lab whose balancer takes packets to the second VIP for its own, as far as they reach its stack, and answers them.
fn lab() -> (Lab, Server) {
    let lab = Lab::builder().backends(2).vips(2).build().unwrap();
    ip(lab.balancer(), &format!("route add local {} dev lo", lab.vip(1).unwrap()));
    let server = Server::start(&lab);
    (lab, server)
}

/// Who answers at this VIP: a backend, or the balancer's own server.
fn answerer(lab: &Lab, vip: u8) -> Option<String> {
    let address = (lab.vip(vip).unwrap(), PORT).into();
    let answer = lab.client().block_on(|| lab::get(address, "/", Duration::from_secs(2))).unwrap();
    Some(String::from_utf8_lossy(&answer.ok()?.body).trim().to_owned())
}

/// That all of a few requests are answered by backends.
fn assert_balanced(lab: &Lab, vip: u8) {
    for _ in 0..20 {
        let name = answerer(lab, vip).unwrap_or_default();
        assert!(name.starts_with("web"), "{name:?} answers: {}", agent::running(lab).log());
    }
}

/// Does this to the agent, and waits until the balancer itself answers for the service that passes, while the other one
/// goes on.
fn dies(lab: &Lab, signal: Signal) {
    let since = Instant::now();
    agent::running(lab).signal(signal);
    eventually("answer of the balancer itself", || answerer(lab, 1).filter(|name| name == BALANCER));
    // The last sign of life was a second or so before.
    let patience = Duration::from_secs(AGENT_PATIENCE_SECONDS - 2);
    assert!(since.elapsed() > patience, "passed {:?} after {signal:?}", since.elapsed());
    assert_balanced(lab, 0);
    assert_eq!(answerer(lab, 1).as_deref(), Some(BALANCER));
}

fn balances_again(lab: &Lab) {
    eventually("answer of a backend", || answerer(lab, 1).filter(|name| name.starts_with("web")));
    assert_balanced(lab, 1);
}

#[test]
#[ignore = "needs root"]
fn a_service_is_the_nodes_while_its_agent_is_hung_or_dead() {
    let (mut lab, _server) = lab();
    agent::start(&configuration(&lab, "pass"), &mut lab);
    assert_balanced(&lab, 1);
    dies(&lab, Signal::STOP);
    agent::running(&lab).signal(Signal::CONT);
    balances_again(&lab);
    assert!(reason(&lab, "pass_agent_dead") > 0);

    dies(&lab, Signal::KILL);
    lab.start_agent(dsr_program()).unwrap();
    lab.wait_ready().unwrap();
    balances_again(&lab);
    agent::wait_for_log(agent::running(&lab), &["took over from a terminated agent"]);
}

#[test]
#[ignore = "needs root"]
fn neither_a_reload_nor_another_agent_in_time_passes_a_packet() {
    let (mut lab, _server) = lab();
    let _requests = requests(&lab);
    agent::start(&configuration(&lab, "pass"), &mut lab);
    for on_agent_death in ["keep", "pass"] {
        agent::reload(&configuration(&lab, on_agent_death), &lab);
        assert_balanced(&lab, 1);
    }
    for signal in [Signal::USR1, Signal::KILL] {
        agent::running(&lab).signal(signal);
        eventually("end of the agent", || agent::running(&lab).ended());
        assert_balanced(&lab, 1);
        lab.start_agent(dsr_program()).unwrap();
        assert_balanced(&lab, 1);
        lab.wait_ready().unwrap();
    }
    assert_eq!(reason(&lab, "pass_agent_dead"), 0);
}

/// Requests to the second VIP, one after the other, until it is dropped.
fn requests(lab: &Lab) -> Daemon {
    let mut curl = lab.client().command("curl").unwrap();
    curl.args(["--silent", "--output", "/dev/null", "--connect-timeout", "1", "--header", "Connection: close"]);
    curl.arg(format!("http://{}/?[1-1000000]", lab.vip(1).unwrap()));
    Daemon::start(&mut curl, &lab.directory().join("requests.log"))
}

/// Who the balancer's own server says it is.
const BALANCER: &str = "balancer";

/// An HTTP server of the balancer, at all of its addresses. Dropping it ends it.
struct Server {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(lab: &Lab) -> Self {
        let listener = lab.balancer().run(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT))).unwrap().unwrap();
        listener.set_nonblocking(true).unwrap();
        let end = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&end);
        let serve = move || {
            while !ended.load(Ordering::Acquire) {
                match listener.accept() {
                    Ok((stream, _)) => serve(stream),
                    Err(_) => thread::sleep(Duration::from_millis(5)),
                }
            }
        };
        Self { end, thread: Some(thread::spawn(serve)) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Release);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// One answer; the client may have gone.
fn serve(mut stream: TcpStream) {
    let _ = stream.set_nonblocking(false);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let _ = stream.read(&mut [0; 1024]);
    let length = BALANCER.len();
    let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{BALANCER}");
}
