//! Real handshakes over loopback TCP, with a small PKI made for each test.
#![allow(clippy::unwrap_used)]

mod faults;
mod peers;
mod streams;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer};
use rcgen::{KeyPair, KeyUsagePurpose};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

use super::{Acceptor, connect};
use crate::endpoint::{Host, Pin, TlsOptions, TlsVersion};
use crate::error::Result;
use crate::net::layer::serving::TlsServing;
use crate::net::stream::{Info, Io, Stream};
use crate::wire::{ConnectionId, Event, Observer, Side, Watch, What};

/// How long a test may take.
const LIMIT: Duration = Duration::from_secs(10);

const BOTH_VERSIONS: [TlsVersion; 2] = [TlsVersion::V1_2, TlsVersion::V1_3];

fn acceptor(options: &TlsOptions, host: Option<&Host>) -> Result<Acceptor> {
    Acceptor::new(options, host, &TlsServing::default())
}

fn deadline() -> Instant {
    Instant::now() + LIMIT
}

fn localhost() -> Host {
    Host::Name("localhost".into())
}

fn loopback() -> Host {
    Host::Ip {
        addr: IpAddr::V4(Ipv4Addr::LOCALHOST),
        scope: None,
    }
}

fn stream(tcp: TcpStream) -> Stream {
    Stream::new(Io::Tcp(tcp), None, Info::default())
}

/// Two ends of one TCP connection: connected, accepted.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    (connected, accepted)
}

/// Both sides of a handshake at once: what the client got, what the server got.
async fn shake(
    client: &TlsOptions,
    host: Option<&Host>,
    server: &TlsOptions,
) -> (Result<Stream>, Result<Stream>) {
    let acceptor = acceptor(server, None).unwrap();
    let (connected, accepted) = pair().await;
    tokio::join!(
        connect(stream(connected), client, host, None, deadline()),
        acceptor.accept(stream(accepted), None, deadline()),
    )
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.unwrap()
}

/// The options of a client that pins this server.
fn pinning(acceptor: &Acceptor) -> TlsOptions {
    let digest = data_encoding::HEXLOWER
        .decode(acceptor.fingerprint().as_bytes())
        .unwrap();
    TlsOptions {
        pin: vec![Pin(digest.try_into().unwrap())],
        ..TlsOptions::default()
    }
}

fn only(version: TlsVersion) -> TlsOptions {
    TlsOptions {
        min: Some(version),
        max: Some(version),
        ..TlsOptions::default()
    }
}

/// An authority with a directory for its files.
struct Authority {
    directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), certificate.pem()).unwrap();
        Self {
            directory,
            issuer: Issuer::new(params, key),
        }
    }

    /// The file with the root.
    fn ca(&self) -> Option<PathBuf> {
        Some(self.directory.path().join("ca.pem"))
    }

    /// The options of a client that trusts this authority.
    fn trusted(&self) -> TlsOptions {
        TlsOptions {
            ca: self.ca(),
            ..TlsOptions::default()
        }
    }

    /// A file with certificate and key for these names, changed by `change`.
    fn leaf(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Option<PathBuf> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "leaf");
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let path = tempfile::Builder::new()
            .suffix(".pem")
            .tempfile_in(self.directory.path())
            .unwrap()
            .into_temp_path()
            .keep()
            .unwrap();
        std::fs::write(&path, certificate.pem() + &key.serialize_pem()).unwrap();
        Some(path)
    }

    /// The options of a server of this authority for localhost.
    fn server(&self) -> TlsOptions {
        TlsOptions {
            cert: self.leaf(&["localhost", "127.0.0.1"], |_| {}),
            ..TlsOptions::default()
        }
    }

    fn client_leaf(&self) -> Option<PathBuf> {
        self.leaf(&["someone"], |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }
}

/// Remembers the secrets and agreements it is told.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn on_event(&self, event: &Event<'_>) {
        let text = match event.what {
            What::Secret { line } => format!("secret {line}"),
            What::Handshake { agreed } => format!("agreed {agreed}"),
            What::Data(direction, bytes) => format!("{direction:?} {}", bytes.escape_ascii()),
            What::HalfClosed(direction) => format!("half-closed {direction:?}"),
            _ => return,
        };
        let covered = if event.covered { " covered" } else { "" };
        let line = format!("{}{covered} {text}", event.layer);
        self.0.lock().unwrap().push(line);
    }
}

impl Notes {
    fn watch(self: &Arc<Self>) -> Watch {
        let observer: Arc<dyn Observer> = Arc::<Self>::clone(self);
        Watch::new(observer, ConnectionId(1), Side::Only, Instant::now())
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}
