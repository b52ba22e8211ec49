//! Where services stand in the service table: open addressing with a bounded number of probes.

use std::collections::HashMap;

use dsr_common::{
    address::Address,
    hash::{HashKeys, Keys as _},
    limits::SERVICE_PROBES,
    service::{ServiceKey, ServiceRow},
};

use super::tables::Tables;

/// The service table while a plan is made.
pub(super) struct Services<'a> {
    keys: &'a HashKeys,
    rows: Vec<ServiceKey>,
    /// Row and content of each service and VIP that is live.
    pub(super) live: HashMap<(Address, ServiceKey), (u32, ServiceRow)>,
}

impl<'a> Services<'a> {
    pub(super) fn read(tables: &impl Tables, keys: &'a HashKeys) -> Self {
        let mut live = HashMap::new();
        let mut rows = Vec::new();
        for index in 0..tables.sizes().services {
            let row = tables.service(index);
            rows.push(row.key);
            if row.key != ServiceKey::EMPTY && row.key != ServiceKey::VACATED {
                live.insert((row.vip, row.key), (index, row));
            }
        }
        Self { keys, rows, live }
    }

    /// The row of a service, present or new; `None` if all its rows are taken.
    pub(super) fn place(&mut self, vip: Address, key: ServiceKey) -> Option<u32> {
        if let Some((row, _)) = self.live.get(&(vip, key)) {
            return Some(*row);
        }
        let mask = self.rows.len() as u32 - 1;
        let first = self.keys.service(vip, key);
        let row = (0..SERVICE_PROBES)
            .map(|step| first.wrapping_add(step) & mask)
            .find(|row| matches!(self.rows[*row as usize], ServiceKey::EMPTY | ServiceKey::VACATED))?;
        self.rows[row as usize] = key;
        Some(row)
    }

    /// Takes a row out and returns the new contents of it and of the vacated rows before it: a search that reaches a vacated
    /// row in front of an empty one would end there anyway.
    pub(super) fn vacate(&mut self, row: u32) -> Vec<(u32, ServiceKey)> {
        let mask = self.rows.len() as u32 - 1;
        let at = |row: u32| (row & mask) as usize;
        if self.rows[at(row.wrapping_add(1))] != ServiceKey::EMPTY {
            self.rows[at(row)] = ServiceKey::VACATED;
            return vec![(row, ServiceKey::VACATED)];
        }
        self.rows[at(row)] = ServiceKey::EMPTY;
        let mut emptied = vec![(row, ServiceKey::EMPTY)];
        let mut before = row.wrapping_sub(1) & mask;
        while self.rows[at(before)] == ServiceKey::VACATED {
            self.rows[at(before)] = ServiceKey::EMPTY;
            emptied.push((before, ServiceKey::EMPTY));
            before = before.wrapping_sub(1) & mask;
        }
        emptied
    }
}
