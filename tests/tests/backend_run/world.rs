//! A lab of a client, a balancer and one backend with nginx; the client sends what is for a VIP to the balancer.

use std::net::IpAddr;

use dsr_lab::{Lab, Namespace, Node};
use dsr_tests::lab::{
    nginx,
    process::{Daemon, finish, ip},
};

use super::agent::Place;

/// Dropped first to last: the lab is what the others stand in.
pub(crate) struct World {
    pub(crate) place: Place,
    _nginx: Vec<Daemon>,
    pub(crate) lab: Lab,
}

impl World {
    pub(crate) fn build() -> Self {
        let lab = Lab::builder().backends(1).without_http().with_ipv6().build().unwrap();
        let nginx = nginx::start_all(&lab);
        let [vip, vip6] = Self::vips_of(&lab);
        let balancer = Node::Balancer.mac();
        for vip in [vip, vip6] {
            // Smaller packets than the link's, so that they fit with what a tunnel adds.
            ip(lab.client(), &format!("route add {vip} dev eth0 mtu 1400"));
            ip(lab.client(), &format!("neighbour replace {vip} lladdr {balancer} dev eth0 nud permanent"));
        }
        Self { place: Place::new(&lab), _nginx: nginx, lab }
    }

    pub(crate) fn backend(&self) -> &Namespace {
        self.lab.backend(1).unwrap()
    }

    /// Both VIPs.
    pub(crate) fn vips(&self) -> [IpAddr; 2] {
        Self::vips_of(&self.lab)
    }

    fn vips_of(lab: &Lab) -> [IpAddr; 2] {
        [lab.vip(0).unwrap().into(), lab.vip6(0).unwrap().into()]
    }

    /// The ends of a tunnel: the balancer and the backend.
    pub(crate) fn ends(is_v4: bool) -> [IpAddr; 2] {
        [Node::Balancer, Node::Backend(1)].map(
            |node| {
                if is_v4 { node.address().into() } else { node.address6().into() }
            },
        )
    }

    /// A configuration; `lines` are added.
    pub(crate) fn yaml(&self, lines: &str) -> String {
        let ([vip, vip6], [balancer, _], [balancer6, _]) = (self.vips(), Self::ends(true), Self::ends(false));
        let sources = format!("balancers: [{balancer}, \"{balancer6}\"]");
        format!(
            "interfaces: [eth0]\nvips: [{vip}, \"{vip6}\"]\n{sources}\nmetrics: {}\n{lines}\n",
            super::agent::METRICS
        )
    }

    /// What curl got from a VIP: the status, and the bytes of the body.
    pub(crate) fn curl(&self, vip: IpAddr, arguments: &[&str]) -> String {
        let mut curl = self.lab.client().command("curl").unwrap();
        curl.args(["--silent", "--show-error", "--globoff", "--max-time", "20", "--output", "/dev/null"]);
        curl.args(["--write-out", "%{http_code} %{size_download}"]).args(arguments);
        let path = if arguments.is_empty() { "/large" } else { "/" };
        curl.arg(format!("http://{}{path}", std::net::SocketAddr::new(vip, dsr_lab::PORT)));
        let output = finish(&mut curl);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Downloads and uploads through the VIP.
    pub(crate) fn assert_serves(&self, vip: IpAddr) {
        assert_eq!(self.curl(vip, &[]), format!("200 {}", nginx::LARGE), "{vip}");
        let upload = self.lab.directory().join("upload");
        std::fs::write(&upload, vec![b'x'; 100_000]).unwrap();
        let data = format!("@{}", upload.display());
        assert!(self.curl(vip, &["--data-binary", &data]).starts_with("200 "), "{vip}");
    }

    /// Whether an interface of the backend has an XDP program: its number.
    pub(crate) fn program(&self, interface: &str) -> Option<u64> {
        let shown = ip(self.backend(), &format!("-json -details link show dev {interface}"));
        let links: serde_json::Value = serde_json::from_str(&shown).unwrap();
        links[0]["xdp"]["prog"]["id"].as_u64()
    }
}
