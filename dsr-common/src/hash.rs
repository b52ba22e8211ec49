//! Keyed hashes of the datapath: one selects a flow's slot, the other a service's row.
//!
//! The flow hash is multilinear: a sum of 32-bit words of the key, each multiplied by its own secret 64-bit number; the
//! upper 32 bits are strongly universal (Lemire and Kaser, "Strongly Universal String Hashing is Fast", 2014). The
//! service hash takes its first two words in one multiplication (NH: Black et al., "UMAC", 1999). Without the keys, an
//! attacker cannot choose flows that share a slot; no more is required. A final bijective mix makes the lower bits as
//! good as the upper ones.

use crate::{
    address::{Address, Family},
    flow::Flow,
    service::ServiceKey,
};

/// Number of secret words: those for a flow, then those for a service's key.
pub const KEY_WORDS: usize = FLOW_WORDS + SERVICE_WORDS;

const FLOW_WORDS: usize = 11;
const SERVICE_WORDS: usize = 5;

/// Source of the secret words: a [`HashKeys`], or the constants of a loaded program.
pub trait Keys {
    /// Word `index`, below [`KEY_WORDS`].
    fn word(&self, index: usize) -> u64;

    /// The 64-bit hash of a flow. Its upper 32 bits select the slot.
    #[inline(always)]
    fn flow(&self, flow: &Flow) -> u64 {
        let ports = u32::from(flow.client_port) | u32::from(flow.service_port) << 16;
        let mut sum = self
            .word(0)
            .wrapping_add(self.times(1, low(flow.client.lo)))
            .wrapping_add(self.times(2, low(flow.vip.lo)))
            .wrapping_add(self.times(3, u64::from(ports)))
            .wrapping_add(self.times(4, u64::from(flow.protocol) | (flow.family as u64) << 8));
        if matches!(flow.family, Family::V6) {
            sum = sum
                .wrapping_add(self.times(5, high(flow.client.lo)))
                .wrapping_add(self.times(6, low(flow.client.hi)))
                .wrapping_add(self.times(7, high(flow.client.hi)))
                .wrapping_add(self.times(8, high(flow.vip.lo)))
                .wrapping_add(self.times(9, low(flow.vip.hi)))
                .wrapping_add(self.times(10, high(flow.vip.hi)));
        }
        mix(sum)
    }

    /// The 64-bit hash of a client: of its address and family only, so that it is the same for every service.
    #[inline(always)]
    fn client(&self, family: Family, client: Address) -> u64 {
        let nothing = Address { hi: 0, lo: 0 };
        self.flow(&Flow { family, protocol: 0, client_port: 0, service_port: 0, client, vip: nothing })
    }

    /// The 32-bit hash of a service's key, which selects the row where probing starts.
    #[inline(always)]
    fn service(&self, vip: Address, key: ServiceKey) -> u32 {
        let mut sum = self.pair(FLOW_WORDS, low(vip.lo), u64::from(key.0));
        if vip.hi != 0 || high(vip.lo) != 0 {
            sum = sum
                .wrapping_add(self.times(FLOW_WORDS + 2, high(vip.lo)))
                .wrapping_add(self.times(FLOW_WORDS + 3, low(vip.hi)))
                .wrapping_add(self.times(FLOW_WORDS + 4, high(vip.hi)));
        }
        (stir(sum) >> 32) as u32
    }

    /// One term of the sum for two words: each is added to its own secret word, and the sums are multiplied.
    #[inline(always)]
    fn pair(&self, index: usize, one: u64, other: u64) -> u64 {
        self.word(index).wrapping_add(one).wrapping_mul(self.word(index + 1).wrapping_add(other))
    }

    /// One term of the sum.
    #[inline(always)]
    fn times(&self, index: usize, word: u64) -> u64 {
        self.word(index).wrapping_mul(word)
    }
}

/// The secret words of both hashes, a pure function of the configured `hash_seed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct HashKeys(pub [u64; KEY_WORDS]);

impl HashKeys {
    /// Expands a seed; all balancers with the same seed have the same keys.
    pub fn from_seed(seed: u64) -> Self {
        let mut state = seed;
        // An odd multiplier loses nothing of the word it multiplies.
        Self([(); KEY_WORDS].map(|()| split_mix(&mut state) | 1))
    }
}

impl Keys for HashKeys {
    #[inline(always)]
    fn word(&self, index: usize) -> u64 {
        self.0[index]
    }
}

