//! Whether probes are steered now: which link leads them to their backends, or why none does.
//!
//! Another program can remove the rule, the route or the link at any time (systemd-networkd removes foreign rules when it
//! restarts). A probe that was not steered says nothing of its backend, so each result that could change a backend's
//! state is followed by a look at the kernel's route.

use std::{net::IpAddr, sync::Mutex};

use super::{check::Failure, link, monitor::lock};

/// How probes are sent now; shared by all checks.
#[derive(Debug, Default)]
pub(super) struct Steering(Mutex<Steered>);

/// Where probes go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Steered {
    /// There is no check.
    #[default]
    Unused,
    /// To the link with this index. One that is made anew has another index.
    By(u32),
    /// Nowhere, and why.
    Nowhere(String),
}

impl Steering {
    pub(super) fn set(&self, steered: Steered) {
        *lock(&self.0) = steered;
    }

    pub(super) fn get(&self) -> Steered {
        lock(&self.0).clone()
    }

    /// The index of the link that a probe goes to which is sent now.
    pub(super) fn link(&self) -> Result<u32, Failure> {
        match self.get() {
            Steered::By(index) => Ok(index),
            Steered::Nowhere(why) => Err(Failure::Local(why)),
            Steered::Unused => Err(Failure::Local("the link of the health probes is not up yet".to_owned())),
        }
    }

    /// Whether a probe to a VIP that was sent to this link went there; if not, it has no result.
    pub(super) async fn confirm(&self, index: u32, vip: IpAddr) -> Result<(), Failure> {
        if self.link()? != index {
            return Err(Failure::Local("the link of the health probes was replaced meanwhile".to_owned()));
        }
        link::verify(index, &[vip]).await.map_err(|error| Failure::Local(error.to_string()))
    }
}
