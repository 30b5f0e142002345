//! From the options of an endpoint to the settings of rustls. Files are read here, once per connector or acceptor.

use std::sync::{Arc, OnceLock};

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, InconsistentKeys, RootCertStore, SupportedProtocolVersion};

use super::check::{Chain, Check, Ours, ServerTrust, Sight, Trust};
use super::pem::Pem;
use crate::endpoint::{TlsOptions, TlsVersion, Verify};
use crate::error::{Error, Kind, Operation, Result};

pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

/// What a client needs for any number of connections.
pub(super) struct Client {
    options: TlsOptions,
    trust: ServerTrust,
    key: Option<Arc<CertifiedKey>>,
}

impl Client {
    pub(super) fn new(options: &TlsOptions) -> Result<Self> {
        let trust = if !options.pin.is_empty() {
            Trust::Pins(options.pin.clone())
        } else if options.verify == Verify::None {
            Trust::Nothing
        } else {
            Trust::Chain(server_chain(options)?)
        };
        let key = match options.cert {
            Some(_) => {
                let (chain, key, from) = own(options)?;
                Some(certified(chain, &key, &from)?)
            }
            None if options.key.is_some() => return Err(key_alone()),
            None => None,
        };
        Ok(Self {
            options: options.clone(),
            trust,
            key,
        })
    }

    /// Whether a name is needed to know whether the certificate is the right one.
    pub(super) fn needs_name(&self) -> bool {
        matches!(self.trust, Trust::Chain(_))
    }

    pub(super) fn has_certificate(&self) -> bool {
        self.key.is_some()
    }

    /// The settings for one connection, or for several that belong together and show what they see here.
    pub(super) fn config(&self, sight: &Arc<Sight>, has_name: bool) -> Result<ClientConfig> {
        let provider = provider();
        let check = Check::new(self.trust.clone(), Arc::clone(sight), &provider);
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions(&self.options)?)
            .map_err(|e| unusable(&e))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(check))
            .with_client_cert_resolver(Arc::new(Ours {
                key: self.key.clone(),
                sight: Arc::clone(sight),
            }));
        config.alpn_protocols = alpn(&self.options)?;
        config.enable_sni = has_name;
        // Each connection shows its whole handshake and checks the certificate anew.
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

/// The roots that a server's certificate must lead to.
fn server_chain(options: &TlsOptions) -> Result<Chain> {
    let Some(path) = &options.ca else {
        return Ok(Chain {
            verifier: server_verifier(system_roots()?, Vec::new())?,
            listed: Arc::from([]),
        });
    };
    let pem = Pem::read("ca", path)?;
    let listed = pem.certificates()?;
    let roots = Arc::new(roots(&pem, &listed)?);
    Ok(Chain {
        verifier: server_verifier(roots, pem.revocations()?)?,
        listed: listed.into(),
    })
}

fn server_verifier(
    roots: Arc<RootCertStore>,
    revocations: Vec<rustls::pki_types::CertificateRevocationListDer<'static>>,
) -> Result<Arc<WebPkiServerVerifier>> {
    WebPkiServerVerifier::builder_with_provider(roots, provider())
        .with_crls(revocations)
        // A list speaks for its own issuer only; the others have none.
        .allow_unknown_revocation_status()
        .build()
        .map_err(|e| Error::new(Kind::Tls, Operation::Open, format!("ca= is of no use: {e}")))
}

