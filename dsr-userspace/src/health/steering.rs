//! Whether probes are steered now: which link leads them to their backends, or why none does.
//!
//! Another program can remove the rule, the route, the link or the program on it at any time (systemd-networkd removes foreign rules when it
//! restarts). A probe that was not steered says nothing of its backend, so each result that could change a backend's
//! state is followed by a look at the kernel's route and at the link's program.

use std::{net::IpAddr, sync::Mutex};

use super::{check::Failure, monitor::lock, path::ProbePath};

/// How probes are sent now; shared by all checks.
#[derive(Debug, Default)]
pub(super) struct Steering(Mutex<Steered>);

/// Where probes go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Steered {
    /// There is no check.
    #[default]
    Unused,
    /// By this path.
    By(ProbePath),
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

    /// The path of a probe that is sent now.
    pub(super) fn path(&self) -> Result<ProbePath, Failure> {
        match self.get() {
            Steered::By(path) => Ok(path),
            Steered::Nowhere(why) => Err(Failure::Local(why)),
            Steered::Unused => Err(Failure::Local("the link of the health probes is not up yet".to_owned())),
        }
    }

    /// Whether a probe to a VIP that was sent by this path went there; if not, it has no result.
    pub(super) async fn confirm(&self, path: ProbePath, vip: IpAddr) -> Result<(), Failure> {
        if self.path()? != path {
            return Err(Failure::Local("the link of the health probes was replaced meanwhile".to_owned()));
        }
        path.verify(&[vip]).await.map_err(|error| Failure::Local(error.to_string()))
    }
}
