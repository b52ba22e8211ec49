//! What the scripts call a VIP by: in files' names, devices' names, prefixes.

use std::{hash::Hasher as _, net::IpAddr};

/// A name for files and records, of letters, digits and `-` only: ifupdown reads no others.
pub(super) fn slug(vip: IpAddr) -> String {
    vip.to_string().replace(['.', ':'], "-")
}

/// The VIP that a [`slug`] is of.
pub(super) fn of_slug(slug: &str) -> Option<IpAddr> {
    [".", ":"].iter().find_map(|separator| slug.replace('-', separator).parse().ok())
}

/// The prefix of this one address alone.
pub(super) const fn prefix(vip: IpAddr) -> u8 {
    match vip {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The name of an interface for this address alone, within the fifteen characters that Linux allows: the address
/// itself for IPv4, a hash of it for IPv6.
pub(super) fn device(vip: IpAddr) -> String {
    match vip {
        IpAddr::V4(vip) => format!("dsr-{:08x}", u32::from(vip)),
        IpAddr::V6(vip) => format!("dsr6-{:08x}", fold(&vip.octets())),
    }
}

/// A UUID (version 8, RFC 9562) that is the address, so that a second set-up makes the same profile.
pub(super) fn uuid(vip: IpAddr) -> String {
    let bits = match vip {
        IpAddr::V4(vip) => u128::from(u32::from(vip)),
        IpAddr::V6(vip) => u128::from(vip),
    };
    // The version and the variant take six bits; the address gives way in them.
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (8 << 76) | (2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// FNV-1a, folded to 32 bits.
fn fold(bytes: &[u8]) -> u32 {
    let mut hasher = fnv::FnvHasher::default();
    hasher.write(bytes);
    let hash = hasher.finish();
    (hash ^ hash >> 32) as u32
}
