//! Watches the file and the network, each in a task of its own.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::Error;
use crate::{
    config::{Config, Watch},
    model::{Destinations, Network, NoHop, Reach},
    neighbour::{Handle, Watcher},
    tasks::{End, Task, Tasks},
};

/// Watches the file in a task of its own: the wait until it is quiet must not begin anew with each other event.
pub(super) fn watch_file(mut watch: Watch, tasks: &Tasks) -> (mpsc::Receiver<()>, Task) {
    let (tell, told) = mpsc::channel(1);
    let task = tasks.spawn("file watch", async move {
        loop {
            watch.changed().await;
            if tell.send(()).await.is_err() {
                return End::Done;
            }
        }
    });
    (told, task)
}

/// Starts to watch the network and waits for the first look at it.
pub(super) async fn watch_network(config: &Config, tasks: &Tasks) -> Result<(Handle, watch::Receiver<Network>), Error> {
    let (watcher, mut network) = Watcher::start(config.interfaces(), tasks)?;
    watcher.set_backends(config.destinations());
    network.changed().await.map_err(|_| Error::Blind)?;
    look(config, &mut network).await?;
    Ok((watcher, network))
}

/// Watches for a configuration with other interfaces, and waits for the first look by them. What is known of neighbours stays
/// known: their slots do not go to others meanwhile.
pub(super) async fn watch_by_others(
    config: &Config,
    watcher: &Handle,
    network: &mut watch::Receiver<Network>,
) -> Result<(), Error> {
    let named = watcher.set_interfaces(config.interfaces(), config.destinations()).await;
    named.map_err(|_| Error::Blind)?;
    look(config, network).await
}

/// Waits until the backends were looked for by the interfaces, which must all be there.
async fn look(config: &Config, network: &mut watch::Receiver<Network>) -> Result<(), Error> {
    let destinations = config.destinations();
    // The first look may have been before the backends were named.
    let is_whole = |network: &Network| network.has_all(&destinations);
    network.wait_for(is_whole).await.map_err(|_| Error::Blind)?;
    // Before the agent ran, the neighbours were not kept fresh; those that exist answer at once. Without them their slots,
    // which another agent may have left, would go to others and come back.
    let hosts = config.desired.destinations();
    let are_found = |network: &Network| !is_any_silent(&hosts, network);
    let found = tokio::time::timeout(FIRST_ANSWERS, network.wait_for(are_found)).await.map(|seen| seen.map(drop));
    if let Ok(Err(_)) = found {
        return Err(Error::Blind);
    }
    let seen = network.borrow_and_update();
    match config.interfaces().into_iter().find(|name| !seen.interfaces.contains_key(name)) {
        Some(interface) => Err(Error::NotEthernet(interface)),
        None => Ok(()),
    }
}

/// Whether a backend or the router in front of it has not answered yet.
fn is_any_silent(hosts: &Destinations, network: &Network) -> bool {
    let reached = |address| network.reach.get(&address);
    let is_silent = |reach: &Reach| matches!(reach, Reach::No(NoHop::NoNeighbour(_) | NoHop::SilentGateway(_)));
    hosts.addresses().filter_map(reached).any(is_silent)
}

/// How long backends are waited for before the first plan: more than one question's time (`retrans_time_ms`).
const FIRST_ANSWERS: Duration = Duration::from_millis(1200);
