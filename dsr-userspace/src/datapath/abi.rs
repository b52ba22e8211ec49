//! Whether maps that another agent made can be used: a number that differs where anything in them is laid out, hashed or
//! numbered in another way.

use std::sync::LazyLock;

use dsr_common::{
    address::{Address, Family},
    flow::Flow,
    fragment::FragmentSet,
    hash::{HashKeys, KEY_WORDS, Keys as _},
    heartbeat::Heartbeat,
    interface::InterfaceRow,
    limits,
    member::{MemberRow, MemberRows, NextHopRow},
    previous::PreviousBlock,
    service::{FLAG_SOURCE, ServiceKey, ServiceRow, TableRef},
    slot::SlotBlock,
    stats::{Counters, Reason, Tracking},
    track::{self, FlowSet},
    vlan::{VlanKey, VlanSet},
};

/// To be raised where the meaning of a field changes and nothing below shows it.
const LAYOUT: u64 = 1;

/// The number of this build.
pub(super) static NUMBER: LazyLock<u64> = LazyLock::new(number);

fn number() -> u64 {
    let sizes = [
        size_of::<ServiceRow>(),
        size_of::<MemberRow>(),
        size_of::<MemberRows>(),
        size_of::<NextHopRow>(),
        size_of::<SlotBlock>(),
        size_of::<PreviousBlock>(),
        size_of::<FlowSet>(),
        size_of::<FragmentSet>(),
        size_of::<InterfaceRow>(),
        size_of::<VlanSet>(),
        size_of::<VlanKey>(),
        size_of::<Counters>(),
        size_of::<Heartbeat>(),
        KEY_WORDS,
    ];
    let bounds = [limits::SERVICE_PROBES, limits::INTERFACE_ROWS, limits::FRAGMENT_SETS, limits::SLOTS_PER_BLOCK];
    let keys = HashKeys::from_seed(LAYOUT);
    // Where a service and a flow are looked for, by example.
    let (one, two) = (Address { hi: 1, lo: 2 }, Address { hi: 3, lo: 4 });
    let flow = Flow { family: Family::V6, protocol: 6, client_port: 5, service_port: 6, client: one, vip: two };
    let by_source = TableRef::new(0, 1, FLAG_SOURCE);
    let hashes = [u64::from(keys.service(one, ServiceKey(3))), keys.flow(&flow), track::hash(&keys, &flow, by_source)];
    let words = sizes.map(|size| size as u64).into_iter().chain(bounds.map(u64::from)).chain([LAYOUT]).chain(hashes);
    let labels = Reason::ALL.iter().map(|reason| reason.label()).chain(Tracking::ALL.iter().map(|one| one.label()));
    let bytes = words.flat_map(u64::to_le_bytes).chain(labels.flat_map(str::bytes));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
