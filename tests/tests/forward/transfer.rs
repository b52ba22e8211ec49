//! Transfers in both directions through paths of 1500 bytes, whose MTU is not raised.

use std::{fs, net::SocketAddr};

use dsr_common::forward::ForwardMode;
use dsr_lab::Lab;
use dsr_tests::lab::{
    agent, dsr_program,
    echo::{EchoServers, ask},
    eventually, nginx,
    process::finish,
};

use super::{curl, lab, vips};

/// Bytes of an upload: many packets that fill the path, and what nginx takes.
const UPLOAD: usize = 1 << 20;
const ECHO: u16 = 7000;
/// What QUIC sends at least (RFC 9000, section 14), and what fills the client's link over IPv4.
const DATAGRAMS: [usize; 2] = [1200, 1472];

/// The lab's own configuration, and a service that sends datagrams back.
fn start(lab: &mut Lab) {
    let [vip, vip6] = vips(lab);
    let pool6 = if lab.forward() == ForwardMode::Dscp { "web6" } else { "web" };
    let echo = format!(
        "  - {{name: echo, vip: {vip}, protocol: udp, port: {ECHO}, pool: web, health: none}}\n  \
           - {{name: echo6, vip: \"{vip6}\", protocol: udp, port: {ECHO}, pool: {pool6}, health: none}}\n"
    );
    lab.write_config(&format!("{}{echo}", lab.default_configuration())).unwrap();
    lab.start_agent(dsr_program()).unwrap();
    lab.wait_ready().unwrap();
}

#[test]
#[ignore = "needs root"]
fn transfers_and_datagrams_pass_every_mode() {
    for mode in ForwardMode::ALL {
        let mut lab = lab(mode, 2);
        let _nginx = nginx::start_all(&lab);
        let addresses = vips(&lab).map(|vip| SocketAddr::new(vip, ECHO));
        let _echo = EchoServers::start(&lab, &addresses);
        start(&mut lab);
        let upload = lab.directory().join("upload");
        fs::write(&upload, vec![b'x'; UPLOAD]).unwrap();
        let data = format!("@{}", upload.display());
        for vip in vips(&lab) {
            for _ in 0..4 {
                let got = curl(&lab, vip, "/large", &[]);
                assert!(got.starts_with(&format!("200 {} web", nginx::LARGE)), "{mode:?} {vip}: {got}");
                let sent = curl(&lab, vip, "/", &["--data-binary", &data]);
                assert!(sent.starts_with("200 "), "{mode:?} {vip}: {sent}");
            }
        }
        for to in addresses {
            for length in DATAGRAMS {
                // The first one that does not fit teaches the client the path's MTU, and is lost.
                eventually("answer to a datagram", || ask(lab.client(), 0, to, &vec![b'x'; length]).ok());
            }
        }
        // The client was told, and no router had to: large requests of modes with an overhead did not fit.
        let told = agent::reason(&lab, "answer_too_big");
        assert_eq!(told > 0, mode.encapsulates(), "{mode:?}: {told} packets were answered");
    }
}

#[test]
#[ignore = "needs root"]
fn check_and_status_show_the_mode() {
    for mode in [ForwardMode::Dscp, ForwardMode::Gue] {
        let mut lab = lab(mode, 1);
        let said = |lab: &Lab, arguments: &str| {
            let mut command = lab.agent_command(dsr_program()).unwrap();
            let output = finish(command.args(arguments.split(' ')));
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        lab.write_config(&lab.default_configuration()).unwrap();
        let checked = said(&lab, "check -c /run/dsr/dsr.yaml");
        let wanted = match mode {
            ForwardMode::Dscp => "DSCP codes, the same for the backends: dscp: {\"10.77.0.10\": 1, \"fd77::a\": 2}",
            _ => {
                "pool web, gue: packets of up to 1472 bytes fit: 1500 to web1 less 28; larger ones are answered with ICMP"
            }
        };
        assert!(checked.contains(wanted), "{checked}");
        lab.start_agent(dsr_program()).unwrap();
        lab.wait_ready().unwrap();
        let status = said(&lab, "status");
        assert!(status.contains(&format!("pool web by {}, ", mode.name())), "{status}");
        let json: serde_json::Value = serde_json::from_str(&said(&lab, "status --json")).unwrap();
        assert_eq!(json["services"][0]["forward"], mode.name());
    }
}
