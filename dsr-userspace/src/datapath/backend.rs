//! The XDP program of a backend, its tables and its attachments.
//!
//! Unlike the balancer's, this program has no state but its counters: a restart loads it anew with its tables filled,
//! and puts it in the place of the old one link by link, so that each packet meets one of the two.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use aya::{
    Ebpf, EbpfLoader, include_bytes_aligned,
    maps::{Array, HashMap, LpmTrie, Map, MapData, PerCpuArray, lpm_trie::Key},
    programs::Xdp,
};
use dsr_common::{
    address::{Address, Family},
    backend::{
        AddressKey, BALANCER, CODE_ROWS, CodeRow, MAPPED_BITS, OWN, PrefixData, REASON_ROWS, Reason, VIP, code_row,
        prefix_data,
    },
    names,
};

use dsr_sys::verify;

use super::{
    Error, Mode,
    attach::{self, Attached, Attachments},
    pin::{self, Pins},
};
use crate::{
    model::{Prefix, Tunnels},
    reconcile,
};

/// Default pin directory of a backend's agent.
pub const DEFAULT_BACKEND_PINS: &str = "/sys/fs/bpf/dsr-backend";

/// The object of this program, as `cargo xtask build` made it.
static OBJECT: &[u8] = include_bytes_aligned!(env!("DSR_BACKEND_OBJECT"));

/// The loaded program. Dropping it detaches it, unless it is pinned.
pub struct BackendProgram {
    ebpf: Ebpf,
    addresses: HashMap<MapData, AddressKey, u32>,
    /// What is in `addresses`.
    roles: BTreeMap<AddressKey, u32>,
    /// The roles that the settings give.
    given: BTreeMap<AddressKey, u32>,
    attached: Attachments,
    pins: Option<Pins>,
}

/// Reads the counters, beside whoever holds the program.
pub struct BackendCounters(PerCpuArray<MapData, u64>);

impl BackendProgram {
    /// Loads the program, attached to nothing. With pins, its counters are those of an earlier one.
    pub fn load(tunnels: &Tunnels, pins: Option<Pins>) -> Result<Self, Error> {
        let counters = pins.as_ref().map(counters_at).transpose()?;
        let mut ebpf = load(tunnels, counters.as_deref())?;
        let program: &mut Xdp =
            ebpf.program_mut(names::BACKEND_PROGRAM).ok_or(Error::Missing(names::BACKEND_PROGRAM))?.try_into()?;
        verify::load(|| program.load())?;
        fill_codes(&mut ebpf, tunnels)?;
        fill_prefixes(&mut ebpf, tunnels)?;
        let map = ebpf.take_map(names::ADDRESSES).ok_or(Error::Missing(names::ADDRESSES))?;
        let addresses = HashMap::try_from(map).map_err(failed(names::ADDRESSES))?;
        let (roles, attached) = (BTreeMap::new(), Attachments::new());
        let mut program = Self { ebpf, addresses, roles, given: given(tunnels), attached, pins };
        program.set_own(&BTreeSet::new())?;
        Ok(program)
    }

    /// Tells the program this host's addresses; VIPs may be among them.
    pub fn set_own(&mut self, addresses: &BTreeSet<IpAddr>) -> Result<(), Error> {
        let mut roles = self.given.clone();
        for address in addresses {
            let roles = roles.entry(key(*address)).or_default();
            // A tunnel ends at the host's own address, and the VIPs are what it carries.
            *roles |= if *roles & VIP == 0 { OWN } else { 0 };
        }
        for (key, role) in &roles {
            if self.roles.get(key) != Some(role) {
                self.addresses.insert(key, role, 0).map_err(failed(names::ADDRESSES))?;
            }
        }
        for key in self.roles.keys().filter(|key| !roles.contains_key(key)) {
            self.addresses.remove(key).map_err(failed(names::ADDRESSES))?;
        }
        self.roles = roles;
        Ok(())
    }

