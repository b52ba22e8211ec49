//! Which rows of a table are taken: runs of them, one a service.

use std::collections::BTreeMap;

/// The runs in use of a table of so many rows.
#[derive(Debug)]
pub(super) struct Regions {
    rows: u32,
    /// First row and length of each run.
    used: BTreeMap<u32, u32>,
    /// By length: before this row there is no gap that is large enough. Runs are only taken, so that none appears.
    searched: BTreeMap<u32, u32>,
}

impl Regions {
    pub(super) fn new(rows: u32) -> Self {
        Self { rows, used: BTreeMap::new(), searched: BTreeMap::new() }
    }

    /// Marks a run as taken.
    pub(super) fn take(&mut self, first: u32, length: u32) {
        if length > 0 {
            self.used.insert(first, length);
        }
    }

    /// Takes the first gap that is large enough; nothing where there is none.
    pub(super) fn allocate(&mut self, length: u32) -> Option<u32> {
        let mut first = self.searched.get(&length).copied().unwrap_or(0);
        for (start, taken) in self.used.range(first..) {
            if first + length <= *start {
                break;
            }
            first = first.max(start + taken);
        }
        if first.checked_add(length)? > self.rows {
            return None;
        }
        self.take(first, length);
        self.searched.insert(length, first + length);
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_first_and_the_end_is_respected() {
        let mut regions = Regions::new(10);
        regions.take(2, 3);
        assert_eq!(regions.allocate(2), Some(0));
        assert_eq!(regions.allocate(4), Some(5));
        assert_eq!(regions.allocate(2), None);
        assert_eq!(regions.allocate(1), Some(9));
        assert_eq!(regions.allocate(1), None);
    }
}
