//! Path MTU discovery (RFC 1191, RFC 8201) behind a VIP: a router's complaint about a backend's large packets is
//! addressed to the VIP, and has to find that backend.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    process::Command,
    thread,
};

use dsr_lab::{Lab, PORT};
use dsr_tests::lab::{
    Configuration,
    agent::{self, reason},
    errors::Errors,
    far::Far,
    nginx,
    process::{Daemon, finish, ip, set},
};

/// A lab whose clients are behind a narrow link, and the service that they use.
struct Narrow {
    // Dropped first to last: the lab is what the others stand in.
    _nginx: Vec<Daemon>,
    far: Far,
    lab: Lab,
    service: SocketAddr,
}

impl Narrow {
    fn build(vip: impl FnOnce(&Lab) -> IpAddr) -> Self {
        let mut lab = Lab::builder().without_http().with_ipv6().build().unwrap();
        let far = Far::build(&lab, MTU);
        for backend in BACKENDS {
            // The kernel must not find out by itself.
            set(lab.backend(backend).unwrap(), "ipv4.tcp_mtu_probing", "0");
        }
        let vip = vip(&lab);
        let configuration = Configuration::of(&lab).no_services();
        let configuration = configuration.line(&format!("name: www, vip: \"{vip}\", port: {PORT}"));
        let nginx = nginx::start_all(&lab);
        agent::start(&configuration, &mut lab);
        Self { _nginx: nginx, far, lab, service: (vip, PORT).into() }
    }

    fn curl(&self, port: u16, seconds: &str) -> Command {
        let mut curl = self.far.host().command("curl").unwrap();
        curl.args(["--silent", "--globoff", "--output", "/dev/null", "--max-time", seconds]);
        curl.args(["--write-out", "%{http_code} %{size_download} %header{x-backend}"]);
        curl.args(["--local-port", &port.to_string(), &format!("http://{}/large", self.service)]);
        curl
    }

    /// Fetches the large body from all ports at once; gives the ports that each backend answered.
    fn transfer(&self) -> BTreeMap<String, BTreeSet<u16>> {
        let fetch = |port| {
            let output = finish(&mut self.curl(port, "40"));
            let said = String::from_utf8(output.stdout).unwrap();
            let name = said.strip_prefix(&format!("200 {} ", nginx::LARGE));
            (name.unwrap_or_else(|| panic!("{}: {said}", output.status)).to_owned(), port)
        };
        let fetched: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = PORTS.map(|port| scope.spawn(move || fetch(port))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut ports = BTreeMap::<_, BTreeSet<_>>::new();
        for (name, port) in fetched {
            ports.entry(name).or_default().insert(port);
        }
        ports
    }

    fn assert_transfers_finish(&self) {
        let vip = self.service.ip();
        let errors = BACKENDS.map(|backend| Errors::watch(&self.lab, backend, vip));
        // A connection that an earlier request gave up goes on to be retransmitted for a while, and learns the MTU.
        for backend in BACKENDS {
            for family in ["-4", "-6"] {
                ip(self.lab.backend(backend).unwrap(), &format!("{family} route flush cache"));
            }
        }
        let answered = self.transfer();
        println!("{answered:?}");
        for (backend, errors) in BACKENDS.into_iter().zip(errors) {
            let mut about = errors.take();
            println!("web{backend} was told of {about:?}");
            assert!(!about.is_empty(), "web{backend} was told of no flow");
            about.retain(|port| PORTS.contains(port));
            assert!(about.is_subset(&answered[&format!("web{backend}")]), "{about:?}: {answered:?}");
            let knows = self.route_of(backend);
            assert!(knows.contains(&format!("mtu {MTU}")), "web{backend}: {knows}");
        }
        assert_eq!((reason(&self.lab, "drop_icmp"), reason(&self.lab, "drop_malformed")), (0, 0));
    }

    /// What a backend's kernel knows of the way to the far client.
    fn route_of(&self, backend: u8) -> String {
        let (family, far) = match self.service {
            SocketAddr::V4(_) => ("-4", IpAddr::from(Far::ADDRESS)),
            SocketAddr::V6(_) => ("-6", Far::ADDRESS6.into()),
        };
        ip(self.lab.backend(backend).unwrap(), &format!("{family} route get {far} from {}", self.service.ip()))
    }
}

#[test]
#[ignore = "needs root"]
fn a_narrow_link_on_the_way_is_found_over_ipv4() {
    Narrow::build(|lab| lab.vip(0).unwrap().into()).assert_transfers_finish();
}

#[test]
#[ignore = "needs root"]
fn a_narrow_link_on_the_way_is_found_over_ipv6() {
    Narrow::build(|lab| lab.vip6(0).unwrap().into()).assert_transfers_finish();
}

/// That the proofs above prove something: the errors are all that makes the transfers finish.
#[test]
#[ignore = "needs root"]
fn nothing_arrives_while_the_errors_are_lost() {
    let narrow = Narrow::build(|lab| lab.vip(0).unwrap().into());
    let rule = format!("to {} ipproto icmp blackhole", narrow.service.ip());
    ip(narrow.lab.client(), &format!("rule add {rule}"));
    let output = finish(&mut narrow.curl(PORTS.end, "3"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), said.trim()), (Some(CURL_TIMED_OUT), "000 0"));
    ip(narrow.lab.client(), &format!("rule del {rule}"));
    narrow.assert_transfers_finish();
}

const MTU: u16 = 1280;
const BACKENDS: [u8; 3] = [1, 2, 3];
/// The far client's; with the seed they give flows to every backend.
const PORTS: std::ops::Range<u16> = 40000..40012;
/// `CURLE_OPERATION_TIMEDOUT`
const CURL_TIMED_OUT: i32 = 28;
