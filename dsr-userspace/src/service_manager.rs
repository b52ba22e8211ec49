//! What the service manager is told: that the agent is ready, that it lives, that it ends.
//!
//! Enters: `NOTIFY_SOCKET` and `WATCHDOG_USEC`, which systemd sets for a unit of `Type=notify`. Leaves: one datagram a message,
//! in the format of `sd_notify(3)`. Nothing here waits or fails: without a socket nothing is sent, and a message that cannot be
//! sent is lost, which the manager notices by its own timeouts.

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    sync::LazyLock,
};

/// The environment is the process's, and so is what it names.
static MANAGER: LazyLock<Option<Manager>> = LazyLock::new(|| {
    let socket = env::var_os("NOTIFY_SOCKET")?;
    let opened = Manager::open(&socket, env::var_os("WATCHDOG_USEC").is_some());
    opened.inspect_err(|error| tracing::warn!(%error, ?socket, "the service manager cannot be told anything")).ok()
});

/// The program is attached and its tables are filled.
pub fn ready() {
    tell(|manager| manager.send("READY=1"));
}

/// The agent's main task is not hung.
pub fn alive() {
    tell(Manager::feed_watchdog);
}

/// The agent was asked to end.
pub fn stopping() {
    tell(|manager| manager.send("STOPPING=1"));
}

fn tell(message: impl FnOnce(&Manager) -> io::Result<()>) {
    if let Some(Err(error)) = MANAGER.as_ref().map(message) {
        tracing::debug!(%error, "a message to the service manager is lost");
    }
}

struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
    has_watchdog: bool,
}

impl Manager {
    /// `name` is a path, or `@` and a name of the abstract namespace.
    fn open(name: &OsStr, has_watchdog: bool) -> io::Result<Self> {
        let address = match name.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        // A manager that does not read must not hang what it watches.
        socket.set_nonblocking(true)?;
        Ok(Self { socket, address, has_watchdog })
    }

    fn feed_watchdog(&self) -> io::Result<()> {
        if self.has_watchdog { self.send("WATCHDOG=1") } else { Ok(()) }
    }

    fn send(&self, message: &str) -> io::Result<()> {
        self.socket.send_to_addr(message.as_bytes(), &self.address).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 64];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    #[test]
    fn a_manager_listens_at_a_path_or_an_abstract_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let abstract_name = format!("dsr-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let sockets = [UnixDatagram::bind(&path).unwrap(), UnixDatagram::bind_addr(&address).unwrap()];
        for (name, socket) in [path.into_os_string(), format!("@{abstract_name}").into()].iter().zip(sockets) {
            Manager::open(name, true).unwrap().send("READY=1").unwrap();
            assert_eq!(read(&socket), "READY=1", "{}", name.display());
        }
    }

    #[test]
    fn only_a_watchdog_that_is_set_is_fed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        for has_watchdog in [false, true] {
            let manager = Manager::open(path.as_os_str(), has_watchdog).unwrap();
            manager.feed_watchdog().unwrap();
            manager.send("STOPPING=1").unwrap();
        }
        assert_eq!([(); 3].map(|()| read(&socket)), ["STOPPING=1", "WATCHDOG=1", "STOPPING=1"]);
    }

    #[test]
    fn a_manager_that_does_not_read_holds_up_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let _unread = UnixDatagram::bind(&path).unwrap();
        let manager = Manager::open(path.as_os_str(), true).unwrap();
        let full = std::iter::repeat_with(|| manager.feed_watchdog()).find_map(Result::err).unwrap();
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    }
}
