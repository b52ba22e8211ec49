//! rtnetlink: a connection, its events, and the route that the kernel would take.

use std::{io, net::IpAddr, pin::Pin};

use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{RouteAddress, RouteAttribute, RouteFlags, RouteMessage},
};
use rtnetlink::{
    MulticastGroup,
    packet_core::NetlinkMessage,
    sys::{AsyncSocket as _, SocketAddr},
};
use rustix::io::Errno;
use tokio::task::JoinHandle;

/// A socket for questions. Dropping it closes the socket.
#[derive(Debug)]
pub struct Connection {
    handle: rtnetlink::Handle,
    task: JoinHandle<()>,
}

/// What the kernel tells by itself, as it comes; the end where the socket failed.
pub type Events = Pin<Box<dyn Stream<Item = (NetlinkMessage<RouteNetlinkMessage>, SocketAddr)> + Send + Sync>>;

impl Connection {
    /// Opens the socket in the calling thread's network namespace. Needs a tokio runtime with I/O enabled, which answers
    /// while it runs.
    pub fn open() -> io::Result<Self> {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        Ok(Self { handle, task: tokio::spawn(connection) })
    }

    /// What questions are asked by.
    pub fn handle(&self) -> &rtnetlink::Handle {
        &self.handle
    }

    /// The route to an address: with [`RouteFlags::FibMatch`] the whole one, with all its next hops; without flags, what a
    /// packet does. Instead the error number where the kernel refuses to look it up (unreachable, prohibited, no route).
    ///
    /// # Errors
    /// The socket failed.
    pub async fn route(
        &self,
        to: IpAddr,
        mark: Option<u32>,
        flags: RouteFlags,
    ) -> Result<Result<RouteMessage, Errno>, rtnetlink::Error> {
        let mut message = RouteMessage::default();
        message.header.flags = flags;
        message.header.address_family = family(to);
        message.header.destination_prefix_length = if to.is_ipv4() { 32 } else { 128 };
        message.attributes.push(RouteAttribute::Destination(RouteAddress::from(to)));
        message.attributes.extend(mark.map(RouteAttribute::Mark));
        match self.handle.route().get(message).execute().boxed().try_next().await {
            Ok(Some(answer)) => Ok(Ok(answer)),
            Ok(None) => Err(rtnetlink::Error::RequestFailed),
            Err(rtnetlink::Error::NetlinkError(error)) => Ok(Err(Errno::from_raw_os_error(-error.raw_code()))),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Subscribes to groups of events in the calling thread's network namespace. Needs a tokio runtime with I/O enabled.
pub fn subscribe(groups: &[MulticastGroup]) -> io::Result<Events> {
    let (mut connection, _, messages) = rtnetlink::new_multicast_connection(groups)?;
    // The kernel drops events when the socket is full, and then everything has to be listed again; rather have room.
    let socket = connection.socket_mut().socket_ref();
    if let Err(error) = rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, RECEIVE_BUFFER) {
        tracing::debug!(%error, "cannot enlarge the netlink socket's receive buffer");
    }
    tokio::spawn(connection);
    Ok(Box::pin(messages))
}

/// The family of an address.
pub const fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

/// Bytes; an event takes about a thousand of them in the kernel's accounting.
const RECEIVE_BUFFER: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_loopback_is_reached_by_itself() {
        let connection = Connection::open().unwrap();
        let route = connection.route([127, 0, 0, 1].into(), None, RouteFlags::empty()).await.unwrap().unwrap();
        assert!(route.attributes.contains(&RouteAttribute::Oif(1)), "{route:?}");
    }
}
