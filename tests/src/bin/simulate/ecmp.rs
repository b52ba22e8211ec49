//! The router in front of the balancers: equal-cost multipath, one balancer for each flow, by the flow's hash.

/// How flows are given to other balancers when one comes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    /// Hash over the number of balancers: a change moves most flows.
    Plain,
    /// A table of buckets (as Linux's resilient next-hop groups and many switches have it): a change moves only the
    /// buckets that must move.
    Resilient,
}

/// Buckets of a resilient group.
const BUCKETS: usize = 1024;

/// The router's table.
pub(crate) struct Router {
    spread: Spread,
    up: Vec<usize>,
    buckets: Vec<usize>,
}

impl Router {
    /// All of so many balancers are up.
    pub(crate) fn new(spread: Spread, balancers: usize) -> Self {
        Self { spread, up: (0..balancers).collect(), buckets: (0..BUCKETS).map(|bucket| bucket % balancers).collect() }
    }

    /// The balancer of a flow, by the router's own hash of it.
    pub(crate) fn balancer(&self, hash: u32) -> usize {
        let pick = |of: &[usize]| of[((u64::from(hash) * of.len() as u64) >> 32) as usize];
        match self.spread {
            Spread::Plain => self.up[hash as usize % self.up.len()],
            Spread::Resilient => pick(&self.buckets),
        }
    }

    /// Balancers that get packets, in the order of their numbers.
    pub(crate) fn up(&self) -> &[usize] {
        &self.up
    }

    /// A balancer goes; the last one never does.
    pub(crate) fn leaves(&mut self, balancer: usize) {
        if self.up.len() > 1 {
            self.up.retain(|up| *up != balancer);
            self.rebalance();
        }
    }

    /// A balancer comes.
    pub(crate) fn returns(&mut self, balancer: usize) {
        if let Err(place) = self.up.binary_search(&balancer) {
            self.up.insert(place, balancer);
            self.rebalance();
        }
    }

    /// Buckets of balancers that are gone, and those that others have beyond their share, go to who has too few.
    fn rebalance(&mut self) {
        let share = BUCKETS.div_ceil(self.up.len());
        let mut held = vec![0_usize; self.up.iter().max().map_or(0, |most| most + 1)];
        let mut free = Vec::new();
        for (bucket, owner) in self.buckets.iter().enumerate() {
            if self.up.contains(owner) && held[*owner] < share {
                held[*owner] += 1;
            } else {
                free.push(bucket);
            }
        }
        for bucket in free {
            let least = self.up.iter().copied().min_by_key(|up| held[*up]).unwrap_or_default();
            held[least] += 1;
            self.buckets[bucket] = least;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of 10,000 flows that another balancer gets when the last of four goes, and whether all came back.
    fn moved(spread: Spread) -> (f64, bool) {
        let hash = |flow: u32| flow.wrapping_mul(0x9e37_79b9);
        let owners = |router: &Router| (0..10_000).map(|flow| router.balancer(hash(flow))).collect::<Vec<_>>();
        let mut router = Router::new(spread, 4);
        let before = owners(&router);
        router.leaves(3);
        let without = owners(&router);
        assert!(!without.contains(&3));
        router.returns(3);
        let share = owners(&router).iter().filter(|owner| **owner == 3).count();
        let moved = before.iter().zip(&without).filter(|(one, other)| one != other).count();
        (moved as f64 / 10_000.0, (2000..3000).contains(&share))
    }

    #[test]
    fn a_resilient_group_moves_only_the_flows_of_who_went() {
        let (moved, came_back) = moved(Spread::Resilient);
        assert!((0.2..0.3).contains(&moved), "{moved} moved");
        assert!(came_back);
    }

    #[test]
    fn a_plain_group_moves_most_flows() {
        let (moved, came_back) = moved(Spread::Plain);
        assert!(moved > 0.6, "{moved} moved");
        assert!(came_back);
    }
}
