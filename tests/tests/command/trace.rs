//! `dsr trace` against real traffic: it tells of the packets that were asked for, where they went, and of no others.

use std::{
    net::{IpAddr, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use dsr::api::view::Decision;
use dsr_lab::{Lab, Node};
use dsr_tests::lab::{
    Configuration, agent, curl,
    datagram::NameServers,
    dsr_program, eventually,
    process::{Daemon, finish, ip},
    traffic::{Traffic, services},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{complaint, dsr, said};

/// The name of the XDP program on the balancer's interface.
fn program(lab: &Lab) -> String {
    let links: Value = serde_json::from_str(&ip(lab.balancer(), "-json -details link show dev eth0")).unwrap();
    links[0]["xdp"]["prog"]["name"].as_str().unwrap_or_default().to_owned()
}

fn wait_for_program(lab: &Lab, name: &str) {
    eventually(&format!("program {name} on eth0"), || (program(lab) == name).then_some(()));
}

fn command(lab: &Lab, arguments: &str) -> Command {
    let mut command = lab.agent_command(dsr_program()).unwrap();
    command.args(arguments.split(' '));
    command
}

/// A trace that runs, and writes where the test can read.
struct Trace {
    daemon: Daemon,
}

impl Trace {
    /// Starts `dsr trace --json` and waits until it tells.
    fn start(lab: &Lab, arguments: &str) -> Self {
        let daemon =
            Daemon::start(&mut command(lab, &format!("trace --json {arguments}")), &lab.directory().join("trace"));
        let trace = Self { daemon };
        eventually("trace that runs", || {
            let log = trace.daemon.log();
            assert!(!log.contains("dsr: "), "{log}");
            log.contains("the trace runs").then_some(())
        });
        trace
    }

    fn decisions(&self) -> Vec<Decision> {
        let text = self.daemon.log();
        let lines = text.split_inclusive('\n').filter(|line| line.starts_with('{') && line.ends_with('\n'));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Connects to the service; gives the client's port and the backend's name.
fn request(lab: &Lab) -> (u16, TcpStream) {
    let service = lab.service();
    let connect = || TcpStream::connect_timeout(&service.into(), Duration::from_secs(10));
    let stream = lab.client().run(connect).unwrap().unwrap();
    (stream.local_addr().unwrap().port(), stream)
}

#[test]
#[ignore = "needs root"]
fn a_trace_tells_of_the_packets_that_were_asked_for() {
    let mut lab = Lab::builder().build().unwrap();
    let _servers = NameServers::start(&lab);
    agent::start(&services(&lab), &mut lab);
    assert_eq!(program(&lab), "dsr");
    let (client, vip) = (Node::Client.address(), *lab.service().ip());
    let trace = Trace::start(&lab, &format!("--src {client} --dst {vip}:80"));
    assert_eq!(program(&lab), "dsr_traced");

    // Answers name the backend, so what the trace says of each connection can be checked.
    let answers = curl::request_many(&lab, 30);
    let opened = |decisions: &[Decision]| decisions.iter().filter(|decision| decision.opens).count();
    let decisions = eventually("trace of every connection", || Some(trace.decisions()).filter(|all| opened(all) >= 30));
    for (backend, count) in &answers.bodies {
        let of =
            |decision: &&Decision| decision.opens && decision.member.as_ref().is_some_and(|m| m.backend == *backend);
        assert_eq!(decisions.iter().filter(of).count() as u64, *count, "{backend}");
    }
    for decision in &decisions {
        let member = decision.member.as_ref().unwrap();
        let number = member.backend.strip_prefix("web").unwrap().parse().unwrap();
        assert_eq!(member.address, IpAddr::from(Node::Backend(number).address()));
        assert_eq!(member.mac, Some(Node::Backend(number).mac().to_string()));
        assert_eq!((decision.outcome.as_str(), decision.service.as_deref()), ("sent", Some("www")));
        assert_eq!((decision.interface.as_str(), decision.client), ("eth0", IpAddr::from(client)));
        assert_eq!((decision.vip, decision.port), (IpAddr::from(vip), Some(80)));
    }

    // Other services of the VIP are not told of, and all are served.
    let traffic = Traffic::start(&lab);
    traffic.goes_on();
    traffic.stop(0);
    assert!(trace.decisions().iter().all(|decision| (decision.protocol.as_str(), decision.port) == ("tcp", Some(80))));
    drop(trace);
    wait_for_program(&lab, "dsr");
}

#[test]
#[ignore = "needs root"]
fn a_trace_can_be_of_one_flow() {
    let mut lab = Lab::builder().build().unwrap();
    agent::start(&Configuration::of(&lab), &mut lab);
    let (client, service) = (Node::Client.address(), lab.service());
    let (port, stream) = request(&lab);
    let trace = Trace::start(&lab, &format!("--src {client}:{port} --dst {service}"));
    let _ = curl::request_many(&lab, 10);
    drop(stream);
    let seen = eventually("packet of the flow", || Some(trace.decisions()).filter(|all| !all.is_empty()));
    assert!(seen.iter().all(|decision| decision.client_port == Some(port) && !decision.opens), "{seen:?}");
}

#[test]
#[ignore = "needs root"]
fn a_trace_says_why_nothing_was_sent() {
    let mut lab = Lab::builder().backends(1).build().unwrap();
    agent::start(&Configuration::of(&lab), &mut lab);
    let vip = *lab.service().ip();
    // With a count it ends by itself, and the program is back before it says so.
    let log = lab.directory().join("trace");
    let mut trace = command(&lab, &format!("trace --dst {vip} --count 2"));
    let daemon = Daemon::start(&mut trace, &log);
    eventually("trace that runs", || daemon.log().contains("the trace runs").then_some(()));
    let mut ping = lab.client().command("ping").unwrap();
    assert!(finish(ping.args(["-c", "1", "-W", "5", &vip.to_string()])).status.success());
    let closed = (vip, 81).into();
    let refused = lab.client().run(|| TcpStream::connect_timeout(&closed, Duration::from_millis(200)));
    assert!(refused.unwrap().is_err());
    let text = eventually("end of the trace", || Some(daemon.log()).filter(|log| log.contains("the count is reached")));
    assert_eq!(program(&lab), "dsr");
    let client = Node::Client.address();
    assert!(text.contains(&format!(" eth0 {client} > {vip}/icmp: answer_echo (Answered: an echo")), "{text}");
    assert!(text.contains(&format!(" > {vip}:81/tcp opens: drop_no_service (Dropped: no service")), "{text}");
    assert!(text.contains("the count is reached: 2 packets"), "{text}");
}

#[test]
#[ignore = "needs root"]
fn the_trace_of_a_killed_or_stuck_command_ends() {
    let mut lab = Lab::builder().backends(1).build().unwrap();
    agent::start(&Configuration::of(&lab), &mut lab);
    let vip = *lab.service().ip();
    let spawn = |arguments: &str| {
        let mut command = command(&lab, &format!("trace --dst {vip} {arguments}"));
        Killed(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    };
    let long = spawn("--duration 3600");
    wait_for_program(&lab, "dsr_traced");
    let second = dsr(&lab, &format!("trace --dst {vip}"));
    assert_eq!(said(&second).1, Some(2));
    assert!(complaint(&second).contains("another trace runs: wait until it ends"), "{}", complaint(&second));
    drop(long);
    wait_for_program(&lab, "dsr");

    let stuck = spawn("--duration 2");
    wait_for_program(&lab, "dsr_traced");
    kill_process(Pid::from_child(&stuck.0), Signal::STOP).unwrap();
    wait_for_program(&lab, "dsr");
    assert_eq!(curl::request_many(&lab, 10).good, 10);
}

#[test]
#[ignore = "needs root"]
fn a_trace_goes_on_over_a_program_that_is_loaded_anew() {
    let mut lab = Lab::builder().build().unwrap();
    let configuration = Configuration::of(&lab);
    agent::start(&configuration, &mut lab);
    let vip = *lab.service().ip();
    let trace = Trace::start(&lab, &format!("--dst {vip}"));
    agent::reload(&configuration.hash_seed(1), &lab);
    assert_eq!(program(&lab), "dsr_traced");
    let before = trace.decisions().len();
    assert_eq!(curl::request_many(&lab, 5).good, 5);
    eventually("trace of further packets", || (trace.decisions().len() > before).then_some(()));
    drop(trace);
    wait_for_program(&lab, "dsr");
    assert_eq!(curl::request_many(&lab, 5).good, 5);
}

/// A process that is killed, stopped or not, when it is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
