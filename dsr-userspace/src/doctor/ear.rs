//! Sends questions and probes from one interface and hears what comes of them.

use std::{
    collections::BTreeSet,
    io,
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{
    heard::{self, Heard},
    probe,
};
use crate::{
    announce::PacketSocket,
    model::{Mac, VlanTag},
};

/// Frames for one interface.
#[derive(Debug)]
pub(super) struct Errand {
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
pub(super) struct Sound {
    /// Index of the interface.
    pub(super) ifindex: u32,
    /// The tags that it had, outermost first.
    pub(super) tags: Vec<VlanTag>,
    /// What it was.
    pub(super) heard: Heard,
}

/// Sends the frames of all interfaces, a little apart, and hears what comes in until a while after the last one; longer
/// where somebody is awaited and not heard.
pub(super) async fn send_and_hear(errands: Vec<Errand>) -> io::Result<Vec<Sound>> {
    let tasks: Vec<_> = errands.into_iter().map(|errand| tokio::task::spawn_blocking(move || run(&errand))).collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.map_err(io::Error::other)??);
    }
    Ok(all)
}

fn run(errand: &Errand) -> io::Result<Vec<Sound>> {
    let socket = PacketSocket::listen(errand.ifindex)?;
    let mut ear = Ear { socket, errand, sounds: Vec::new() };
    ear.send(&errand.frames)?;
    ear.hear(Instant::now() + PATIENCE)?;
    let missed: Vec<&Awaited> = errand.awaited.iter().filter(|awaited| !ear.has_heard(awaited)).collect();
    if !missed.is_empty() {
        missed.iter().try_for_each(|awaited| ear.send(&awaited.elsewhere))?;
        ear.hear(Instant::now() + LONGER)?;
    }
    Ok(ear.sounds)
}

struct Ear<'a> {
    socket: PacketSocket,
    errand: &'a Errand,
    sounds: Vec<Sound>,
}

impl Ear<'_> {
    fn send(&mut self, frames: &[Vec<u8>]) -> io::Result<()> {
        for frame in frames {
            self.socket.send(self.errand.ifindex, frame)?;
            self.hear(Instant::now() + PACE)?;
        }
        Ok(())
    }

    fn hear(&mut self, until: Instant) -> io::Result<()> {
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            let Some(frame) = self.socket.receive(left)? else { continue };
            // What this host sends is heard too.
            if frame.get(6..12) == Some(&self.errand.mac.0) {
                continue;
            }
            let Some(heard) = Heard::of(&frame) else { continue };
            if let Some(end) = probe::end_of(&heard, &frame) {
                // A connection that was opened half way is closed; the host forgets it by itself, too.
                let _ = self.socket.send(self.errand.ifindex, &end);
            }
            self.keep(Sound { ifindex: self.errand.ifindex, tags: heard::tags(&frame), heard });
        }
        Ok(())
    }

    /// Of the frames that say no more than whose they are, one of each host that matters is enough.
    fn keep(&mut self, sound: Sound) {
        if let Heard::Host { address, .. } = sound.heard
            && (!self.errand.hosts.contains(&address) || self.sounds.contains(&sound))
        {
            return;
        }
        self.sounds.push(sound);
    }

    fn has_heard(&self, awaited: &Awaited) -> bool {
        let is_its = |sound: &Sound| {
            sound.heard.host().is_some_and(|(address, _)| address == awaited.address)
                && awaited.tags.contains(&sound.tags)
        };
        self.sounds.iter().any(is_its)
    }
}

/// Between two frames.
const PACE: Duration = Duration::from_millis(2);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long a host that does not answer may be silent where it can be heard at all: longer than from one question for a
/// MAC that nobody answers to the next, which hosts ask every second.
const LONGER: Duration = Duration::from_secs(4);
