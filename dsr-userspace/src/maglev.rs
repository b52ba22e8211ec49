//! Weighted Maglev tables: members in, the owner of each slot out.
//!
//! Pure: the same members, weights, size and seed give the same table on every balancer, in whatever order they are
//! named and whatever the table was before (Eisenbud et al., "Maglev", NSDI 2016, section 3.4). Differences from the
//! paper: a member's share of slots is settled first, exactly; members take turns in proportion to their shares.

use dsr_common::{
    address::Address,
    hash::split_mix,
    limits::{SLOTS_PER_MEMBER, TABLE_SIZES},
};

/// One member that can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// Who it is, on every balancer: its own address.
    pub address: Address,
    /// Its share relative to the others; zero gets no slot.
    pub weight: u16,
}

/// Slots for a service of so many declared members: the first of [`TABLE_SIZES`] with [`SLOTS_PER_MEMBER`] for each,
/// or else the largest. Depends on what is declared, not on what is reachable, so that a failure never resizes.
pub fn size_for(members: usize) -> u32 {
    let wanted = u64::from(SLOTS_PER_MEMBER) * members as u64;
    let last = TABLE_SIZES[TABLE_SIZES.len() - 1];
    TABLE_SIZES.into_iter().find(|size| u64::from(*size) >= wanted).unwrap_or(last)
}

/// The owner of each of `size` slots, as an index into `candidates`; all `None` if no candidate has a weight.
///
/// `size` is a prime. Two candidates with one address would share one permutation: the configuration rules it out.
pub fn table(candidates: &[Candidate], size: u32, seed: u64) -> Vec<Option<u16>> {
    let mut slots = vec![None; size as usize];
    let mut turns = turns(candidates, size, seed);
    let Some(largest) = turns.iter().map(|turn| turn.quota).max() else {
        return slots;
    };
    let mut left = size;
    while left > 0 {
        for turn in &mut turns {
            turn.credit += turn.quota;
            if turn.credit < largest || turn.taken == turn.quota {
                continue;
            }
            turn.credit -= largest;
            turn.taken += 1;
            let slot = turn.next_free(&slots);
            slots[slot] = Some(turn.index);
            left -= 1;
        }
    }
    slots
}

/// A member while the table is filled.
struct Turn {
    index: u16,
    rank: u64,
    /// Slots it will own.
    quota: u32,
    taken: u32,
    credit: u32,
    /// The next slot of its permutation, and the step to the one after.
    position: u32,
    skip: u32,
}

impl Turn {
    fn new(index: usize, candidate: &Candidate, quota: u32, size: u32, seed: u64) -> Self {
        let mut state = seed ^ candidate.address.hi;
        let mut state = split_mix(&mut state) ^ candidate.address.lo;
        let rank = split_mix(&mut state);
        let position = (split_mix(&mut state) % u64::from(size)) as u32;
        let skip = (split_mix(&mut state) % u64::from(size - 1)) as u32 + 1;
        Self { index: index as u16, rank, quota, taken: 0, credit: 0, position, skip }
    }

    fn next_free(&mut self, slots: &[Option<u16>]) -> usize {
        loop {
            let slot = self.position as usize;
            self.position = (self.position + self.skip) % slots.len() as u32;
            if slots[slot].is_none() {
                return slot;
            }
        }
    }
}

/// The members with a weight, in an order that does not depend on how they were named.
fn turns(candidates: &[Candidate], size: u32, seed: u64) -> Vec<Turn> {
    let mut turns: Vec<Turn> = candidates
        .iter()
        .enumerate()
        .filter(|(_, candidate)| candidate.weight > 0)
        .map(|(index, candidate)| Turn::new(index, candidate, 0, size, seed))
        .collect();
    turns.sort_by_key(|turn| (turn.rank, turn.position, turn.skip));
    turns.truncate(size as usize);
    let weights: Vec<u16> = turns.iter().map(|turn| candidates[usize::from(turn.index)].weight).collect();
    for (turn, quota) in turns.iter_mut().zip(quotas(&weights, size)) {
        turn.quota = quota;
    }
    turns
}

