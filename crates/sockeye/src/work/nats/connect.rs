//! The way to a broker: addresses, TLS, who we are; and what is asked of it in plain requests.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream::{self, context::ContextBuilder};
use async_nats::{
    Client, ConnectErrorKind, ConnectOptions, Event, HeaderMap, Request, RequestErrorKind,
    ServerAddr,
};
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::watch;

use crate::error::{Error, Kind, Operation, Result};

/// What one message may carry by itself, at most; more goes through the object store.
const INLINE_BYTES: usize = 512 * 1024;

/// What of a broker's longest message is left for headers and framing.
const ROOM_BYTES: usize = 4096;

/// Where a broker is, and who we are there.
///
/// # Examples
///
/// ```
/// use sockeye::work::nats::Access;
///
/// let access = Access::new("nats://127.0.0.1:4222");
/// assert!(access.check().is_ok());
/// // Jobs and results are not sent in the clear to another machine unless that is asked for.
/// assert!(Access::new("nats://192.0.2.7").check().is_err());
/// assert!(Access::new("tls://192.0.2.7").check().is_ok());
/// ```
#[derive(Clone, Default)]
pub struct Access {
    /// Servers of one cluster: `nats://HOST[:PORT]` or `tls://HOST[:PORT]`, with `USER:PASSWORD@` or `TOKEN@` if you like.
    pub servers: Vec<String>,
    /// Whether plain text may leave this machine.
    pub insecure: bool,
    /// A PEM file of roots to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// A PEM file with our certificate, and one with its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// A user and a password.
    pub user: Option<(String, String)>,
    /// A token.
    pub token: Option<String>,
    /// A file with the seed of an nkey.
    pub nkey: Option<PathBuf>,
    /// A file of credentials: a JWT and a seed.
    pub creds: Option<PathBuf>,
    /// Dial this address instead, whatever the servers are called: somebody there leads on.
    pub through: Option<SocketAddr>,
    /// What the broker's list of connections calls us.
    pub name: String,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No secrets.
        f.debug_struct("Access")
            .field("servers", &self.shown())
            .field("insecure", &self.insecure)
            .finish_non_exhaustive()
    }
}

impl Access {
    /// This server, or these with commas between them, and nothing else said.
    pub fn new(servers: &str) -> Self {
        Self {
            servers: servers
                .split(',')
                .map(|server| server.trim().to_owned())
                .collect(),
            ..Self::default()
        }
    }

    /// The servers without users and passwords.
    pub fn shown(&self) -> String {
        let shown = |server: &String| match server.split_once("://") {
            Some((scheme, rest)) => match rest.rsplit_once('@') {
                Some((_, host)) => format!("{scheme}://{host}"),
                None => server.clone(),
            },
            None => server.rsplit('@').next().unwrap_or_default().to_owned(),
        };
        self.servers.iter().map(shown).collect::<Vec<_>>().join(",")
    }

    /// Whether this can be tried: nothing is opened.
    ///
    /// # Errors
    ///
    /// `Usage` for a server that is none, or one elsewhere that would be spoken to in the clear.
    pub fn check(&self) -> Result<()> {
        self.addresses().map(drop)
    }

    fn addresses(&self) -> Result<Vec<ServerAddr>> {
        let mut addresses = Vec::new();
        for server in &self.servers {
            let address: ServerAddr = server.parse().map_err(|_| {
                self.usage(
                    "it is no address of a broker",
                    "write nats://HOST:PORT or tls://HOST:PORT",
                )
            })?;
            if !matches!(address.scheme(), "nats" | "tls") {
                return Err(self.usage(
                    "this scheme is not known for a broker",
                    "write nats://HOST:PORT or tls://HOST:PORT",
                ));
            }
            if !address.tls_required() && !self.insecure && !is_loopback(address.host()) {
                return Err(self.usage(
                    "jobs, results and passwords would cross the network in the clear",
                    "write tls:// if the broker has TLS, or say --insecure",
                ));
            }
            addresses.push(address);
        }
        if addresses.is_empty() {
            return Err(self.usage("no server is named", "write nats://HOST:PORT"));
        }
        Ok(addresses)
    }

    fn usage(&self, why: &str, hint: &str) -> Error {
        Error::new(Kind::Usage, Operation::Connect, why)
            .about(self.shown())
            .with_hint(hint)
    }

