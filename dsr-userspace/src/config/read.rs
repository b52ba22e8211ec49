//! The file's bytes: of a regular file, of a bounded size, and off the task that asks.
//!
//! A FIFO waits for a writer, a device may never end, and a file system that lost its server does not answer. None of
//! them holds up whoever asks.

use std::{
    fs::{FileType, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    path::Path,
    thread,
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

/// Bytes of the largest file that is read: some hundred thousand backends.
pub const LARGEST: u64 = 8 << 20;

/// How long a file system may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Why a file cannot be read, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadError {
    /// There is none.
    #[error("cannot be read, {0}: create it, or name another file")]
    Gone(String),
    /// There is one.
    #[error("{0}")]
    Unreadable(String),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Gone(error.to_string()),
            io::ErrorKind::PermissionDenied => Self::Unreadable(format!(
                "cannot be read, {error}: permit the user of this process to read it, or name another file"
            )),
            _ => Self::Unreadable(format!("cannot be read, {error}: repair it, or name another file")),
        }
    }
}

/// Reads a regular file. May block where its file system does; see [`aside`].
pub(super) fn read(path: &Path) -> Result<Vec<u8>, ReadError> {
    // Opening a FIFO does not wait for its writer then.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    let file = file?;
    let kind = file.metadata()?;
    if !kind.is_file() {
        return Err(ReadError::Unreadable(format!("is {}: name a regular file", called(kind.file_type()))));
    }
    bounded(file)
}

/// Reads to the end of what may grow meanwhile.
pub(super) fn bounded(source: impl io::Read) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    source.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(ReadError::Unreadable(format!("has more than {} MiB: name a smaller file", LARGEST >> 20)));
    }
    Ok(bytes)
}

/// Does what may block in a thread of its own and waits for a bounded time; nothing where it takes longer. A thread that
/// hangs in the kernel ends with the process, which it does not hold up.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    within(PATIENCE, work).await
}

/// As [`aside`], for as long as this.
pub(super) async fn within<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (tell, told) = oneshot::channel();
    thread::Builder::new().name("file".to_owned()).spawn(move || drop(tell.send(work())))?;
    match timeout(patience, told).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(_)) => Err(io::Error::other("reading it failed with a panic, see the log")),
        Err(_) => {
            let message = format!("no answer within {patience:?}: is its file system mounted?");
            Err(io::Error::new(io::ErrorKind::TimedOut, message))
        }
    }
}

fn called(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::net::UnixListener, process::Command};

    use super::*;

    #[test]
    fn only_regular_files_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let (fifo, socket) = (directory.path().join("fifo"), directory.path().join("socket"));
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let _listener = UnixListener::bind(&socket).unwrap();
        let cases =
            [(fifo.as_path(), "a FIFO"), (Path::new("/dev/zero"), "a device"), (directory.path(), "a directory")];
        for (path, called) in cases {
            assert_eq!(read(path).unwrap_err().to_string(), format!("is {called}: name a regular file"));
        }
        assert!(read(&socket).unwrap_err().to_string().starts_with("cannot be read, "));
    }

    #[test]
    fn a_file_has_a_largest_size() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dsr.yaml");
        fs::File::create(&path).unwrap().set_len(LARGEST).unwrap();
        assert_eq!(read(&path).unwrap().len() as u64, LARGEST);
        fs::File::create(&path).unwrap().set_len(LARGEST + 1).unwrap();
        assert_eq!(read(&path).unwrap_err().to_string(), "has more than 8 MiB: name a smaller file");
    }

    #[tokio::test]
    async fn what_hangs_is_given_up() {
        let (_hold, held) = std::sync::mpsc::channel::<()>();
        let hung = within(Duration::from_millis(20), move || held.recv()).await;
        assert_eq!(hung.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
