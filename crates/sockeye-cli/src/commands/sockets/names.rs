//! `--names`: what peers are called. The list never waits for it: names follow below, as far as they come in time.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use sockeye::Net;
use sockeye::data::escape::escape_str;
use sockeye::net::resolve::Resolver;
use sockeye::net::resolve::query::{self, Options, Question, RecordKind, Server};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::row::{Row, Side};
use crate::output::Output;

/// How long names are waited for after the list.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many addresses are asked for.
const MAX_ADDRESSES: usize = 256;
/// How many are asked for at a time.
const AT_ONCE: usize = 16;

/// The name of a peer.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "name")]
struct Named {
    address: IpAddr,
    name: String,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.address, escape_str(&self.name))
    }
}

/// The addresses of peers, each once.
pub(super) fn addresses(rows: &[Row<'_>]) -> BTreeSet<IpAddr> {
    let ips = rows.iter().filter_map(|row| row.address(Side::Peer).ip());
    ips.filter(|ip| !ip.is_unspecified())
        .take(MAX_ADDRESSES)
        .collect()
}

/// Look all of them up and write what comes, for as long as the patience lasts.
pub(super) async fn follow(addresses: BTreeSet<IpAddr>, output: &Output) {
    let resolver = Arc::new(Resolver::system());
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut asked = JoinSet::new();
    for address in addresses {
        let (resolver, turns) = (Arc::clone(&resolver), Arc::clone(&turns));
        asked.spawn(async move {
            // The semaphore is never closed.
            let _turn = turns.acquire().await.ok()?;
            let name = name_of(address, &resolver).await?;
            Some(Named { address, name })
        });
    }
    let write = async {
        while let Some(named) = asked.join_next().await {
            if let Ok(Some(named)) = named {
                output.data(&named);
            }
        }
    };
    // Who does not answer in time has no name here.
    drop(timeout(PATIENCE, write).await);
}

/// The hosts file first, then the first name server that answers.
async fn name_of(address: IpAddr, resolver: &Resolver) -> Option<String> {
    let from_file = resolver.hosts_names(address).await.into_iter().next();
    if let Some((_, name)) = from_file {
        return Some(name);
    }
    let servers = resolver.servers().await;
    let question = Question::reverse(address);
    for server in servers {
        let server: Server = server.to_string().parse().ok()?;
        let asked = query::ask(&Net::new(), &server, &question, &Options::default()).await;
        if let Ok(response) = asked {
            let mut records = response.answers.iter();
            let pointer = records.find(|record| record.kind == RecordKind::PTR)?;
            let name = pointer.data.target()?.to_unicode();
            return Some(name.trim_end_matches('.').to_owned());
        }
    }
    None
}
