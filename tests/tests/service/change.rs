//! The file is edited while traffic runs.

use dsr::lab::{Lab, Load, LoadPlan, Node};
use dsr_tests::{
    lab::{
        Configuration, agent,
        datagram::{Datagrams, NameServers, UDP_PORT},
        eventually, nginx,
        process::Daemon,
    },
    privilege::is_root,
};
use rustix::process::Signal;

/// A lab of three backends, its agent balancing over the first two, and both kinds of load.
struct Traffic {
    lab: Lab,
    tcp: Load,
    udp: Datagrams,
    _nginx: Vec<Daemon>,
    _servers: NameServers,
}
