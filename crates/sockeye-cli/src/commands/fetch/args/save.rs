//! Where bodies go.

use std::path::{Path, PathBuf};

use clap::Args;
use sockeye::client::download::{Algorithm, Check, Checksum, Existing, Segments};
use sockeye::client::http::Limits;
use sockeye::data::url::Url;
use sockeye::{Error, Kind, Operation, Result};

use crate::args::size;

const HEADING: &str = "Saving";

/// Where bodies go.
#[derive(Clone, Debug, Args)]
pub(in crate::commands::fetch) struct SaveArgs {
    /// Save under this name; `-` is standard output. Several of them belong to several URLs, in their order
    #[arg(short = 'o', long, value_name = "FILE", help_heading = HEADING)]
    pub(in crate::commands::fetch) output: Vec<PathBuf>,
    /// Save under the name that the server gives, made safe, else under the one that the URL ends with
    #[arg(short = 'O', long, help_heading = HEADING, alias = "remote-name")]
    pub(in crate::commands::fetch) save: bool,
    /// Save into this folder
    #[arg(short = 'P', long, value_name = "DIR", help_heading = HEADING)]
    pub(in crate::commands::fetch) output_dir: Option<PathBuf>,
    /// Make folders that are not there
    #[arg(long, help_heading = HEADING)]
    pub(in crate::commands::fetch) create_dirs: bool,
    /// Go on at the end of a file that is there, whoever began it, if the server's file begins like it
    #[arg(short = 'C', long = "continue", help_heading = HEADING, conflicts_with_all = ["overwrite", "no_clobber"])]
    pub(in crate::commands::fetch) continued: bool,
    /// Replace a file that is there, once the new one is complete; by default the new one gets a number
    #[arg(long, help_heading = HEADING, conflicts_with = "no_clobber")]
    overwrite: bool,
    /// Fetch nothing if there is a file of that name
    #[arg(long, help_heading = HEADING)]
    no_clobber: bool,
    /// Leave the time of the file as it is, instead of taking the server's
    #[arg(long, help_heading = HEADING)]
    pub(in crate::commands::fetch) no_mtime: bool,
    /// So many downloads at once; on standard output they keep the order of their URLs [default: 8, there 1]
    #[arg(long, value_name = "N", help_heading = HEADING, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(in crate::commands::fetch) jobs: Option<u32>,
    /// At most so many connections to one host, segments counted [default: 6]
    #[arg(long, value_name = "N", help_heading = HEADING, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(in crate::commands::fetch) per_host: Option<u32>,
    /// Connections for one file: auto, off, or how many [default: auto, from 64MiB on, at most 4]
    #[arg(long, value_name = "N", value_parser = segments, help_heading = HEADING)]
    pub(in crate::commands::fetch) segments: Option<Segments>,
    /// No segment is split into smaller ones than this [default: 1MiB]
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = HEADING)]
    pub(in crate::commands::fetch) min_split: Option<u64>,
    /// What it must be: sha256:HEX, md5:HEX …, @FILE or a URL of SHA256SUMS; the name of an algorithm alone shows it
    #[arg(long, value_name = "WHAT", help_heading = HEADING)]
    pub(in crate::commands::fetch) checksum: Vec<String>,
    /// The same file is here too
    #[arg(long, value_name = "URL", value_parser = url, help_heading = HEADING)]
    pub(in crate::commands::fetch) mirror: Vec<Url>,
    /// Hold all that is fetched together to so many bytes a second
    #[arg(long, value_name = "SIZE", value_parser = rate, help_heading = HEADING)]
    pub(in crate::commands::fetch) limit_rate: Option<u64>,
}

impl SaveArgs {
    /// Whether anything is saved to a file.
    pub(in crate::commands::fetch) fn saves(&self) -> bool {
        let named = self.output.iter().any(|path| path != Path::new("-"));
        let wanted = self.continued || self.overwrite || self.no_clobber;
        let checked = !self.checksum.is_empty() || !self.mirror.is_empty();
        let is_split = self.segments.is_some();
        named || self.save || self.output_dir.is_some() || wanted || checked || is_split
    }