/// `size` slots shared out by largest remainder, at least one each; earlier members win ties.
fn quotas(weights: &[u16], size: u32) -> Vec<u32> {
    let sum: u64 = weights.iter().map(|w| u64::from(*w)).sum();
    let exact = |weight: u16| u64::from(size) * u64::from(weight);
    let mut quotas: Vec<u32> = weights.iter().map(|w| ((exact(*w) / sum.max(1)) as u32).max(1)).collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by_key(|i| std::cmp::Reverse(exact(weights[*i]) % sum.max(1)));
    let mut given: u32 = quotas.iter().sum();
    for i in by_remainder.into_iter().cycle().take_while(|_| !weights.is_empty()) {
        if given >= size {
            break;
        }
        quotas[i] += 1;
        given += 1;
    }
    while given > size {
        // The floor of one slot gave out too many: those with most have them to spare.
        let Some(most) = quotas.iter_mut().rev().max_by_key(|q| **q) else { break };
        *most -= 1;
        given -= 1;
    }
    quotas
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn candidates(weights: &[u16]) -> Vec<Candidate> {
        let address = |n: usize| Address::from_v4((0x0a00_0001 + n as u32).to_be_bytes());
        weights.iter().enumerate().map(|(n, weight)| Candidate { address: address(n), weight: *weight }).collect()
    }

    fn shares(table: &[Option<u16>], members: usize) -> Vec<u32> {
        let mut shares = vec![0; members];
        table.iter().flatten().for_each(|owner| shares[usize::from(*owner)] += 1);
        shares
    }

    fn addresses(table: &[Option<u16>], candidates: &[Candidate]) -> Vec<Option<Address>> {
        table.iter().map(|owner| owner.map(|o| candidates[usize::from(o)].address)).collect()
    }

    #[test]
    fn sizes_are_primes_with_room_for_each_member() {
        for size in TABLE_SIZES {
            assert!((2..size).take_while(|d| d * d <= size).all(|d| size % d != 0), "{size} is not a prime");
        }
        assert_eq!([size_for(0), size_for(10), size_for(11), size_for(655)], [1021, 1021, 4093, 65537]);
        assert_eq!(size_for(20_000), 65537);
    }

    #[test]
    fn nobody_to_send_to_leaves_every_slot_empty() {
        assert!(table(&candidates(&[0, 0]), 1021, 1).iter().all(Option::is_none));
        assert!(table(&[], 1021, 1).iter().all(Option::is_none));
    }

    #[test]
    fn a_table_is_the_same_on_every_build() {
        // A change of the algorithm moves every flow of a cluster in which only some balancers were upgraded.
        let built = table(&candidates(&[100, 50, 200]), 1021, 0x5eed);
        let print = built.iter().fold(0_u64, |mut sum, owner| {
            sum ^= u64::from(owner.unwrap_or(u16::MAX));
            split_mix(&mut sum)
        });
        assert_eq!(print, 9_350_726_603_834_577_129);
    }

    #[test]
    fn few_slots_move_when_one_of_many_leaves() {
        for members in [3_usize, 10, 40] {
            let before = candidates(&vec![100; members]);
            let size = size_for(members);
            let old = addresses(&table(&before, size, 7), &before);
            for gone in 0..members {
                let after: Vec<_> = before.iter().enumerate().filter(|(n, _)| *n != gone).map(|(_, c)| *c).collect();
                let new = addresses(&table(&after, size, 7), &after);
                let lost = before[gone].address;
                let moved = old.iter().zip(&new).filter(|(o, n)| o != n && **o != Some(lost)).count();
                assert!(moved * 10 < size as usize, "{moved} of {size} slots moved needlessly ({members} members)");
            }
        }
    }

    proptest! {
        #[test]
        fn shares_follow_the_weights(weights in prop::collection::vec(0_u16..=1000, 1..100), seed: u64) {
            let size = size_for(weights.len());
            let sum: u64 = weights.iter().map(|w| u64::from(*w)).sum();
            prop_assume!(sum > 0);
            let table = table(&candidates(&weights), size, seed);
            prop_assert!(table.iter().all(Option::is_some));
            let low = weights.iter().filter(|w| **w > 0 && u64::from(**w) * u64::from(size) < sum).count() as f64;
            for (weight, share) in weights.iter().zip(shares(&table, weights.len())) {
                let exact = f64::from(size) * f64::from(*weight) / sum as f64;
                // Within one slot, but for what the floor of one slot takes from the largest.
                prop_assert!((f64::from(share) - exact).abs() <= 1.0 + low, "{weight}: {share} for {exact}");
                prop_assert_eq!(*weight == 0, share == 0);
            }
        }

        #[test]
        fn equal_members_are_within_one_percent(members in 1_usize..=100, seed: u64) {
            let size = size_for(members);
            let shares = shares(&table(&candidates(&vec![100; members]), size, seed), members);
            let mean = f64::from(size) / members as f64;
            for share in shares {
                prop_assert!((f64::from(share) / mean - 1.0).abs() <= 0.01, "{share} of a mean of {mean}");
            }
        }

        #[test]
        fn order_does_not_matter(weights in prop::collection::vec(0_u16..=1000, 1..30), seed: u64, by: usize) {
            let named = candidates(&weights);
            let mut other = named.clone();
            other.rotate_left(by % weights.len());
            other.reverse();
            let (one, two) = (table(&named, 1021, seed), table(&other, 1021, seed));
            prop_assert_eq!(addresses(&one, &named), addresses(&two, &other));
        }

        #[test]
        fn permutations_visit_every_slot(lo: u32, seed: u64) {
            let candidate = Candidate { address: Address { hi: 0, lo: u64::from(lo) }, weight: 1 };
            let turn = Turn::new(0, &candidate, 1, 1021, seed);
            let visited: BTreeSet<u32> = (0..1021).map(|n| (turn.position + n * turn.skip) % 1021).collect();
            prop_assert_eq!(visited.len(), 1021);
        }
    }
}
