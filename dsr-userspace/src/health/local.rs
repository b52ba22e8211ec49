//! Errors of this host, told apart from what the network says of a backend. Pure.
//!
//! The kernel reports with the same call that a socket cannot be opened and that a packet was rejected on its way. Only
//! the second says anything of a backend.

use std::{error::Error, io};

/// Whether an error comes from this host: a limit, a lack of memory or ports, a firewall rule, a missing permission.
/// What the network can cause is listed, because that list is closed (`icmp_err_convert` and TCP in the kernel, the
/// same in all kernels since 6.1); every other error number is this host's.
pub(super) fn is_local(error: &io::Error) -> bool {
    // An error without a number is of what was read, such as an early end of the stream.
    error.raw_os_error().is_some_and(|number| !OF_THE_NETWORK.contains(&number))
}

/// Whether an error, or one that caused it, is of this host.
pub(super) fn has_local_cause(error: &(dyn Error + 'static)) -> bool {
    match error.downcast_ref::<io::Error>() {
        // An I/O error that wraps another one names the wrapped one's source as its own.
        Some(error) => is_local(error) || error.get_ref().is_some_and(|wrapped| has_local_cause(wrapped)),
        None => error.source().is_some_and(has_local_cause),
    }
}

/// What to do about an error of this host, if anything is known.
pub(super) fn remedy(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EMFILE) => ": raise the agent's limit of open files (`LimitNOFILE=` in its unit)",
        Some(libc::ENFILE) => ": raise the host's limit of open files (sysctl fs.file-max)",
        Some(libc::ENOMEM | libc::ENOBUFS) => ": this host is short of memory",
        Some(libc::EADDRNOTAVAIL | libc::EADDRINUSE) => {
            ": no local port is free (sysctl net.ipv4.ip_local_port_range), or the address has gone"
        }
        Some(libc::EPERM | libc::EACCES) => ": a firewall of this host, or a missing capability, forbids it",
        _ => "",
    }
}

/// Error numbers that answers from the network, or their absence, cause.
const OF_THE_NETWORK: [i32; 15] = [
    libc::ECONNREFUSED,
    libc::ECONNRESET,
    libc::ECONNABORTED,
    libc::EPIPE,
    libc::ENOTCONN,
    libc::ETIMEDOUT,
    libc::EHOSTUNREACH,
    libc::ENETUNREACH,
    libc::EHOSTDOWN,
    libc::ENONET,
    libc::ENOPROTOOPT,
    libc::EMSGSIZE,
    libc::EOPNOTSUPP,
    libc::EPROTO,
    libc::ENETRESET,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_local_and_refusals_are_not() {
        let local = [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOBUFS, libc::EADDRNOTAVAIL, libc::EPERM];
        for number in local {
            assert!(is_local(&io::Error::from_raw_os_error(number)), "{number}");
        }
        for number in OF_THE_NETWORK {
            assert!(!is_local(&io::Error::from_raw_os_error(number)), "{number}");
        }
        assert!(!is_local(&io::ErrorKind::UnexpectedEof.into()));
    }

    #[test]
    fn a_local_cause_is_found_below_other_errors() {
        let above = |number| io::Error::other(io::Error::from_raw_os_error(number));
        assert!(has_local_cause(&above(libc::ENOBUFS)));
        assert!(!has_local_cause(&above(libc::ECONNRESET)));
    }
}
