//! Forward modes from the file to the client: a real agent, a router, `dsr backend run` on each backend, real servers and
//! clients. Needs root.

#![allow(clippy::unwrap_used)]

mod change;
mod cloud;
mod icmp_errors;
mod mtu;
mod multipath;
mod transfer;

use std::net::{IpAddr, SocketAddr};

use dsr_common::forward::ForwardMode;
use dsr_lab::{Lab, PORT};
use dsr_tests::lab::{Configuration, dsr_program, process::finish};

/// A lab in this forward mode whose backends run their agents; the balancer's is not started yet.
fn lab(mode: ForwardMode, backends: u8) -> Lab {
    let lab = Lab::builder().backends(backends).without_http().with_ipv6().forward(mode).build().unwrap();
    lab.start_backend_agents(dsr_program()).unwrap();
    lab
}

/// All backends in this forward mode behind the first IPv4 VIP, with the code that the backends know.
fn configuration(lab: &Lab) -> Configuration {
    let file = Configuration::of(lab).field(&format!("forward: {}", lab.forward().name()));
    if lab.forward() == ForwardMode::Dscp { file.top(&format!("dscp: {{{}: 1}}", lab.vip(0).unwrap())) } else { file }
}

/// Both VIPs.
fn vips(lab: &Lab) -> [IpAddr; 2] {
    [lab.vip(0).unwrap().into(), lab.vip6(0).unwrap().into()]
}

/// What curl got from the client: the status, the bytes of the body, and the backend that answered.
fn curl(lab: &Lab, vip: IpAddr, path: &str, arguments: &[&str]) -> String {
    let mut curl = lab.client().command("curl").unwrap();
    curl.args(["--silent", "--show-error", "--globoff", "--max-time", "20", "--output", "/dev/null"]);
    curl.args(["--write-out", "%{http_code} %{size_download} %header{x-backend}"]).args(arguments);
    let output = finish(curl.arg(format!("http://{}{path}", SocketAddr::new(vip, PORT))));
    assert!(output.status.success(), "{vip}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
