//! A server's side: its certificate and whom it trusts, read once or whenever the files change.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, ProducesTickets};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::super::serving::TlsServing;
use super::authority::Authority;
use super::certificate::{self, VALIDITY};
use super::check::{Check, ClientTrust, Seen, Sight, Trust};
use super::config::{self, alpn, client_chain, own, provider, unusable, versions};
use crate::endpoint::{Host, TlsOptions, Verify};
use crate::error::{Error, Kind, Operation, Result};

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What a server needs for any number of connections.
pub(super) struct Server {
    options: TlsOptions,
    host: Option<Host>,
    pub(super) serving: TlsServing,
    state: Mutex<State>,
}

struct State {
    current: Arc<Current>,
    /// What the files looked like when they were last read, or tried to be.
    stamps: Vec<Option<Stamp>>,
    looked: Instant,
}

/// A file as it was: when it was written, which one it is, how long.
type Stamp = (i64, i64, u64, u64, u64);

/// What is in force.
pub(super) struct Current {
    trust: ClientTrust,
    pub(super) key: Arc<CertifiedKey>,
    pub(super) fingerprint: String,
    /// Nobody vouches for it.
    pub(super) self_made: bool,
    /// The certificate of the authority that made it.
    pub(super) authority: Option<PathBuf>,
    /// When to make another one.
    renew: Option<Instant>,
    tickets: Option<Arc<dyn ProducesTickets>>,
}

impl Server {
    pub(super) fn new(
        options: &TlsOptions,
        host: Option<&Host>,
        serving: &TlsServing,
    ) -> Result<Self> {
        let stamps = stamps(options);
        let current = Arc::new(Current::load(options, host, serving)?);
        let server = Self {
            options: options.clone(),
            host: host.cloned(),
            serving: serving.clone(),
            state: Mutex::new(State {
                current: Arc::clone(&current),
                stamps,
                looked: Instant::now(),
            }),
        };
        // What is wrong with the options shows when we start to listen, not when the first client comes.
        server.config(&current, &Arc::default())?;
        Ok(server)
    }

    /// What is in force for the client that has just come.
    pub(super) fn current(&self) -> Arc<Current> {
        let mut state = self.lock();
        let is_old = state.current.renew.is_some_and(|at| at <= Instant::now());
        if is_old || (self.serving.reload && state.looked.elapsed() >= LOOK) {
            state.looked = Instant::now();
            let stamps = stamps(&self.options);
            if is_old || stamps != state.stamps {
                state.stamps = stamps;
                let outcome = self.load_into(&mut state);
                self.serving.tell(outcome.as_ref().copied());
            }
        }
        Arc::clone(&state.current)
    }

    /// Read the files again, changed or not. What cannot be used changes nothing.
    pub(super) fn reload(&self) -> Result<()> {
        let mut state = self.lock();
        state.looked = Instant::now();
        state.stamps = stamps(&self.options);
        self.load_into(&mut state)
    }

    fn load_into(&self, state: &mut State) -> Result<()> {
        let current = Current::load(&self.options, self.host.as_ref(), &self.serving)?;
        self.config(&current, &Arc::default())?;
        state.current = Arc::new(current);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The settings for one connection.
    pub(super) fn config(&self, current: &Current, seen: &Arc<Seen>) -> Result<ServerConfig> {
        let provider = provider();
        let sight = Sight::new(Arc::clone(seen));
        let check = Check::new(current.trust.clone(), sight, &provider);
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions(&self.options)?)
            .map_err(|e| unusable(&e))?;
        let key = Arc::new(SingleCertAndKey::from(Arc::clone(&current.key)));
        let mut config = match current.trust {
            Trust::Nothing => builder.with_no_client_auth(),
            Trust::Chain(_) | Trust::Pins(_) => builder.with_client_cert_verifier(Arc::new(check)),
        }
        .with_cert_resolver(key);
        config.alpn_protocols = alpn(&self.options)?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        match &current.tickets {
            Some(tickets) => config.ticketer = Arc::clone(tickets),
            // A ticket is sent unasked. A client that closes without having read it makes its kernel reset the connection,
            // and what the client had sent last may be lost.
            None => config.send_tls13_tickets = 0,
        }
        Ok(config)
    }
}

impl Current {
    fn load(options: &TlsOptions, host: Option<&Host>, serving: &TlsServing) -> Result<Self> {
        let mut authority = None;
        let (chain, key, from) = match (&options.cert, &serving.authority) {
            (Some(_), _) => own(options)?,
            (None, _) if options.key.is_some() => return Err(config::key_alone()),
            (None, Some(dir)) => {
                let vouching = Authority::open(dir, &serving.names)?;
                let names = certificate::own_names(host);
                let (certificate, key) = vouching.vouch(names, &serving.names, VALIDITY)?;
                authority = Some(vouching.path);
                (vec![certificate], key, "the certificate".to_owned())
            }
            (None, None) => {
                let (certificate, key) = certificate::make(host)?;
                (vec![certificate], key, "the certificate".to_owned())
            }
        };
        let trust = if !options.pin.is_empty() {
            Trust::Pins(options.pin.clone())
        } else if options.verify == Verify::None || options.ca.is_none() {
            Trust::Nothing
        } else {
            Trust::Chain(client_chain(options, serving.clients_may_be_unknown)?)
        };
        let tickets = match serving.tickets {
            true => Some(rustls::crypto::ring::Ticketer::new().map_err(|e| {
                let why = format!("no key for tickets can be made ({e})");
                Error::new(Kind::Tls, Operation::Listen, why)
            })?),
            false => None,
        };
        Ok(Self {
            trust,
            fingerprint: certificate::fingerprint(&chain[0]),
            key: config::certified(chain, &key, &from)?,
            self_made: options.cert.is_none() && authority.is_none(),
            renew: match options.cert {
                Some(_) => None,
                None => Instant::now().checked_add(VALIDITY / 3 * 2),
            },
            authority,
            tickets,
        })
    }

    /// Whether only certain client certificates are accepted.
    pub(super) fn is_pinned(&self) -> bool {
        matches!(self.trust, Trust::Pins(_))
    }
}

fn stamps(options: &TlsOptions) -> Vec<Option<Stamp>> {
    let files = [&options.cert, &options.key, &options.ca];
    files
        .into_iter()
        .map(|file| stamp(file.as_deref()?))
        .collect()
}

fn stamp(file: &Path) -> Option<Stamp> {
    let found = fs::metadata(file).ok()?;
    Some((
        found.mtime(),
        found.mtime_nsec(),
        found.dev(),
        found.ino(),
        found.size(),
    ))
}
