//! Writes a cpio archive in the "newc" format, the one that the kernel unpacks as its first root file system
//! (`Documentation/driver-api/early-userspace/buffer-format.rst`).

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_777;
/// The name of the entry that ends an archive.
const END: &str = "TRAILER!!!";
/// Entries and their data begin at multiples of so many bytes.
const ALIGNMENT: usize = 4;

/// An archive in memory. Paths are relative to the root; directories above a file come by themselves.
pub(super) struct Cpio {
    bytes: Vec<u8>,
    directories: BTreeSet<PathBuf>,
    entries: u32,
}

/// Whether a file can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Program,
    Data,
}

impl Cpio {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new(), directories: BTreeSet::new(), entries: 0 }
    }

    /// Adds a directory and those above it, unless it is there.
    pub(super) fn directory(&mut self, path: &Path) {
        let mut above = PathBuf::new();
        for part in path.components().filter(|part| matches!(part, Component::Normal(_))) {
            above.push(part);
            if self.directories.insert(above.clone()) {
                self.entry(&above, DIRECTORY, &[]);
            }
        }
    }

    /// Adds a file.
    pub(super) fn file(&mut self, path: &Path, what: Use, content: &[u8]) {
        self.above(path);
        let mode = if what == Use::Program { 0o755 } else { 0o644 };
        self.entry(path, FILE | mode, content);
    }

    /// Adds a symbolic link that points to `target`.
    pub(super) fn link(&mut self, path: &Path, target: &str) {
        self.above(path);
        self.entry(path, LINK, target.as_bytes());
    }

    /// The archive's bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entries = 0;
        self.entry(Path::new(END), 0, &[]);
        self.bytes
    }

    fn above(&mut self, path: &Path) {
        if let Some(parent) = path.parent() {
            self.directory(parent);
        }
    }

    fn entry(&mut self, path: &Path, mode: u32, content: &[u8]) {
        use std::os::unix::ffi::OsStrExt as _;
        let name = path.as_os_str().as_bytes();
        let size = content.len() as u32;
        // inode, mode, uid, gid, links, mtime, size, device (2), its own device (2), length of the name, checksum.
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name.len() as u32 + 1, 0];
        self.entries += 1;
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name);
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: usize = 110;

    /// (name, mode, content) of each entry, read the plain way.
    fn entries(bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let (mut entries, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            assert_eq!(&bytes[at..at + 6], b"070701");
            let field = |n: usize| {
                let text = std::str::from_utf8(&bytes[at + 6 + 8 * n..at + 14 + 8 * n]).unwrap();
                u32::from_str_radix(text, 16).unwrap()
            };
            let (size, length) = (field(6) as usize, field(11) as usize);
            let name = String::from_utf8(bytes[at + HEADER..at + HEADER + length - 1].to_vec()).unwrap();
            let data = (at + HEADER + length).next_multiple_of(4);
            entries.push((name, field(1), bytes[data..data + size].to_vec()));
            at = (data + size).next_multiple_of(4);
        }
        entries
    }

    #[test]
    fn directories_come_once_and_before_what_is_in_them() {
        let mut cpio = Cpio::new();
        cpio.file(Path::new("bin/sh"), Use::Program, b"binary");
        cpio.file(Path::new("bin/data"), Use::Data, b"");
        cpio.link(Path::new("usr/bin/sh"), "/bin/sh");
        let read = entries(&cpio.finish());
        let names: Vec<_> = read.iter().map(|(name, mode, _)| (name.as_str(), *mode)).collect();
        let expected = [
            ("bin", 0o040_755),
            ("bin/sh", 0o100_755),
            ("bin/data", 0o100_644),
            ("usr", 0o040_755),
            ("usr/bin", 0o040_755),
            ("usr/bin/sh", 0o120_777),
            ("TRAILER!!!", 0),
        ];
        assert_eq!(names, expected);
        assert_eq!(read[1].2, b"binary");
        assert_eq!(read[5].2, b"/bin/sh");
    }

    #[test]
    fn everything_is_aligned_whatever_its_length() {
        for length in 0..9 {
            let mut cpio = Cpio::new();
            cpio.file(Path::new(&"n".repeat(length + 1)), Use::Data, &vec![7; length]);
            let bytes = cpio.finish();
            assert_eq!(bytes.len() % ALIGNMENT, 0);
            assert_eq!(entries(&bytes)[0].2, vec![7; length]);
        }
    }
}