    /// Puts the program in the place of an earlier one that was pinned, and detaches that one from other interfaces.
    /// Interfaces are given with their indices.
    pub fn take_over(&mut self, interfaces: &BTreeMap<String, u32>) -> Result<(), Error> {
        let Some(pins) = &self.pins else { return Ok(()) };
        let program = xdp(&mut self.ebpf)?;
        let name_of = |wanted| interfaces.iter().find(|(_, ifindex)| **ifindex == wanted).map(|(name, _)| name.clone());
        for (name, Attached { link, ifindex, mode }) in attach::left(pins, name_of)? {
            let taken = if interfaces.contains_key(&name) { attach::take_link(program, link)? } else { None };
            match taken {
                Some(link) => {
                    self.attached.insert(name, Attached { link, ifindex, mode });
                }
                None => pins.unpin_link(ifindex)?,
            }
        }
        Ok(())
    }

    /// Attaches the program where it is not attached yet: natively, or generically if the driver has no native XDP.
    pub fn attach(&mut self, interface: &str, ifindex: u32) -> Result<Mode, Error> {
        if let Some(attached) = self.attached.get(interface).filter(|attached| attached.ifindex == ifindex) {
            return Ok(attached.mode);
        }
        let (mut link, mode) = attach::attach(xdp(&mut self.ebpf)?, interface, ifindex, true)?;
        if let Some(pins) = &self.pins {
            link = attach::pin(pins, ifindex, mode, link)?;
        }
        // One of an interface that was removed ends here.
        if let Some(gone) = self.attached.insert(interface.to_owned(), Attached { link, ifindex, mode })
            && let Some(pins) = &self.pins
        {
            pins.unpin_link(gone.ifindex)?;
        }
        Ok(mode)
    }

    /// Whether the program is attached to this interface; one that was made anew under an old name has another index.
    pub fn is_attached(&self, interface: &str, ifindex: u32) -> bool {
        self.attached.get(interface).is_some_and(|attached| attached.ifindex == ifindex)
    }

    /// The interfaces that the program is attached to, and how.
    pub fn attached(&self) -> BTreeMap<String, Mode> {
        self.attached.iter().map(|(name, attached)| (name.clone(), attached.mode)).collect()
    }

    /// A handle for reading the counters.
    pub fn counters(&mut self) -> Result<BackendCounters, Error> {
        let map = self.ebpf.take_map(names::BACKEND_REASONS).ok_or(Error::Missing(names::BACKEND_REASONS))?;
        PerCpuArray::try_from(map).map(BackendCounters).map_err(failed(names::BACKEND_REASONS))
    }

    /// The program, for running frames through it.
    pub fn program(&self) -> Result<&Xdp, Error> {
        let missing = Error::Missing(names::BACKEND_PROGRAM);
        Ok(self.ebpf.program(names::BACKEND_PROGRAM).ok_or(missing)?.try_into()?)
    }

    /// Detaches the program and removes what is pinned.
    pub fn remove(mut self) -> Result<(), Error> {
        let pins = self.pins.take();
        drop(self);
        pins.map_or(Ok(()), |pins| pins.remove().map(|_| ()))
    }
}

impl BackendCounters {
    /// How many frames were counted for this reason, on all CPUs together.
    pub fn count(&self, reason: Reason) -> Result<u64, Error> {
        let values = self.0.get(&(reason as u32), 0).map_err(failed(names::BACKEND_REASONS))?;
        Ok(values.iter().sum())
    }
}

fn xdp(ebpf: &mut Ebpf) -> Result<&mut Xdp, Error> {
    Ok(ebpf.program_mut(names::BACKEND_PROGRAM).ok_or(Error::Missing(names::BACKEND_PROGRAM))?.try_into()?)
}

fn load(tunnels: &Tunnels, counters: Option<&Path>) -> Result<Ebpf, Error> {
    let gre_key = tunnels.gre.and_then(|gre| gre.key);
    let flags = [
        (names::ACCEPT_IPIP, tunnels.ipip),
        (names::ACCEPT_GRE, tunnels.gre.is_some()),
        (names::GRE_KEYED, gre_key.is_some()),
        (names::ACCEPT_DSCP, !tunnels.dscp.is_empty()),
        (names::HAS_PREFIXES, tunnels.balancers.iter().any(|prefix| !prefix.is_host())),
    ]
    .map(|(name, flag)| (name, u8::from(flag)));
    let numbers = [
        (names::GRE_KEY, gre_key.unwrap_or_default()),
        (names::GUE_PORT, tunnels.gue.map_or(0, |port| port.get().into())),
    ];
    let mut loader = EbpfLoader::new();
    for (name, flag) in &flags {
        loader.override_global(name, flag, true);
    }
    for (name, number) in &numbers {
        loader.override_global(name, number, true);
    }
    loader.map_max_entries(names::ADDRESSES, ADDRESSES_MAX).map_max_entries(names::PREFIXES, ADDRESSES_MAX);
    loader.map_max_entries(names::CODES, CODE_ROWS).map_max_entries(names::BACKEND_REASONS, REASON_ROWS);
    if let Some(path) = counters {
        loader.map_pin_path(names::BACKEND_REASONS, path);
    }
    Ok(loader.load(OBJECT)?)
}

