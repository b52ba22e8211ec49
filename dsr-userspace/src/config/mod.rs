//! The configuration file: from YAML to the model, or to everything that is wrong with it at once.
//!
//! Text becomes nodes with places (`yaml`), nodes become sections whose fields are each described once (`schema`,
//! `sections`, `scalar`, `address`, `duration`, `health`), and sections become the model (`parse`, `pools`, `services`). A
//! backend's own file goes the same way (`backend`). [`parse`] is pure;
//! [`load`] and [`load_on_host`] read the file, the machine's id and nothing else. What a file says of this host is
//! checked against facts that are handed in ([`check_host`]). [`Watch`] tells when the file changes.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

mod address;
mod at;
mod backend;
mod dscp;
mod duration;
mod error;
mod fallback;
mod file_state;
mod forward;
mod health;
mod host;
mod host_changes;
mod include;
mod listen;
mod looker;
mod matches;
mod netlink;
mod parse;
mod pools;
mod program;
mod read;
mod report;
mod scalar;
mod schema;
mod sections;
mod seed;
mod services;
mod sources;
mod suggest;
mod watch;
mod writers;
mod yaml;

pub use address::host_address;
pub use backend::{BackendConfig, load_backend, parse_backend};
pub use error::{Errors, Located, Place, Problem};
pub use file_state::FileState;
pub use host::{AddressOnHost, HostFacts, check_host};
pub use host_changes::HostChanges;
pub use include::Source;
pub use listen::API_SOCKET;
pub use netlink::FactsError;
pub use parse::{load, load_on_host, load_text_on_host, load_unseeded, parse, parse_with, text_from, text_of};
pub use read::LARGEST;
pub(crate) use suggest::listed;
pub use watch::{Marker, Watch, WatchError};

use crate::model::{Checks, Desired, Destinations};

/// The JSON Schema of a balancer's configuration (draft 2020-12), for editors. It knows fields, types and defaults; what compares
/// one field with another, like the name of a pool, is for [`parse()`] to find.
pub fn schema() -> serde_json::Value {
    sections::KIND.schema()
}

/// The same for a backend's configuration ([`parse_backend`]).
pub fn backend_schema() -> serde_json::Value {
    backend::rows::KIND.schema()
}

/// A configuration without errors.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file.
    pub file: PathBuf,
    /// What the data path is to do.
    pub desired: Desired,
    /// The interfaces to attach to: at least one, each once.
    pub interfaces: Vec<Located<String>>,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// How often the network is asked who has each VIP; nothing where it is not asked.
    pub arp_watch: Option<Duration>,
    /// The balancers of the cluster, by their own addresses; this one may be among them.
    pub balancers: Vec<IpAddr>,
    /// Where the agent's admin API listens, if anywhere: a Unix socket.
    pub api: Option<PathBuf>,
    /// How the program may be attached.
    pub xdp_mode: XdpMode,
    /// How many flows can be remembered.
    pub flow_table: FlowTable,
    /// How backends are checked.
    pub checks: Checks,
    /// Where `desired.hash_seed` comes from.
    pub seed_source: SeedSource,
    /// Whether a change of the file alone has it read again.
    pub watch: FileWatch,
    /// The files that it includes, in the order in which they were read.
    pub included: Vec<PathBuf>,
    /// A hash of the bytes of the file and those that it includes, the same on every machine and in every version; 48
    /// bits, so that a floating-point metric holds it exactly.
    pub hash: u64,
    /// What is doubtful, but no error.
    pub warnings: Vec<Problem>,
    /// Each VIP where it is first written.
    vips: Vec<Located<IpAddr>>,
    /// The address of each backend of each pool.
    backends: Vec<Located<IpAddr>>,
    /// The programs that checks run.
    programs: Vec<Located<PathBuf>>,
    /// Where metrics are served, and where that is written.
    metrics_at: Option<Located<SocketAddr>>,
    /// Where the admin API listens, where that is written.
    api_at: Option<Located<PathBuf>>,
}

impl Config {
    /// The names of the interfaces, in the order of the file.
    pub fn interfaces(&self) -> Vec<String> {
        self.interfaces.iter().map(|interface| interface.value.clone()).collect()
    }

    /// The addresses that the way to is to be known: the backends' and the other balancers'.
    pub fn destinations(&self) -> Destinations {
        let mut destinations = self.desired.destinations();
        destinations.on_link.extend(&self.balancers);
        destinations
    }

    /// A problem at each place where the address of a backend is written that `message` has one for.
    pub(crate) fn about_backends(&self, message: impl Fn(IpAddr) -> Option<String>) -> Vec<Problem> {
        let problem = |at: &Located<_>| Some(Problem::new(&self.file, at.place, &at.field, message(at.value)?));
        self.backends.iter().filter_map(problem).collect()
    }

    /// Each VIP once, in the order of the file.
    pub fn vips(&self) -> impl ExactSizeIterator<Item = IpAddr> + '_ {
        self.vips.iter().map(|vip| vip.value)
    }
}

/// Whether a change of the file alone has it read again: the field `watch`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileWatch {
    /// It does: `watch: on`, the default.
    #[default]
    On,
    /// It waits for `dsr reload` or SIGHUP: `watch: off`.
    Off,
}

/// How the program may be attached to an interface: the field `xdp_mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XdpMode {
    /// By the driver only. Where the driver has no XDP, that is an error: `xdp_mode: native`, the default.
    #[default]
    Native,
    /// By the driver where it can, else by the kernel's generic path, which is slow: `xdp_mode: generic`.
    GenericAllowed,
}

/// How many flows can be remembered at a time; when there are more, the oldest of those that meet give way. Each number
/// is rounded up to a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowTable {
    /// Flows that had more than one packet: the field `flows`.
    pub established: u32,
    /// Flows of which only the first packet has come so far: the field `embryonic`.
    pub embryonic: u32,
}

impl FlowTable {
    /// The smallest number that can be written.
    pub const LEAST: u32 = 1 << 10;
    /// The largest.
    pub const MOST: u32 = 1 << 26;
}

impl Default for FlowTable {
    fn default() -> Self {
        Self { established: 1 << 20, embryonic: 1 << 17 }
    }
}

/// Where the seed of the hashes comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedSource {
    /// The file's `hash_seed`.
    File,
    /// This machine's id: no other balancer has the same.
    Machine,
    /// Nowhere: the file has none, and was parsed without the machine's id. It is zero.
    Absent,
}