/// One step of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014): advances the
/// state and returns the next number. For tables and keys built in user space.
pub const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A bijection that mixes the upper bits into the lower ones and back.
#[inline(always)]
const fn mix(h: u64) -> u64 {
    let h = stir(h);
    h ^ (h >> 29)
}

/// Half of it: a bijection that suffices for the upper bits.
#[inline(always)]
const fn stir(h: u64) -> u64 {
    (h ^ (h >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[inline(always)]
const fn low(word: u64) -> u64 {
    word & 0xffff_ffff
}

#[inline(always)]
const fn high(word: u64) -> u64 {
    word >> 32
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::{collections::HashSet, vec};

    use proptest::prelude::*;

    use super::*;

    fn flow(client: [u8; 4], client_port: u16) -> Flow {
        Flow {
            family: Family::V4,
            protocol: 6,
            client_port: client_port.to_be(),
            service_port: 80_u16.to_be(),
            client: Address::from_v4(client),
            vip: Address::from_v4([192, 0, 2, 10]),
        }
    }

    #[test]
    fn neighbouring_flows_spread_evenly() {
        let keys = HashKeys::from_seed(1);
        let mut buckets = vec![0_u32; 100];
        let total = 200_000_u32;
        for n in 0..total {
            let client = (0x0a00_0000 + n / 50).to_be_bytes();
            let hash = keys.flow(&flow(client, 1024 + (n % 50) as u16));
            buckets[(((hash >> 32) * 100) >> 32) as usize] += 1;
        }
        // Five standard deviations of a binomial share: a skewed hash is far outside.
        let expected = f64::from(total) / 100.0;
        let bound = 5.0 * (expected * 0.99).sqrt();
        for (bucket, count) in buckets.iter().enumerate() {
            assert!((f64::from(*count) - expected).abs() < bound, "bucket {bucket} holds {count}, expected {expected}");
        }
    }

    #[test]
    fn every_part_of_a_flow_counts() {
        let keys = HashKeys::from_seed(7);
        let base = Flow {
            family: Family::V6,
            client: Address { hi: 1, lo: 2 },
            vip: Address { hi: 3, lo: 4 },
            ..flow([0; 4], 5)
        };
        let high_bit = 1 << 40;
        let variants = [
            base,
            Flow { protocol: 17, ..base },
            Flow { client_port: 6, ..base },
            Flow { service_port: 6, ..base },
            Flow { client: Address { hi: 9, lo: 2 }, ..base },
            Flow { client: Address { hi: 1 | high_bit, lo: 2 }, ..base },
            Flow { client: Address { hi: 1, lo: 9 }, ..base },
            Flow { client: Address { hi: 1, lo: 2 | high_bit }, ..base },
            Flow { vip: Address { hi: 9, lo: 4 }, ..base },
            Flow { vip: Address { hi: 3 | high_bit, lo: 4 }, ..base },
            Flow { vip: Address { hi: 3, lo: 9 }, ..base },
            Flow { vip: Address { hi: 3, lo: 4 | high_bit }, ..base },
        ];
        let hashes: HashSet<u64> = variants.iter().map(|f| keys.flow(f)).collect();
        assert_eq!(hashes.len(), variants.len());
    }

    #[test]
    fn a_client_is_known_by_address_and_family() {
        let keys = HashKeys::from_seed(7);
        let (one, two) = (Address { hi: 1, lo: 2 }, Address { hi: 2, lo: 2 });
        let clients = [(Family::V6, one), (Family::V6, two), (Family::V4, Address { hi: 0, lo: 2 })];
        let hashes: HashSet<u64> = clients.iter().map(|(family, client)| keys.client(*family, *client)).collect();
        assert_eq!(hashes.len(), clients.len());
        assert_ne!(keys.client(Family::V4, Address::default()), keys.client(Family::V6, Address::default()));
    }

    proptest! {
        #[test]
        fn seeds_give_different_slots(a: u64, b: u64, client: [u8; 4], port: u16) {
            prop_assume!(a != b);
            let f = flow(client, port);
            prop_assert_ne!(HashKeys::from_seed(a).flow(&f), HashKeys::from_seed(b).flow(&f));
            prop_assert_eq!(HashKeys::from_seed(a).flow(&f), HashKeys::from_seed(a).flow(&f));
        }
    }
}
