//! The socket of the admin API: where it is, whose it is, and what commands say without an agent.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::{
        fs::{FileTypeExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
    process::Command,
    thread,
};

use dsr_lab::Lab;
use dsr_tests::lab::{Configuration, agent, dsr_program, eventually, process::finish};
use rustix::process::Signal;

use super::{complaint, dsr, said};

#[test]
#[ignore = "needs root"]
fn without_an_agent_the_command_says_what_to_do() {
    let lab = Lab::builder().backends(1).build().unwrap();
    for arguments in ["status", "status --json", "trace --dst 10.77.0.10"] {
        let output = dsr(&lab, arguments);
        assert_eq!(said(&output), (String::new(), Some(2)), "{arguments}");
        let complaint = complaint(&output);
        assert!(complaint.contains("no agent answers at /run/dsr/api.sock"), "{complaint}");
        assert!(complaint.contains("`dsr run -c FILE`") && complaint.contains("--socket"), "{complaint}");
    }
}

#[test]
fn an_agent_that_does_not_answer_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("api.sock");
    // The kernel accepts the connections; no process reads them.
    let _listener = UnixListener::bind(&socket).unwrap();
    let ask = |arguments: &[&str]| finish(Command::new(dsr_program()).args(arguments).arg("--socket").arg(&socket));
    thread::scope(|scope| {
        for arguments in [&["status"][..], &["reload"], &["drain", "web1"], &["trace", "--dst", "10.77.0.10"]] {
            scope.spawn(move || {
                let output = ask(arguments);
                let told = complaint(&output);
                assert!(told.contains("no answer from the agent at ") && told.contains("see its log"), "{told}");
                assert_eq!(said(&output), (String::new(), Some(2)), "{arguments:?}");
            });
        }
    });
}

#[test]
#[ignore = "needs root"]
fn the_socket_of_a_dead_agent_is_replaced_and_that_of_a_live_one_is_not() {
    let mut lab = Lab::builder().backends(1).build().unwrap();
    let configuration = Configuration::of(&lab);
    agent::start(&configuration, &mut lab);
    let socket = lab.directory().join("api.sock");
    let mode = fs::symlink_metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);

    // Another agent, which may have all else.
    fs::write(lab.directory().join("second.yaml"), configuration.clone().metrics(None).to_string()).unwrap();
    let second = dsr(&lab, "run -c /run/dsr/second.yaml");
    assert_eq!(second.status.code(), Some(1));
    let expected = "`api`: an agent is running and listens on /run/dsr/api.sock";
    assert!(complaint(&second).contains(expected), "{}", complaint(&second));
    assert_eq!(said(&dsr(&lab, "status")).1, Some(0));

    agent::running(&lab).signal(Signal::KILL);
    eventually("end of the agent", || agent::running(&lab).ended());
    assert!(fs::symlink_metadata(&socket).unwrap().file_type().is_socket());
    assert!(complaint(&dsr(&lab, "status")).contains("Connection refused"));
    lab.start_agent(dsr_program()).unwrap();
    agent::wait_for_slots(agent::running(&lab), &configuration);
    assert_eq!(said(&dsr(&lab, "status")).1, Some(0));

    agent::running(&lab).stop();
    assert!(!socket.exists(), "an agent that stops takes its socket along");
}

#[test]
#[ignore = "needs root"]
fn what_is_no_socket_is_left_alone() {
    let mut lab = Lab::builder().backends(1).build().unwrap();
    lab.write_config(&Configuration::of(&lab).to_string()).unwrap();
    let socket = lab.directory().join("api.sock");
    fs::write(&socket, "mine").unwrap();
    let status = lab.start_agent(dsr_program()).unwrap();
    let status = eventually("end of the agent", || status.ended());
    let log = agent::running(&lab).log();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("/run/dsr/api.sock exists and is not a socket: remove it"), "{log}");
    assert_eq!(fs::read_to_string(&socket).unwrap(), "mine");
}

