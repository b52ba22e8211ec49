//! TLS on a probe's connection.

use std::sync::{Arc, OnceLock};

use rustls::{
    ClientConfig,
    client::{Resumption, danger::ServerCertVerifier},
    crypto::{CryptoProvider, ring},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    Failure, ProbeRoute,
    certificate::{Any, Trusted, explain},
};
use crate::{
    health::local,
    model::{Http, Tls},
};

/// Makes the connection secret.
pub(super) async fn wrap(
    tls: &Tls,
    http: &Http,
    route: &ProbeRoute,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Failure> {
    let (config, name) = match tls {
        Tls::Named(name) => (named(), Some(name.clone())),
        Tls::Unnamed => (unnamed(), http.host.as_deref().and_then(Tls::name_of)),
    };
    let config = config.as_ref().map_err(|why| Failure::Local(why.clone()))?;
    // Where no name is known none is sent: an address is never put in the handshake (RFC 6066, 3).
    let name = name.unwrap_or(route.to.ip().into());
    let connected = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
    connected.map_err(|error| {
        if local::is_local(&error) {
            return error.into();
        }
        let tls = error.get_ref().and_then(|error| error.downcast_ref());
        Failure::Wrong(format!("TLS fails: {}", tls.map_or_else(|| error.to_string(), explain)))
    })
}

/// Certificates are verified by those that this host trusts, as they are when the first one has to be.
fn named() -> &'static Result<Arc<ClientConfig>, String> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    CONFIG.get_or_init(|| {
        let provider = Arc::new(ring::default_provider());
        let verifier = Trusted::of_host(Arc::clone(&provider))?;
        config(provider, Arc::new(verifier))
    })
}

/// Certificates are not looked at.
fn unnamed() -> &'static Result<Arc<ClientConfig>, String> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    CONFIG.get_or_init(|| config(Arc::new(ring::default_provider()), Arc::new(Any)))
}

/// Sessions are not taken up again: one of another backend would be refused.
fn config(provider: Arc<CryptoProvider>, verifier: Arc<dyn ServerCertVerifier>) -> Result<Arc<ClientConfig>, String> {
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = builder.with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}
