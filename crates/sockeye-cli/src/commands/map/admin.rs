//! What the commands share that look after runs on many machines.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sockeye::Result;
use sockeye::data::fields::date;
use sockeye::work::nats::Broker;

use crate::args::BrokerArgs;

/// Which broker.
#[derive(Debug, clap::Args)]
pub(super) struct Whither {
    /// The NATS server that shares the jobs out: nats://host, tls://host
    #[arg(long, value_name = "URL")]
    engine: String,
    #[command(flatten)]
    broker: BrokerArgs,
}

impl Whither {
    /// Connect to it, as this command.
    pub(super) async fn connect(&self, name: &str) -> Result<Broker> {
        let mut access = self.broker.access(&self.engine)?;
        access.name = name.to_owned();
        access.connect().await
    }
}

/// Milliseconds since 1970 as RFC 3339 has them.
pub(super) fn stamp(millis: u64) -> String {
    let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
    let micros = u32::try_from(millis % 1000).unwrap_or(0) * 1000;
    date::timestamp(seconds, micros).unwrap_or_default()
}

/// How long ago that was.
pub(super) fn since(millis: u64) -> String {
    let then = UNIX_EPOCH + Duration::from_millis(millis);
    let ago = SystemTime::now().duration_since(then).unwrap_or_default();
    let seconds = ago.as_secs();
    match seconds {
        0..=119 => format!("{seconds} s ago"),
        120..=7_199 => format!("{} min ago", seconds / 60),
        7_200..=172_799 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_for_programs_and_for_people() {
        assert_eq!(stamp(784_111_777_090), "1994-11-06T08:49:37.090000Z");
        assert_eq!(stamp(u64::MAX), "");
        assert!(since(0).ends_with(" days ago"));
        assert_eq!(since(u64::MAX / 1_000_000), "0 s ago");
    }
}
