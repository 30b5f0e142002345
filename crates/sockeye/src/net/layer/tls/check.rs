//! Whether the peer's certificate is to be believed: by its chain, by a pin, or without looking.
//!
//! Whatever is believed of a certificate, the handshake's signature by its key is always verified, so that a pin is as
//! strong as a chain. What was seen is kept for the words of an error.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::certificate::{Certificate, Leaf};
use crate::endpoint::Pin;

/// First bytes of the peer that are kept for the words of an error.
pub(super) const HEAD_BYTES: usize = 16;

/// What a handshake showed of the peer, beside what was agreed on.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) leaf: OnceLock<Leaf>,
    /// Whether the peer asked for a certificate of ours.
    pub(super) asked: AtomicBool,
    /// Whether it showed more certificates than its own.
    pub(super) has_chain: AtomicBool,
    /// A server's certificate that is not to be believed ends no handshake: what is wrong with it is kept below.
    is_forgiving: bool,
    pub(super) fault: OnceLock<Error>,
    /// What that certificate says, for whoever looks at it.
    pub(super) certificate: OnceLock<Certificate>,
    /// The first bytes it sent.
    head: Mutex<Vec<u8>>,
}

impl Seen {
    /// For a handshake whose certificate is looked at, and not relied on.
    pub(super) fn forgiving() -> Self {
        Self {
            is_forgiving: true,
            ..Self::default()
        }
    }

    /// Keep the first bytes of the peer; says how many were kept so far.
    pub(super) fn note_head(&self, bytes: &[u8]) -> usize {
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let room = HEAD_BYTES - head.len();
        head.extend(bytes.iter().take(room));
        head.len()
    }

    /// The first bytes of the peer.
    pub(super) fn head(&self) -> Vec<u8> {
        let head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        head.clone()
    }

    fn note(&self, certificate: &CertificateDer<'_>) -> &Leaf {
        self.leaf.get_or_init(|| Leaf::of(certificate))
    }
}

/// What the handshake that runs now shows. Connections that resume one another's sessions must share their [`Check`], since
/// rustls resumes no session that another one believed; they shake hands one after the other.
#[derive(Debug, Default)]
pub(super) struct Sight(Mutex<Arc<Seen>>);

impl Sight {
    pub(super) fn new(seen: Arc<Seen>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(seen)))
    }

    /// The next handshake begins, and nothing is seen of it.
    pub(super) fn renew(&self) -> Arc<Seen> {
        let seen = Arc::new(Seen::default());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&seen);
        seen
    }

    fn now(&self) -> Arc<Seen> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Why a certificate is believed.
#[derive(Clone)]
pub(super) enum Trust<V> {
    /// It leads to a root, names the peer, and holds today.
    Chain(V),
    /// It is one of these.
    Pins(Vec<Pin>),
    /// It is not looked at.
    Nothing,
}

/// The roots of a client.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) verifier: Arc<WebPkiServerVerifier>,
    /// The certificates of `ca=`, which may be the server's own.
    pub(super) listed: Arc<[CertificateDer<'static>]>,
}

pub(super) type ServerTrust = Trust<Chain>;
pub(super) type ClientTrust = Trust<Arc<dyn ClientCertVerifier>>;

/// The check of one connection, or of several that belong together.
pub(super) struct Check<V> {
    pub(super) trust: Trust<V>,
    pub(super) sight: Arc<Sight>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl<V> Check<V> {
    pub(super) fn new(trust: Trust<V>, sight: Arc<Sight>, provider: &CryptoProvider) -> Self {
        Self {
            trust,
            sight,
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl<V> fmt::Debug for Check<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").finish_non_exhaustive()
    }
}

/// Whether this is a pinned certificate.
fn pinned(pins: &[Pin], leaf: &Leaf) -> Result<(), Error> {
    if pins.iter().any(|pin| pin.0 == leaf.digest) {
        Ok(())
    } else {
        Err(CertificateError::ApplicationVerificationFailure.into())
    }
}

/// Whether webpki refused a certificate only because it may sign others as well.
///
/// `openssl req -x509` makes such certificates and people use them on servers.
fn is_authority(error: &Error) -> bool {
    // The error is webpki's, whose types rustls does not hand on.
    matches!(error, Error::InvalidCertificate(CertificateError::Other(other))
        if other.0.to_string() == "CaUsedAsEndEntity")
}

impl Check<Chain> {
    /// Whether a server's certificate is to be believed.
    fn judge(
        &self,
        seen: &Seen,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let leaf = seen.note(end_entity);
        match &self.trust {
            Trust::Chain(chain) => {
                match chain.verifier.verify_server_cert(
                    end_entity,
                    intermediates,
                    server_name,
                    ocsp_response,
                    now,
                ) {
                    // The user named this very certificate in `ca=`; its dates were checked before this error came up.
                    Err(e) if is_authority(&e) && chain.listed.contains(end_entity) => {
                        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                    }
                    other => return other,
                }
            }
            Trust::Pins(pins) => pinned(pins, leaf)?,
            Trust::Nothing => {}
        }
        Ok(ServerCertVerified::assertion())
    }
}

impl ServerCertVerifier for Check<Chain> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let has_chain = !intermediates.is_empty();
        let seen = self.sight.now();
        seen.has_chain.store(has_chain, Ordering::Relaxed);
        let judged = self.judge(
            &seen,
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        if !seen.is_forgiving {
            return judged;
        }
        seen.certificate.get_or_init(|| Certificate::of(end_entity));
        if let Err(fault) = judged {
            // It is the only handshake of this sight, so this is the first one.
            let _ = seen.fault.set(fault);
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Check<Arc<dyn ClientCertVerifier>> {
    fn offer_client_auth(&self) -> bool {
        !matches!(self.trust, Trust::Nothing)
    }

    fn client_auth_mandatory(&self) -> bool {
        match &self.trust {
            Trust::Chain(chain) => chain.client_auth_mandatory(),
            Trust::Pins(_) => true,
            Trust::Nothing => false,
        }
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        match &self.trust {
            Trust::Chain(chain) => chain.root_hint_subjects(),
            Trust::Pins(_) | Trust::Nothing => &[],
        }
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let seen = self.sight.now();
        let leaf = seen.note(end_entity);
        match &self.trust {
            Trust::Chain(chain) => return chain.verify_client_cert(end_entity, intermediates, now),
            Trust::Pins(pins) => pinned(pins, leaf)?,
            Trust::Nothing => {}
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Our certificate, if we have one; notes that it was asked for.
#[derive(Debug)]
pub(super) struct Ours {
    pub(super) key: Option<Arc<CertifiedKey>>,
    pub(super) sight: Arc<Sight>,
}

impl ResolvesClientCert for Ours {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.sight.now().asked.store(true, Ordering::Relaxed);
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        self.key.is_some()
    }
}
