//! Whose each slot of a service is. Services of one pool have the same: a table is filled once for all of them in a plan.

use std::{collections::HashMap, rc::Rc};

use dsr_common::slot::Slot;

use crate::maglev::{self, Candidate};

/// The slots of a service.
pub(super) struct Assignment {
    /// Whose each is, as a stable slot.
    pub(super) slots: Vec<Slot>,
    /// How many each member has, in the order of the candidates.
    pub(super) owned: Vec<u32>,
}

/// The tables that were filled for a plan.
#[derive(Default)]
pub(super) struct Assignments {
    known: HashMap<(Vec<Candidate>, Vec<u16>), Rc<Assignment>>,
}

impl Assignments {
    /// The slots of a service with these members, each with its number.
    pub(super) fn of(&mut self, candidates: Vec<Candidate>, numbers: &[u16], seed: u64) -> Rc<Assignment> {
        let key = (candidates, numbers.to_vec());
        if let Some(known) = self.known.get(&key) {
            return Rc::clone(known);
        }
        let made = Rc::new(Assignment::new(&key.0, numbers, seed));
        self.known.insert(key, Rc::clone(&made));
        made
    }
}

impl Assignment {
    fn new(candidates: &[Candidate], numbers: &[u16], seed: u64) -> Self {
        let mut owned = vec![0; candidates.len()];
        let owners = maglev::table(candidates, maglev::size_for(candidates.len()), seed).into_iter();
        let slot = |owner: Option<u16>| {
            owner.map_or(Slot::NONE, |owner| {
                owned[usize::from(owner)] += 1;
                Slot::stable(numbers[usize::from(owner)])
            })
        };
        Self { slots: owners.map(slot).collect(), owned }
    }
}
