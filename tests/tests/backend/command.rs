//! The command: what it prints, and what it says of wrong arguments.

use std::process::Command;

use dsr_tests::lab::{dsr_program, process::finish};

/// The exit code, what it printed, what it said.
fn dsr(arguments: &str) -> (Option<i32>, String, String) {
    let arguments = arguments.split(' ').map(|word| word.replace('~', " "));
    let output = finish(Command::new(dsr_program()).args(["backend", "setup"]).args(arguments));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn scripts_go_to_standard_output() {
    let (code, script, said) = dsr("--os linux --vip 192.0.2.10,2001:db8::10 --vip 192.0.2.11");
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(script.starts_with("#!/bin/sh\n# dsr backend setup: make this host a backend of 192.0.2.10"), "{script}");
    assert!(script.contains("hold 192.0.2.11 4 lo"), "{script}");
    let (code, script, _) = dsr("--os windows --vip 192.0.2.10 --interface Ethernet~2 --netsh");
    assert!(code == Some(0) && script.contains("set interface \"Ethernet 2\" weakhostreceive=enabled"), "{script}");
}

#[test]
fn wrong_arguments_are_told_and_what_to_write() {
    let cases = [
        ("--os beos --vip 192.0.2.10", "linux, windows, freebsd, macos, solaris, illumos, docker, pod"),
        ("--os linux", "--vip <ADDRESS>"),
        ("--os linux --vip 192.0.2.10 --pool web", "cannot be used with"),
        ("--os linux --pool web", "--config <FILE>"),
        ("--os linux --vip web1", "--vip: `web1` is not an address"),
        ("--os linux --vip 192.0.2.10/32", "has a prefix length: write the address alone, 192.0.2.10"),
        ("--os linux --vip 224.0.0.1", "is a multicast address"),
        ("--os linux --vip ff02::1", "is a multicast address"),
        ("--os linux --vip 127.0.0.1", "is a loopback address"),
        ("--os linux --vip 0.0.0.0", "is not a host address"),
        ("--os linux --vip fe80::1", "is a link-local address"),
        ("--os linux --vip ::ffff:192.0.2.10", "write 192.0.2.10"),
        ("--os linux --vip 192.0.2.10,192.0.2.10", "is written twice"),
        ("--os linux --vip 10.0.0.11 --address 10.0.0.11", "is the backend's own address"),
        ("--os linux --vip 192.0.2.10 --address nowhere", "--address: `nowhere` is not an address"),
        ("--os linux --vip 192.0.2.10 --port 80", "--port: `80` is not a port: write it like 80/tcp or 53/udp"),
        ("--os linux --vip 192.0.2.10 --port 0/tcp", "`0/tcp` is not a port"),
        ("--os linux --vip 192.0.2.10 --port 80/sctp", "`80/sctp` is not a port"),
        ("--os linux --vip 192.0.2.10 --port +80/tcp", "`+80/tcp` is not a port"),
        ("--os linux --vip 192.0.2.10 --undo --check", "cannot be used with"),
        ("--os linux --vip 192.0.2.10 --nftables --persist netplan", "cannot be used with"),
        ("--os linux --vip 192.0.2.10 --persist upstart", "systemd-networkd, ifupdown, networkmanager, netplan"),
        ("--os linux --vip 192.0.2.10 --netsh", "--netsh: is for --os windows"),
        ("--os linux --vip 192.0.2.10 --container web1", "--container: is for --os docker"),
        ("--os freebsd --vip 192.0.2.10 --persist netplan", "--persist: is for --os linux"),
        ("--os freebsd --vip 192.0.2.10 --port 80/tcp", "--port: is for --os linux"),
        ("--os freebsd --vip 192.0.2.10 --interface em0", "--interface: is not needed here"),
        ("--os docker --vip 192.0.2.10", "--container: is missing"),
        ("--os windows --vip 192.0.2.10", "--address: is missing"),
        ("--os linux --vip 192.0.2.10 --forward vxlan", "write one of l2, dscp, ipip, gre, gue"),
        ("--os linux --vip 192.0.2.10 --forward ipip", "--address: is missing: write the address that the tunnel ends"),
        ("--os linux --vip 192.0.2.10 --forward dscp", "192.0.2.10 has no code: add 192.0.2.10=CODE"),
        (
            "--os linux --vip 192.0.2.10 --forward dscp --dscp 192.0.2.10=64",
            "`192.0.2.10=64` is not a VIP with its code",
        ),
        ("--os linux --vip 192.0.2.10 --forward dscp --dscp 192.0.2.11=8", "192.0.2.11 is not among the VIPs"),
        (
            "--os linux --vip 192.0.2.10,192.0.2.11 --forward dscp --dscp 192.0.2.10=8,192.0.2.11=8",
            "192.0.2.11 has the code of 192.0.2.10",
        ),
        ("--os linux --vip 192.0.2.10 --dscp 192.0.2.10=8", "--dscp: is for --forward dscp"),
        ("--os linux --vip 192.0.2.10 --gre-key 8", "--gre-key: is for --forward gre"),
        ("--os linux --vip 192.0.2.10 --gue-port 8", "--gue-port: is for --forward gue"),
        ("--os linux --vip 192.0.2.10 --address 10.0.0.11 --forward gue --gue-port 0", "0 is not a port"),
        (
            "--os linux --vip 192.0.2.10 --address 10.0.0.11 --forward gre --persist netplan",
            "use `dsr backend run` with its unit",
        ),
        (
            "--os windows --vip 192.0.2.10 --address 10.0.0.11 --forward gue",
            "no means of Windows is known that takes these packets",
        ),
        ("--os freebsd --vip 192.0.2.10 --address 10.0.0.11 --forward ipip", "docs/backend-half.md has the commands"),
        (
            "--os docker --container web1 --vip 192.0.2.10 --forward ipip",
            "the host ends the tunnel by `dsr backend run`",
        ),
    ];
    for (arguments, told) in cases {
        let (code, printed, said) = dsr(arguments);
        assert_eq!((code, printed.as_str()), (Some(2), ""), "{arguments}: {said}");
        assert!(said.contains(told), "{arguments}: {said}");
    }
    let (_, _, said) = dsr("--os windows --vip web1,224.0.0.1 --port x");
    assert_eq!(said.lines().count(), 4, "not everything at once: {said}");
}

#[test]
fn the_balancers_file_says_what_a_backend_serves() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/routed.yaml");
    let cases = [
        ("--address 10.1.0.15", "--vip 192.0.2.13 --forward dscp --dscp 192.0.2.13=8 --address 10.1.0.15"),
        ("--pool dscp", "--vip 192.0.2.13 --forward dscp --dscp 192.0.2.13=8"),
        ("--address 10.1.0.13", "--vip 192.0.2.11 --forward gre --gre-key 7 --address 10.1.0.13"),
        ("--address 10.2.0.14 --undo", "--vip 192.0.2.12 --forward gue --address 10.2.0.14 --undo"),
        ("--address 10.1.0.12 --check", "--vip 192.0.2.10 --forward ipip --address 10.1.0.12 --check"),
    ];
    for (by_file, written) in cases {
        let found = dsr(&format!("--os linux -c {file} {by_file}"));
        assert_eq!(found.0, Some(0), "{by_file}: {}", found.2);
        assert_eq!(found, dsr(&format!("--os linux {written}")), "{by_file}");
    }
    let wrong = [
        ("--address 10.1.0.99", "--address: is of no backend of "),
        ("--address web1", "--address: `web1` is not an address"),
        ("--address 10.1.0.15 --pool web", "has the pool web: write dscp, gre, gue or ipip"),
        ("--address 10.1.0.15 --vip 192.0.2.13", "cannot be used with"),
    ];
    for (arguments, told) in wrong {
        let (code, _, said) = dsr(&format!("--os linux -c {file} {arguments}"));
        assert!(code == Some(2) && said.contains(told), "{arguments}: {said}");
    }
    let (code, _, said) = dsr("--os linux -c /nonexistent/dsr.yaml --address 10.1.0.15");
    assert!(code == Some(2) && said.contains("/nonexistent/dsr.yaml: cannot be read"), "{said}");
}

/// Nothing that is given can become a part of the script but a name.
#[test]
fn nothing_breaks_out_of_a_script() {
    let hostile = [
        "a;reboot",
        "$(reboot)",
        "`reboot`",
        "a'b",
        "a\"b",
        "a|b",
        "a&b",
        "a>b",
        "a\nb",
        "a\\b",
        "-rf",
        "a/../b",
        "",
        "a%b",
        "\u{2019}b",
        "eth0\u{0}",
        "a{b}",
        "a*",
        "a?",
        "[a]",
        "a~b",
        "a!b",
        "a#b\n",
        "(a",
        "a,b",
    ];
    for name in hostile {
        for (system, argument) in [("linux", "--interface"), ("windows", "--interface"), ("docker", "--container")] {
            if name.contains('\0') || (system == "windows" && name == "(a") {
                continue;
            }
            let given = format!("{argument}={name}");
            let mut command = Command::new(dsr_program());
            command.args(["backend", "setup", "--os", system, "--vip", "192.0.2.10", &given]);
            let output = finish(&mut command);
            assert_eq!(
                (output.status.code(), output.stdout.is_empty()),
                (Some(2), true),
                "{system} {name:?}: {output:?}"
            );
        }
    }
}
