//! Daisy chaining: the balancer knows two tables and no flow; the backend that gets a packet of a flow that it does not
//! know passes it on to the slot's member before.
//!
//! Better than balancers could do: all of them have the same history, however late they came.

use super::{Balancer, Memory, Packet, slot_bytes};
use crate::{
    pool::{Member, View},
    time::Moment,
};

/// A balancer that names two backends in each packet.
pub(crate) struct Chained;

impl Balancer for Chained {
    fn route(&mut self, view: &View, packet: Packet, _now: Moment) -> Option<Member> {
        view.current(packet.hash)
    }

    fn second_chance(&self, view: &View, packet: Packet) -> Option<Member> {
        view.before(packet.hash)
    }

    fn memory(&self, view: &View) -> Memory {
        let bytes = 2 * slot_bytes(view);
        Memory { used: bytes, reserved: bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        design::Segment,
        pool::{Declared, Standing},
    };

    #[test]
    fn a_backend_passes_unknown_flows_on_to_the_member_before() {
        let mut pool = [Declared { standing: Standing::Active, weight: 100 }; 3];
        let old = View::build(&pool[..2], 1);
        let new = View::build(&pool, 1).following(&old);
        let moved = |hash: &u64| old.current(*hash) != new.current(*hash);
        let hash = (1..1000).map(|number: u64| number << 54).find(moved).unwrap();
        let packet = Packet { hash, segment: Segment::Follows };
        assert_eq!(Chained.route(&new, packet, Moment::default()), new.current(hash));
        assert_eq!(Chained.second_chance(&new, packet), old.current(hash));
        // The slot changes again: the first member is no longer known.
        pool[2].standing = Standing::Draining;
        let newest = View::build(&pool, 1).following(&new);
        assert_eq!(Chained.second_chance(&newest, packet), new.current(hash));
    }

    #[test]
    fn a_member_that_died_leaves_the_one_before_it_in_place() {
        let active = Declared { standing: Standing::Active, weight: 100 };
        let down = Declared { standing: Standing::Down, ..active };
        let old = View::build(&[active; 2], 1);
        let new = View::build(&[active; 3], 1).following(&old);
        let hash =
            (1..1000).map(|number: u64| number << 54).find(|hash| new.current(*hash) == Some(Member(2))).unwrap();
        let newest = View::build(&[active, active, down], 1).following(&new);
        let packet = Packet { hash, segment: Segment::Follows };
        assert_eq!(Chained.second_chance(&newest, packet), old.current(hash));
    }
}
