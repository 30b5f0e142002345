//! A stream of our own, for a moment: may we, how quick is it, and what time is it there?

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};
use sockeye_data::fields::date;

use crate::error::Result;
use crate::work::nats::connect::{Broker, Stored};
use crate::work::nats::wire;

/// How many messages are stored.
const MESSAGES: usize = 21;

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probed {
    pub(super) messages: usize,
    pub(super) median: Duration,
    pub(super) longest: Duration,
    /// How far the clocks are apart at least, and whether the broker's is ahead.
    pub(super) skew: Option<(Duration, bool)>,
}

impl Broker {
    /// Make a stream, store a few messages, and remove it again.
    pub(super) async fn probe(&self) -> Result<Probed> {
        let word = wire::random_word()?;
        let name = format!("SK_CHECK_{word}");
        let config = json!({
            "name": name, "subjects": [format!("sk.check.{word}.>")], "retention": "limits", "storage": "file",
            "max_bytes": 1 << 20, "num_replicas": 1, "max_msgs": -1, "max_consumers": -1,
        });
        let made: Option<Value> = self.api(&format!("STREAM.CREATE.{name}"), &config).await?;
        drop(made);
        let probed = self.store_some(&name, &word).await;
        // It holds a megabyte at most; nothing else is lost if it stays.
        let removed: Result<Option<Value>> = self
            .api(&format!("STREAM.DELETE.{name}"), &Value::Null)
            .await;
        let probed = probed?;
        removed.map(|_| probed)
    }

    async fn store_some(&self, stream: &str, word: &str) -> Result<Probed> {
        let mut times = Vec::with_capacity(MESSAGES);
        let mut between = (SystemTime::now(), SystemTime::now());
        for number in 0..MESSAGES {
            let subject = format!("sk.check.{word}.{number}");
            let (began, from) = (Instant::now(), SystemTime::now());
            let stored = self
                .store_first(subject, Bytes::from_static(b"check"))
                .await?;
            if !matches!(stored, Stored::At(_)) {
                return Err(self.lost(format!("a message was not stored ({stored:?})")));
            }
            times.push(began.elapsed());
            between = (from, SystemTime::now());
        }
        times.sort_unstable();
        let info = self.stream_info(stream).await?;
        let theirs = info.and_then(|info| unix(&info.state.last_ts));
        Ok(Probed {
            messages: MESSAGES,
            median: times[times.len() / 2],
            longest: times[times.len() - 1],
            skew: theirs.map(|theirs| skew(theirs, between)),
        })
    }
}

/// How far their time is from ours, given that it was taken between these two of ours.
fn skew(theirs: Duration, (from, to): (SystemTime, SystemTime)) -> (Duration, bool) {
    let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (from, to) = (since(from), since(to));
    match theirs > to {
        true => (theirs - to, true),
        false => (from.saturating_sub(theirs), false),
    }
}

/// The time since 1970 of a timestamp in UTC (RFC 3339).
fn unix(text: &str) -> Option<Duration> {
    let text = text.strip_suffix('Z')?;
    let (day, time) = text.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut numbers = day.split('-').chain(time.split(':')).map(str::parse);
    let mut next = || numbers.next()?.ok();
    let (year, month, day) = (next()?, next()?, next()?);
    let time = [next()?, next()?, next()?];
    let seconds = u64::try_from(date::seconds_of(year, month, day, time)?).ok()?;
    let fraction: f64 = format!("0.{fraction}").parse().ok()?;
    Some(Duration::from_secs(seconds) + Duration::from_secs_f64(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_brokers_are_read() {
        let at = unix("2026-11-27T03:57:27.895733567Z").unwrap();
        assert_eq!(at.as_secs(), 1_795_751_847);
        assert_eq!(at.subsec_millis(), 895);
        assert_eq!(unix("1970-01-01T00:00:00Z"), Some(Duration::ZERO));
        for none in [
            "",
            "Z",
            "2026-11-27",
            "2026-11-27T03:57Z",
            "2026-11-27T03:57:27.xZ",
            "0001-01-01T00:00:00Z",
        ] {
            assert_eq!(unix(none), None, "{none}");
        }
    }

    #[test]
    fn a_skew_is_what_the_way_does_not_explain() {
        let at = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        let of = |theirs, from, to| skew(Duration::from_millis(theirs), (at(from), at(to)));
        assert_eq!(of(105, 100, 110), (Duration::ZERO, false));
        assert_eq!(of(150, 100, 110), (Duration::from_millis(40), true));
        assert_eq!(of(50, 100, 110), (Duration::from_millis(50), false));
    }
}
