//! What outlives the agent: its maps and links, as files of a BPF file system.
//!
//! Each load of the program has a directory of its own with all maps that it uses; what two loads share is in both. The
//! load's mark ([`State`]) is written last, so that a load that was never finished is not taken for one. Links stand
//! beside, named after the index of their interface, and hold whichever program was given to them last.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use aya::{
    maps::{Array, MapData},
    pin::PinError,
    programs::links::{FdLink, PinnedLink},
};
use dsr_common::hash::split_mix;
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::{Error, Mode, abi};

/// Default pin directory.
pub const DEFAULT_PINS: &str = "/sys/fs/bpf/dsr";

/// The directory of an agent's pins, which no other agent has while this exists.
#[derive(Debug)]
pub struct Pins {
    directory: PathBuf,
    lock: Mutex<File>,
}

/// What a finished load says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// The layout number ([`abi`]) of the agent that made it.
    pub(super) abi: u64,
    /// Tells seeds apart, and is none.
    pub(super) seed: u64,
    /// The network namespace that it is attached in.
    pub(super) namespace: u64,
    /// Seconds of a tick of the flow clock.
    pub(super) tick_seconds: u64,
}

impl State {
    /// The state of a load that is made now.
    pub(super) fn new(hash_seed: u64, tick_seconds: u32) -> Result<Self, Error> {
        let namespace = namespace()?;
        let mut seed = hash_seed;
        Ok(Self { abi: *abi::NUMBER, seed: split_mix(&mut seed), namespace, tick_seconds: tick_seconds.into() })
    }
}

