//! How jobs are run: how many at once, how long, how often, how fast.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sockeye::data::units::parse_duration;
use sockeye::work::Halt;

use crate::args::duration;

/// The most jobs at once that `-j 0` asks for.
const MOST_JOBS: usize = 1_000;
/// How many probes run at once unless it is said: they wait for the network, not for a processor.
const PROBES: usize = 256;

/// How jobs are run.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Jobs")]
pub(crate) struct RunArgs {
    /// How many at once: a number, 0 for as many as can be (1000 at most), 200% of the processors, +1 or -1: one more or less than
    /// there are; SIGUSR1 and SIGUSR2 add and take away one [default: one for each processor, 256 probes]
    #[arg(short, long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) jobs: Option<Jobs>,
    /// How long a job may run; then it is ended with all that it started
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// How long a program that was asked to end (SIGTERM) may take before it is killed
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2s")]
    pub(crate) grace: Duration,
    /// The input is given on standard input, not as an argument
    #[arg(long)]
    pub(crate) stdin: bool,
    /// The words are a line for /bin/sh; {} is quoted for it
    #[arg(long)]
    pub(crate) shell: bool,
    /// This stands for the input, instead of {} and its like
    #[arg(short = 'I', long, value_name = "TEXT")]
    pub(crate) replace: Option<OsString>,
    /// Set a variable in the environment of each job; may be given again
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) env: Vec<(OsString, OsString)>,
    /// Run the jobs in this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) chdir: Option<PathBuf>,
    /// Try a job that failed so many times again
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) retries: u32,
    /// Wait so long before the first such attempt, twice as long before each further one
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1s")]
    pub(crate) retry_wait: Duration,
    /// The longest such wait
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
    pub(crate) retry_max_wait: Duration,
    /// Try again only what ended with one of these statuses [default: all but 126 and 127]
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    pub(crate) retry_on: Vec<u8>,
    /// Never try again what ended with one of these statuses
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    pub(crate) no_retry_on: Vec<u8>,
    /// Give up at: now,fail=1 or soon,fail=10 or soon,fail=5% or now,success=1; now ends the jobs that run, soon lets them finish
    #[arg(long, value_name = "WHEN", value_parser = halt)]
    pub(crate) halt: Option<Halt>,
    /// Begin no more jobs than this: 10/s, 100/m, 3/500ms
    #[arg(long, value_name = "RATE")]
    pub(crate) rate: Option<RateArg>,
    /// Each of these has a rate of its own: the host in the input, the whole input, or one field of a record
    #[arg(long, value_name = "host|whole|FIELD", requires = "rate")]
    pub(crate) rate_key: Option<String>,
    /// Remember when the last jobs of so many keys began; with more, jobs wait until one of them may begin again
    #[arg(long, value_name = "N", default_value = "65536", requires = "rate_key")]
    pub(crate) rate_keys: NonZeroUsize,
}

/// How many jobs at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Jobs {
    /// So many.
    Count(NonZeroUsize),
    /// As many as can be.
    All,
    /// This share of the processors.
    Percent(u32),
    /// So many more than there are processors, or fewer.
    Beside(i32),
}

impl FromStr for Jobs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a number, 0, a percentage as 200%, +N or -N".to_owned();
        if let Some(percent) = text.strip_suffix('%') {
            return percent.parse().map(Self::Percent).map_err(|_| wrong());
        }
        if text.starts_with(['+', '-']) {
            return text.parse().map(Self::Beside).map_err(|_| wrong());
        }
        let count: usize = text.parse().map_err(|_| wrong())?;
        Ok(NonZeroUsize::new(count).map_or(Self::All, Self::Count))
    }
}

impl Jobs {
    /// How many that is, at least one.
    pub(crate) fn count(self, processors: usize) -> usize {
        let count = match self {
            Self::Count(count) => count.get(),
            Self::All => MOST_JOBS,
            Self::Percent(percent) => processors.saturating_mul(percent as usize) / 100,
            Self::Beside(more) => processors.saturating_add_signed(more as isize),
        };
        count.max(1)
    }
}