    /// What is only for saving is refused where nothing is saved.
    pub(in crate::commands::fetch) fn refuse_without_saving(&self) -> Result<()> {
        let named = [
            (self.create_dirs, "--create-dirs"),
            (self.no_mtime, "--no-mtime"),
            (self.per_host.is_some(), "--per-host"),
            (self.min_split.is_some(), "--min-split"),
        ];
        match named.into_iter().find(|(is_given, _)| *is_given) {
            Some((_, flag)) => {
                let why = format!("{flag} is for files that are saved");
                let error = Error::new(Kind::Usage, Operation::Parse, why);
                Err(error.with_hint("-O saves under the name that the server gives"))
            }
            None => Ok(()),
        }
    }

    /// The first flag that was given which only HTTP knows.
    pub(in crate::commands::fetch) fn of_http(&self) -> Option<&'static str> {
        let is_split = matches!(self.segments, Some(Segments::Exactly(_)));
        let named = [
            (!self.checksum.is_empty(), "--checksum"),
            (!self.mirror.is_empty(), "--mirror"),
            (is_split, "--segments"),
        ];
        let first = named.into_iter().find(|(is_given, _)| *is_given);
        first.map(|(_, flag)| flag)
    }

    /// The first flag that was given which says how a file is saved; `to_file` is whether one is named for this URL.
    pub(in crate::commands::fetch) fn of_files(&self, to_file: bool) -> Option<&'static str> {
        let named = [
            (to_file && !self.output.is_empty(), "--output"),
            (self.save, "--save"),
            (self.output_dir.is_some(), "--output-dir"),
            (self.create_dirs, "--create-dirs"),
            (self.overwrite, "--overwrite"),
            (self.no_clobber, "--no-clobber"),
            (self.no_mtime, "--no-mtime"),
        ];
        let first = named.into_iter().find(|(is_given, _)| *is_given);
        first.map(|(_, flag)| flag).or_else(|| self.of_http())
    }

    /// Apply it to what bounds connections: nothing that waits for its turn keeps the others waiting.
    pub(in crate::commands::fetch) fn limit(&self, limits: &mut Limits) {
        if self.saves() {
            let per_host = self.per_host.unwrap_or_default() as usize;
            limits.per_place = limits.per_place.max(per_host);
        } else if let Some(jobs) = self.jobs {
            limits.per_place = limits.per_place.max(2 * jobs as usize);
            let share = limits.connection_window / (jobs + 1);
            limits.stream_window = limits.stream_window.min(share);
        }
    }

    /// What happens to a file that is there.
    pub(in crate::commands::fetch) fn existing(&self) -> Existing {
        match (self.continued, self.overwrite, self.no_clobber) {
            (true, _, _) => Existing::Continue,
            (_, true, _) => Existing::Overwrite,
            (_, _, true) => Existing::Skip,
            _ => Existing::Number,
        }
    }
}

/// A checksum that is given, or an algorithm; `None` if it has to be read from somewhere.
pub(in crate::commands::fetch) fn check(text: &str) -> Result<Option<Check>> {
    if let Some(algorithm) = Algorithm::named(text) {
        return Ok(Some(Check::Of(algorithm)));
    }
    if text.starts_with('@') || text.contains("://") {
        return Ok(None);
    }
    text.parse::<Checksum>()
        .map(|checksum| Some(Check::Is(checksum)))
}

fn segments(text: &str) -> Result<Segments, String> {
    match text {
        "auto" => Ok(Segments::Auto),
        "off" => Ok(Segments::Off),
        number => match number.parse() {
            Ok(number @ 1..=64) => Ok(Segments::Exactly(number)),
            _ => Err("it is auto, off, or a number from 1 to 64".into()),
        },
    }
}

fn url(text: &str) -> Result<Url, String> {
    Url::parse_typed(text).map_err(|error| error.to_string())
}

fn rate(text: &str) -> Result<u64, String> {
    let size = text.strip_suffix("/s").unwrap_or(text);
    match size_of(size) {
        Ok(0) => Err("a rate of 0 would take for ever".into()),
        other => other,
    }
}

fn size_of(text: &str) -> Result<u64, String> {
    size(text).map_err(|error| error.to_string())
}

/// What is wrong with flags that name files.
pub(in crate::commands::fetch) fn too_many(names: usize, urls: usize) -> Error {
    let of = if urls == 1 { "URL" } else { "URLs" };
    let why = format!("there are {names} names (-o) for {urls} {of}");
    Error::new(Kind::Usage, Operation::Parse, why)
        .with_hint("`-P DIR` saves each under its own name")
}
