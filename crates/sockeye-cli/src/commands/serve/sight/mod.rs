//! What is told of requests: the log, figures, explanations.

mod explain;
mod told;

pub(super) use explain::explain;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use serde::Serialize;
use sockeye::net::{Listener, Net};
use sockeye::web::{AccessLog, Log, LogFormat, LogWriter, Loss, Metrics, Server};
use sockeye::{Endpoint, Error, Kind, Operation, Result};

use super::reload::Reload;
use crate::args;
use crate::output::{Level, Output};
use crate::signals;
use told::{Talk, Told};

/// What is told of requests.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Sight")]
pub(super) struct SightArgs {
    /// Log requests in this format: combined (Apache's, if none is named), json, short or none [default: short, on standard
    /// error]
    #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "combined",
        hide_possible_values = true)]
    log: Option<Format>,
    /// Log to this file, in the combined format by default, and open it anew at SIGUSR1 or SIGHUP; - is standard output
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// So much of a log may wait for whoever takes it; lines beyond that are counted and dropped
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value = "4MiB")]
    log_room: u64,
    /// Show figures for monitoring there, at /metrics, in the OpenMetrics format
    #[arg(long, value_name = "ENDPOINT", value_parser = args::endpoint)]
    metrics: Option<Endpoint>,
    #[command(flatten, next_help_heading = "Sight")]
    pub(super) explain: explain::ExplainArgs,
}

/// How requests are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Combined,
    Json,
    Short,
    None,
}

impl Format {
    fn of_lines(self) -> Option<LogFormat> {
        match self {
            Self::Combined => Some(LogFormat::Combined),
            Self::Json => Some(LogFormat::Json),
            Self::Short => Some(LogFormat::Short),
            Self::None => None,
        }
    }
}

/// Who hears of requests.
#[derive(Debug)]
pub(super) struct Sight {
    told: Option<Arc<Told>>,
    metrics: Option<(Endpoint, Arc<Metrics>)>,
    writers: Vec<LogWriter>,
}

/// How long the end waits for whoever takes the lines of the logs.
const LAST_WAIT: Duration = Duration::from_secs(1);

impl SightArgs {
    /// Open the logs.
    pub(super) fn open(&self, output: &Output, reload: &Reload) -> Result<Sight> {
        self.check(output)?;
        let talk = match (output.json(), output.says(Level::Normal)) {
            (true, _) => Some(self.writer(output, Output::data_file)?),
            (false, true) => Some(self.writer(output, Output::talk_file)?),
            (false, false) => None,
        };
        let mut logs = Vec::new();
        if let (true, Some(talk)) = (output.json() && self.log != Some(Format::None), &talk) {
            logs.push(AccessLog::new(LogFormat::Json, talk.clone()));
        }
        logs.extend(self.log(output, talk.as_ref(), reload)?);
        let writers = logs.iter().map(AccessLog::writer).chain(&talk);
        let writers: Vec<LogWriter> = writers.cloned().collect();
        let logged = logs.iter().map(|log| log.writer().clone());
        let metrics = self
            .metrics
            .clone()
            .map(|at| (at, Arc::new(Metrics::new().logs(logged))));
        let talk = talk.map(|writer| Talk::new(writer, output));
        let told = Told::new(
            logs,
            talk,
            metrics.as_ref().map(|(_, metrics)| Arc::clone(metrics)),
        );
        let told = (!told.is_idle()).then(|| Arc::new(told));
        Ok(Sight {
            told,
            metrics,
            writers,
        })
    }

    fn check(&self, output: &Output) -> Result<()> {
        let refuse = |why: &str, hint: &str| {
            Err(Error::new(Kind::Usage, Operation::Parse, why).with_hint(hint))
        };
        match (&self.log_file, self.log) {
            (Some(_), Some(Format::None)) => refuse(
                "--log-file has no effect with --log=none",
                "leave out one of them",
            ),
            (Some(file), _) if file == Path::new("-") && output.json() => refuse(
                "--log-file - has no effect: --json writes requests to standard output already",
                "leave out one of them",
            ),
            _ => Ok(()),
        }
    }

