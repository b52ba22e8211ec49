//! What the service manager is told, as systemd would hear it.

use std::{os::unix::net::UnixDatagram, path::Path};

use dsr_lab::Lab;
use dsr_tests::lab::{
    Configuration, PATIENCE,
    agent::has_program,
    dsr_program, eventually,
    process::{Daemon, finish},
};
use rustix::process::{Pid, Signal, kill_process};

/// The manager's socket, as the agent sees it.
const SOCKET: &str = "/run/dsr/notify";

fn manager(lab: &Lab) -> UnixDatagram {
    let socket = UnixDatagram::bind(lab.directory().join("notify")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn next(manager: &UnixDatagram) -> String {
    let mut bytes = [0; 64];
    let length = manager.recv(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

fn agent(lab: &Lab) -> std::process::Command {
    let mut command = lab.agent_command(dsr_program()).unwrap();
    command.args(["run", "-c", "/run/dsr/dsr.yaml"]);
    command.env("NOTIFY_SOCKET", SOCKET).env("WATCHDOG_USEC", "30000000");
    command
}

#[test]
#[ignore = "needs root"]
fn an_agent_says_that_it_balances_lives_and_ends() {
    let lab = Lab::builder().backends(1).build().unwrap();
    lab.write_config(&Configuration::of(&lab).to_string()).unwrap();
    let manager = manager(&lab);
    let log: &Path = &lab.directory().join("notified.log");
    let mut running = Daemon::start(&mut agent(&lab), log);
    assert_eq!(next(&manager), "READY=1", "{}", running.log());
    assert!(has_program(&lab, "eth0"), "ready without a program: {}", running.log());
    for beat in 0..2 {
        assert_eq!(next(&manager), "WATCHDOG=1", "beat {beat}: {}", running.log());
    }
    running.assert_running();
    kill_process(Pid::from_raw(running.pid().cast_signed()).unwrap(), Signal::USR1).unwrap();
    eventually("word of the end", || (next(&manager) == "STOPPING=1").then_some(()));
    eventually("end of the agent", || (!running.is_running()).then_some(()));
    assert!(has_program(&lab, "eth0"), "a handover leaves the program: {}", running.log());
}

#[test]
#[ignore = "needs root"]
fn an_agent_that_cannot_start_is_not_ready() {
    let lab = Lab::builder().backends(1).without_http().build().unwrap();
    lab.write_config(&Configuration::of(&lab).interfaces(&["eth0", "eth1"]).to_string()).unwrap();
    let manager = manager(&lab);
    let output = finish(&mut agent(&lab));
    // The interface may come: a unit starts the agent again, which it does not after a 2.
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    manager.set_nonblocking(true).unwrap();
    let said = manager.recv(&mut [0; 64]).unwrap_err();
    assert_eq!(said.kind(), std::io::ErrorKind::WouldBlock);
}
