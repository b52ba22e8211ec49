//! A backend whose switch port is in another VLAN than the balancer's: what it sends has a tag on the balancer's wire, and
//! what comes for it without one does not arrive. Done by two XDP programs, because not every kernel has 802.1Q.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, UdpSocket},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use dsr_lab_common::{TAG_PROGRAM, UNTAG_PROGRAM};

use super::{
    error::{Doing, Result},
    net::{self, Namespace},
    plan::{INTERFACE, NO_GATEWAY, Node},
};
use crate::programs::Sabotage;

/// A backend that is there. Dropping it brings it back.
#[derive(Debug)]
pub(super) struct OtherVlan {
    _tag: Sabotage,
    _untag: Sabotage,
    _chatter: Chatter,
}

impl OtherVlan {
    /// Puts it there.
    pub(super) fn put(node: Node, backend: &Namespace, switch: &Namespace) -> Result<Self> {
        let port = node.to_string();
        let tag = switch.run(|| -> Result<Sabotage> {
            net::disable_tag_offload(&Node::Balancer.to_string())?;
            net::disable_tag_offload(&port)?;
            Ok(Sabotage::attach(TAG_PROGRAM, &port)?)
        })??;
        let untag = backend.run(|| Sabotage::attach(UNTAG_PROGRAM, INTERFACE))??;
        Ok(Self { _tag: tag, _untag: untag, _chatter: Chatter::start(backend)? })
    }
}

/// A host that wants to send something out of its network, as hosts do all the time (time, names, updates): its kernel asks
/// again and again who has the gateway.
#[derive(Debug)]
struct Chatter {
    end: Option<Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Chatter {
    fn start(host: &Namespace) -> Result<Self> {
        let socket = host.run(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)))?.doing(|| "open a UDP socket")?;
        let (end, ended) = mpsc::channel::<Infallible>();
        let talk = move || {
            while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                // No answer is the expected result.
                let _ = socket.send_to(&[], (NO_GATEWAY, DISCARD));
            }
        };
        let thread = thread::Builder::new().name("lab-chatter".into()).spawn(talk).doing(|| "start a thread")?;
        Ok(Self { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Chatter {
    fn drop(&mut self) {
        drop(self.end.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::warn!("the thread of a backend that talks panicked");
        }
    }
}

/// Between two packets.
const PAUSE: Duration = Duration::from_millis(200);
/// Any port does (RFC 863).
const DISCARD: u16 = 9;
