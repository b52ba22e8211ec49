//! A flood of SYNs from random sources, bounded in number and rate.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use dsr_common::hash::split_mix;
use dsr_lab::{Lab, Node, net::PacketSocket};

use crate::frame::{Segment, tcp};

/// Sends SYNs to the lab's service until it is dropped, or until there were enough of them.
#[derive(Debug)]
pub struct Flood {
    end: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    /// Starts to send, at most `most` SYNs.
    ///
    /// # Panics
    /// Where frames cannot be sent.
    #[must_use]
    pub fn start(lab: &Lab, most: u64) -> Self {
        let socket = lab.client().run(|| PacketSocket::open("eth0", &[]));
        let socket = socket.expect("the namespace can be entered").expect("the client has eth0");
        let (end, sent) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (stop, count, service) = (Arc::clone(&end), Arc::clone(&sent), lab.service());
        let thread = thread::spawn(move || {
            let mut random = 0xf100d;
            while !stop.load(Ordering::Acquire) && count.load(Ordering::Acquire) < most {
                for _ in 0..AT_ONCE {
                    let bits = split_mix(&mut random);
                    // From a network without a route.
                    let source = Ipv4Addr::from(0xc612_0000 | (bits as u32 & 0x1_ffff));
                    let from = (source, (bits >> 32) as u16 | 1024);
                    let mut frame = tcp(from, (*service.ip(), service.port()), Segment::Syn);
                    frame[..6].copy_from_slice(&Node::Balancer.mac().0);
                    frame[6..12].copy_from_slice(&Node::Client.mac().0);
                    // The queue may be full.
                    count.fetch_add(u64::from(socket.send(&frame).is_ok()), Ordering::AcqRel);
                }
                thread::sleep(PAUSE);
            }
        });
        Self { end, sent, thread: Some(thread) }
    }

    /// How many were sent so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// SYNs between two pauses.
const AT_ONCE: u64 = 20;
const PAUSE: Duration = Duration::from_millis(10);