#[test]
#[ignore = "needs root"]
fn the_socket_moves_with_the_configuration() {
    let mut lab = Lab::builder().backends(1).build().unwrap();
    let configuration = Configuration::of(&lab);
    agent::start(&configuration, &mut lab);
    let reload = |api: &str, result: &str| {
        let before = agent::reloads(agent::running(&lab), result);
        lab.write_config(&format!("{configuration}{api}\n")).unwrap();
        agent::wait_for_reload(agent::running(&lab), result, before);
    };
    let answers = |arguments: &str| said(&dsr(&lab, arguments)).1 == Some(0);
    let other = "status --socket /run/dsr/other/admin.sock";
    reload("api: /run/dsr/other/admin.sock", "ok");
    assert!(answers(other) && !answers("status"));
    assert!(!lab.directory().join("api.sock").exists());

    // A path that is taken changes nothing.
    let _taken = UnixListener::bind(lab.directory().join("taken.sock")).unwrap();
    reload("api: /run/dsr/taken.sock", "error");
    let (told, code) = said(&dsr(&lab, other));
    assert!(told.contains("/run/dsr/taken.sock exists and is not a socket") || told.contains("listens on"), "{told}");
    assert_eq!(code, Some(1), "it answers, and the refused file is a finding");

    reload("api: off", "ok");
    assert!(!answers(other) && !lab.directory().join("other/admin.sock").exists());
    reload("", "ok");
    assert!(answers("status"));
}

/// The answer to a request of HTTP, as it is.
fn ask(lab: &Lab, request: &str, body: &[u8]) -> (String, serde_json::Value) {
    let mut stream = UnixStream::connect(lab.directory().join("api.sock")).unwrap();
    let head =
        format!("{request} HTTP/1.1\r\nhost: dsr\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    // An agent that has read enough may close.
    drop(stream.write_all(body));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.lines().next().unwrap().to_owned();
    (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}")))
}

#[test]
#[ignore = "needs root"]
fn a_bad_request_is_told_what_is_wrong_with_it() {
    let mut lab = Lab::builder().backends(1).build().unwrap();
    agent::start(&Configuration::of(&lab), &mut lab);
    let huge = vec![b' '; dsr::config::LARGEST as usize * 2];
    let deep = serde_json::json!({"text": "[".repeat(400_000), "file": "deep.yaml", "hash_seed": 1}).to_string();
    let nested = format!("{{\"text\": {}", "[".repeat(400_000));
    let trace = |body: &'static str| ("POST /v1/trace", body.as_bytes());
    let cases = [
        (("GET /v1/nothing", &b""[..]), "404", "nothing is at /v1/nothing"),
        (("POST /v1/status", b""), "405", "/v1/status does not take POST"),
        (trace("{"), "400", "invalid request body"),
        (trace("{\"vip\": \"10.77.0.10\", \"seconds\": 1, \"from\": 1}"), "400", "unknown field `from`"),
        (trace("{\"vip\": \"10.77.0.10\", \"seconds\": 0}"), "400", "the duration is out of bounds"),
        (trace("{\"vip\": \"10.77.0.10\", \"seconds\": 1, \"client\": \"::1\"}"), "400", "different IP versions"),
        (trace("{\"vip\": \"10.77.0.99\", \"seconds\": 1}"), "404", "10.77.0.99 is not a VIP of this agent"),
        (("POST /v1/check", deep.as_bytes()), "400", "nested more than 64 deep"),
        (("POST /v1/check", nested.as_bytes()), "400", "invalid request body"),
        (("POST /v1/trace", &huge), "413", "length limit exceeded"),
    ];
    for ((request, body), status, error) in cases {
        let (line, answer) = ask(&lab, request, body);
        assert!(line.contains(status), "{request}: {line} {answer}");
        assert!(answer["error"].as_str().unwrap().contains(error), "{request}: {answer}");
        assert!(!answer["remedy"].as_str().unwrap().is_empty(), "{request}: {answer}");
    }
    assert_eq!(said(&dsr(&lab, "status")).1, Some(0));
}
