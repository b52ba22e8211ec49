//! Claims to VIPs, as the program tells of them through its ring buffer.

use std::io;

use aya::maps::{MapData, RingBuf};
use dsr_common::{
    claim::{ClaimBudget, VipClaim},
    names,
};
use tokio::io::unix::AsyncFd;

use super::{Datapath, Error, Maps, counters::of};

/// What one load of the program tells. It outlives the program, and then tells nothing more.
pub struct ClaimEvents(RingBuf<MapData>);

impl ClaimEvents {
    pub(super) fn new(ring: RingBuf<MapData>) -> Self {
        Self(ring)
    }

    /// Takes what was told since the last time.
    pub fn take(&mut self) -> Vec<VipClaim> {
        drain(&mut self.0)
    }

    /// To be waited for. Needs a tokio runtime with I/O enabled.
    pub fn follow(self) -> io::Result<ClaimStream> {
        // SAFETY: the ring buffer has one descriptor for as long as it lives, and the stream owns it.
        let registered = unsafe { AsyncFd::register_with_interest(self.0, tokio::io::Interest::READABLE) };
        registered.map(ClaimStream).map_err(io::Error::from)
    }
}

/// What one load of the program tells, as it comes.
pub struct ClaimStream(AsyncFd<RingBuf<MapData>>);

impl ClaimStream {
    /// Waits for claims. Nothing is lost where this is dropped before it is ready.
    pub async fn next(&mut self) -> io::Result<Vec<VipClaim>> {
        loop {
            let mut guard = self.0.readable_mut().await?;
            let claims = drain(guard.get_inner_mut());
            guard.clear_ready();
            if !claims.is_empty() {
                return Ok(claims);
            }
        }
    }

    /// Takes what is there, without waiting.
    pub fn take(&mut self) -> Vec<VipClaim> {
        drain(self.0.get_mut())
    }
}

fn drain(ring: &mut RingBuf<MapData>) -> Vec<VipClaim> {
    let mut claims = Vec::new();
    while let Some(item) = ring.next() {
        claims.extend(item.first_chunk().map(VipClaim::read));
    }
    claims
}

impl Datapath {
    /// What the program will tell of claims to VIPs; nothing where it was taken before.
    pub fn take_claims(&mut self) -> Option<ClaimEvents> {
        self.claims.take()
    }
}

impl Maps {
    /// How many claims the program did not tell of, because there were too many at a time.
    pub fn lost_claims(&self) -> Result<u64, Error> {
        let Some(budget) = &self.claim_budget else { return Ok(0) };
        let cpus = budget.row(0).map_err(of(names::CLAIMS))?;
        Ok(cpus.iter().map(|cpu: &ClaimBudget| cpu.lost).sum())
    }
}
