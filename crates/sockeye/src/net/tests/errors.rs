//! What real failures say: which operation, on which endpoint, why, and one thing to try.

use super::*;
use crate::error::{Error, Kind};

/// The line and the hint, with what changes from run to run taken out.
fn said(error: &Error, changing: &[(&str, &str)]) -> String {
    let hint = error.hint().unwrap_or_else(|| "-".into());
    let mut text = format!("[{}] {error}\n    hint: {hint}\n", error.kind().code());
    for (found, word) in changing {
        text = text.replace(found, word);
    }
    let line = text.lines().next().unwrap();
    assert!(line.contains("cannot ") && line.contains(": "), "{line}");
    text
}

async fn refused(to: &str) -> Error {
    let net = Net::new().connect_timeout(Duration::from_millis(200));
    soon(net.open(&endpoint(to))).await.unwrap_err()
}

async fn not_listening(at: &str) -> Error {
    soon(Net::new().listen(&endpoint(at))).await.unwrap_err()
}

#[tokio::test]
async fn failures_of_connecting() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().display().to_string();
    std::fs::write(directory.path().join("plain"), "").unwrap();
    drop(std::os::unix::net::UnixListener::bind(directory.path().join("stale")).unwrap());
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = gone.local_addr().unwrap().port().to_string();
    drop(gone);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port().to_string();
    let mut all = String::new();
    for to in [
        format!("tcp://127.0.0.1:{port}"),
        format!("tcp://127.0.0.1:{port}?bind=192.0.2.1"),
        "tcp://255.255.255.255:9".into(),
        "tcp://name.invalid:80".into(),
        "tcp://127.0.0.1:htpt".into(),
        "exce:cat".into(),
        format!("unix:{at}/none"),
        format!("unix:{at}/stale"),
        format!("unix:{at}/plain"),
        format!("unix-dgram:{at}/none"),
        format!("unix-seqpacket:{at}/none"),
        "unix:@sockeye-nobody-there".into(),
        format!("file:{at}/none"),
        format!("fifo:{at}/plain"),
        format!("fifo:{at}/waits"),
        format!("tls://127.0.0.1:{port}"),
        format!("tls://127.0.0.1:{silent_port}?verify=none"),
        format!("tls://127.0.0.1:{silent_port}?ca={at}/none"),
        format!("tls://127.0.0.1:{silent_port}?ca={at}/plain"),
        format!("tls://127.0.0.1:{silent_port}?sni=x&bind=[::1]"),
    ] {
        if to.starts_with("tls") && !cfg!(feature = "tls") {
            continue;
        }
        let error = refused(&to).await;
        let changing = [
            (at.as_str(), "DIR"),
            (port.as_str(), "PORT"),
            (silent_port.as_str(), "SILENT"),
        ];
        all += &said(&error, &changing);
    }
    if cfg!(feature = "tls") {
        insta::assert_snapshot!(all);
    }
}

#[tokio::test]
async fn failures_of_listening() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().display().to_string();
    std::fs::write(directory.path().join("plain"), "").unwrap();
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut all = String::new();
    for text in [
        format!("udp://127.0.0.1:{port}"),
        "tcp://192.0.2.1:0".into(),
        "udp://192.0.2.1:0".into(),
        format!("unix:{at}/plain"),
        format!("unix:{at}/no/such/directory"),
        "tcp://127.0.0.1:0?bind=127.0.0.1".into(),
        "fd:999999".into(),
    ] {
        let error = not_listening(&text).await;
        all += &said(&error, &[(at.as_str(), "DIR"), (port.as_str(), "PORT")]);
    }
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn a_taken_port_names_who_has_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error = not_listening(&Endpoint::from(taken.local_addr().unwrap()).to_string()).await;
    assert_eq!(error.kind(), Kind::InUse);
    assert!(
        error
            .hint()
            .unwrap()
            .contains(&std::process::id().to_string()),
        "{error}"
    );
}
