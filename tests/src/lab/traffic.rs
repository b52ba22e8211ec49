//! Two kinds of requests at once, and what a change of the configuration may cost each.

use std::{
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

use dsr_lab::{Lab, Load, LoadPlan, Tally};

use super::{
    Configuration,
    datagram::{Answered, Datagrams, UDP_PORT},
    eventually,
};

/// HTTP requests and datagrams to the services of [`services`]. Dropping it ends them.
#[derive(Debug)]
pub struct Traffic {
    tcp: Load,
    udp: Datagrams,
}

/// All backends of a lab behind a service for each kind.
pub fn services(lab: &Lab) -> Configuration {
    Configuration::of(lab).service(lab, "names", "udp", UDP_PORT)
}

impl Traffic {
    /// Starts both.
    ///
    /// # Panics
    /// Where they cannot be started.
    #[must_use]
    pub fn start(lab: &Lab) -> Self {
        let plan = LoadPlan {
            service: lab.service(),
            rate: RATE,
            concurrency: CONNECTIONS,
            timeout: TIMEOUT,
            backends: lab.backend_names(),
        };
        Self { tcp: Load::start(lab.client(), plan).expect("the load starts"), udp: Datagrams::start(lab) }
    }

    /// Waits until a good many more of both kinds were answered.
    ///
    /// # Panics
    /// Where that does not happen.
    pub fn goes_on(&self) {
        let good = |tally: &Tally| tally.requests() - tally.failed();
        let (tcp, udp) = (good(&self.tcp.tally()), self.udp.answered().all());
        eventually("answer to more requests", || (good(&self.tcp.tally()) >= tcp + MORE).then_some(()));
        eventually("answer to more datagrams", || (self.udp.answered().all() >= udp + MORE).then_some(()));
    }

    /// Waits until this backend, numbered from one, has answered both kinds.
    ///
    /// # Panics
    /// Where it does not.
    pub fn reaches(&self, backend: u8) {
        let (index, name) = (usize::from(backend) - 1, format!("web{backend}"));
        let answered = || self.tcp.tally().answered()[index] > 0 && self.udp.answered().by.contains_key(&name);
        eventually(&format!("answer of {name}"), || answered().then_some(()));
    }

    /// Ends both. No datagram may be without an answer, and no HTTP request, but for those that may have been under way to
    /// a backend when it was taken away, which was so many times.
    ///
    /// # Panics
    /// Where more failed.
    pub fn stop(mut self, taken_away: u64) -> (Tally, Answered) {
        let (tcp, udp) = (self.tcp.stop(), self.udp.stop());
        assert_eq!(udp.lost, 0, "{udp:?}");
        let (failed, allowed) = (tcp.failed(), taken_away * UNDER_WAY);
        assert!(failed <= allowed, "{failed} of {} requests failed: {:?}", tcp.requests(), tcp.last_failure());
        (tcp, udp)
    }
}

const RATE: NonZeroU32 = NonZeroU32::new(500).unwrap();
const CONNECTIONS: NonZeroU16 = NonZeroU16::new(2).unwrap();
/// Connections that may be under way to a backend that is taken away: one a sender, and one more should the writer be
/// interrupted in the middle.
const UNDER_WAY: u64 = 2 * CONNECTIONS.get() as u64;
/// As long as a SYN that was lost for nothing takes to be sent again, and much longer than any answer takes.
const TIMEOUT: Duration = Duration::from_secs(5);
const MORE: u64 = 50;
