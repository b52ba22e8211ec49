//! Rows of a per-CPU array map that follow each other, read by one system call: aya reads one row a call, and opens a file
//! for the number of CPUs in each thread that reads, which fails where the process has no descriptor left.

use std::{
    io,
    marker::PhantomData,
    ops::Range,
    os::fd::{AsFd as _, AsRawFd as _},
};

use aya::{Pod, maps::MapData};

/// A per-CPU array map of rows of type `T`, each a whole number of 64-bit words, with 32-bit keys.
#[derive(Debug)]
pub(super) struct PerCpuRows<T> {
    /// Held open under the number by which the object names it when it loads another program.
    map: MapData,
    cpus: usize,
    row: PhantomData<T>,
}

impl<T: Pod + Default> PerCpuRows<T> {
    /// Reads this map.
    pub(super) fn new(map: MapData) -> io::Result<Self> {
        const { assert!(size_of::<T>().is_multiple_of(8)) };
        let cpus = aya::util::nr_cpus().map_err(|(_, error)| error)?;
        Ok(Self { map, cpus, row: PhantomData })
    }

    /// How many CPUs there could be, each of which has a value of its own in a row.
    pub(super) const fn cpus(&self) -> usize {
        self.cpus
    }

    /// Gives each of these rows, which the map has, with the values of all CPUs, to `each`.
    pub(super) fn read(&self, rows: Range<u32>, mut each: impl FnMut(u32, &[T])) -> io::Result<()> {
        let mut values = vec![T::default(); rows.len().min(CHUNK) * self.cpus];
        let mut keys = [0_u32; CHUNK];
        let mut first = rows.start;
        while first < rows.end {
            let count = ((rows.end - first) as usize).min(CHUNK);
            let read = self.chunk(first, count, &mut keys, &mut values)?;
            for (key, values) in keys[..read].iter().zip(values.chunks_exact(self.cpus)) {
                each(*key, values);
            }
            first += read as u32;
        }
        Ok(())
    }

    /// The values of a row of all CPUs.
    pub(super) fn row(&self, row: u32) -> io::Result<Vec<T>> {
        let mut values = Vec::new();
        self.read(row..row + 1, |_, cpus| values.extend_from_slice(cpus))?;
        Ok(values)
    }

    /// Reads up to `count` rows from `first` on; gives how many, at least one.
    fn chunk(&self, first: u32, count: usize, keys: &mut [u32], values: &mut [T]) -> io::Result<usize> {
        assert!(count <= keys.len() && count * self.cpus <= values.len());
        // The kernel begins with the key behind this one; behind the largest number it has the first.
        let (before, mut last) = (first.wrapping_sub(1), 0_u32);
        let mut batch = Batch {
            before: std::ptr::from_ref(&before) as u64,
            last: std::ptr::from_mut(&mut last) as u64,
            keys: keys.as_mut_ptr() as u64,
            values: values.as_mut_ptr() as u64,
            count: count as u32,
            map_fd: self.map.fd().as_fd().as_raw_fd() as u32,
            elem_flags: 0,
            flags: 0,
        };
        // SAFETY: the kernel writes at most `count` keys and values, for which there is room (asserted above), one key to
        // `last`, and the number of rows to `batch`; any pattern is valid for a `T` (`Pod`).
        let result = unsafe { libc::syscall(libc::SYS_bpf, LOOKUP_BATCH, &raw mut batch, size_of::<Batch>()) };
        match (result, batch.count as usize) {
            (0, read @ 1..) => Ok(read),
            (0, _) => Err(io::ErrorKind::UnexpectedEof.into()),
            // The map ends here.
            (_, read @ 1..) if io::Error::last_os_error().raw_os_error() == Some(libc::ENOENT) => Ok(read),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// `batch` in `union bpf_attr` of the kernel's `uapi/linux/bpf.h`.
#[repr(C)]
struct Batch {
    /// `in_batch`: the key that the kernel begins behind.
    before: u64,
    /// `out_batch`: where it writes the last key.
    last: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

/// `BPF_MAP_LOOKUP_BATCH` of `enum bpf_cmd`; per-CPU arrays have it since Linux 5.13.
const LOOKUP_BATCH: libc::c_int = 24;

/// Rows of one call.
const CHUNK: usize = 256;
