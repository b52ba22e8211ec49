//! Loads the embedded object with its sizes and constants.

use std::collections::BTreeMap;

use aya::{
    EbpfLoader, include_bytes_aligned,
    maps::{MapData, PerCpuArray, xdp::DevMap},
    programs::Xdp,
};
use dsr_common::{
    hash::HashKeys,
    limits::{FRAGMENT_SETS, INTERFACE_ROWS},
    names,
    stats::REASON_ROWS,
};

use super::{Datapath, Error, mapped::Mapped, trace::Tracer};
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
}

impl Features {
    /// All of them.
    pub const ALL: Self = Self { redirect: true, vlan: true, ipv6: true, any: true, jumbo: true };
}

impl Datapath {
    /// Loads the program, attached to nothing, its tables empty.
    pub fn load(sizes: Sizes, features: Features, hash_seed: u64) -> Result<Self, Error> {
        let keys = HashKeys::from_seed(hash_seed);
        let service_mask = sizes.services - 1;
        let Features { redirect, vlan, ipv6, any, jumbo } = features;
        let [redirect, vlan, ipv6, any, jumbo] = [redirect, vlan, ipv6, any, jumbo].map(u8::from);
        let mut ebpf = EbpfLoader::new()
            .map_max_entries(names::SERVICES, sizes.services)
            .map_max_entries(names::SLOTS, sizes.blocks)
            .map_max_entries(names::MEMBERS, sizes.members)
            .map_max_entries(names::COUNTERS, sizes.members)
            .map_max_entries(names::REASONS, REASON_ROWS)
            .map_max_entries(names::FRAGMENTS, FRAGMENT_SETS)
            .map_max_entries(names::INTERFACES, INTERFACE_ROWS)
            .map_max_entries(names::DEVICES, INTERFACE_ROWS)
            .override_global(names::HASH_KEYS, &keys, true)
            .override_global(names::SERVICE_MASK, &service_mask, true)
            .override_global(names::FEATURE_REDIRECT, &redirect, true)
            .override_global(names::FEATURE_VLAN, &vlan, true)
            .override_global(names::FEATURE_IPV6, &ipv6, true)
            .override_global(names::FEATURE_ANY, &any, true)
            .override_global(names::FEATURE_JUMBO, &jumbo, true)
            .load(OBJECT)?;
        let program: &mut Xdp =
            ebpf.program_mut(names::XDP_PROGRAM).ok_or(Error::Missing(names::XDP_PROGRAM))?.try_into()?;
        program.load()?;
        Ok(Self {
            sizes,
            services: Mapped::take(&mut ebpf, names::SERVICES, sizes.services)?,
            members: Mapped::take(&mut ebpf, names::MEMBERS, sizes.members)?,
            slots: Mapped::take(&mut ebpf, names::SLOTS, sizes.blocks)?,
            fragments: Mapped::take(&mut ebpf, names::FRAGMENTS, FRAGMENT_SETS)?,
            interfaces: Mapped::take(&mut ebpf, names::INTERFACES, INTERFACE_ROWS)?,
            counters: PerCpuArray::try_from(take(&mut ebpf, names::COUNTERS)?)
                .map_err(|error| Error::Map(names::COUNTERS, error))?,
            reasons: PerCpuArray::try_from(take(&mut ebpf, names::REASONS)?)
                .map_err(|error| Error::Map(names::REASONS, error))?,
            devices: DevMap::<MapData>::try_from(take(&mut ebpf, names::DEVICES)?)
                .map_err(|error| Error::Map(names::DEVICES, error))?,
            tracer: Tracer::take(&mut ebpf)?,
            attached: BTreeMap::new(),
            ebpf,
        })
    }

    /// The XDP program that is in force, for running frames through it.
    pub fn program(&self) -> Result<&Xdp, Error> {
        let name = self.tracer.program();
        Ok(self.ebpf.program(name).ok_or(Error::Missing(name))?.try_into()?)
    }
}

fn take(ebpf: &mut aya::Ebpf, name: &'static str) -> Result<aya::maps::Map, Error> {
    ebpf.take_map(name).ok_or(Error::Missing(name))
}
