//! The other end of TLS: rustls on blocking sockets, reading and writing from different threads.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore};
use rustls::{ServerConfig, ServerConnection};

use crate::matrix_ends::Socket;

/// How many bytes are encrypted, or taken from the socket, at a time.
const PIECE: usize = 4096;

struct Identity {
    pem: String,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let pem = made.cert.pem() + &made.signing_key.serialize_pem();
        let cert = CertificateDer::from(made.cert.der().to_vec());
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.clone()], PrivateKeyDer::from(key))
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert).unwrap();
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Identity {
            pem,
            server: Arc::new(server),
            client: Arc::new(client),
        }
    })
}

/// Write the certificate of `localhost` and its key into this directory.
pub(crate) fn certificate(dir: &Path) -> PathBuf {
    let path = dir.join("localhost.pem");
    std::fs::write(&path, &identity().pem).unwrap();
    path
}

/// Agree on TLS as a client of `localhost`.
pub(crate) fn client(socket: Socket) -> (TlsHear, TlsSay) {
    client_saying(socket, b"")
}

/// The same, with these words in the segment that ends the handshake.
pub(crate) fn client_saying(socket: Socket, words: &[u8]) -> (TlsHear, TlsSay) {
    let name = ServerName::try_from("localhost").unwrap();
    let config = Arc::clone(&identity().client);
    let tls = ClientConnection::new(config, name).unwrap();
    agree(tls.into(), socket, words)
}

/// Agree on TLS as the server.
pub(crate) fn server(socket: Socket) -> (TlsHear, TlsSay) {
    server_saying(socket, b"")
}

/// The same, with these words in the segment that follows the handshake.
pub(crate) fn server_saying(socket: Socket, words: &[u8]) -> (TlsHear, TlsSay) {
    let tls = ServerConnection::new(Arc::clone(&identity().server)).unwrap();
    agree(tls.into(), socket, words)
}

fn agree(mut tls: Connection, mut socket: Socket, words: &[u8]) -> (TlsHear, TlsSay) {
    // They wait in the connection until its keys are agreed on.
    tls.writer().write_all(words).unwrap();
    while tls.is_handshaking() || tls.wants_write() {
        let mut ready = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut ready).unwrap();
        }
        socket.write_all(&ready).unwrap();
        if tls.is_handshaking() {
            tls.read_tls(&mut socket).unwrap();
            tls.process_new_packets().unwrap();
        }
    }
    let tls = Arc::new(Mutex::new(tls));
    let hear = TlsHear {
        tls: Arc::clone(&tls),
        socket: socket.again(),
        raw: Vec::new(),
        at: 0,
    };
    (hear, TlsSay { tls, socket })
}

/// The way in.
pub(crate) struct TlsHear {
    tls: Arc<Mutex<Connection>>,
    socket: Socket,
    raw: Vec<u8>,
    at: usize,
}

impl TlsHear {
    /// What carries it.
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }
}

impl Read for TlsHear {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.lock().unwrap().reader().read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            if self.at == self.raw.len() {
                // The lock is not held while this waits.
                self.raw.resize(PIECE, 0);
                let n = self.socket.read(&mut self.raw)?;
                self.raw.truncate(n);
                self.at = 0;
            }
            // rustls takes no more while it has plaintext to give.
            let mut tls = self.tls.lock().unwrap();
            self.at += tls.read_tls(&mut &self.raw[self.at..])?;
            tls.process_new_packets().map_err(io::Error::other)?;
        }
    }
}

/// The way out.
pub(crate) struct TlsSay {
    tls: Arc<Mutex<Connection>>,
    socket: Socket,
}

impl TlsSay {
    /// Say that nothing follows. The socket stays open both ways.
    pub(crate) fn end(mut self) {
        self.tls.lock().unwrap().send_close_notify();
        self.send().unwrap();
    }

    fn send(&mut self) -> io::Result<()> {
        let mut ciphertext = Vec::new();
        {
            let mut tls = self.tls.lock().unwrap();
            while tls.wants_write() {
                tls.write_tls(&mut ciphertext)?;
            }
        }
        self.socket.write_all(&ciphertext)
    }
}

impl Write for TlsSay {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = &bytes[..bytes.len().min(PIECE)];
        let n = self.tls.lock().unwrap().writer().write(piece)?;
        self.send()?;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
