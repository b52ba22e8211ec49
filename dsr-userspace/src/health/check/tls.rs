//! TLS on a probe's connection.

use std::sync::{Arc, OnceLock};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Failure, Way};
use crate::{
    health::local,
    model::{Http, Tls},
};

/// Makes the connection secret.
pub(super) async fn wrap(
    tls: &Tls,
    http: &Http,
    way: &Way,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Failure> {
    let (config, name) = match tls {
        Tls::Named(name) => (named(), Some(name)),
        Tls::Unnamed => (unnamed(), http.host.as_ref()),
    };
    let config = config.as_ref().map_err(|why| Failure::Local(why.clone()))?;
    // Where no name is known none is sent: an address is never put in the handshake (RFC 6066, 3).
    let name = name.and_then(|name| ServerName::try_from(name.clone()).ok()).unwrap_or(way.to.ip().into());
    let connected = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
    connected.map_err(|error| {
        if local::is_local(&error) { error.into() } else { Failure::Wrong(format!("TLS fails: {error}")) }
    })
}

/// Certificates are verified by the authorities that this host trusts.
fn named() -> &'static Result<Arc<ClientConfig>, String> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    CONFIG.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err("this host trusts no certificate authority: install ca-certificates".to_owned());
        }
        Ok(finish(builder()?.with_root_certificates(roots).with_no_client_auth()))
    })
}

/// Certificates are not looked at.
fn unnamed() -> &'static Result<Arc<ClientConfig>, String> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    CONFIG.get_or_init(|| {
        let verifier = Arc::new(Anyone { provider: ring::default_provider() });
        Ok(finish(builder()?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
    })
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, String> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())
}

/// Sessions are not taken up again: one of another backend would be refused.
fn finish(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// Takes every certificate, but proves that the backend has its key: what a check without a name asks for.
#[derive(Debug)]
struct Anyone {
    provider: CryptoProvider,
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
