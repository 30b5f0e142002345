//! Certificates and keys in PEM files (RFC 7468), as the options of an endpoint name them.
//!
//! Each file is read once, so that a pipe will do, and only so far as a sane file goes.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::error::{Error, Kind, Operation, Result};

/// More than the largest collection of roots in use by an order of magnitude.
const LIMIT_BYTES: u64 = 16 * 1024 * 1024;

/// What was read from a file.
pub(super) struct Pem {
    pub(super) option: &'static str,
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
}

impl Pem {
    /// Read the file that this option names.
    pub(super) fn read(option: &'static str, path: &Path) -> Result<Self> {
        let fail = |e| {
            let cause = Error::from_io(Operation::Open, e);
            let why = format!(
                "{option}={} cannot be read: {}",
                path.display(),
                cause.why()
            );
            Error::new(cause.kind(), Operation::Open, why)
        };
        let mut bytes = Vec::new();
        File::open(path)
            .map_err(fail)?
            .take(LIMIT_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(fail)?;
        let read = Self {
            option,
            path: path.to_owned(),
            bytes,
        };
        if read.bytes.len() as u64 > LIMIT_BYTES {
            return Err(read.fault("is larger than 16 MiB"));
        }
        Ok(read)
    }

    /// The certificates in it, at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>> {
        let found: Vec<_> = CertificateDer::pem_slice_iter(&self.bytes)
            .collect::<Result<_, _>>()
            .map_err(|e| self.fault(&format!("is no sound PEM file ({e})")))?;
        if found.is_empty() {
            let error = self.fault("holds no certificate in PEM form");
            // DER starts with a SEQUENCE.
            return Err(if self.bytes.first() == Some(&0x30) {
                error.with_hint("`openssl x509 -inform der -in FILE -out FILE.pem` converts it")
            } else {
                error.with_hint("it should have a line `-----BEGIN CERTIFICATE-----`")
            });
        }
        Ok(found)
    }

    /// The first private key in it: PKCS#8, PKCS#1 or SEC1.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>> {
        let first = PrivateKeyDer::pem_slice_iter(&self.bytes).next();
        match first {
            Some(Ok(key)) => Ok(key),
            Some(Err(e)) => Err(self.fault(&format!("is no sound PEM file ({e})"))),
            None if self.contains(b"ENCRYPTED PRIVATE KEY") => Err(self
                .fault("holds an encrypted private key")
                .with_hint("`openssl pkey -in FILE -out FILE.plain` decrypts it")),
            None => Err(self
                .fault("holds no private key in PEM form")
                .with_hint("`key=FILE` names the file of the key")),
        }
    }

    /// The revocation lists in it; most files have none.
    pub(super) fn revocations(&self) -> Result<Vec<CertificateRevocationListDer<'static>>> {
        CertificateRevocationListDer::pem_slice_iter(&self.bytes)
            .collect::<Result<_, _>>()
            .map_err(|e| self.fault(&format!("is no sound PEM file ({e})")))
    }

    /// What is wrong with this file.
    pub(super) fn fault(&self, what: &str) -> Error {
        let why = format!("{}={} {what}", self.option, self.path.display());
        Error::new(Kind::Tls, Operation::Open, why)
    }

    fn contains(&self, text: &[u8]) -> bool {
        self.bytes.windows(text.len()).any(|window| window == text)
    }
}