impl RunArgs {
    /// How many jobs at once.
    pub(crate) fn slots(&self, is_probe: bool) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        match (self.jobs, is_probe) {
            (Some(jobs), _) => jobs.count(processors),
            (None, true) => PROBES,
            (None, false) => processors,
        }
    }
}

/// So many jobs in each such span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateArg {
    pub(crate) jobs: u32,
    pub(crate) per: Duration,
}

impl FromStr for RateArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a number of jobs, / and a time, as 10/s, 100/m or 3/500ms".to_owned();
        let (jobs, per) = text.split_once('/').ok_or_else(wrong)?;
        let jobs: u32 = jobs.parse().map_err(|_| wrong())?;
        let per = match per.starts_with(|c: char| c.is_ascii_digit()) {
            true => parse_duration(per),
            false => parse_duration(&format!("1{per}")),
        };
        let per = per.map_err(|_| wrong())?;
        match jobs == 0 || per.is_zero() {
            true => Err(wrong()),
            false => Ok(Self { jobs, per }),
        }
    }
}

/// `NAME=VALUE`, for clap.
fn variable(text: &str) -> Result<(OsString, OsString), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("a name, = and a value".into()),
    }
}

/// When a run is given up, for clap.
fn halt(text: &str) -> Result<Halt, String> {
    let wrong =
        || "now or soon, a comma, and fail=N, fail=N% or success=N, as in now,fail=1".to_owned();
    if text == "never" {
        return Ok(Halt::Never);
    }
    let (when, what) = text.split_once(',').ok_or_else(wrong)?;
    let now = match when {
        "now" => true,
        "soon" => false,
        _ => return Err(wrong()),
    };
    let (what, count) = what.split_once('=').ok_or_else(wrong)?;
    let percent = count.strip_suffix('%');
    let number: u64 = percent.unwrap_or(count).parse().map_err(|_| wrong())?;
    match (what, percent) {
        (_, None) if number == 0 => Err(wrong()),
        ("fail", None) => Ok(Halt::Failed { jobs: number, now }),
        ("success", None) => Ok(Halt::Succeeded { jobs: number, now }),
        ("fail", Some(_)) if (1..=100).contains(&number) => Ok(Halt::FailedShare {
            share: number as f64 / 100.0,
            now,
        }),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_jobs_are_those_of_parallel() {
        let count =
            |text: &str, processors| text.parse::<Jobs>().map(|jobs| jobs.count(processors));
        assert_eq!(count("3", 8), Ok(3));
        assert_eq!(count("0", 8), Ok(1_000));
        assert_eq!(count("200%", 8), Ok(16));
        assert_eq!(count("1%", 8), Ok(1));
        assert_eq!(count("-1", 8), Ok(7));
        assert_eq!(count("-9", 8), Ok(1));
        assert_eq!(count("+2", 8), Ok(10));
        assert!(count("many", 8).is_err());
    }

    #[test]
    fn a_rate_is_a_number_of_jobs_in_a_time() {
        let rate = |text: &str| text.parse::<RateArg>();
        let per = |jobs, ms| {
            Ok(RateArg {
                jobs,
                per: Duration::from_millis(ms),
            })
        };
        assert_eq!(rate("10/s"), per(10, 1_000));
        assert_eq!(rate("3/500ms"), per(3, 500));
        assert_eq!(rate("100/m"), per(100, 60_000));
        for wrong in ["10", "0/s", "10/", "10/0s", "x/s", "10/fortnight"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn halting_is_said_as_in_parallel() {
        assert_eq!(halt("now,fail=1"), Ok(Halt::Failed { jobs: 1, now: true }));
        assert_eq!(
            halt("soon,fail=5%"),
            Ok(Halt::FailedShare {
                share: 0.05,
                now: false
            })
        );
        assert_eq!(
            halt("now,success=2"),
            Ok(Halt::Succeeded { jobs: 2, now: true })
        );
        for wrong in [
            "now",
            "later,fail=1",
            "now,fail=0",
            "now,fail=101%",
            "now,done=1",
            "now,success=5%",
        ] {
            assert!(halt(wrong).is_err(), "{wrong}");
        }
    }
}
