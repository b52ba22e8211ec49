//! Loads the embedded object with its sizes and constants.

use std::{
    collections::BTreeMap,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use aya::{
    Ebpf, EbpfLoader, Pod, include_bytes_aligned,
    maps::{Array, HashMap, Map, MapData, PerCpuArray, RingBuf, xdp::DevMap},
    programs::Xdp,
};
use dsr_common::{
    claim::ClaimBudget,
    forward::{NEXT_HOP_GROUPS, NEXT_HOPS_PER_GROUP},
    hash::HashKeys,
    limits::{EVENT_BYTES, FRAGMENT_SETS, INTERFACE_ROWS, INTERFACES_MAX, VLAN_KEYS_MAX},
    names,
    stats::{Counters, REASON_ROWS},
    track::ROW_MAX,
};

use dsr_sys::verify;

use super::{
    ClaimEvents, Datapath, Error, Features, Maps, batch::PerCpuRows, counters::of, mapped::Mapped, pin::pin_error,
    pinned::Pinned, trace::Tracer, vlans::Vlans,
};
use crate::reconcile::Sizes;

/// The kernel side, as `cargo xtask build` made it.
pub static OBJECT: &[u8] = include_bytes_aligned!(env!("DSR_EBPF_OBJECT"));

impl Datapath {
    /// Loads the program, attached to nothing, its tables empty.
    pub fn load(sizes: Sizes, features: Features, hash_seed: u64) -> Result<Self, Error> {
        let ebpf = load(sizes, features, hash_seed, None)?;
        Self::begin(ebpf, sizes, None)
    }

    /// Loads the program, attached to nothing, with all maps below the directory of the pinned load: those that are there
    /// are used, the others are made.
    pub(super) fn load_at(sizes: Sizes, features: Features, hash_seed: u64, pinned: Pinned) -> Result<Self, Error> {
        let directory = pinned.pins.load(pinned.number);
        let carried = directory.join(RETIRED_COUNTERS);
        if !carried.exists() {
            let map = Array::<MapData, Counters>::create(sizes.members, BPF_F_MMAPABLE);
            map.map_err(|error| Error::Map(RETIRED_COUNTERS, error))?
                .pin(&carried)
                .map_err(|error| pin_error(&carried, error))?;
        }
        let ebpf = load(sizes, features, hash_seed, Some(&directory))?;
        Self::begin(ebpf, sizes, Some(pinned))
    }

    /// The agent that loads the program is alive: the heartbeat is written before the first packet.
    fn begin(ebpf: Ebpf, sizes: Sizes, pinned: Option<Pinned>) -> Result<Self, Error> {
        let datapath = Self::open(Source::Object(Box::new(ebpf)), sizes, pinned)?;
        datapath.beat();
        Ok(datapath)
    }

    /// Opens a load that another agent made, which is gone: its maps alone.
    pub(super) fn open_left(pinned: Pinned) -> Result<Self, Error> {
        let directory = pinned.pins.load(pinned.number);
        let rows = |name| {
            let info = MapData::from_pin(directory.join(name)).and_then(|map| map.info());
            info.map(|info| info.max_entries()).map_err(|error| Error::Map(name, error))
        };
        let sizes = Sizes {
            services: rows(names::SERVICES)?,
            members: rows(names::MEMBERS)?,
            blocks: rows(names::SLOTS)?,
            established_sets: rows(names::ESTABLISHED)?,
            embryonic_sets: rows(names::EMBRYONIC)?,
        };
        Self::open(Source::Pins(directory), sizes, Some(pinned))
    }

    fn open(mut source: Source, sizes: Sizes, mut pinned: Option<Pinned>) -> Result<Self, Error> {
        pinned.as_mut().map_or(Ok(()), Pinned::hold_maps)?;
        let carried = pinned.as_ref().map(|pinned| {
            let map = map_at(&pinned.pins.load(pinned.number), RETIRED_COUNTERS)?;
            Mapped::of(&map, RETIRED_COUNTERS, sizes.members)
        });
        let (counters, counters_written) = source.per_cpu_twice(names::COUNTERS)?;
        let (reasons, reasons_written) = source.per_cpu_twice(names::REASONS)?;
        let maps = Maps {
            sizes,
            services: source.mapped(names::SERVICES, sizes.services)?,
            members: source.mapped(names::MEMBERS, sizes.members)?,
            next_hops: source.mapped(names::NEXT_HOPS, NEXT_HOP_GROUPS * NEXT_HOPS_PER_GROUP)?,
            slots: source.mapped(names::SLOTS, sizes.blocks)?,
            previous: source.mapped(names::PREVIOUS, sizes.blocks)?,
            old_tables: source.mapped(names::OLD_TABLES, sizes.services)?,
            flows: source.mapped(names::ESTABLISHED, sizes.established_sets)?,
            embryonic: source.mapped(names::EMBRYONIC, sizes.embryonic_sets)?,
            clock: source.mapped(names::CLOCK, 1)?,
            heartbeat: source.mapped(names::HEARTBEAT, 1)?,
            fragments: source.mapped(names::FRAGMENTS, FRAGMENT_SETS)?,
            interfaces: source.mapped(names::INTERFACES, INTERFACE_ROWS)?,
            counters,
            carried: carried.transpose()?,
            reasons,
            tracking: source.per_cpu(names::TRACKING)?,
            claim_budget: source.claim_budget()?,
        };
        Ok(Self {
            maps: Arc::new(maps),
            counters_written,
            reasons_written,
            vlans: source.vlans()?,
            devices: DevMap::<MapData>::try_from(source.map(names::DEVICES)?)
                .map_err(|error| Error::Map(names::DEVICES, error))?,
            claims: source.claims()?,
            tracer: source.tracer()?,
            attached: BTreeMap::new(),
            pinned,
            ebpf: source.into_ebpf(),
        })
    }

    /// The XDP program that is in force, for running frames through it.
    pub fn program(&self) -> Result<&Xdp, Error> {
        let name = self.program_name();
        let ebpf = self.ebpf.as_ref().ok_or(Error::Missing(name))?;
        Ok(ebpf.program(name).ok_or(Error::Missing(name))?.try_into()?)
    }
}

type Twice<T> = (PerCpuRows<T>, PerCpuArray<MapData, T>);

/// Where maps come from.
enum Source {
    /// A program that was loaded.
    Object(Box<Ebpf>),
    /// The directory of a load.
    Pins(PathBuf),
}

impl Source {
    fn map(&mut self, name: &'static str) -> Result<Map, Error> {
        match self {
            Self::Object(ebpf) => ebpf.take_map(name).ok_or(Error::Missing(name)),
            Self::Pins(directory) => map_at(directory, name),
        }
    }

    fn mapped<T: Pod>(&mut self, name: &'static str, rows: u32) -> Result<Mapped<T>, Error> {
        match self {
            // It stays with the object: the program that tells of frames is loaded later, with the same maps.
            Self::Object(ebpf) => Mapped::of(ebpf.map(name).ok_or(Error::Missing(name))?, name, rows),
            Self::Pins(directory) => Mapped::of(&map_at(directory, name)?, name, rows),
        }
    }

    /// For readers, of which some read many rows at a time.
    fn per_cpu<T: Pod + Default>(&mut self, name: &'static str) -> Result<PerCpuRows<T>, Error> {
        let Map::PerCpuArray(map) = self.map(name)? else { return Err(Error::Missing(name)) };
        PerCpuRows::new(map).map_err(of(name))
    }

    /// The same, and a handle for the writer.
    fn per_cpu_twice<T: Pod + Default>(&mut self, name: &'static str) -> Result<Twice<T>, Error> {
        let Map::PerCpuArray(map) = self.map(name)? else { return Err(Error::Missing(name)) };
        let failed = |error| Error::Map(name, error);
        let fd = map.fd().as_fd().try_clone_to_owned().map_err(of(name))?;
        let twin = MapData::from_fd(fd).map_err(failed)?;
        let written = PerCpuArray::try_from(Map::PerCpuArray(twin)).map_err(failed)?;
        Ok((PerCpuRows::new(map).map_err(of(name))?, written))
    }

    fn vlans(&mut self) -> Result<Vlans, Error> {
        let sets = self.mapped(names::VLANS, INTERFACE_ROWS)?;
        let keys = HashMap::try_from(self.map(names::VLAN_KEYS)?);
        Vlans::read(sets, keys.map_err(|error| Error::Map(names::VLAN_KEYS, error))?)
    }

    /// The source of VIP claims; without an agent they are not read.
    fn claims(&mut self) -> Result<Option<ClaimEvents>, Error> {
        let Self::Object(ebpf) = self else { return Ok(None) };
        let ring = ebpf.take_map(names::EVENTS).ok_or(Error::Missing(names::EVENTS))?;
        let ring = RingBuf::try_from(ring).map_err(|error| Error::Map(names::EVENTS, error))?;
        Ok(Some(ClaimEvents::new(ring)))
    }

    fn claim_budget(&mut self) -> Result<Option<PerCpuRows<ClaimBudget>>, Error> {
        if matches!(self, Self::Pins(_)) { Ok(None) } else { self.per_cpu(names::CLAIMS).map(Some) }
    }

    fn tracer(&mut self) -> Result<Option<Tracer>, Error> {
        match self {
            Self::Object(ebpf) => Tracer::take(ebpf).map(Some),
            Self::Pins(_) => Ok(None),
        }
    }

    fn into_ebpf(self) -> Option<Ebpf> {
        match self {
            Self::Object(ebpf) => Some(*ebpf),
            Self::Pins(_) => None,
        }
    }
}

fn map_at(directory: &Path, name: &'static str) -> Result<Map, Error> {
    let map = MapData::from_pin(directory.join(name)).and_then(Map::from_map_data);
    map.map_err(|error| Error::Map(name, error))
}

/// Loads the object; with a directory, its maps are those there, and the ones that are not are pinned there.
fn load(sizes: Sizes, features: Features, hash_seed: u64, pins: Option<&Path>) -> Result<Ebpf, Error> {
    if sizes.members > ROW_MAX + 1 {
        return Err(Error::Members(sizes.members, ROW_MAX + 1));
    }
    let keys = HashKeys::from_seed(hash_seed);
    let masks = [
        (names::SERVICE_MASK, sizes.services - 1),
        (names::FLOW_MASK, sizes.established_sets - 1),
        (names::SYN_MASK, sizes.embryonic_sets - 1),
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
    for name in KEPT.into_iter().filter(|_| pins.is_some()) {
        loader.map_pin_path(name, pins.map(|pins| pins.join(name)).unwrap_or_default());
    }
    let mut ebpf = loader.load(OBJECT)?;
    let program: &mut Xdp =
        ebpf.program_mut(names::XDP_PROGRAM).ok_or(Error::Missing(names::XDP_PROGRAM))?.try_into()?;
    verify::load(|| program.load())?;
    Ok(ebpf)
}

/// The maps that outlive an agent.
const KEPT: [&str; 18] = [
    names::SERVICES,
    names::OLD_TABLES,
    names::SLOTS,
    names::PREVIOUS,
    names::MEMBERS,
    names::NEXT_HOPS,
    names::COUNTERS,
    names::ESTABLISHED,
    names::EMBRYONIC,
    names::CLOCK,
    names::HEARTBEAT,
    names::REASONS,
    names::TRACKING,
    names::FRAGMENTS,
    names::INTERFACES,
    names::VLANS,
    names::VLAN_KEYS,
    names::DEVICES,
];

/// The agent's own map: what [`names::COUNTERS`] held before it was made anew, a row a member.
pub(super) const RETIRED_COUNTERS: &str = "RETIRED_COUNTERS";

/// `enum` of the kernel's `bpf.h`: user space may map it into its memory.
const BPF_F_MMAPABLE: u32 = 1 << 10;

/// The maps that are sized when they are loaded, with their rows.
fn rows(sizes: Sizes) -> [(&'static str, u32); 15] {
    [
        (names::SERVICES, sizes.services),
        (names::OLD_TABLES, sizes.services),
        (names::SLOTS, sizes.blocks),
        (names::PREVIOUS, sizes.blocks),
        (names::MEMBERS, sizes.members),
        (names::COUNTERS, sizes.members),
        (names::ESTABLISHED, sizes.established_sets),
        (names::EMBRYONIC, sizes.embryonic_sets),
        (names::REASONS, REASON_ROWS),
        (names::FRAGMENTS, FRAGMENT_SETS),
        (names::INTERFACES, INTERFACE_ROWS),
        (names::VLANS, INTERFACE_ROWS),
        (names::VLAN_KEYS, VLAN_KEYS_MAX),
        (names::DEVICES, INTERFACES_MAX),
        (names::EVENTS, EVENT_BYTES),
    ]
}
