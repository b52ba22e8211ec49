//! The program of a backend that every tunnel of the benchmark ends at.

use std::collections::{BTreeMap, BTreeSet};

use dsr::{
    datapath::BackendProgram,
    model::{GUE_PORT, Gre, Prefix, Tunnels},
};
use dsr_common::address::Family;

use crate::{
    scenario::{SOURCE, backend_address, vip},
    subject::CODE,
};

/// Loads the program as a backend does that takes every mode from one balancer.
pub(crate) fn load() -> anyhow::Result<BackendProgram> {
    let vip = vip(Family::V4);
    let tunnels = Tunnels {
        balancers: vec![Prefix::host(SOURCE)],
        vips: vec![vip],
        ipip: true,
        gre: Some(Gre { key: None }),
        gue: Some(GUE_PORT),
        dscp: BTreeMap::from([(vip, CODE)]),
    };
    let mut program = BackendProgram::load(&tunnels, None)?;
    program.set_own(&BTreeSet::from([backend_address(0).into()]))?;
    Ok(program)
}
