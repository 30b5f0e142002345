//! What only the monitoring port of a broker tells: when it writes to disk.

use std::time::Duration;

use serde::Deserialize;
use sockeye::client::http::Client;
use sockeye::work::nats::{Broker, Syncs};
use sockeye::{Error, Kind, Net, Operation, Result};

/// Longer than this nobody waits for what is only nice to know.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where monitoring is by default.
const PORT: u16 = 8222;

/// `/varz`, as far as it is looked at.
#[derive(Debug, Deserialize)]
struct Varz {
    #[serde(default)]
    server_id: String,
    #[serde(default)]
    jetstream: JetStream,
}

#[derive(Debug, Default, Deserialize)]
struct JetStream {
    #[serde(default)]
    config: Option<Config>,
}

#[derive(Debug, Deserialize)]
struct Config {
    /// In nanoseconds; not there before 2.10.
    sync_interval: Option<u64>,
    #[serde(default)]
    sync_always: bool,
}

/// When it writes to disk, from its monitoring port: at `given`, or where that usually is on the host of the broker.
///
/// # Errors
///
/// Those of asking, and `Rejected` if another server is monitored there; only if `given` says where.
pub(super) async fn syncs(broker: &Broker, servers: &str, given: Option<&str>) -> Result<Syncs> {
    let url = match given {
        Some(given) => given.trim_end_matches('/').to_owned(),
        None => match host(servers) {
            Some(host) => format!("http://{host}:{PORT}"),
            None => return Ok(Syncs::Unknown),
        },
    };
    match (ask(broker, &url).await, given) {
        (Ok(syncs), _) => Ok(syncs),
        (Err(_), None) => Ok(Syncs::Unknown),
        (Err(error), Some(_)) => Err(error),
    }
}

async fn ask(broker: &Broker, url: &str) -> Result<Syncs> {
    let net = Net::new().connect_timeout(PATIENCE);
    let client = Client::builder().net(net).timeout(PATIENCE).build();
    let answer = client.get(&format!("{url}/varz")).send().await?;
    let varz: Varz = answer.error_for_status()?.json().await?;
    if varz.server_id != broker.server_id() {
        let why = "another server is monitored there";
        return Err(Error::new(Kind::Rejected, Operation::Ask, why).about(url));
    }
    Ok(of(&varz))
}

fn of(varz: &Varz) -> Syncs {
    match &varz.jetstream.config {
        Some(config) if config.sync_always => Syncs::Always,
        Some(Config {
            sync_interval: Some(nanos),
            ..
        }) => Syncs::Every(Duration::from_nanos(*nanos)),
        _ => Syncs::Unknown,
    }
}

/// The host of the first server.
fn host(servers: &str) -> Option<&str> {
    let first = servers.split(',').next()?.trim();
    let rest = first.split_once("://").map_or(first, |(_, rest)| rest);
    let place = rest.rsplit('@').next()?.trim_end_matches('/');
    let host = match place.starts_with('[') {
        true => &place[..=place.find(']')?],
        false => place.split(':').next()?,
    };
    Some(host).filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_host_of_a_server_is_found() {
        for (servers, wanted) in [
            ("nats://a.example:4222", Some("a.example")),
            ("tls://u:p@b.example,nats://c", Some("b.example")),
            ("[::1]:4222", Some("[::1]")),
            ("localhost", Some("localhost")),
            ("nats://", None),
            ("nats://[::1", None),
        ] {
            assert_eq!(host(servers), wanted, "{servers}");
        }
    }

    #[test]
    fn what_the_monitoring_port_says_is_understood() {
        let read = |config: &str| {
            let text = format!(r#"{{"server_id":"N","jetstream":{{"config":{config}}}}}"#);
            of(&serde_json::from_str(&text).unwrap())
        };
        let always = r#"{"sync_interval":120000000000,"sync_always":true}"#;
        assert_eq!(read(always), Syncs::Always);
        let every = Syncs::Every(Duration::from_secs(120));
        assert_eq!(read(r#"{"sync_interval":120000000000}"#), every);
        assert_eq!(read(r#"{"store_dir":"x"}"#), Syncs::Unknown);
        assert_eq!(of(&serde_json::from_str("{}").unwrap()), Syncs::Unknown);
    }
}
