//! This machine's configuration of names: read at the first look-up, and again after it changed.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::gai_conf::{self, Policy};
use super::hosts::{self, Hosts};
use super::nsswitch::{self, Step};
use super::resolv_conf::{self, ResolvConf};

/// How often files are looked at for changes.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Where a text comes from.
#[derive(Clone, Debug, Default)]
pub(super) enum Text {
    /// There is none.
    #[default]
    None,
    /// It is in this file, if that exists.
    File(PathBuf),
    /// It is this.
    Given(Arc<[u8]>),
}

/// What a view is made from.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    pub(super) hosts: Text,
    pub(super) nsswitch: Text,
    pub(super) resolv_conf: Text,
    pub(super) gai_conf: Text,
    /// Whether `LOCALDOMAIN`, `RES_OPTIONS` and the name of this machine count.
    pub(super) environment: bool,
    /// Set by the caller, over whatever the texts say.
    pub(super) servers: Option<Vec<SocketAddr>>,
    pub(super) search: Option<Vec<String>>,
    pub(super) ndots: Option<usize>,
    pub(super) timeout: Option<Duration>,
    pub(super) attempts: Option<u32>,
}

/// The configuration of names at one moment.
#[derive(Debug)]
pub(super) struct View {
    pub(super) hosts: Hosts,
    pub(super) order: Vec<Step>,
    pub(super) dns: ResolvConf,
    pub(super) policy: Policy,
    /// The name of this machine in lower case, if it counts.
    pub(super) hostname: Option<String>,
}

impl View {
    fn load(sources: &Sources) -> Self {
        let hosts = sources.hosts.read(hosts::MAX_BYTES);
        let order = sources.nsswitch.read(nsswitch::MAX_BYTES);
        let dns = sources.resolv_conf.read(resolv_conf::MAX_BYTES);
        let policy = sources.gai_conf.read(gai_conf::MAX_BYTES);
        let mut dns = ResolvConf::parse(&dns.unwrap_or_default());
        if sources.environment {
            let variable = |name| std::env::var(name).ok();
            dns.apply_environment(
                variable("LOCALDOMAIN").as_deref(),
                variable("RES_OPTIONS").as_deref(),
            );
        }
        if matches!(sources.resolv_conf, Text::None) {
            dns.servers.clear();
        }
        if let Some(servers) = &sources.servers {
            dns.servers.clone_from(servers);
        }
        if let Some(search) = &sources.search {
            dns.search = Some(search.clone());
        }
        dns.ndots = sources.ndots.unwrap_or(dns.ndots);
        dns.timeout = sources.timeout.unwrap_or(dns.timeout);
        dns.attempts = sources.attempts.unwrap_or(dns.attempts);
        Self {
            hosts: Hosts::parse(&hosts.unwrap_or_default()),
            order: order.map_or_else(nsswitch::default_order, |text| nsswitch::parse(&text)),
            dns,
            policy: Policy::parse(&policy.unwrap_or_default()),
            hostname: sources.environment.then(hostname).flatten(),
        }
    }

    /// The domain of this machine: what follows the first dot of its name.
    pub(super) fn domain(&self) -> Option<&str> {
        let (_, domain) = self.hostname.as_deref()?.split_once('.')?;
        (!domain.is_empty()).then_some(domain)
    }
}

fn hostname() -> Option<String> {
    let uname = nix::sys::utsname::uname().ok()?;
    let name = uname.nodename().to_str()?.to_ascii_lowercase();
    (!name.is_empty()).then_some(name)
}

impl Text {
    /// The text, as far as the limit; `None` if there is none. A file that cannot be read counts as missing.
    fn read(&self, limit: u64) -> Option<Vec<u8>> {
        match self {
            Self::None => None,
            Self::Given(text) => Some(text.to_vec()),
            Self::File(path) => {
                let file = File::open(path).ok()?;
                // A named pipe or a device in its place would keep us waiting for ever.
                if !file.metadata().ok()?.is_file() {
                    return None;
                }
                let mut text = Vec::new();
                file.take(limit).read_to_end(&mut text).ok()?;
                if text.len() as u64 == limit {
                    // Half a line at the cut could name the wrong host.
                    let end = text.iter().rposition(|&byte| byte == b'\n').unwrap_or(0);
                    text.truncate(end);
                }
                Some(text)
            }
        }
    }

    /// What changes when the file does.
    fn stamp(&self) -> Option<(u64, u64, i64, i64)> {
        let Self::File(path) = self else {
            return None;
        };
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
    }
}

type Stamps = [Option<(u64, u64, i64, i64)>; 4];

/// The current view, and when it was last checked.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Option<Cached>>);

#[derive(Debug)]
struct Cached {
    view: Arc<View>,
    stamps: Stamps,
    checked: Instant,
}

impl Cache {
    /// The view; files are read on a thread of their own, for they may be large or far away.
    pub(super) async fn view(&self, sources: &Arc<Sources>) -> Arc<View> {
        let known = {
            let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match &*cached {
                Some(cached) if cached.checked.elapsed() < CHECK_EVERY => {
                    return Arc::clone(&cached.view);
                }
                Some(cached) => Some((Arc::clone(&cached.view), cached.stamps)),
                None => None,
            }
        };
        let for_task = Arc::clone(sources);
        let read = move || fresh(&for_task, known);
        let (view, stamps) = match tokio::task::spawn_blocking(read).await {
            Ok(read) => read,
            // Only a runtime that is going down gets here; then nothing is known any more.
            Err(_) => (Arc::new(View::load(&Sources::default())), Stamps::default()),
        };
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *cached = Some(Cached {
            view: Arc::clone(&view),
            stamps,
            checked: Instant::now(),
        });
        view
    }
}

fn fresh(sources: &Sources, known: Option<(Arc<View>, Stamps)>) -> (Arc<View>, Stamps) {
    let texts = [
        &sources.hosts,
        &sources.nsswitch,
        &sources.resolv_conf,
        &sources.gai_conf,
    ];
    let stamps = texts.map(Text::stamp);
    match known {
        Some((view, old)) if old == stamps => (view, stamps),
        _ => (Arc::new(View::load(sources)), stamps),
    }
}

#[cfg(test)]
impl Cache {
    /// Look at the files again at the next look-up, as if time had passed.
    pub(super) fn forget_check(&self) {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = &mut *cached {
            cached.checked -= CHECK_EVERY;
        }
    }
}
