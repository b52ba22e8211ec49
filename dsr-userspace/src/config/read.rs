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
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads a regular file. May block where its file system does; see [`aside`]. The message ends with what to do.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let unread = |error: io::Error| format!("cannot be read, {error}: create it, or name another file");
    // Opening a FIFO does not wait for its writer then.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    let file = file.map_err(unread)?;
    let kind = file.metadata().map_err(unread)?;
    if !kind.is_file() {
        return Err(format!("is {}: name a regular file", called(kind.file_type())));
    }
    // It may grow while it is read.
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("has more than {} MiB: name a smaller file", LARGEST >> 20));
    }
    Ok(bytes)
}

/// Does what may block in a thread of its own and waits for a bounded time; nothing where it takes longer. A thread that
/// hangs in the kernel ends with the process, which it does not hold up.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    within(PATIENCE, work).await
}

async fn within<T: Send + 'static>(patience: Duration, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
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
            assert_eq!(read(path).unwrap_err(), format!("is {called}: name a regular file"));
        }
        assert!(read(&socket).unwrap_err().starts_with("cannot be read, "));
    }

    #[test]
    fn a_file_has_a_largest_size() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dsr.yaml");
        fs::File::create(&path).unwrap().set_len(LARGEST).unwrap();
        assert_eq!(read(&path).unwrap().len() as u64, LARGEST);
        fs::File::create(&path).unwrap().set_len(LARGEST + 1).unwrap();
        assert_eq!(read(&path).unwrap_err(), "has more than 8 MiB: name a smaller file");
    }

    #[tokio::test]
    async fn what_hangs_is_given_up() {
        let (_hold, held) = std::sync::mpsc::channel::<()>();
        let hung = within(Duration::from_millis(20), move || held.recv()).await;
        assert_eq!(hung.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