fn fill_codes(ebpf: &mut Ebpf, tunnels: &Tunnels) -> Result<(), Error> {
    let mut codes: Array<_, CodeRow> = map(ebpf, names::CODES)?;
    for (vip, code) in &tunnels.dscp {
        let (family, address) = words(*vip);
        let row = CodeRow { vip: address, used: 1 };
        codes.set(code_row(family, code.get()), row, 0).map_err(failed(names::CODES))?;
    }
    Ok(())
}

fn fill_prefixes(ebpf: &mut Ebpf, tunnels: &Tunnels) -> Result<(), Error> {
    let mut prefixes: LpmTrie<_, PrefixData, u32> = map(ebpf, names::PREFIXES)?;
    for prefix in tunnels.balancers.iter().filter(|prefix| !prefix.is_host()) {
        prefixes.insert(&trie_key(*prefix), 1, 0).map_err(failed(names::PREFIXES))?;
    }
    Ok(())
}

fn trie_key(prefix: Prefix) -> Key<PrefixData> {
    let (family, address) = words(prefix.address);
    let before = if family == Family::V4 { MAPPED_BITS } else { 0 };
    Key::new(u32::from(before) + u32::from(prefix.length), prefix_data(family, address))
}

/// The roles that do not depend on the host.
fn given(tunnels: &Tunnels) -> BTreeMap<AddressKey, u32> {
    let mut roles: BTreeMap<_, u32> = BTreeMap::new();
    for balancer in tunnels.balancers.iter().filter(|prefix| prefix.is_host()) {
        *roles.entry(key(balancer.address)).or_default() |= BALANCER;
    }
    for vip in &tunnels.vips {
        *roles.entry(key(*vip)).or_default() |= VIP;
    }
    roles
}

fn map<'a, T>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<T, Error>
where
    T: TryFrom<&'a mut Map, Error = aya::maps::MapError>,
{
    T::try_from(ebpf.map_mut(name).ok_or(Error::Missing(name))?).map_err(failed(name))
}

fn failed(name: &'static str) -> impl Fn(aya::maps::MapError) -> Error {
    move |error| Error::Map(name, error)
}

fn key(address: IpAddr) -> AddressKey {
    let (family, address) = words(address);
    AddressKey::new(family, address)
}

fn words(address: IpAddr) -> (Family, Address) {
    (reconcile::family(address), reconcile::address(address))
}

/// The path that the counters are pinned at. The directory is named after the network namespace, because the links
/// belong to it, and the file after the reasons, so that no build reads another's counters.
fn counters_at(pins: &Pins) -> Result<PathBuf, Error> {
    let namespace = pin::namespace()?;
    if pins.loads()?.iter().any(|load| *load != namespace) {
        return Err(Error::OtherNamespace(pins.directory().to_owned()));
    }
    let (directory, file) = (pins.load(namespace), format!("REASONS-{:016x}", layout()));
    let unusable = |error: io::Error| Error::Pins(directory.clone(), error);
    fs::create_dir_all(&directory).map_err(unusable)?;
    for entry in fs::read_dir(&directory).map_err(unusable)? {
        let entry = entry.map_err(unusable)?;
        if entry.file_name().to_str() != Some(&file) {
            fs::remove_file(entry.path()).map_err(unusable)?;
        }
    }
    Ok(directory.join(file))
}

/// A number of the reasons and their order.
fn layout() -> u64 {
    let bytes = Reason::ALL.iter().flat_map(|reason| reason.label().bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// Rows of the map of addresses: balancers, VIPs and the host's own addresses together.
const ADDRESSES_MAX: u32 = 4096;
