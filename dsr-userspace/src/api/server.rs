//! Listens on the socket.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::net::{UnixListener, UnixStream};

use super::{Operations, routes, trace};
use crate::{
    http::{self, Limits},
    tasks::{End, Task, Tasks},
};

/// Why nothing can listen on the socket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An agent answers there.
    #[error("`api`: an agent is running and listens on {0}: stop that one, or choose another path (or off)")]
    Live(PathBuf),
    /// Something else is there.
    #[error("`api`: {0} exists and is not a socket: remove it, or choose another path (or off)")]
    NotASocket(PathBuf),
    /// Something else.
    #[error("`api`: cannot listen on {path}: {source}; choose another path, or write off")]
    Listen {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The longest answer is a trace.
const LIMITS: Limits = Limits {
    connections: 64,
    head: Duration::from_secs(30),
    write: Duration::from_secs(10),
    age: Duration::from_secs(trace::LONGEST + 60),
};

/// Who may connect: root, and the group of the file.
const MODE: u32 = 0o660;

/// A socket that nothing is answered on yet. Dropping it removes it.
#[derive(Debug)]
pub struct Server {
    listener: Option<UnixListener>,
    /// Ends with this.
    task: Option<Task>,
    path: PathBuf,
    inode: u64,
}

impl Server {
    /// Listens. What a dead agent left at this path is replaced, and the directory is made where it is not there.
    pub async fn bind(path: &Path) -> Result<Self, Error> {
        look_at(path).await?;
        listen(path).map_err(|source| Error::Listen { path: path.to_owned(), source })
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Answers from now on with what `agent` says.
    pub fn serve(&mut self, agent: Arc<dyn Operations>, tasks: &Tasks) {
        let Some(listener) = self.listener.take() else { return };
        self.task = Some(tasks.spawn("admin API", async move {
            http::serve(listener, routes::router(agent), LIMITS).await;
            End::Failed("the server ended".to_owned())
        }));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Another agent may have put its own there.
        if fs::symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) {
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Says no where an agent answers at this path, or where something else is there.
async fn look_at(path: &Path) -> Result<(), Error> {
    let Ok(file) = fs::symlink_metadata(path) else { return Ok(()) };
    if !file.file_type().is_socket() {
        return Err(Error::NotASocket(path.to_owned()));
    }
    match UnixStream::connect(path).await {
        Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => Ok(()),
        Err(source) => Err(Error::Listen { path: path.to_owned(), source }),
        Ok(_) => Err(Error::Live(path.to_owned())),
    }
}

/// Makes the socket under another name and renames it once its mode is set: no client finds it earlier.
fn listen(path: &Path) -> io::Result<Server> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let fresh = fresh(path);
    drop(fs::remove_file(&fresh));
    let listener = UnixListener::bind(&fresh)?;
    let moved = fs::set_permissions(&fresh, fs::Permissions::from_mode(MODE))
        .and_then(|()| fs::symlink_metadata(&fresh))
        .and_then(|file| fs::rename(&fresh, path).map(|()| file.ino()));
    let inode = moved.inspect_err(|_| drop(fs::remove_file(&fresh)))?;
    Ok(Server { listener: Some(listener), task: None, path: path.to_owned(), inode })
}

/// A name in the same directory that is no longer than the path, which has only so much room.
fn fresh(path: &Path) -> PathBuf {
    let length = path.file_name().map_or(0, std::ffi::OsStr::len);
    let mut name = format!(".{}", std::process::id());
    name.truncate(length.max(2));
    path.with_file_name(name)
}
