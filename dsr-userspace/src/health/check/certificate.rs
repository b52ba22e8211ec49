//! Which certificates a probe takes: those that this host trusts, for a name; or any.

use std::{collections::HashSet, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

/// Takes what the store of this host's certificates vouches for, as curl does: what an authority in it signed, and a
/// certificate that is in it itself.
#[derive(Debug)]
pub(super) struct Trusted {
    authorities: Arc<WebPkiServerVerifier>,
    store: HashSet<CertificateDer<'static>>,
}

impl Trusted {
    /// With the store that this host has now; an error where it is empty.
    pub(super) fn of_host(provider: Arc<CryptoProvider>) -> Result<Self, String> {
        let store = rustls_native_certs::load_native_certs().certs;
        let mut authorities = RootCertStore::empty();
        authorities.add_parsable_certificates(store.iter().cloned());
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(authorities), provider).build();
        let authorities = authorities
            .map_err(|error| format!("this host trusts no certificate authority: install ca-certificates ({error})"))?;
        Ok(Self { authorities, store: store.into_iter().collect() })
    }

    fn is_in_store(&self, certificate: &CertificateDer<'_>) -> bool {
        let store: &HashSet<CertificateDer<'_>> = &self.store;
        store.contains(certificate)
    }
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.authorities.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(error) if is_of_the_chain(&error) && self.is_in_store(certificate) => {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Whether all that is wrong with a certificate is that no authority signed it, or another one of that name. webpki looks at
/// its validity before that (`verify_cert.rs`: `check_issuer_independent_properties`).
fn is_of_the_chain(error: &Error) -> bool {
    let of_chain =
        |error: &CertificateError| matches!(error, CertificateError::UnknownIssuer | CertificateError::BadSignature);
    is_self_signed(error) || matches!(error, Error::InvalidCertificate(error) if of_chain(error))
}

/// Whether a certificate is an authority and a server at once, as `openssl req -x509` makes them.
fn is_self_signed(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(error))) = error else { return false };
    matches!(error.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// What is wrong, for an operator.
pub(super) fn explain(error: &Error) -> String {
    let what = match error {
        error if is_self_signed(error) => "it is self-signed, and not in this host's store of certificates",
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "no authority in this host's store of certificates signed it"
        }
        other => return other.to_string(),
    };
    format!("invalid peer certificate: {what}")
}

/// Accepts every certificate without inspection: any version and key, expired or self-made. A signature of the
/// handshake proves who holds a certificate's key, which says nothing where anybody's will do. What is exchanged afterwards
/// proves that both sides agreed on the same keys.
#[derive(Debug)]
pub(super) struct Any;

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    /// All that a server may have a key for, as nothing of it is computed here.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::ED25519,
            SignatureScheme::ED448,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA512,
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
            SignatureScheme::ECDSA_SHA1_Legacy,
            SignatureScheme::RSA_PKCS1_SHA1,
        ]
    }
}
