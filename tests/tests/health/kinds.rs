//! Each kind of check, against what it is for.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use dsr_lab::{Lab, Namespace};
use dsr_tests::lab::{
    Configuration, agent, dsr_program, nginx,
    process::{Daemon, finish},
};

use crate::seen::{wait_cause, wait_passes, wait_up};

const PACE: &str = "interval: 300ms, timeout: 300ms, rise: 2, fall: 2";

#[test]
#[ignore = "needs root"]
fn dns_is_asked_and_its_answer_is_read() {
    let mut lab = Lab::builder().build().unwrap();
    let vip = lab.vip(0).unwrap();
    let right = Answerer::start(lab.backend(1).unwrap(), vip, [192, 0, 2, 1]);
    let _wrong = Answerer::start(lab.backend(2).unwrap(), vip, [192, 0, 2, 2]);
    run(&mut lab, "port: 53, protocol: udp", "{dns: {name: www.example.com, expect: 192.0.2.1}, PACE}");
    wait_up(&lab, "web1");
    wait_cause(&lab, "web2", "application-down");
    wait_cause(&lab, "web3", "application-down");
    drop(right);
    wait_cause(&lab, "web1", "application-down");
}

#[test]
#[ignore = "needs root"]
fn tls_is_spoken_and_certificates_count_where_a_name_is_written() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let _servers = [1, 2].map(|number| tls_server(&lab, number));
    run(&mut lab, "port: 443", "{https: {name: none, path: /}, PACE}");
    wait_passes(&lab, "web1");
    wait_passes(&lab, "web2");
    run(&mut lab, "port: 443", "{https: {name: www.example.com}, PACE}");
    wait_cause(&lab, "web1", "application-down");
    agent::wait_for_log(agent::running(&lab), &["TLS fails: invalid peer certificate"]);
}

#[test]
#[ignore = "needs root"]
fn a_command_is_told_what_to_check() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let vip = lab.vip(0).unwrap();
    let question = format!("test $DSR_BACKEND = web1 -a $DSR_VIP = {vip} -a $DSR_PORT = 80 -a $DSR_SERVICE = one");
    let check = format!("{{command: [/bin/sh, -c, \"{question}\"], interval: 1s, timeout: 1s, rise: 1, fall: 1}}");
    run(&mut lab, "port: 80", &check);
    wait_up(&lab, "web1");
    wait_cause(&lab, "web2", "application-down");
}

#[test]
#[ignore = "needs root"]
fn a_page_is_read_as_it_is_expected() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    run(&mut lab, "port: 80", "{http: {path: /, body: web1}, PACE}");
    wait_up(&lab, "web1");
    wait_cause(&lab, "web2", "application-down");
    run(&mut lab, "port: 80", "{http: {path: /, status: 404}, PACE}");
    wait_cause(&lab, "web1", "application-down");
}

#[test]
#[ignore = "needs root"]
fn a_text_record_is_read_as_dig_prints_it() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let vip = lab.vip(0).unwrap();
    let _one = Answerer::with(lab.backend(1).unwrap(), vip, (TXT, b"\x0bhello world"));
    let _two = Answerer::with(lab.backend(2).unwrap(), vip, (TXT, b"\x06hello \x05world"));
    for expect in [r#"'"hello world"'"#, r#"'"hello " "world"'"#, "hello world"] {
        let check = format!("{{dns: {{name: www.example.com, type: TXT, expect: {expect}}}, PACE}}");
        run(&mut lab, "port: 53, protocol: udp", &check);
        wait_passes(&lab, "web1");
        wait_passes(&lab, "web2");
    }
    run(&mut lab, "port: 53, protocol: udp", "{dns: {name: www.example.com, type: TXT, expect: hello}, PACE}");
    wait_cause(&lab, "web1", "application-down");
    wait_cause(&lab, "web2", "application-down");
}

#[test]
#[ignore = "needs root"]
fn a_truncated_answer_is_completed_by_tcp_from_the_same_backend() {
    let mut lab = Lab::builder().backends(2).build().unwrap();
    let vip = lab.vip(0).unwrap();
    let _one = Answerer::truncating(lab.backend(1).unwrap(), vip, (A, &[192, 0, 2, 1]));
    let _two = Answerer::truncating(lab.backend(2).unwrap(), vip, (A, &[192, 0, 2, 2]));
    run(&mut lab, "port: 53, protocol: udp", "{dns: {name: www.example.com, expect: 192.0.2.1}, PACE}");
    wait_passes(&lab, "web1");
    wait_cause(&lab, "web2", "application-down");
    run(&mut lab, "port: 53, protocol: udp", "{dns: {name: www.example.com, expect: 192.0.2.2}, PACE}");
    wait_passes(&lab, "web2");
    wait_cause(&lab, "web1", "application-down");
}

