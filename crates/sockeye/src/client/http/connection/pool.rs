//! Connections that are kept for the next request.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::{Connection, Route, h1};
use crate::client::http::hop::ConnectionInfo;
use crate::client::http::settings::Limits;
use crate::error::Result;
use crate::net::{Net, Stream};
use crate::wire::{ConnectionId, Side};

/// Connections that are kept, each under the whole [`Route`] it was opened for.
pub(in crate::client::http) struct Pool {
    limits: Limits,
    idle: Mutex<HashMap<Route, Vec<Idle>>>,
}

struct Idle {
    connection: Box<h1::Connection>,
    since: Instant,
}

/// Where a connection goes back to when its answer was read.
#[derive(Clone)]
pub(in crate::client::http) struct Home {
    pub(in crate::client::http) pool: Arc<Pool>,
    pub(in crate::client::http) route: Route,
    /// When the time of reports began.
    pub(in crate::client::http) start: std::time::Instant,
}

impl Pool {
    pub(in crate::client::http) fn new(limits: Limits) -> Self {
        Self {
            limits,
            idle: Mutex::default(),
        }
    }

    /// A kept connection that leads there, if one is left that the server has not closed.
    pub(in crate::client::http) fn take(&self, route: &Route) -> Option<Connection> {
        // Nothing panics while the lock is held.
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.get_mut(route)?;
        let mut found = None;
        while let Some(mut candidate) = kept.pop() {
            let is_fresh = candidate.since.elapsed() < self.limits.keep;
            if is_fresh && candidate.connection.is_open() {
                found = Some(Connection::H1(candidate.connection));
                break;
            }
        }
        if kept.is_empty() {
            idle.remove(route);
        }
        found
    }

    /// Open a connection.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what was opened.
    pub(in crate::client::http) async fn open(
        &self,
        net: &Net,
        route: &Route,
    ) -> Result<Connection> {
        let id = net.next_connection();
        let stream = net
            .for_conversation(id, Side::Only)
            .connect(&route.endpoint)
            .await?;
        let info = info(id, &stream, route);
        Ok(Connection::H1(Box::new(h1::Connection::new(stream, info))))
    }

    /// Keep a connection whose last answer was read to its end.
    pub(super) fn give(&self, route: &Route, connection: Box<h1::Connection>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = idle.values().map(Vec::len).sum();
        let kept = idle.entry(route.clone()).or_default();
        if kept.len() < self.limits.kept_per_place && all < self.limits.kept {
            kept.push(Idle {
                connection,
                since: Instant::now(),
            });
        }
    }
}

fn info(id: ConnectionId, stream: &Stream, route: &Route) -> ConnectionInfo {
    ConnectionInfo {
        id,
        reused: false,
        endpoint: route.endpoint.clone(),
        local: stream.local().cloned(),
        peer: stream.peer().cloned(),
        secured: stream.secured().cloned(),
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}