    async fn options(&self, addresses: &[ServerAddr]) -> Result<ConnectOptions> {
        let mut options = ConnectOptions::new()
            .name(if self.name.is_empty() {
                "sockeye"
            } else {
                &self.name
            })
            .connection_timeout(Duration::from_secs(5))
            .ping_interval(Duration::from_secs(2))
            .request_timeout(Some(Duration::from_secs(5)))
            .subscription_capacity(256 * 1024)
            .client_capacity(16 * 1024)
            .max_reconnects(None)
            .reconnect_delay_callback(|attempts| {
                Duration::from_millis(50 * u64::try_from(attempts).unwrap_or(20))
                    .min(Duration::from_secs(1))
            });
        if addresses.iter().any(ServerAddr::tls_required) {
            options = options.require_tls(true);
        }
        if self.through.is_some() {
            options = options.ignore_discovered_servers();
        }
        if let Some(ca) = &self.ca {
            options = options.add_root_certificates(ca.clone());
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        if let Some((user, password)) = &self.user {
            options = options.user_and_password(user.clone(), password.clone());
        }
        if let Some(token) = &self.token {
            options = options.token(token.clone());
        }
        if let Some(path) = &self.nkey {
            let seed = tokio::fs::read_to_string(path)
                .await
                .map_err(|error| unreadable(path, error))?;
            options = options.nkey(seed.trim().to_owned());
        }
        if let Some(path) = &self.creds {
            options = options
                .credentials_file(path)
                .await
                .map_err(|error| unreadable(path, error))?;
        }
        Ok(options)
    }

    /// Connect; from then on the connection is made anew whenever it breaks.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check); `Refused`, `Name`, `TimedOut`, `Tls` with a reason of its own for a certificate that is
    /// unknown, expired or for another name; `Rejected` if we may not; `Unsupported` without JetStream.
    pub async fn connect(&self) -> Result<Broker> {
        let mut addresses = self.addresses()?;
        let (connected, mut connections) = watch::channel(0_u64);
        let options = self
            .options(&addresses)
            .await?
            .event_callback(move |event| {
                if matches!(event, Event::Connected) {
                    connected.send_modify(|count| *count += 1);
                }
                std::future::ready(())
            });
        if let Some(through) = self.through {
            addresses = vec![by_way_of(through, &addresses[0])?];
        }
        let client = options
            .connect(addresses)
            .await
            .map_err(|error| self.failed(&error))?;
        // This connection is told of a little later, and would be taken for the next one.
        let _ = connections.wait_for(|count| *count > 0).await;
        let js = ContextBuilder::new()
            .timeout(Duration::from_secs(5))
            .build(client.clone());
        let broker = Broker {
            client,
            js,
            connections,
            shown: self.shown(),
        };
        if !broker.client.server_info().jetstream {
            return Err(Error::new(
                Kind::Unsupported,
                Operation::Connect,
                "this broker has no JetStream",
            )
            .about(&broker.shown)
            .with_hint("start nats-server with -js"));
        }
        Ok(broker)
    }

    fn failed(&self, error: &async_nats::ConnectError) -> Error {
        let new = |kind, why: &str| Error::new(kind, Operation::Connect, why);
        let made = match error.kind() {
            ConnectErrorKind::Dns => new(Kind::Name, "no address is known for this name"),
            ConnectErrorKind::TimedOut => new(Kind::TimedOut, "it did not answer within 5 s"),
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => new(
                Kind::Rejected,
                "the broker does not let us in: user, password, token or key are not what it wants",
            )
            .with_hint("give --broker-user, --broker-token, --nkey or --creds"),
            _ => match cause(error) {
                Some(made) => made,
                None => new(Kind::Lost, &error.to_string().replace('\n', " ")),
            },
        };
        made.about(self.shown())
    }
}

/// The same server, reached at another address.
fn by_way_of(through: SocketAddr, server: &ServerAddr) -> Result<ServerAddr> {
    let who = match (server.username(), server.password()) {
        (Some(user), Some(password)) => format!("{user}:{password}@"),
        (Some(token), None) => format!("{token}@"),
        _ => String::new(),
    };
    format!("{}://{who}{through}", server.scheme())
        .parse()
        .map_err(|_| {
            Error::new(
                Kind::Usage,
                Operation::Connect,
                "it is no address of a broker",
            )
        })
}

fn unreadable(path: &std::path::Path, error: io::Error) -> Error {
    Error::from_io(Operation::Open, error).about(path.display())
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What is behind a failed connection: an error of TLS, or one of the system.
fn cause(error: &async_nats::ConnectError) -> Option<Error> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            if let Some(tls) = io
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            {
                return Some(tls_fault(tls));
            }
            if io.raw_os_error().is_some() {
                let copy = io.raw_os_error().map(io::Error::from_raw_os_error)?;
                return Some(Error::from_io(Operation::Connect, copy));
            }
        }
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls_fault(tls));
        }
        next = error.source();
    }
    None
}

