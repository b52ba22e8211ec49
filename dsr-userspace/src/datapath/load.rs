//! Loads the embedded object with its sizes and constants.

use std::collections::BTreeMap;

use aya::{
    EbpfLoader, include_bytes_aligned,
    maps::{MapData, PerCpuArray, xdp::DevMap},
    programs::Xdp,
};
use dsr_common::{
    hash::HashKeys,
    limits::{FRAGMENT_SETS, INTERFACE_ROWS, INTERFACES_MAX},
    names,
    stats::REASON_ROWS,
    track::ROW_MAX,
};

use super::{Datapath, Error, mapped::Mapped};
use crate::reconcile::Sizes;

/// The kernel side, as `cargo xtask build` made it.
pub static OBJECT: &[u8] = include_bytes_aligned!(env!("DSR_EBPF_OBJECT"));

/// What the program has to be able to do. The verifier takes out what it need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Each is a constant of its own in the program.
pub struct Features {
    /// A member may leave by another interface than its packets came in on.
    pub redirect: bool,
    /// VLAN tags are read, and written where a member needs them.
    pub vlan: bool,
    /// A service is IPv6.
    pub ipv6: bool,
    /// A service has all ports, or all protocols.
    pub any: bool,
    /// Frames may come in several buffers.
    pub jumbo: bool,
    /// A slot may be tracked.
    pub track: bool,
    /// In a service a client's flows share a slot.
    pub source: bool,
    /// In a service every flow is remembered.
    pub remember: bool,
}

impl Features {
    /// All of them.
    pub const ALL: Self = Self {
        redirect: true,
        vlan: true,
        ipv6: true,
        any: true,
        jumbo: true,
        track: true,
        source: true,
        remember: true,
    };
    /// None of them.
    pub const NONE: Self = Self {
        redirect: false,
        vlan: false,
        ipv6: false,
        any: false,
        jumbo: false,
        track: false,
        source: false,
        remember: false,
    };

    /// Each with the name of its constant.
    fn constants(self) -> [(&'static str, bool); 8] {
        [
            (names::FEATURE_REDIRECT, self.redirect),
            (names::FEATURE_VLAN, self.vlan),
            (names::FEATURE_IPV6, self.ipv6),
            (names::FEATURE_ANY, self.any),
            (names::FEATURE_JUMBO, self.jumbo),
            (names::FEATURE_TRACK, self.track),
            (names::FEATURE_SOURCE, self.source),
            (names::FEATURE_REMEMBER, self.remember),
        ]
    }
}

impl Datapath {
    /// Loads the program, attached to nothing, its tables empty.
    pub fn load(sizes: Sizes, features: Features, hash_seed: u64) -> Result<Self, Error> {
        if sizes.members > ROW_MAX + 1 {
            return Err(Error::Members(sizes.members, ROW_MAX + 1));
        }
        let keys = HashKeys::from_seed(hash_seed);
        let masks = [
            (names::SERVICE_MASK, sizes.services - 1),
            (names::FLOW_MASK, sizes.flow_sets - 1),
            (names::SYN_MASK, sizes.syn_sets - 1),
        ];
        let constants = features.constants().map(|(name, used)| (name, u8::from(used)));
        let mut loader = EbpfLoader::new();
        loader.override_global(names::HASH_KEYS, &keys, true);
        for (name, rows) in rows(sizes) {
            loader.map_max_entries(name, rows);
        }
        for (name, mask) in &masks {
            loader.override_global(name, mask, true);
        }
        for (name, used) in &constants {
            loader.override_global(name, used, true);
        }
        let mut ebpf = loader.load(OBJECT)?;
        let program: &mut Xdp =
            ebpf.program_mut(names::XDP_PROGRAM).ok_or(Error::Missing(names::XDP_PROGRAM))?.try_into()?;
        program.load()?;
        Ok(Self {
            sizes,
            services: Mapped::take(&mut ebpf, names::SERVICES, sizes.services)?,
            members: Mapped::take(&mut ebpf, names::MEMBERS, sizes.members)?,
            slots: Mapped::take(&mut ebpf, names::SLOTS, sizes.blocks)?,
            previous: Mapped::take(&mut ebpf, names::PREVIOUS, sizes.blocks)?,
            old_tables: Mapped::take(&mut ebpf, names::OLD_TABLES, sizes.services)?,
            flows: Mapped::take(&mut ebpf, names::FLOWS, sizes.flow_sets)?,
            syns: Mapped::take(&mut ebpf, names::SYNS, sizes.syn_sets)?,
            clock: Mapped::take(&mut ebpf, names::CLOCK, 1)?,
            fragments: Mapped::take(&mut ebpf, names::FRAGMENTS, FRAGMENT_SETS)?,
            interfaces: Mapped::take(&mut ebpf, names::INTERFACES, INTERFACE_ROWS)?,
            counters: PerCpuArray::try_from(take(&mut ebpf, names::COUNTERS)?)
                .map_err(|error| Error::Map(names::COUNTERS, error))?,
            reasons: PerCpuArray::try_from(take(&mut ebpf, names::REASONS)?)
                .map_err(|error| Error::Map(names::REASONS, error))?,
            tracking: PerCpuArray::try_from(take(&mut ebpf, names::TRACKING)?)
                .map_err(|error| Error::Map(names::TRACKING, error))?,
            devices: DevMap::<MapData>::try_from(take(&mut ebpf, names::DEVICES)?)
                .map_err(|error| Error::Map(names::DEVICES, error))?,
            attached: BTreeMap::new(),
            ebpf,
        })
    }

    /// The XDP program, for running frames through it.
    pub fn program(&self) -> Result<&Xdp, Error> {
        Ok(self.ebpf.program(names::XDP_PROGRAM).ok_or(Error::Missing(names::XDP_PROGRAM))?.try_into()?)
    }
}

/// The maps that are sized when they are loaded, with their rows.
fn rows(sizes: Sizes) -> [(&'static str, u32); 12] {
    [
        (names::SERVICES, sizes.services),
        (names::OLD_TABLES, sizes.services),
        (names::SLOTS, sizes.blocks),
        (names::PREVIOUS, sizes.blocks),
        (names::MEMBERS, sizes.members),
        (names::COUNTERS, sizes.members),
        (names::FLOWS, sizes.flow_sets),
        (names::SYNS, sizes.syn_sets),
        (names::REASONS, REASON_ROWS),
        (names::FRAGMENTS, FRAGMENT_SETS),
        (names::INTERFACES, INTERFACE_ROWS),
        (names::DEVICES, INTERFACES_MAX),
    ]
}

fn take(ebpf: &mut aya::Ebpf, name: &'static str) -> Result<aya::maps::Map, Error> {
    ebpf.take_map(name).ok_or(Error::Missing(name))
}
