//! An array map in this process's memory: rows are read and written without a system call, a word at a time.

use std::{
    marker::PhantomData,
    mem::MaybeUninit,
    os::fd::AsRawFd,
    sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering},
};

use aya::{Pod, maps::Map};
use memmap2::{MmapOptions, MmapRaw};

use super::Error;

/// Rows of type `T`, each a whole number of 64-bit words, shared with the program.
pub(super) struct Mapped<T> {
    memory: MmapRaw,
    rows: u32,
    row: PhantomData<T>,
}

/// The words that a row or a part of one is made of.
pub(super) fn words<P: Pod>(value: &P) -> Vec<u64> {
    const { assert!(size_of::<P>().is_multiple_of(8)) };
    let first = std::ptr::from_ref(value).cast::<u64>();
    // SAFETY: a `P` is a whole number of words long (asserted above), without padding (`Pod` rows).
    (0..size_of::<P>() / 8).map(|word| unsafe { first.add(word).read_unaligned() }).collect()
}

impl<T: Pod> Mapped<T> {
    const WORDS: usize = size_of::<T>() / 8;

    /// Maps an array map of `rows` rows.
    pub(super) fn of(map: &Map, name: &'static str, rows: u32) -> Result<Self, Error> {
        const { assert!(size_of::<T>().is_multiple_of(8)) };
        let Map::Array(map) = map else {
            return Err(Error::Missing(name));
        };
        let length = (rows as usize * size_of::<T>()).next_multiple_of(rustix::param::page_size());
        let memory = MmapOptions::new()
            .len(length)
            .map_raw(std::os::fd::AsFd::as_fd(map.fd()).as_raw_fd())
            .map_err(|error| Error::Mmap(name, error))?;
        Ok(Self { memory, rows, row: PhantomData })
    }

    /// A row, each of its words read at once.
    pub(super) fn load(&self, row: u32) -> T {
        self.part(row, 0)
    }

    /// The part of a row that begins so many bytes, a whole number of words, after its start.
    pub(super) fn part<P: Pod>(&self, row: u32, offset: usize) -> P {
        const { assert!(size_of::<P>().is_multiple_of(8) && size_of::<P>() <= size_of::<T>()) };
        assert!(offset.is_multiple_of(8));
        let mut value = MaybeUninit::<P>::uninit();
        let first = value.as_mut_ptr().cast::<u64>();
        for word in 0..size_of::<P>() / 8 {
            let read = self.word(row, offset / 8 + word).load(Ordering::Acquire);
            // SAFETY: a `P` is a whole number of words long (asserted above), and `word` is one of them.
            unsafe { first.add(word).write_unaligned(read) };
        }
        // SAFETY: each of its words was written, and any pattern is valid for a `P` (`Pod`).
        unsafe { value.assume_init() }
    }

    /// Writes a row whose words may be seen in any mixture.
    pub(super) fn store(&self, row: u32, value: &T) {
        (0..).zip(words(value)).for_each(|(word, value)| self.store_word(row, word, value));
    }

    /// One word of a row.
    pub(super) fn word_at(&self, row: u32, word: usize) -> u64 {
        self.word(row, word).load(Ordering::Acquire)
    }

    /// Writes one word of a row. The program sees the words of a row in the order in which they were written.
    pub(super) fn store_word(&self, row: u32, word: usize, value: u64) {
        self.word(row, word).store(value, Ordering::Release);
    }

    /// One 16-bit part of a row.
    pub(super) fn load_u16(&self, row: u32, part: u32) -> u16 {
        assert!((part as usize) < size_of::<T>() / 2);
        // A word holds four of them, in the order of memory.
        let word = self.word(row, part as usize / 4).load(Ordering::Acquire).to_ne_bytes();
        let at = part as usize % 4 * 2;
        u16::from_ne_bytes([word[at], word[at + 1]])
    }

    /// One 32-bit part of a row.
    pub(super) fn load_u32(&self, row: u32, part: u32) -> u32 {
        assert!((part as usize) < size_of::<T>() / 4);
        let word = self.word(row, part as usize / 2).load(Ordering::Acquire);
        // In the order of memory.
        let [low, high] = if cfg!(target_endian = "little") { [word, word >> 32] } else { [word >> 32, word] };
        if part.is_multiple_of(2) { low as u32 } else { high as u32 }
    }

    /// Writes one 16-bit part of a row.
    pub(super) fn store_u16(&self, row: u32, part: u32, value: u16) {
        assert!(row < self.rows && (part as usize) < size_of::<T>() / 2);
        let offset = row as usize * size_of::<T>() + part as usize * 2;
        // SAFETY: within the mapping (asserted above), aligned, and shared only through atomic or volatile accesses.
        let cell = unsafe { AtomicU16::from_ptr(self.memory.as_mut_ptr().add(offset).cast()) };
        cell.store(value, Ordering::Release);
    }

    /// Writes one 32-bit part of a row.
    pub(super) fn store_u32(&self, row: u32, part: u32, value: u32) {
        assert!(row < self.rows && (part as usize) < size_of::<T>() / 4);
        let offset = row as usize * size_of::<T>() + part as usize * 4;
        // SAFETY: within the mapping (asserted above), aligned, and shared only through atomic or volatile accesses.
        let cell = unsafe { AtomicU32::from_ptr(self.memory.as_mut_ptr().add(offset).cast()) };
        cell.store(value, Ordering::Release);
    }

    /// Writes one word of a row if it still is `old`; whether it was.
    pub(super) fn exchange_word(&self, row: u32, word: usize, old: u64, new: u64) -> bool {
        self.word(row, word).compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> u32 {
        self.rows
    }

    fn word(&self, row: u32, word: usize) -> &AtomicU64 {
        assert!(row < self.rows && word < Self::WORDS);
        let offset = row as usize * size_of::<T>() + word * 8;
        // SAFETY: within the mapping (asserted above), aligned, and shared only through atomic or volatile accesses.
        unsafe { AtomicU64::from_ptr(self.memory.as_mut_ptr().add(offset).cast()) }
    }
}