/// The roots that a client's certificate must lead to.
pub(super) fn client_chain(
    options: &TlsOptions,
    may_be_unknown: bool,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>> {
    let Some(path) = &options.ca else {
        return Ok(WebPkiClientVerifier::no_client_auth());
    };
    let pem = Pem::read("ca", path)?;
    let roots = Arc::new(roots(&pem, &pem.certificates()?)?);
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .with_crls(pem.revocations()?)
        .allow_unknown_revocation_status();
    match may_be_unknown {
        true => builder.allow_unauthenticated(),
        false => builder,
    }
    .build()
    .map_err(|e| pem.fault(&format!("is of no use ({e})")))
}

fn roots(pem: &Pem, certificates: &[CertificateDer<'static>]) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots
            .add(certificate.clone())
            .map_err(|_| pem.fault("holds a certificate that is damaged"))?;
    }
    Ok(roots)
}

/// The roots of this machine, read when they are first needed and once per process.
fn system_roots() -> Result<Arc<RootCertStore>> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(roots) = ROOTS.get() {
        return Ok(Arc::clone(roots));
    }
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!("system roots: {error}");
    }
    let mut roots = RootCertStore::empty();
    // Machines carry a few roots that are older than the rules; the others are still good.
    let (_, ignored) = roots.add_parsable_certificates(found.certs);
    if ignored > 0 {
        tracing::debug!("system roots: {ignored} of them cannot be used");
    }
    if roots.is_empty() {
        let why = "this machine has no trusted roots to check certificates against";
        return Err(Error::new(Kind::Tls, Operation::Handshake, why).with_hint(
            "`ca=FILE` names a PEM file of roots, SSL_CERT_FILE does so for all; or install ca-certificates",
        ));
    }
    Ok(Arc::clone(ROOTS.get_or_init(|| Arc::new(roots))))
}

/// Our certificate chain, its key, and the name of the file the key was found in.
pub(super) fn own(
    options: &TlsOptions,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, String)> {
    let Some(path) = &options.cert else {
        return Err(key_alone());
    };
    let pem = Pem::read("cert", path)?;
    let chain = pem.certificates()?;
    let (key, path) = match &options.key {
        Some(path) => (Pem::read("key", path)?.key()?, path),
        None => (pem.key()?, path),
    };
    Ok((chain, key, path.display().to_string()))
}

pub(super) fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'static>,
    from: &str,
) -> Result<Arc<CertifiedKey>> {
    let fault = |why: String| Error::new(Kind::Tls, Operation::Open, why);
    let key = rustls::crypto::ring::sign::any_supported_type(key)
        .map_err(|_| {
            fault(format!(
                "the private key in {from} is damaged or of an unknown kind"
            ))
        })
        .map_err(|e| e.with_hint("RSA, ECDSA (P-256, P-384) and Ed25519 keys are understood"))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
            Ok(Arc::new(certified))
        }
        Err(rustls::Error::InconsistentKeys(_)) => {
            let why = format!("the private key in {from} does not belong to the certificate");
            Err(fault(why)
                .with_hint("in `cert=FILE` our own certificate comes first, then its issuers"))
        }
        Err(_) => Err(fault("the certificate in cert= is damaged".into())),
    }
}

pub(super) fn key_alone() -> Error {
    Error::new(Kind::Usage, Operation::Open, "key= is given without cert=")
        .with_hint("`cert=FILE` names the certificate that the key belongs to")
}

pub(super) fn versions(options: &TlsOptions) -> Result<Vec<&'static SupportedProtocolVersion>> {
    let min = options.min.unwrap_or(TlsVersion::V1_2);
    let max = options.max.unwrap_or(TlsVersion::V1_3);
    match (min, max) {
        (TlsVersion::V1_2, TlsVersion::V1_2) => Ok(vec![&TLS12]),
        (TlsVersion::V1_2, TlsVersion::V1_3) => Ok(vec![&TLS13, &TLS12]),
        (TlsVersion::V1_3, TlsVersion::V1_3) => Ok(vec![&TLS13]),
        (TlsVersion::V1_3, TlsVersion::V1_2) => {
            let why = "tls-min=1.3 and tls-max=1.2 leave no version to speak";
            Err(Error::new(Kind::Usage, Operation::Handshake, why))
        }
    }
}

pub(super) fn alpn(options: &TlsOptions) -> Result<Vec<Vec<u8>>> {
    let fits = |name: &String| (1..=255).contains(&name.len());
    if let Some(name) = options.alpn.iter().find(|name| !fits(name)) {
        let why = format!(
            "alpn= names have 1 to 255 bytes (RFC 7301), one has {}",
            name.len()
        );
        return Err(Error::new(Kind::Usage, Operation::Handshake, why));
    }
    Ok(options
        .alpn
        .iter()
        .map(|name| name.clone().into_bytes())
        .collect())
}

pub(super) fn unusable(error: &rustls::Error) -> Error {
    let why = format!("these TLS options do not go together ({error})");
    Error::new(Kind::Tls, Operation::Handshake, why)
}
