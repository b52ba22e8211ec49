//! The numbers that identify probes: each has a row in the tc program's table. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Checked;

/// Who has which number.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    held: BTreeMap<Checked, u32>,
}

impl Numbers {
    /// Gives each of these a number, the one it has where it has one, and takes those of all others back.
    pub fn assign(&mut self, wanted: &BTreeSet<Checked>) {
        self.held.retain(|checked, _| wanted.contains(checked));
        let taken: BTreeSet<u32> = self.held.values().copied().collect();
        let mut free = (0..).filter(|number| !taken.contains(number));
        for checked in wanted {
            if !self.held.contains_key(checked)
                && let Some(number) = free.next()
            {
                self.held.insert(*checked, number);
            }
        }
    }

    /// Its number.
    pub fn of(&self, checked: &Checked) -> Option<u32> {
        self.held.get(checked).copied()
    }

    /// How many rows a table needs that has room for all.
    pub fn rows(&self) -> u32 {
        self.held.values().max().map_or(0, |last| last + 1)
    }

    /// All numbers that are held.
    pub fn all(&self) -> impl Iterator<Item = (&Checked, u32)> {
        self.held.iter().map(|(checked, number)| (checked, *number))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;
    use crate::model::{Protocol, ServiceId};

    fn checked(last: u8) -> Checked {
        let vip = [192, 0, 2, 1].into();
        let id = ServiceId { vip, protocol: Protocol::Tcp, port: NonZeroU16::new(80).unwrap().into() };
        (id, [10, 0, 0, last].into())
    }

    #[test]
    fn numbers_are_kept_and_given_again() {
        let mut numbers = Numbers::default();
        numbers.assign(&[1, 2, 3].map(checked).into());
        assert_eq!([1, 2, 3].map(|n| numbers.of(&checked(n))), [Some(0), Some(1), Some(2)]);
        numbers.assign(&[1, 3].map(checked).into());
        assert_eq!((numbers.of(&checked(2)), numbers.rows()), (None, 3));
        numbers.assign(&[0, 1, 3, 4].map(checked).into());
        assert_eq!([0, 1, 3, 4].map(|n| numbers.of(&checked(n))), [Some(1), Some(0), Some(2), Some(3)]);
    }
}
