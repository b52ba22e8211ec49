//! Offloads and queues of an interface, by ethtool's family of generic netlink (kernel 5.8 and later).

use std::io;

use super::generic::{Command, Generic, all, attribute, find, number};

/// An offload that is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offload {
    /// The kernel's name for it.
    pub name: String,
    /// Whether it can be switched off here.
    pub fixed: bool,
}

/// Receive queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queues {
    /// How many are in use.
    pub used: u32,
    /// How many there can be.
    pub most: u32,
    /// How they are set.
    pub setting: QueueSetting,
}

/// Whether queues are for both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueSetting {
    /// Each receives and sends.
    Combined,
    /// Some receive, some send.
    Separate,
}

/// What to do with an offload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// As `ethtool -K LINK NAME on`.
    On,
    /// As `ethtool -K LINK NAME off`.
    Off,
}

/// What ethtool tells and sets.
pub struct Ethtool<'a> {
    generic: &'a Generic,
    family: u16,
}

impl<'a> Ethtool<'a> {
    /// Finds the family.
    pub fn new(generic: &'a Generic) -> io::Result<Self> {
        Ok(Self { generic, family: generic.family("ethtool")? })
    }

    /// The offloads that are on.
    pub fn offloads(&self, ifindex: u32) -> io::Result<Vec<Offload>> {
        Ok(active(&self.ask(FEATURES_GET, ifindex)?))
    }

    /// The receive queues; nothing where the driver has no setting for them.
    pub fn queues(&self, ifindex: u32) -> io::Result<Option<Queues>> {
        Ok(queues(&self.ask(CHANNELS_GET, ifindex)?))
    }

    /// Switches offloads on or off by their names. A driver may refuse without an error: look at [`Self::offloads`].
    pub fn set_offloads(&self, ifindex: u32, names: &[&str], switch: Switch) -> io::Result<()> {
        let bits: Vec<u8> = names.iter().flat_map(|name| bit(name, switch)).collect();
        // Without a reply that lists what has changed: the command is only acknowledged.
        let flags = attribute(HEADER_FLAGS, &OMIT_REPLY.to_ne_bytes());
        let header = [attribute(HEADER_DEV_INDEX, &ifindex.to_ne_bytes()), flags].concat();
        let wanted = attribute(BITSET_BITS | NESTED, &bits);
        let request = [attribute(HEADER | NESTED, &header), attribute(FEATURES_WANTED | NESTED, &wanted)].concat();
        self.generic.tell(Command { family: self.family, number: FEATURES_SET }, &request)
    }

    fn ask(&self, number: u8, ifindex: u32) -> io::Result<Vec<u8>> {
        let header = attribute(HEADER | NESTED, &attribute(HEADER_DEV_INDEX, &ifindex.to_ne_bytes()));
        self.generic.ask(Command { family: self.family, number }, &header)
    }
}

/// A feature is fixed where it is not among those that the hardware lets change.
fn active(answer: &[u8]) -> Vec<Offload> {
    let names = |set: u16| {
        let set = find(answer, set).unwrap_or_default();
        let is_set = |bit: &&[u8]| find(set, BITSET_NOMASK).is_some() || find(bit, BIT_VALUE).is_some();
        let bits = all(find(set, BITSET_BITS).unwrap_or_default(), BITS_BIT);
        bits.filter(is_set).filter_map(|bit| text(find(bit, BIT_NAME)?)).collect::<Vec<_>>()
    };
    let changeable = names(FEATURES_HW);
    names(FEATURES_ACTIVE).into_iter().map(|name| Offload { fixed: !changeable.contains(&name), name }).collect()
}

/// One bit of a set that is to be changed.
fn bit(name: &str, switch: Switch) -> Vec<u8> {
    let mut bit = attribute(BIT_NAME, &[name.as_bytes(), &[0]].concat());
    if switch == Switch::On {
        bit.extend(attribute(BIT_VALUE, &[]));
    }
    attribute(BITS_BIT | NESTED, &bit)
}

