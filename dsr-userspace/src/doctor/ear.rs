//! Sends questions and probes from one interface and hears what comes of them.

use std::{
    io,
    time::{Duration, Instant},
};

use super::{heard::Heard, probe};
use crate::{announce::PacketSocket, model::Mac};

/// Frames for one interface.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) ifindex: u32,
    pub(super) mac: Mac,
    pub(super) frames: Vec<Vec<u8>>,
}

/// Sends the frames of all interfaces, a little apart, and hears what comes in until a while after the last one. Each
/// thing that was heard is there with the index of the interface.
pub(super) async fn send_and_hear(errands: Vec<Errand>) -> io::Result<Vec<(u32, Heard)>> {
    let tasks: Vec<_> = errands.into_iter().map(|errand| tokio::task::spawn_blocking(move || run(&errand))).collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.map_err(io::Error::other)??);
    }
    Ok(all)
}

fn run(errand: &Errand) -> io::Result<Vec<(u32, Heard)>> {
    let socket = PacketSocket::listen(errand.ifindex)?;
    let mut all = Vec::new();
    let mut hear = |until: Instant| -> io::Result<()> {
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            let Some(frame) = socket.receive(left)? else { continue };
            // What this host sends is heard too.
            if frame.get(6..12) == Some(&errand.mac.0) {
                continue;
            }
            let Some(heard) = Heard::of(&frame) else { continue };
            if let Some(end) = probe::end_of(&heard, &frame) {
                // A connection that was opened half way is closed; the host forgets it by itself, too.
                let _ = socket.send(errand.ifindex, &end);
            }
            all.push((errand.ifindex, heard));
        }
        Ok(())
    };
    for frame in &errand.frames {
        socket.send(errand.ifindex, frame)?;
        hear(Instant::now() + PACE)?;
    }
    hear(Instant::now() + PATIENCE)?;
    Ok(all)
}

/// Between two frames.
const PACE: Duration = Duration::from_millis(2);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_millis(1500);
