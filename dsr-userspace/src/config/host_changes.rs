//! Tells when the facts of this host have become others: an interface or an address came or went.

use std::{sync::Arc, time::Duration};

use dsr_sys::netlink::subscribe;
use futures_util::{FutureExt as _, StreamExt as _};
use rtnetlink::MulticastGroup;
use tokio::{sync::Notify, time::sleep};

use super::{FactsError, HostFacts};
use crate::tasks::{End, Task, Tasks};

/// Compares the host's facts with earlier ones whenever the kernel tells of a link or an address. Dropping it ends that.
#[derive(Debug)]
pub struct HostChanges {
    changed: Arc<Notify>,
    _task: Task,
}

impl HostChanges {
    /// Watches the network namespace of the calling thread; what has changed since `facts` were read counts.
    pub fn since(facts: HostFacts, tasks: &Tasks) -> Result<Self, FactsError> {
        let mut messages = subscribe(&GROUPS)?;
        let changed = Arc::new(Notify::new());
        let notify = Arc::clone(&changed);
        let compare = async move {
            let mut known = facts;
            loop {
                match HostFacts::read().await {
                    Ok(facts) if facts != known => {
                        known = facts;
                        notify.notify_one();
                    }
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, "the host's interfaces and addresses are not compared"),
                }
                if messages.next().await.is_none() {
                    return;
                }
                // What changes comes in several messages.
                sleep(QUIET).await;
                while let Some(Some(_)) = messages.next().now_or_never() {}
            }
        };
        let task = tasks.spawn("host changes", async move {
            compare.await;
            End::Failed("its netlink socket is closed".to_owned())
        });
        Ok(Self { changed, _task: task })
    }

    /// Waits until the facts are others than at the last time.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

const GROUPS: [MulticastGroup; 3] = [MulticastGroup::Link, MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr];

/// How long messages are gathered before the facts are read again: this is how often that is done at most.
const QUIET: Duration = Duration::from_millis(250);
