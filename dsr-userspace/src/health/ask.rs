//! One probe at a backend's own address, for those who look once: it is not steered, so that it says nothing of the VIP.

use std::net::{IpAddr, SocketAddr};

use dsr_sys::socket::source_towards;

use super::{
    check::{self, Failure, Names, http::host_at},
    socket::ProbeRoute,
};
use crate::model::{Backend, Check, Http, Probe};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnAnswer {
    /// The right answer.
    Right,
    /// An answer, and why it is not the right one.
    Wrong(String),
    /// No answer, or none that says anything.
    Nothing,
}

/// Asks a backend what the check of this service asks it at the VIP. A command is not run: it is for the agent's probes.
pub async fn ask_own(check: &Check, service: (&str, IpAddr), backend: &Backend) -> OwnAnswer {
    let (service, vip) = service;
    let check = Check { probe: for_vip(&check.probe, SocketAddr::new(vip, check.port.get())), ..check.clone() };
    if matches!(check.probe, Probe::Command(_)) {
        return OwnAnswer::Nothing;
    }
    let Ok(from) = source_towards(backend.address) else { return OwnAnswer::Nothing };
    let route = ProbeRoute { to: SocketAddr::new(backend.address, check.port.get()), from, number: None };
    let names = Names { service, backend: &backend.name, address: backend.address };
    match check::run(&check, &route, &names).await {
        Ok(()) => OwnAnswer::Right,
        Err(failure @ (Failure::Wrong(_) | Failure::Unanswered)) => OwnAnswer::Wrong(failure.to_string()),
        Err(Failure::Silent | Failure::Refused | Failure::Forwarded | Failure::Unsent(_) | Failure::Local(_)) => {
            OwnAnswer::Nothing
        }
    }
}

/// The same question with the VIP as the host that is asked for, where the file names none.
fn for_vip(probe: &Probe, vip: SocketAddr) -> Probe {
    match probe {
        Probe::Http(http @ Http { host: None, tls, .. }) => {
            Probe::Http(Http { host: Some(host_at(vip, tls.is_some())), ..http.clone() })
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(vip: &str, host: Option<&str>) -> Option<String> {
        let http = Http {
            tls: None,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            host: host.map(ToOwned::to_owned),
            status: vec![200..=200],
            body: None,
        };
        match for_vip(&Probe::Http(http), vip.parse().unwrap()) {
            Probe::Http(http) => http.host,
            _ => None,
        }
    }

    #[test]
    fn the_page_is_asked_for_as_at_the_vip() {
        assert_eq!(host("192.0.2.10:80", None).as_deref(), Some("192.0.2.10"));
        assert_eq!(host("192.0.2.10:8080", None).as_deref(), Some("192.0.2.10:8080"));
        assert_eq!(host("[2001:db8::1]:80", None).as_deref(), Some("[2001:db8::1]"));
        assert_eq!(host("192.0.2.10:80", Some("www.example.com")).as_deref(), Some("www.example.com"));
    }
}