impl Pins {
    /// Takes the directory, and makes it where it is not there.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let failed = |error| Error::Pins(directory.to_owned(), error);
        fs::create_dir_all(directory.join(LINKS)).map_err(failed)?;
        Self::take(directory)
    }

    /// Takes the directory if it is there.
    pub fn find(directory: &Path) -> Result<Option<Self>, Error> {
        if directory.exists() { Self::take(directory).map(Some) } else { Ok(None) }
    }

    fn take(directory: &Path) -> Result<Self, Error> {
        Ok(Self { directory: directory.to_owned(), lock: Mutex::new(locked(directory)?) })
    }

    /// Makes the directory again where somebody removed it, and takes it; one that is in its place belongs to others.
    pub(super) fn restore(&self) -> Result<(), Error> {
        let failed = |error| Error::Pins(self.directory.clone(), error);
        if !self.is_own()? {
            self.directory.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
            match fs::create_dir(&self.directory) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(Error::Replaced(self.directory.clone()));
                }
                created => created.map_err(failed)?,
            }
            *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = locked(&self.directory)?;
        }
        fs::create_dir_all(self.directory.join(LINKS)).map_err(failed)
    }

    /// Whether the directory is still the one that was locked, not removed and created again.
    fn is_own(&self) -> Result<bool, Error> {
        let failed = |error| Error::Pins(self.directory.clone(), error);
        let there = match fs::metadata(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            there => there.map_err(failed)?,
        };
        let taken = self.lock.lock().unwrap_or_else(PoisonError::into_inner).metadata().map_err(failed)?;
        Ok((there.dev(), there.ino()) == (taken.dev(), taken.ino()))
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The last load that was finished, and what it says of itself.
    pub(super) fn newest(&self) -> Result<Option<(u64, State)>, Error> {
        let mut loads = self.loads()?;
        loads.sort_unstable();
        Ok(loads.into_iter().rev().find_map(|number| Some((number, self.state(number)?))))
    }

    /// Where the maps of a load are.
    pub(super) fn load(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{MAPS}{number}"))
    }

    /// Where the mark of a finished load is.
    fn mark(&self, number: u64) -> PathBuf {
        self.load(number).join(STATE)
    }

    /// What should be there and was removed, if anything was: a finished load, and the link of each of these interfaces.
    pub fn missing(&self, links: impl Iterator<Item = (u32, Mode)>) -> Option<PathBuf> {
        let is_loaded = self.loads().is_ok_and(|loads| loads.into_iter().any(|number| self.mark(number).exists()));
        if !is_loaded || !self.is_own().is_ok_and(|is_own| is_own) {
            return Some(self.directory.clone());
        }
        links.map(|(ifindex, mode)| self.link(ifindex, mode)).find(|path| !path.exists())
    }

    /// Makes the directory of a new load, which has the highest number.
    pub(super) fn begin(&self) -> Result<u64, Error> {
        self.restore()?;
        let number = self.loads()?.into_iter().max().unwrap_or(0) + 1;
        let load = self.load(number);
        fs::create_dir(&load).map_err(|error| Error::Pins(load, error))?;
        Ok(number)
    }

    /// Marks a load as finished; gives the mark.
    pub(super) fn finish(&self, number: u64, state: State) -> Result<MapData, Error> {
        let path = self.mark(number);
        let failed = |error| Error::Map(STATE, error);
        let mut map = Array::<MapData, [u64; 4]>::create(1, 0).map_err(failed)?;
        map.set(0, [state.abi, state.seed, state.namespace, state.tick_seconds], 0).map_err(failed)?;
        map.pin(&path).map_err(|error| pin_error(&path, error))?;
        MapData::from_pin(&path).map_err(failed)
    }

    /// Removes a load.
    pub(super) fn forget(&self, number: u64) -> Result<(), Error> {
        remove_all(&self.load(number))
    }

    /// Removes all loads but one. Maps that no program uses are gone then.
    pub(super) fn keep_only(&self, number: Option<u64>) -> Result<(), Error> {
        for other in self.loads()?.into_iter().filter(|other| Some(*other) != number) {
            self.forget(other)?;
        }
        Ok(())
    }

    /// The links, each with the index of its interface, and how it is attached.
    pub(super) fn links(&self) -> Result<Vec<(u32, Mode, FdLink)>, Error> {
        let mut found = Vec::new();
        for mode in [Mode::Native, Mode::Generic] {
            for ifindex in numbers(&self.directory.join(LINKS), prefix(mode))? {
                let path = self.link(ifindex as u32, mode);
                let link = PinnedLink::from_pin(&path).map_err(|error| Error::Link(path, error.to_string()))?;
                found.push((ifindex as u32, mode, link.into()));
            }
        }
        Ok(found)
    }

    /// Whether a program is kept attached to any interface.
    pub fn has_links(&self) -> bool {
        fs::read_dir(self.directory.join(LINKS)).is_ok_and(|mut links| links.next().is_some())
    }

    /// Keeps a link when the agent ends.
    pub(super) fn pin_link(&self, ifindex: u32, mode: Mode, link: FdLink) -> Result<FdLink, Error> {
        self.restore()?;
        // Of an interface that is gone and had the same number.
        self.unpin_link(ifindex)?;
        let path = self.link(ifindex, mode);
        link.pin(&path).map(FdLink::from).map_err(|error| pin_error(&path, error))
    }

    /// Whether a link is kept.
    pub(super) fn has_link(&self, ifindex: u32, mode: Mode) -> bool {
        self.link(ifindex, mode).exists()
    }

    /// Keeps it no longer.
    pub(super) fn unpin_link(&self, ifindex: u32) -> Result<(), Error> {
        for path in [Mode::Native, Mode::Generic].map(|mode| self.link(ifindex, mode)) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::Pins(path, error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes everything: the program is detached where nothing else holds it. Gives how many interfaces had it. Where
    /// somebody removed it before, nothing is left to do.
    pub fn remove(&self) -> Result<usize, Error> {
        if !self.is_own()? {
            return Ok(0);
        }
        let links = self.directory.join(LINKS);
        let count = fs::read_dir(&links).map_or(0, Iterator::count);
        remove_all(&links)?;
        self.keep_only(None)?;
        match fs::remove_dir(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::Pins(self.directory.clone(), error)),
            _ => Ok(count),
        }
    }

    fn state(&self, number: u64) -> Option<State> {
        let map = MapData::from_pin(self.load(number).join(STATE)).ok()?;
        let map = Array::<MapData, [u64; 4]>::try_from(aya::maps::Map::from_map_data(map).ok()?).ok()?;
        let [abi, seed, namespace, tick_seconds] = map.get(&0, 0).ok()?;
        Some(State { abi, seed, namespace, tick_seconds })
    }

    /// The numbers of the loads, finished or not.
    pub(super) fn loads(&self) -> Result<Vec<u64>, Error> {
        numbers(&self.directory, MAPS)
    }

    fn link(&self, ifindex: u32, mode: Mode) -> PathBuf {
        self.directory.join(LINKS).join(format!("{}{ifindex}", prefix(mode)))
    }
}

/// The inode of the calling thread's network namespace.
pub(super) fn namespace() -> Result<u64, Error> {
    Ok(fs::metadata(NAMESPACE).map_err(|error| Error::Pins(NAMESPACE.into(), error))?.ino())
}

/// Opens a directory for one agent alone, until the file is closed.
fn locked(directory: &Path) -> Result<File, Error> {
    let failed = |error| Error::Pins(directory.to_owned(), error);
    let lock = File::open(directory).map_err(failed)?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Err(Error::Held(directory.to_owned())),
        taken => taken.map_err(io::Error::from).map_err(failed).map(|()| lock),
    }
}

/// How the names of links begin.
const fn prefix(mode: Mode) -> &'static str {
    match mode {
        Mode::Native => "native-",
        Mode::Generic => "generic-",
    }
}

/// What stands behind `prefix` in the names of a directory's files, where that is a number.
fn numbers(directory: &Path, prefix: &str) -> Result<Vec<u64>, Error> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| Error::Pins(directory.to_owned(), error))?,
    };
    let number = |name: &OsStr| name.to_str()?.strip_prefix(prefix)?.parse().ok();
    Ok(entries.flatten().filter_map(|entry| number(&entry.file_name())).collect())
}

fn remove_all(directory: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::Pins(directory.to_owned(), error)),
        _ => Ok(()),
    }
}

pub(super) fn pin_error(path: &Path, error: PinError) -> Error {
    let error = match error {
        PinError::SyscallError(error) => error.io_error,
        error => io::Error::other(error),
    };
    Error::Pins(path.to_owned(), error)
}

/// The calling thread's network namespace.
const NAMESPACE: &str = "/proc/thread-self/ns/net";
/// Directory of the links. A BPF file system has no dots in names.
const LINKS: &str = "links";
/// Directories of loads are named so, and with a number.
const MAPS: &str = "maps-";
/// The map that marks a finished load.
pub(super) const STATE: &str = "STATE";
