//! The sign of life: the program and the service manager get it from the same place, so that both notice a hung agent.

use crate::{datapath::Maps, service_manager};

/// Says that the agent's task is not hung. To be called every second or so.
pub(in crate::agent) fn beat(maps: &Maps) {
    maps.beat();
    service_manager::alive();
}