fn tls_fault(fault: &rustls::Error) -> Error {
    use rustls::CertificateError as C;
    let (why, hint) = match fault {
        rustls::Error::InvalidCertificate(
            C::UnknownIssuer
            // A root that we trust has the name of its issuer, and another key.
            | C::BadSignature
            | C::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
        ) => (
            "the broker's certificate was issued by nobody we trust".to_owned(),
            "name its root with --ca FILE",
        ),
        rustls::Error::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => (
            "the broker's certificate has expired".to_owned(),
            "renew it, or look at the clock of this machine",
        ),
        rustls::Error::InvalidCertificate(
            C::NotValidForName | C::NotValidForNameContext { .. },
        ) => (
            "the broker's certificate is for another name".to_owned(),
            "write the name that stands in it",
        ),
        other => (
            format!("TLS failed: {other}"),
            "is the broker set up for TLS?",
        ),
    };
    Error::new(Kind::Tls, Operation::Connect, why).with_hint(hint)
}

/// A connection to a broker with JetStream; cheap to clone.
#[derive(Clone, Debug)]
pub struct Broker {
    pub(super) client: Client,
    pub(super) js: jetstream::Context,
    pub(super) connections: watch::Receiver<u64>,
    shown: String,
}

/// What became of a message that was to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// It stands in its stream, at this place.
    At(u64),
    /// There is one with this subject already.
    Exists,
    /// Its stream has no room.
    Full,
    /// There is no such stream.
    NoStream,
}

#[derive(Deserialize)]
struct PubAck {
    #[serde(default)]
    seq: u64,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct ApiError {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

impl Broker {
    /// Where it is, without users and passwords.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Its version, as it says it.
    pub fn version(&self) -> String {
        self.client.server_info().version
    }

    /// The numbers of its version; zeros for what is not there.
    pub fn version_numbers(&self) -> [u32; 3] {
        let mut numbers = [0; 3];
        let version = self.version();
        let parts = version
            .split(['.', '-', '+'])
            .map_while(|part| part.parse().ok());
        for (number, part) in numbers.iter_mut().zip(parts) {
            *number = part;
        }
        numbers
    }

    /// What its version is known for and a user should hear of once: `None` if nothing.
    pub fn warning(&self) -> Option<String> {
        let numbers = self.version_numbers();
        (numbers < [2, 10, 23]).then(|| {
            format!(
                "nats-server {} writes to disk every 2 minutes at the latest and cannot be told to do it always; 2.10.23 or newer can (sync_interval)",
                self.version()
            )
        })
    }

    /// How many bytes one message may carry; more goes through the object store.
    pub fn inline_bytes(&self) -> usize {
        INLINE_BYTES
            .min(self.client.max_payload().saturating_sub(ROOM_BYTES))
            .max(256)
    }

    /// Store a message whose subject has none yet.
    pub(super) async fn store_first(&self, subject: String, payload: Bytes) -> Result<Stored> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Last-Subject-Sequence", "0");
        let request = Request::new().headers(headers).payload(payload);
        let answer = match self.ask(subject, request).await? {
            Some(answer) => answer,
            None => return Ok(Stored::NoStream),
        };
        let ack: PubAck = serde_json::from_slice(&answer).map_err(|error| self.lost(error))?;
        match ack.error {
            None => Ok(Stored::At(ack.seq)),
            // "wrong last sequence"; "maximum messages per subject exceeded" comes as a failure to store.
            Some(error) if error.err_code == 10071 || error.description.contains("per subject") => {
                Ok(Stored::Exists)
            }
            Some(error) if error.description.contains("maximum") || error.err_code == 10023 => {
                Ok(Stored::Full)
            }
            Some(error) => Err(
                Error::new(Kind::Rejected, Operation::Write, error.description).about(&self.shown),
            ),
        }
    }

    /// Ask, and wait for the answer; `None` if nobody is there to give one. Whoever was asked over a connection that broke has
    /// nobody to answer to, so that this fails then, and not only at its end of 5 s.
    pub(super) async fn ask(&self, subject: String, request: Request) -> Result<Option<Bytes>> {
        let mut connections = self.connections.clone();
        connections.mark_unchanged();
        let request = request.timeout(Some(Duration::from_secs(5)));
        let answer = tokio::select! {
            answer = self.client.send_request(subject, request) => answer,
            _ = connections.changed() => return Err(self.lost("the connection broke while it was asked")),
        };
        match answer {
            Ok(answer) => Ok(Some(answer.payload)),
            Err(error) if error.kind() == RequestErrorKind::NoResponders => Ok(None),
            Err(error) => Err(self.lost(error)),
        }
    }

    /// An error of the crate, in our words.
    pub(super) fn lost(&self, error: impl fmt::Display) -> Error {
        Error::new(
            Kind::Lost,
            Operation::Ask,
            error.to_string().replace('\n', " "),
        )
        .about(&self.shown)
    }

    /// Tell the broker what was said, before the connection is dropped.
    pub async fn close(&self) {
        // Whoever goes does not wait for long.
        drop(tokio::time::timeout(Duration::from_secs(2), self.client.flush()).await);
    }
}
