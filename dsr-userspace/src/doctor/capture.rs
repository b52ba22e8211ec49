//! Sends questions and probes from one interface and hears what comes of them.

use std::{
    collections::BTreeSet,
    io,
    net::IpAddr,
    time::{Duration, Instant},
};

use dsr_sys::packet::PacketSocket;

use super::{
    observed::{self, Observed},
    probe,
};
use crate::model::{Mac, VlanTag};

/// Frames for one interface.
#[derive(Debug)]
pub(super) struct ProbePlan {
    pub(super) ifindex: u32,
    pub(super) mac: Mac,
    pub(super) frames: Vec<Vec<u8>>,
    /// The hosts of which every frame counts.
    pub(super) hosts: BTreeSet<IpAddr>,
    pub(super) awaited: Vec<Awaited>,
}

/// A host that answers the frames, and where not, is looked for.
#[derive(Debug)]
pub(super) struct Awaited {
    pub(super) address: IpAddr,
    /// The tags that its frames may have.
    pub(super) tags: Vec<Vec<VlanTag>>,
    /// What to send where it is not heard: questions for it on other segments.
    pub(super) elsewhere: Vec<Vec<u8>>,
}

/// Something that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Captured {
    /// Index of the interface.
    pub(super) ifindex: u32,
    /// The tags that it had, outermost first.
    pub(super) tags: Vec<VlanTag>,
    /// What it was.
    pub(super) observed: Observed,
}

/// Sends the frames of all interfaces, a little apart, and hears what comes in until a while after the last one; longer
/// where somebody is awaited and not heard.
pub(super) async fn send_and_capture(probe_plans: Vec<ProbePlan>) -> io::Result<Vec<Captured>> {
    let tasks: Vec<_> =
        probe_plans.into_iter().map(|probe_plan| tokio::task::spawn_blocking(move || run(&probe_plan))).collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.map_err(io::Error::other)??);
    }
    Ok(all)
}

fn run(probe_plan: &ProbePlan) -> io::Result<Vec<Captured>> {
    let socket = PacketSocket::open(probe_plan.ifindex, &[])?;
    let mut capture = Capture { socket, probe_plan, captured: Vec::new() };
    capture.send(&probe_plan.frames)?;
    capture.hear(Instant::now() + PATIENCE)?;
    let missed: Vec<&Awaited> = probe_plan.awaited.iter().filter(|awaited| !capture.has_heard(awaited)).collect();
    if !missed.is_empty() {
        missed.iter().try_for_each(|awaited| capture.send(&awaited.elsewhere))?;
        capture.hear(Instant::now() + LONGER)?;
    }
    Ok(capture.captured)
}

struct Capture<'a> {
    socket: PacketSocket,
    probe_plan: &'a ProbePlan,
    captured: Vec<Captured>,
}

impl Capture<'_> {
    fn send(&mut self, frames: &[Vec<u8>]) -> io::Result<()> {
        for frame in frames {
            self.socket.send(frame)?;
            self.hear(Instant::now() + PACE)?;
        }
        Ok(())
    }

    fn hear(&mut self, until: Instant) -> io::Result<()> {
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            let Some(frame) = self.socket.receive(left)? else { continue };
            // What this host sends is heard too.
            if frame.get(6..12) == Some(&self.probe_plan.mac.0) {
                continue;
            }
            let Some(observed) = Observed::of(&frame) else { continue };
            if let Some(end) = probe::end_of(&observed, &frame) {
                // A connection that was opened half way is closed; the host forgets it by itself, too.
                let _ = self.socket.send(&end);
            }
            self.keep(Captured { ifindex: self.probe_plan.ifindex, tags: observed::tags(&frame), observed });
        }
        Ok(())
    }

    /// Of the frames that say no more than whose they are, one of each host that matters is enough.
    fn keep(&mut self, frame_seen: Captured) {
        if let Observed::Host { address, .. } = frame_seen.observed
            && (!self.probe_plan.hosts.contains(&address) || self.captured.contains(&frame_seen))
        {
            return;
        }
        self.captured.push(frame_seen);
    }

    fn has_heard(&self, awaited: &Awaited) -> bool {
        let is_its = |frame_seen: &Captured| {
            frame_seen.observed.host().is_some_and(|(address, _)| address == awaited.address)
                && awaited.tags.contains(&frame_seen.tags)
        };
        self.captured.iter().any(is_its)
    }
}

/// Between two frames.
const PACE: Duration = Duration::from_millis(2);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long a host that does not answer may be silent where it can be heard at all: longer than from one question for a
/// unanswered request to the next, which hosts repeat every second.
const LONGER: Duration = Duration::from_secs(4);
