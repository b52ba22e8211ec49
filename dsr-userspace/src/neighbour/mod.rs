//! The way to each backend: next hop, MAC and VLAN tags, kept true by the kernel's own events.
//!
//! Enters: the names of the interfaces, and the addresses of the backends by [`Handle::set_backends`]. Leaves: a
//! [`Network`] each time that one differs from the one before. Nothing is polled: routes, links and neighbours come
//! from netlink events, and what an event touches is asked for again. A timer runs only to make the kernel ask for a
//! backend's MAC (see `probe_schedule`), because forwarded packets do not pass through the kernel's stack and so cannot.
//!
//! A MAC that the kernel loses counts until a question to everybody on the link has gone unanswered (see `last_known`), and a
//! port that a bridge loses until an answer does not show it (see `forwarding`).
//!
//! It must not change addresses, routes or links, nor a neighbour entry that an operator made permanent.

use std::{collections::BTreeSet, io, sync::Arc};

use tokio::sync::watch;

use crate::{
    model::{Destinations, Network},
    tasks::{End, Task, Tasks},
};

mod decode;
mod facts;
mod follow;
mod forwarding;
mod kernel;
mod last_known;
mod link_stack;
mod next_hop_object;
mod probe_schedule;
mod state;
mod survey;

pub use link_stack::EgressPort;
pub use survey::{Egress, Survey, path_mtus, survey};

/// Why the network cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No socket.
    #[error("cannot open a netlink socket to watch the network: {0}")]
    Open(#[source] io::Error),
    /// The kernel refused to list something.
    #[error("the kernel does not list its {what}: {source}")]
    Dump {
        /// What was to be listed.
        what: &'static str,
        /// The kernel's answer.
        #[source]
        source: rtnetlink::Error,
    },
    /// A socket ended by itself.
    #[error("the netlink socket that {0} was closed")]
    Closed(&'static str),
}

/// Watches the network namespace that it was started in.
#[derive(Debug)]
pub struct Watcher;

impl Watcher {
    /// Opens the sockets in the calling thread's network namespace, then watches in a task of its own.
    ///
    /// The receiver's first value is empty; the first change is the network as it was found. The task ends when the
    /// handle is dropped, or with an error in the log if netlink fails, and then the receiver is closed. Needs a tokio
    /// runtime with I/O and time enabled.
    pub fn start(interfaces: Vec<String>, tasks: &Tasks) -> Result<(Handle, watch::Receiver<Network>), Error> {
        let (kernel, events) = kernel::open()?;
        let interfaces = interfaces.into_iter().collect();
        let (wanted, asked) = watch::channel(Wanted { interfaces: Arc::new(interfaces), ..Wanted::default() });
        let (publish, network) = watch::channel(Network::default());
        let (number, followed) = watch::channel(0);
        let out = follow::Out { network: publish, number };
        let watching = follow::Follower::new(kernel, events, asked, out);
        let task = tasks.spawn("network", async {
            match watching.run().await {
                Ok(()) => End::Done,
                Err(error) => End::Failed(error.to_string()),
            }
        });
        Ok((Handle { wanted, followed, _task: task }, network))
    }
}

/// What is to be watched.
#[derive(Clone, Debug, Default)]
struct Wanted {
    /// Counts how often the interfaces were named.
    number: u64,
    interfaces: Arc<BTreeSet<String>>,
    backends: Destinations,
}

/// Says what is wanted; the watcher ends when it is dropped.
#[derive(Debug)]
pub struct Handle {
    wanted: watch::Sender<Wanted>,
    /// The number of the interfaces that the last snapshot is of.
    followed: watch::Receiver<u64>,
    /// Ends with this.
    _task: Task,
}

impl Handle {
    /// Names the backends whose way is wanted, in place of those named before.
    ///
    /// One later snapshot has an entry for each of them, and for no other, in [`Network::reach`].
    pub fn set_backends(&self, backends: Destinations) {
        self.wanted.send_modify(|wanted| wanted.backends = backends);
    }

    /// Names the interfaces and the backends, in place of those named before, and waits for the snapshot that shows them.
    /// What is known of neighbours stays known.
    ///
    /// Fails where the watcher has ended.
    pub async fn set_interfaces(&self, interfaces: Vec<String>, backends: Destinations) -> Result<(), Ended> {
        let interfaces = Arc::new(interfaces.into_iter().collect());
        self.wanted.send_modify(|wanted| {
            *wanted = Wanted { number: wanted.number + 1, interfaces, backends };
        });
        let number = self.wanted.borrow().number;
        let shown = self.followed.clone().wait_for(|followed| *followed >= number).await.map(drop);
        shown.map_err(|_| Ended)
    }
}

/// The watcher has ended.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("network monitoring stopped")]
pub struct Ended;
