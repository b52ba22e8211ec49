//! What the network says of a tunnel's packets while a backend is looked at: the weightiest of the ICMP errors about them.

use std::{io, net::IpAddr};

use crate::{
    model::Forward,
    reconcile::family,
    tunnel_errors::{ErrorKind, ErrorSocket, TunnelError},
};

/// What the network said of the packets to a backend while its far end was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TunnelAnswer {
    /// Nothing.
    Nothing,
    /// They are larger than a link on the path takes: its MTU in bytes, where the router tells it.
    TooBig(Option<u16>),
    /// Protocol or port unreachable: nothing at the far end takes them off the tunnel.
    Refused,
}

/// Listens for errors about the packets of a tunnel.
#[derive(Debug)]
pub(super) struct TunnelErrors {
    socket: ErrorSocket,
    backend: IpAddr,
    forward: Forward,
}

impl TunnelErrors {
    /// Listens from here on.
    pub(super) fn listen(backend: IpAddr, forward: Forward) -> io::Result<Self> {
        Ok(Self { socket: ErrorSocket::open(family(backend))?, backend, forward })
    }

    /// What came until now.
    pub(super) fn take(&self) -> TunnelAnswer {
        let mut found = TunnelAnswer::Nothing;
        for _ in 0..MOST {
            let Ok(message) = self.socket.take() else { break };
            match message.and_then(|(error, _)| answer(&error, self.backend, self.forward)) {
                Some(TunnelAnswer::Refused) => found = TunnelAnswer::Refused,
                Some(answer) if found == TunnelAnswer::Nothing => found = answer,
                _ => {}
            }
        }
        found
    }
}

/// What an error says, if it is about a packet of this tunnel.
fn answer(error: &TunnelError, backend: IpAddr, forward: Forward) -> Option<TunnelAnswer> {
    let answer = match error.kind {
        ErrorKind::ProtocolUnreachable | ErrorKind::PortUnreachable => TunnelAnswer::Refused,
        ErrorKind::TooBig => TunnelAnswer::TooBig(error.mtu),
        _ => return None,
    };
    (error.backend == backend && error.tunnel.is_of(forward)).then_some(answer)
}

/// Messages that are read at once: the socket gets those about every tunnel.
const MOST: usize = 1000;

#[cfg(test)]
#[path = "tunnel_tests.rs"]
mod tests;