    /// The log that was asked for, or that is there unless somebody says no.
    fn log(
        &self,
        output: &Output,
        talk: Option<&LogWriter>,
        reload: &Reload,
    ) -> Result<Option<AccessLog>> {
        let Some(file) = &self.log_file else {
            // Without a word about it, a log is talk, and gives way to events.
            let format = match self.log {
                None if output.json() || !output.says(Level::Normal) => return Ok(None),
                None => LogFormat::Short,
                Some(format) => match format.of_lines() {
                    Some(format) => format,
                    None => return Ok(None),
                },
            };
            let writer = match talk {
                Some(talk) if !output.json() => talk.clone(),
                _ => self.writer(output, Output::talk_file)?,
            };
            return Ok(Some(AccessLog::new(format, writer).color(output.color())));
        };
        let format = self.log.and_then(Format::of_lines).unwrap_or_default();
        if file == Path::new("-") {
            let writer = self.writer(output, Output::data_file)?;
            return Ok(Some(
                AccessLog::new(format, writer).color(output.text_color()),
            ));
        }
        let opened = append(file)?;
        let writer = self.writer(output, |_| Ok(opened))?;
        let (path, reopened, output) = (file.clone(), writer.clone(), output.clone());
        let reopen = move || append(&path).map(|file| reopened.replace(file));
        reload.add("the log", reopen.clone());
        signals::on_user_signal(move || match reopen() {
            Ok(()) => output.say(Level::Verbose, "the log is opened anew"),
            Err(error) => output.error(&error),
        });
        Ok(Some(AccessLog::new(format, writer)))
    }

    fn writer(
        &self,
        output: &Output,
        open: impl FnOnce(&Output) -> std::io::Result<File>,
    ) -> Result<LogWriter> {
        let room = usize::try_from(self.log_room).unwrap_or(usize::MAX);
        let said = output.clone();
        let tell = move |loss: Loss| said.warn(lost(&loss));
        open(output)
            .and_then(|file| LogWriter::with_room(file, room, tell))
            .map_err(|error| Error::from_io(Operation::Write, error).about("the log"))
    }
}

/// What is said of lines that did not arrive.
fn lost(loss: &Loss) -> String {
    let (lines, were) = match loss.lines {
        1 => ("1 line".to_owned(), "was"),
        lines => (format!("{lines} lines"), "were"),
    };
    match &loss.error {
        Some(error) => format!("{lines} of the log {were} lost: it cannot be written: {error}"),
        None => format!("{lines} of the log {were} dropped: nobody takes them fast enough"),
    }
}

fn append(path: &Path) -> Result<File> {
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.map_err(|error| Error::from_io(Operation::Open, error).about(path.display()))
}

impl Sight {
    /// Who hears of requests, if anybody does.
    pub(super) fn log(&self) -> Option<Arc<dyn Log>> {
        let told = Arc::clone(self.told.as_ref()?);
        Some(told)
    }

    /// All is said: what waits is written, if somebody takes it soon.
    pub(super) fn close(self) {
        for writer in &self.writers {
            writer.flush(LAST_WAIT);
        }
    }

    /// The server of the figures and where it listens, if there is to be one.
    pub(super) async fn figures(&self, output: &Output) -> Result<Option<(Server, Listener)>> {
        let Some((at, metrics)) = &self.metrics else {
            return Ok(None);
        };
        // Not watched: whoever looks at the wire does not want to see who looks at the figures.
        let listener = Net::new().listen(at).await?;
        output.data(&Figures {
            endpoint: listener.local().to_string(),
            url: super::url(listener.local()).map(|url| format!("{url}metrics")),
        });
        Ok(Some((Server::new(metrics.handler()), listener)))
    }
}

/// Figures can be had.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "metrics")]
struct Figures {
    endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "figures at {}",
            self.url.as_ref().unwrap_or(&self.endpoint)
        )
    }
}
