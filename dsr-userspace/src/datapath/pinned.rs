//! One load's pins: the directory of its maps, and handles of those, so that what somebody removed is pinned again.

use std::{fs, io, sync::Arc};

use aya::maps::MapData;

use super::{
    Datapath, Error,
    pin::{Pins, STATE, State, pin_error},
};

/// Where a load is pinned.
pub(super) struct Pinned {
    pub(super) pins: Arc<Pins>,
    /// The number of the load.
    pub(super) number: u64,
    /// Its maps by the names of their files. The mark of a finished load is the last.
    maps: Vec<(String, MapData)>,
}

impl Pinned {
    pub(super) const fn new(pins: Arc<Pins>, number: u64) -> Self {
        Self { pins, number, maps: Vec::new() }
    }

    /// Takes a handle of each map in the directory.
    pub(super) fn hold_maps(&mut self) -> Result<(), Error> {
        let directory = self.pins.load(self.number);
        let failed = |error: io::Error| Error::Pins(directory.clone(), error);
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            let map = MapData::from_pin(directory.join(&name)).map_err(|error| failed(io::Error::other(error)))?;
            self.maps.push((name, map));
        }
        self.maps.sort_by_key(|(name, _)| name == STATE);
        Ok(())
    }

    /// A map of this load.
    pub(super) fn map(&self, name: &'static str) -> Result<&MapData, Error> {
        let found = self.maps.iter().find(|(held, _)| held == name);
        found.map(|(_, map)| map).ok_or(Error::Missing(name))
    }

    /// Marks the load as finished.
    pub(super) fn finish(&mut self, state: State) -> Result<(), Error> {
        let mark = self.pins.finish(self.number, state)?;
        self.maps.push((STATE.to_owned(), mark));
        Ok(())
    }

    /// Pins the maps again that are not there. Gives whether any was missing.
    fn restore_maps(&self) -> Result<bool, Error> {
        self.pins.restore()?;
        let directory = self.pins.load(self.number);
        fs::create_dir_all(&directory).map_err(|error| Error::Pins(directory.clone(), error))?;
        let mut missing = false;
        for (name, map) in &self.maps {
            let path = directory.join(name);
            if !path.exists() {
                map.pin(&path).map_err(|error| pin_error(&path, error))?;
                missing = true;
            }
        }
        Ok(missing)
    }
}

impl Datapath {
    /// Pins again what somebody removed: maps first, so that a link without maps is never found. Gives whether anything
    /// was missing.
    pub fn restore_pins(&mut self) -> Result<bool, Error> {
        let Some(pinned) = &self.pinned else { return Ok(false) };
        let maps = pinned.restore_maps()?;
        let is_missing = |ifindex, mode| !pinned.pins.has_link(ifindex, mode);
        let missing = self.attached.iter().filter(|(_, attached)| is_missing(attached.ifindex, attached.mode));
        let missing: Vec<String> = missing.map(|(name, _)| name.clone()).collect();
        for name in &missing {
            self.repin_link(name)?;
        }
        Ok(maps || !missing.is_empty())
    }
}
