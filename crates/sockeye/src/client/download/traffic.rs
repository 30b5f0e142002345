//! Many downloads at once: how many for one host, and how fast all together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sockeye_data::url::Url;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::fetch::{Download, Failed, Saved};
use super::rate::Rate;

/// So many connections to one host, unless set otherwise.
const PER_HOST: usize = 6;

/// What downloads share; clones share the same.
///
/// # Examples
///
/// ```
/// use sockeye::client::download::{Rate, Traffic};
///
/// let traffic = Traffic::new(16).rate(Rate::new(1 << 20));
/// # let _ = traffic;
/// ```
#[derive(Clone, Debug)]
pub struct Traffic {
    per_host: usize,
    hosts: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
    rate: Option<Rate>,
}

impl Default for Traffic {
    /// Six connections to each host, the segments of large files counted, and no rate.
    fn default() -> Self {
        Self::new(PER_HOST)
    }
}

impl Traffic {
    /// At most so many connections to each host (as the URL names it) at once, the segments of large files counted; 0 counts as 1.
    pub fn new(per_host: usize) -> Self {
        let most = Semaphore::MAX_PERMITS;
        Self {
            per_host: per_host.clamp(1, most),
            hosts: Arc::default(),
            rate: None,
        }
    }

    /// Hold everything together to this rate.
    #[must_use]
    pub fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    pub(super) fn shared_rate(&self) -> Option<Rate> {
        self.rate.clone()
    }

    fn host(&self, url: &Url) -> Arc<Semaphore> {
        let key = format!("{}:{}", url.host(), url.port_or_default().unwrap_or(0));
        // Nothing panics while the lock is held.
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let made = hosts.entry(key);
        made.or_insert_with(|| Arc::new(Semaphore::new(self.per_host)))
            .clone()
    }

    /// Wait for a turn with this host.
    pub(super) async fn turn(&self, url: &Url) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        self.host(url).acquire_owned().await.ok()
    }

    /// A turn with this host, if one is free.
    pub(super) fn free_turn(&self, url: &Url) -> Option<OwnedSemaphorePermit> {
        self.host(url).try_acquire_owned().ok()
    }
}

/// Run these downloads, so many at once, and hand over what became of each as it ends, with its number counted from 0.
///
/// Give them one [`Traffic`], or each has its own. None of them stops the others.
///
/// # Cancel safety
///
/// Dropping the future stops all of them; what came so far is kept, and the same downloads go on with it.
pub async fn all(
    downloads: impl IntoIterator<Item = Download>,
    at_once: usize,
    mut ended: impl FnMut(usize, Result<Saved, Failed>),
) {
    let mut waiting = downloads.into_iter().enumerate();
    let mut running = JoinSet::new();
    loop {
        while running.len() < at_once.max(1)
            && let Some((number, download)) = waiting.next()
        {
            running.spawn(async move { (number, download.run().await) });
        }
        match running.join_next().await {
            Some(Ok((number, outcome))) => ended(number, outcome),
            // A task that panicked: the panic is shown where it happened.
            Some(Err(_)) => {}
            None => return,
        }
    }
}
