//! How a backend has to say who it is.

use hyper::http::uri::Authority;
use rustls::pki_types::ServerName;

/// How a backend has to say who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// By a certificate for this name or address that the host's store of certificates vouches for.
    Named(ServerName<'static>),
    /// By any certificate: it is not looked at.
    Unnamed,
}

impl Tls {
    /// The name or the address in a host that may have a port, as in the header `Host` of HTTP; nothing where a certificate
    /// cannot be for it.
    pub fn name_of(host: &str) -> Option<ServerName<'static>> {
        let authority: Authority = host.parse().ok()?;
        let name = authority.host();
        let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        ServerName::try_from(address.unwrap_or(name).to_owned()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_host_is_without_its_port() {
        for (host, name) in [
            ("www.example.com", "www.example.com"),
            ("www.example.com:8443", "www.example.com"),
            ("192.0.2.10:8443", "192.0.2.10"),
            ("[2001:db8::1]:8443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
        ] {
            let wanted = ServerName::try_from(name.to_owned()).unwrap();
            assert_eq!(Tls::name_of(host), Some(wanted), "{host}");
        }
        assert_eq!(Tls::name_of("a..b"), None);
    }
}
