//! What is told about requests: as they happen (`-v`), when they are over (`--timing`, `--write-out`), and at the end (`--har`).
//!
//! The [`Reporter`] hears of every hop from the client, so that whatever sends requests is reported alike.

pub(super) mod curl;
mod events;
mod summary;
mod verbose;
mod waterfall;
mod write_out;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use sockeye::client::http::{Builder, Har, Hop, HopObserver, Masking, Stage};
use sockeye::{Error, Kind, Operation, Result};

use self::summary::Summary;
use self::write_out::{Format, Sink};
use super::args::ReportArgs;
use crate::output::{Level, Output};

/// How much of each body a HAR file has.
const HAR_BODY: u64 = 1 << 20;
/// The longest format that is read from a file.
const MAX_FORMAT: u64 = 64 << 10;

/// See the [module](self).
pub(super) struct Reporter {
    output: Output,
    masking: Masking,
    timing: bool,
    format: Option<Format>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The hops of requests that go on, by the number of the request.
    open: BTreeMap<u64, Vec<Hop>>,
    /// The hops that go on, by the number of the request, as they were when something was heard of them.
    running: BTreeMap<u64, Hop>,
    /// How many requests are over.
    over: u64,
    har: Option<(Har, Target)>,
}

/// Where a HAR document goes.
enum Target {
    Output,
    File(PathBuf, File),
}

impl Reporter {
    /// What these flags ask for.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] for a format that cannot be read; [`Kind::Denied`] or [`Kind::Io`] if the file cannot be made. Nothing
    /// was connected to by then.
    pub(super) fn new(args: &ReportArgs, output: &Output) -> Result<Arc<Self>> {
        let format = match &args.write_out {
            Some(_) if output.json() => {
                let why = "--write-out writes text where --json writes lines of JSON";
                return Err(Error::new(Kind::Usage, Operation::Parse, why)
                    .with_hint("--json --timing has the same numbers"));
            }
            Some(text) => Some(Format::parse(&read_format(text)?)?),
            None => None,
        };
        let masking = |shown: bool| match shown {
            true => Masking::none(),
            false => Masking::default(),
        };
        let har = match &args.har {
            Some(path) => {
                let har = Har::new(SystemTime::now()).masking(masking(args.har_secrets));
                Some((har, Target::open(path)?))
            }
            None => None,
        };
        Ok(Arc::new(Self {
            output: output.clone(),
            masking: masking(args.show_secrets),
            timing: args.timing,
            format,
            state: Mutex::new(State {
                har,
                ..State::default()
            }),
        }))
    }

    /// Have the client tell us.
    pub(super) fn apply(self: &Arc<Self>, builder: Builder) -> Builder {
        let builder = match self.state().har {
            Some(_) => builder.keep_bodies(HAR_BODY),
            None => builder,
        };
        match self.is_wanted() {
            true => builder.hop_observer(self.clone()),
            false => builder,
        }
    }

    /// Times of hops are counted from then.
    pub(super) fn started(&self, started: SystemTime) {
        if let Some((har, _)) = &mut self.state().har {
            har.set_started(started);
        }
    }

    /// Everything is over, however it ended: write what is written at the end.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if the HAR file cannot be written.
    pub(super) fn finish(&self) -> Result<()> {
        let mut state = self.state();
        // What was given up when the command ended.
        let open = std::mem::take(&mut state.open);
        let running = std::mem::take(&mut state.running);
        let Some((mut har, target)) = state.har.take() else {
            return Ok(());
        };
        for hop in open.values().flatten() {
            har.add(hop);
        }
        for mut hop in running.into_values() {
            hop.error = Some("it went on when the command ended".to_owned());
            har.add(&hop);
        }
        target.write(&self.output, har.to_json() + "\n")
    }

    fn is_wanted(&self) -> bool {
        let state = self.state();
        let is_verbose = self.output.says(Level::Verbose);
        is_verbose || self.timing || self.format.is_some() || state.har.is_some()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request is over.
    fn over(&self, hops: &[Hop]) {
        let number = {
            let mut state = self.state();
            state.over += 1;
            state.over - 1
        };
        if self.timing {
            self.timed(hops);
        }
        if let Some(format) = &self.format {
            let summary = Summary::new(hops, number, &self.masking);
            for (sink, text) in format.write(&summary) {
                match sink {
                    Sink::Data => drop(self.output.text(&text)),
                    Sink::Talk => self.output.ask(&text),
                }
            }
        }
        if let Some((har, _)) = &mut self.state().har {
            for hop in hops {
                har.add(hop);
            }
        }
    }

    fn timed(&self, hops: &[Hop]) {
        if self.output.json() {
            self.output
                .json_line(&events::Timed::new(hops, &self.masking));
            return;
        }
        let style = waterfall::Style {
            width: self.output.talk_width().unwrap_or(waterfall::WIDTH),
            color: self.output.color(),
        };
        self.output
            .ask(&waterfall::text(hops, &self.masking, style));
    }
}

impl HopObserver for Reporter {
    fn on_hop(&self, stage: Stage, hop: &Hop) {
        if self.output.says(Level::Verbose) {
            let text = verbose::text(stage, hop, &self.masking, self.output.color());
            self.output.ask(&text);
        }
        if !matches!(stage, Stage::Ended | Stage::Over) {
            let mut state = self.state();
            if state.har.is_some() {
                state.running.insert(hop.request_number, hop.clone());
            }
            return;
        }
        let hops = {
            let mut state = self.state();
            state.running.remove(&hop.request_number);
            let hops = state.open.entry(hop.request_number).or_default();
            hops.push(hop.clone());
            if stage != Stage::Over {
                return;
            }
            state.open.remove(&hop.request_number).unwrap_or_default()
        };
        self.over(&hops);
    }
}

impl Target {
    fn open(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Output);
        }
        let file = File::create(path);
        let failed = |error| Error::from_io(Operation::Open, error).about(path.display());
        Ok(Self::File(path.to_owned(), file.map_err(failed)?))
    }

    fn write(self, output: &Output, text: String) -> Result<()> {
        match self {
            Self::Output => {
                output.text(&text);
                Ok(())
            }
            Self::File(path, mut file) => {
                let failed = |error| Error::from_io(Operation::Write, error).about(path.display());
                file.write_all(text.as_bytes()).map_err(failed)
            }
        }
    }
}

/// The format itself, or what stands in the file that it names.
fn read_format(text: &str) -> Result<String> {
    let Some(path) = text.strip_prefix('@') else {
        return Ok(text.to_owned());
    };
    let failed = |error| Error::from_io(Operation::Read, error).about(path);
    let mut format = String::new();
    let read: &mut dyn Read = match path {
        "-" => &mut std::io::stdin().lock(),
        path => &mut File::open(path).map_err(failed)?,
    };
    read.take(MAX_FORMAT)
        .read_to_string(&mut format)
        .map_err(failed)?;
    Ok(format)
}
