//! A certificate for servers of others: for `localhost` and 127.0.0.1, its own root, two days old at most.

use std::path::{Path, PathBuf};

use crate::Program;

/// Write `key.pem` and `cert.pem` into this directory.
///
/// # Panics
///
/// If `openssl` fails.
pub(super) fn certificate(openssl: &Path, dir: &Path) {
    certificate_with(openssl, dir, &[]);
}

/// The same for clients who refuse one that may issue others.
///
/// # Panics
///
/// If `openssl` fails.
pub(super) fn leaf_certificate(openssl: &Path, dir: &Path) {
    certificate_with(
        openssl,
        dir,
        &["-addext", "basicConstraints=critical,CA:FALSE"],
    );
}

fn certificate_with(openssl: &Path, dir: &Path, more: &[&str]) {
    let (key, cert) = (dir.join("key.pem"), dir.join("cert.pem"));
    let args = [
        "req",
        "-x509",
        "-nodes",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout",
    ];
    let args = args.map(PathBuf::from);
    let more: Vec<PathBuf> = more.iter().map(PathBuf::from).collect();
    let rest = [key, PathBuf::from("-out"), cert];
    let output = Program::start(openssl, args.iter().chain(&rest).chain(&more)).finish();
    assert!(output.code == Some(0), "{}", output.stderr_text());
}