#[test]
#[ignore = "needs root"]
fn a_large_page_is_read_to_its_end() {
    let mut lab = Lab::builder().backends(2).without_http().build().unwrap();
    let _nginx = nginx::start_all(&lab);
    let page = lab.directory().join("nginx-web1/large");
    fs::OpenOptions::new().append(true).open(page).unwrap().write_all(b"the end").unwrap();
    run(&mut lab, "port: 80", "{http: {path: /large, body: the end}, PACE}");
    wait_passes(&lab, "web1");
    wait_cause(&lab, "web2", "application-down");
    agent::wait_for_log(agent::running(&lab), &["its page does not contain the text that is expected"]);
}

/// Starts the agent anew with one service, checked so.
fn run(lab: &mut Lab, fields: &str, check: &str) {
    let vip = lab.vip(0).unwrap();
    let line = format!("name: one, vip: {vip}, {fields}, health: {}", check.replace("PACE", PACE));
    lab.write_config(&Configuration::of(lab).no_services().line(&line).to_string()).unwrap();
    lab.start_agent(dsr_program()).unwrap();
}

/// OpenSSL's server, with a certificate of its own making.
fn tls_server(lab: &Lab, number: u8) -> Daemon {
    let directory = lab.directory().join(format!("tls-{number}"));
    fs::create_dir(&directory).unwrap();
    let backend = lab.backend(number).unwrap();
    let path = |name: &str| directory.join(name).display().to_string();
    let mut request = backend.command("openssl").unwrap();
    request.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]);
    request.args(["-subj", "/CN=www.example.com", "-addext", "subjectAltName=DNS:www.example.com"]);
    request.args(["-keyout", &path("key"), "-out", &path("certificate")]);
    let made = finish(&mut request);
    assert!(made.status.success(), "{made:?}");
    let mut serve = backend.command("openssl").unwrap();
    serve.args(["s_server", "-www", "-quiet", "-accept", &format!("{}:443", lab.vip(0).unwrap())]);
    serve.args(["-key", &path("key"), "-cert", &path("certificate")]);
    Daemon::start(&mut serve, &directory.join("log"))
}

/// A DNS server that knows one record for every name. Dropping it ends it.
struct Answerer {
    end: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Answerer {
    fn start(backend: &Namespace, vip: Ipv4Addr, address: [u8; 4]) -> Self {
        Self::with(backend, vip, (A, &address))
    }

    /// Its record by its type and its data.
    fn with(backend: &Namespace, vip: Ipv4Addr, record: (u8, &[u8])) -> Self {
        Self::serve(backend, vip, record, None)
    }

    /// Its record comes by TCP only: an answer by UDP is truncated.
    fn truncating(backend: &Namespace, vip: Ipv4Addr, record: (u8, &[u8])) -> Self {
        let listener = backend.run(|| TcpListener::bind((vip, 53))).unwrap().unwrap();
        listener.set_nonblocking(true).unwrap();
        Self::serve(backend, vip, record, Some(listener))
    }

    fn serve(backend: &Namespace, vip: Ipv4Addr, (kind, data): (u8, &[u8]), tcp: Option<TcpListener>) -> Self {
        let data = data.to_vec();
        let socket = backend.run(|| UdpSocket::bind((vip, 53))).unwrap().unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let end = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&end);
        let thread = thread::spawn(move || {
            let mut question = [0; 512];
            while !ended.load(Ordering::Acquire) {
                if let Ok((length, from)) = socket.recv_from(&mut question) {
                    let mut answer = answer(&question[..length], kind, &data);
                    if tcp.is_some() {
                        truncate(&mut answer);
                    }
                    let _ = socket.send_to(&answer, from);
                }
                // A connection that is reset is the check's affair, which fails then.
                let _ = tcp.as_ref().map(|tcp| answer_by_tcp(tcp, kind, &data));
            }
        });
        Self { end, thread: Some(thread) }
    }
}

impl Drop for Answerer {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Release);
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

/// The question, made an answer (RFC 1035, 4.1) with one record that lives for a minute.
fn answer(question: &[u8], kind: u8, data: &[u8]) -> Vec<u8> {
    // What follows the question (EDNS) is ignored, as by an old server.
    let name = question[12..].iter().position(|byte| *byte == 0).unwrap();
    let mut answer = question[..12 + name + 5].to_vec();
    // A response, recursion wanted and there; one answer, and nothing else.
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
    // The name is the one at byte 12; class IN.
    answer.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
    answer.extend(data);
    answer
}

/// Takes the record out and sets TC.
fn truncate(answer: &mut Vec<u8>) {
    let name = answer[12..].iter().position(|byte| *byte == 0).unwrap();
    answer.truncate(12 + name + 5);
    answer[2] |= 0x02;
    answer[7] = 0;
}

/// Answers one connection, if there is one: each message follows its length in two bytes.
fn answer_by_tcp(listener: &TcpListener, kind: u8, data: &[u8]) -> io::Result<()> {
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(Duration::from_millis(300)))?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut question)?;
    let answer = answer(&question, kind, data);
    stream.write_all(&[&(answer.len() as u16).to_be_bytes()[..], &answer].concat())?;
    // It stays open until the check has read it.
    stream.read(&mut length).map(drop)
}

const A: u8 = 1;
const TXT: u8 = 16;
