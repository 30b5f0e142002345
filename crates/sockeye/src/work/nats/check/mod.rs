//! Whether a broker is fit for sharing out work: what it is, what it lets us do, how quick it is, what is left in it.

mod leftovers;
mod probe;
mod versions;

use std::time::Duration;

pub use self::leftovers::Leftover;
use super::connect::Broker;
use super::streams::JOBS;
use crate::error::{Kind, Result};

/// The least room on disk that the streams of a run need.
const LEAST_ROOM: u64 = 32 << 20;

/// Room below which large runs come to a stand.
const SOME_ROOM: u64 = 512 << 20;

/// The shortest longest message with which a job and its result go through.
const LEAST_PAYLOAD: usize = 8 << 10;

/// Acknowledgments that take longer than this make sharing out slow.
const SLOW_ACK: Duration = Duration::from_millis(20);

/// Clocks that differ by more than this make times in reports wrong.
const SKEW: Duration = Duration::from_secs(2);

/// What is thought of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It could not be found out.
    Unknown,
    /// It works, and there is something to know.
    Warning,
    /// Work cannot be shared out like this, or is lost.
    Unfit,
}

impl Verdict {
    /// A stable word for it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Unfit => "unfit",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What was looked at, a stable word: `version`, `jetstream`, `tls`, `auth`, `sync`, `payload`, `room`, `ack`, `clock`.
    pub what: &'static str,
    /// What is thought of it.
    pub verdict: Verdict,
    /// What was found, in one sentence.
    pub text: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Finding {
    /// So it is.
    pub fn new(what: &'static str, verdict: Verdict, text: impl Into<String>) -> Self {
        Self {
            what,
            verdict,
            text: text.into(),
            advice: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// When a broker writes to disk what it has acknowledged; only its monitoring port tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syncs {
    /// Before each acknowledgment.
    Always,
    /// After so long at the latest.
    Every(Duration),
    /// Nobody knows.
    Unknown,
}

impl Broker {
    /// Which server it is, as it says it: its monitoring port says the same.
    pub fn server_id(&self) -> String {
        self.client.server_info().server_id
    }

    /// Look at everything. A stream of our own is made and removed again, to see that this is allowed and how long it takes.
    ///
    /// # Errors
    ///
    /// `Lost` if the broker does not answer any more.
    pub async fn check(&self, syncs: Syncs) -> Result<Vec<Finding>> {
        let mut findings = vec![
            self.check_version(),
            Finding::new("jetstream", Verdict::Good, "JetStream is on"),
            self.check_tls(),
            self.check_auth(),
            self.check_sync(syncs),
            self.check_payload(),
            self.check_room().await?,
        ];
        findings.extend(self.check_quickness().await?);
        Ok(findings)
    }

    fn check_version(&self) -> Finding {
        let info = self.client.server_info();
        versions::judge(
            &info.version,
            self.version_numbers(),
            info.cluster.is_some(),
            info.auth_required,
        )
    }

    fn check_tls(&self) -> Finding {
        match self.client.server_info().tls_required {
            true => Finding::new("tls", Verdict::Good, "what crosses is encrypted"),
            false => Finding::new(
                "tls",
                Verdict::Warning,
                "what crosses is plain text, jobs and passwords too",
            )
            .advise("no matter on one machine; else give the broker a certificate (tls {})"),
        }
    }

    fn check_auth(&self) -> Finding {
        match self.client.server_info().auth_required {
            true => Finding::new("auth", Verdict::Good, "it wants to know who we are"),
            false => Finding::new(
                "auth",
                Verdict::Warning,
                "whoever reaches it can run programs on all workers",
            )
            .advise("give the broker users (authorization {}) or nkeys"),
        }
    }

    fn check_sync(&self, syncs: Syncs) -> Finding {
        let repaired =
            "what is lost with the power is sent again by its submitter, as long as that lives";
        match syncs {
            Syncs::Always => Finding::new(
                "sync",
                Verdict::Good,
                "written to disk before it is acknowledged",
            ),
            Syncs::Every(span) => Finding::new(
                "sync",
                Verdict::Warning,
                format!("written to disk {span:?} after it was acknowledged, at the latest"),
            )
            .advise(format!("{repaired}; sync_interval: always is safe and slower")),
            Syncs::Unknown if self.version_numbers() < [2, 10, 0] => Finding::new(
                "sync",
                Verdict::Warning,
                "written to disk 2 minutes after it was acknowledged, at the latest; this version cannot do better",
            )
            .advise(repaired),
            Syncs::Unknown => Finding::new(
                "sync",
                Verdict::Unknown,
                "only its monitoring port tells when it writes to disk, and that is not reached",
            )
            .advise("--monitor http://HOST:8222 says where that is (http: 8222 in its configuration)"),
        }
    }

    fn check_payload(&self) -> Finding {
        let most = self.client.max_payload();
        let text = format!(
            "messages of up to {most} bytes; what is longer than {} goes through the object store",
            self.inline_bytes()
        );
        match most {
            ..LEAST_PAYLOAD => {
                Finding::new("payload", Verdict::Unfit, text).advise("max_payload: 1MB is usual")
            }
            _ => Finding::new("payload", Verdict::Good, text),
        }
    }

    /// Room on disk, and in the queue if that is there.
    async fn check_room(&self) -> Result<Finding> {
        let asked = self.api("INFO", &serde_json::Value::Null).await;
        let account: super::api::AccountInfo = match asked {
            Ok(Some(account)) => account,
            Ok(None) => return Ok(without_streams("this account has no JetStream")),
            Err(error) if error.kind() == Kind::Rejected => {
                return Ok(without_streams(error.why()));
            }
            Err(error) => return Err(error),
        };
        if account.limits.max_streams >= 0 && account.limits.max_streams < 6 {
            let text = format!(
                "the account may have {} streams, and six are wanted",
                account.limits.max_streams
            );
            return Ok(Finding::new("room", Verdict::Unfit, text));
        }
        let queue = self.stream_info(JOBS).await?;
        let queue = queue.map(|info| {
            let most = u64::try_from(info.config.max_bytes).ok();
            let most = most.map_or_else(String::new, |most| format!(" of {most}"));
            format!("; the queue has {} bytes{most}", info.state.bytes)
        });
        let queue = queue.unwrap_or_default();
        let Ok(most) = u64::try_from(account.limits.max_storage) else {
            let text = format!(
                "{} bytes on disk are used, the account has no limit{queue}",
                account.storage
            );
            return Ok(Finding::new("room", Verdict::Good, text));
        };
        let left = most.saturating_sub(account.storage);
        let text = format!("{left} of {most} bytes on disk are left{queue}");
        Ok(match left {
            _ if left < LEAST_ROOM => Finding::new("room", Verdict::Unfit, text)
                .advise("`sockeye engine check --clean` removes what ended runs have left"),
            _ if left < SOME_ROOM => Finding::new("room", Verdict::Warning, text)
                .advise("with little room jobs wait with their submitter"),
            _ => Finding::new("room", Verdict::Good, text),
        })
    }

    /// How long an acknowledgment takes, and what time it is there.
    async fn check_quickness(&self) -> Result<Vec<Finding>> {
        let probed = match self.probe().await {
            Ok(probed) => probed,
            Err(error) => {
                let is_there = self.stream_info(JOBS).await.is_ok_and(|it| it.is_some());
                let verdict = match is_there {
                    true => Verdict::Unknown,
                    false => Verdict::Unfit,
                };
                let text = format!("no stream can be made: {}", error.why());
                return Ok(vec![Finding::new("ack", verdict, text).advise(
                    "permissions have to allow $JS.API.>, $JS.ACK.>, sk.>, $KV.>, $O.> and _INBOX.>",
                )]);
            }
        };
        let text = format!(
            "a stored message is acknowledged after {:.1?} (median of {}, at most {:.1?})",
            probed.median, probed.messages, probed.longest
        );
        let ack = match probed.median {
            slow if slow > SLOW_ACK => Finding::new("ack", Verdict::Warning, text)
                .advise("short jobs are held up by that: --batch puts several into one message"),
            _ => Finding::new("ack", Verdict::Good, text),
        };
        let mut findings = vec![ack];
        findings.extend(probed.skew.map(|(skew, ahead)| {
            let way = if ahead { "ahead of" } else { "behind" };
            let text = match skew.is_zero() {
                true => "its clock agrees with ours".into(),
                false => format!("its clock is {skew:.1?} {way} ours"),
            };
            match skew > SKEW {
                true => Finding::new("clock", Verdict::Warning, text)
                    .advise("times in reports are wrong by that; leases and results are not"),
                false => Finding::new("clock", Verdict::Good, text),
            }
        }));
        Ok(findings)
    }
}

/// The account may not store anything.
fn without_streams(why: &str) -> Finding {
    Finding::new("room", Verdict::Unfit, why.to_owned())
        .advise("give the account JetStream: accounts { A { jetstream: enabled } }")
}
