//! Entrances for the fuzz targets: certificates, and files of them and of keys. Not for programs.

use std::path::PathBuf;

use super::certificate::{Certificate, Leaf};
use super::pem::Pem;

/// Read these bytes as a PEM file of certificates, revocation lists and a key.
pub fn pem(bytes: &[u8]) {
    let pem = Pem {
        option: "ca",
        path: PathBuf::new(),
        bytes: bytes.to_vec(),
    };
    if let Ok(certificates) = pem.certificates() {
        for certificate in &certificates {
            Leaf::of(certificate);
        }
    }
    drop((pem.revocations(), pem.key()));
}

/// Read these bytes as the certificate of a server, as DER.
pub fn certificate(bytes: &[u8]) {
    drop(Certificate::of(bytes));
}
