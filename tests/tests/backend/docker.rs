//! The script for a container, run on a host whose `docker` tells the process of a namespace.

use std::process::Stdio;

use dsr::backend::{Action, Asked, System};

use crate::{
    host::Host,
    scripts::{VIP, VIP6, asked, text},
};

/// A `docker` whose only container, web1, is this process.
fn docker(pid: u32) -> String {
    format!(
        "docker() {{\n    [ \"$1 $2 $3 $4\" = 'inspect --format {{{{.State.Pid}}}} web1' ] || exit 1\n    echo {pid}\n}}\n"
    )
}

#[test]
#[ignore = "needs root"]
fn a_container_is_set_up_from_outside() {
    let (outside, container) = (Host::build(), Host::build());
    let mut process = container.backend.command("sleep").unwrap().arg("1000").stdin(Stdio::null()).spawn().unwrap();
    let run = |action| {
        let asked = Asked { address: Some(Host::ADDRESS.to_owned()), ..asked(System::Docker, action) };
        let output = outside.run(&(docker(process.id()) + &text(&asked)));
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (before, untouched) = (container.state(), outside.state());
    assert_eq!(run(Action::Check).0, Some(1));
    assert_eq!(run(Action::Setup).0, Some(0));
    assert_eq!(run(Action::Check).0, Some(0));
    assert!(container.accepts(VIP) && container.accepts(VIP6) && !container.is_told(VIP) && !container.is_told(VIP6));
    assert!(!outside.accepts(VIP), "the Docker host has become a backend");
    assert_eq!(run(Action::Undo).0, Some(0));
    assert_eq!(run(Action::Check).0, Some(1));
    container.assert_is(&before);
    outside.assert_is(&untouched);
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
#[ignore = "needs root"]
fn a_container_with_the_hosts_network_is_refused() {
    let host = Host::build();
    // A process in the network that the script runs in: were it not refused, nothing else would be touched.
    let mut process = host.backend.command("sleep").unwrap().arg("1000").stdin(Stdio::null()).spawn().unwrap();
    let output = host.run(&(docker(process.id()) + &text(&asked(System::Docker, Action::Setup))));
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("has the host's network"), "{output:?}");
    let stopped = host.run(&(docker(0) + &text(&asked(System::Docker, Action::Setup))));
    assert!(String::from_utf8_lossy(&stopped.stderr).contains("does not run"), "{stopped:?}");
}