fn queues(answer: &[u8]) -> Option<Queues> {
    let queues = |most, used, setting| {
        let most = number(answer, most).filter(|most| *most > 0)?;
        Some(Queues { most, used: number(answer, used)?, setting })
    };
    queues(COMBINED_MAX, COMBINED_COUNT, QueueSetting::Combined)
        .or_else(|| queues(RX_MAX, RX_COUNT, QueueSetting::Separate))
}

fn text(value: &[u8]) -> Option<String> {
    Some(std::ffi::CStr::from_bytes_until_nul(value).ok()?.to_str().ok()?.to_owned())
}

// `linux/ethtool_netlink.h`
const FEATURES_GET: u8 = 11;
const FEATURES_SET: u8 = 12;
const CHANNELS_GET: u8 = 17;
const HEADER: u16 = 1;
const HEADER_DEV_INDEX: u16 = 1;
const HEADER_FLAGS: u16 = 3;
const OMIT_REPLY: u32 = 1 << 1;
const FEATURES_HW: u16 = 2;
const FEATURES_WANTED: u16 = 3;
const FEATURES_ACTIVE: u16 = 4;
const BITSET_NOMASK: u16 = 1;
const BITSET_BITS: u16 = 3;
const BITS_BIT: u16 = 1;
const BIT_NAME: u16 = 2;
const BIT_VALUE: u16 = 3;
const RX_MAX: u16 = 2;
const COMBINED_MAX: u16 = 5;
const RX_COUNT: u16 = 6;
const COMBINED_COUNT: u16 = 9;
/// `NLA_F_NESTED` (`linux/netlink.h`)
const NESTED: u16 = 1 << 15;

#[cfg(test)]
mod tests {
    use super::*;

    /// A bit as the kernel sends it; `value` is for sets that have clear bits too.
    fn told(name: &str, value: &[u8]) -> Vec<u8> {
        let name = [name.as_bytes(), &[0]].concat();
        let bit = [attribute(1, &[0; 4]), attribute(BIT_NAME, &name), value.to_vec()].concat();
        attribute(BITS_BIT | NESTED, &bit)
    }

    fn set(kind: u16, mask: &[u8], bits: &[Vec<u8>]) -> Vec<u8> {
        attribute(kind | NESTED, &[mask.to_vec(), attribute(BITSET_BITS | NESTED, &bits.concat())].concat())
    }

    #[test]
    fn what_is_on_is_fixed_unless_the_hardware_lets_it_change() {
        let (set_bit, no_mask) = (attribute(BIT_VALUE, &[]), attribute(BITSET_NOMASK, &[]));
        let changeable = [told("rx-lro", &set_bit), told("rx-gro", &set_bit), told("rx-gro-hw", &[])];
        let active_now = [told("rx-lro", &[]), told("rx-gro-hw", &[])];
        let answer = [set(FEATURES_HW, &[], &changeable), set(FEATURES_ACTIVE, &no_mask, &active_now)].concat();
        let offload = |name: &str, fixed| Offload { name: name.to_owned(), fixed };
        assert_eq!(active(&answer), [offload("rx-lro", false), offload("rx-gro-hw", true)]);
    }

    #[test]
    fn queues_are_combined_or_separate_or_not_set_at_all() {
        let number = |kind, number: u32| attribute(kind, &number.to_ne_bytes());
        let combined = [number(COMBINED_MAX, 8), number(COMBINED_COUNT, 2)].concat();
        assert_eq!(queues(&combined), Some(Queues { used: 2, most: 8, setting: QueueSetting::Combined }));
        let separate = [number(RX_MAX, 4), number(RX_COUNT, 1), number(COMBINED_MAX, 0)].concat();
        assert_eq!(queues(&separate), Some(Queues { used: 1, most: 4, setting: QueueSetting::Separate }));
        assert_eq!(queues(&[]), None);
    }

    #[test]
    fn the_loopback_has_offloads_and_no_queues() {
        let generic = Generic::open().unwrap();
        let ethtool = Ethtool::new(&generic).unwrap();
        let offloads = ethtool.offloads(1).unwrap();
        assert!(offloads.contains(&Offload { name: "loopback".to_owned(), fixed: true }), "{offloads:?}");
        assert_eq!(ethtool.queues(1).unwrap_err().raw_os_error(), Some(libc::EOPNOTSUPP));
    }
}
