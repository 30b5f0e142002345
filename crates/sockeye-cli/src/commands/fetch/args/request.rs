//! What is asked.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use sockeye::client::http::{Builder, Limits, Versions};
use sockeye::data::http1::Headers;
use sockeye::{Error, Kind, Operation, Result};

use super::pieces::Pieces;
use crate::args::duration;

/// What is asked.
#[derive(Clone, Debug, Args)]
pub(in crate::commands::fetch) struct RequestArgs {
    /// The method [default: GET; POST with data, PUT with --upload, HEAD with --head]
    #[arg(
        short = 'X',
        long = "request",
        value_name = "METHOD",
        help_heading = "Request"
    )]
    pub(in crate::commands::fetch) method: Option<String>,
    /// Fetch the URLs that this file lists too, one in each line, - for standard input; lines that begin with # are left out
    #[arg(long, value_name = "FILE", help_heading = "Request")]
    pub(in crate::commands::fetch) input: Option<String>,
    /// A header line, sent as it is typed; `Name:` leaves a header out, `Name;` sends it empty, @FILE has one in each line
    #[arg(
        short = 'H',
        long = "header",
        value_name = "LINE",
        help_heading = "Request"
    )]
    pub(in crate::commands::fetch) headers: Vec<String>,
    #[command(flatten)]
    pub(in crate::commands::fetch) pieces: Pieces,
    /// Put the data into the query of the URL
    #[arg(short = 'G', long, help_heading = "Request")]
    pub(in crate::commands::fetch) get: bool,
    /// Send items name=value as a form, not as JSON; with files as parts
    #[arg(long, help_heading = "Request")]
    pub(in crate::commands::fetch) form: bool,
    /// Put this file there, or - for standard input; its name goes behind a URL that ends with a slash
    #[arg(
        short = 'T',
        long = "upload",
        visible_alias = "upload-file",
        value_name = "FILE",
        help_heading = "Request"
    )]
    pub(in crate::commands::fetch) upload: Option<PathBuf>,
    /// Compress what is sent: gzip or zstd
    #[arg(
        long,
        value_name = "CODING",
        value_enum,
        hide_possible_values = true,
        help_heading = "Request"
    )]
    pub(in crate::commands::fetch) compress: Option<Compress>,
    /// Ask for the head only, and print it
    #[arg(short = 'I', long, help_heading = "Request")]
    pub(in crate::commands::fetch) head: bool,
    /// What we call ourselves; empty for nothing [default: sockeye/VERSION]
    #[arg(short = 'A', long, value_name = "NAME", help_heading = "Request")]
    pub(in crate::commands::fetch) user_agent: Option<String>,
    /// Where we say we come from; its user and fragment are left out
    #[arg(short = 'e', long, value_name = "URL", help_heading = "Request")]
    pub(in crate::commands::fetch) referer: Option<String>,
    /// Ask for these bytes only: 0-499, 500- or -500
    #[arg(
        short = 'r',
        long,
        value_name = "RANGE",
        allow_hyphen_values = true,
        help_heading = "Request"
    )]
    pub(in crate::commands::fetch) range: Option<String>,
    /// Ask only for what has changed since this date, or since this file did
    #[arg(
        short = 'z',
        long,
        visible_alias = "time-cond",
        value_name = "DATE|FILE",
        help_heading = "Request"
    )]
    pub(in crate::commands::fetch) if_modified_since: Option<String>,
    /// Ask only for what has another tag than this file says
    #[arg(long, value_name = "FILE", help_heading = "Request")]
    pub(in crate::commands::fetch) etag_compare: Option<PathBuf>,
    /// Keep the tag of the answer in this file
    #[arg(long, value_name = "FILE", help_heading = "Request")]
    pub(in crate::commands::fetch) etag_save: Option<PathBuf>,
    /// Send the path as it was typed, and no header that was not
    #[arg(long, help_heading = "Request")]
    pub(in crate::commands::fetch) exact: bool,
    /// Print the bytes that would go out, and connect to nobody
    #[arg(long, help_heading = "Request")]
    pub(in crate::commands::fetch) dry_run: bool,
    /// Hold back the body until the server wants it [default: above 1 MiB]
    #[arg(long, conflicts_with = "no_expect", help_heading = "Request")]
    pub(in crate::commands::fetch) expect: bool,
    /// Send the body at once
    #[arg(long, help_heading = "Request")]
    pub(in crate::commands::fetch) no_expect: bool,
    /// How long a body is held back if the server says nothing [default: 1s]
    #[arg(long, visible_alias = "expect100-timeout", value_name = "TIME", value_parser = duration, help_heading = "Request")]
    pub(in crate::commands::fetch) expect_timeout: Option<Duration>,
    /// Speak HTTP/1.0
    #[arg(
        short = '0',
        long = "http1.0",
        group = "http",
        help_heading = "Request"
    )]
    pub(in crate::commands::fetch) http10: bool,
    /// Speak HTTP/1.1
    #[arg(long = "http1.1", group = "http", help_heading = "Request")]
    pub(in crate::commands::fetch) http11: bool,
    /// Speak HTTP/2, also where it cannot be agreed on
    #[arg(
        long = "http2",
        visible_alias = "http2-prior-knowledge",
        group = "http",
        help_heading = "Request"
    )]
    pub(in crate::commands::fetch) http2: bool,
    /// Forgive what old servers do: no head at all (HTTP/0.9), bare line feeds, a length that is given twice
    #[arg(long, visible_alias = "http0.9", help_heading = "Request")]
    pub(in crate::commands::fetch) lenient: bool,
    /// Give up when nothing comes, and nothing is taken, for this time [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Getting there")]
    pub(in crate::commands::fetch) idle_timeout: Option<Duration>,
    /// Print the head of the answer, too
    #[arg(short = 'i', long, help_heading = "Output")]
    pub(in crate::commands::fetch) include: bool,
    /// Lay out and colour JSON: auto (at a terminal), always or never
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Pretty::Auto, hide_default_value = true,
        hide_possible_values = true, help_heading = "Output")]
    pub(in crate::commands::fetch) pretty: Pretty,
    /// Stop at the first URL that fails
    #[arg(long, help_heading = "Output")]
    pub(in crate::commands::fetch) fail_early: bool,
}

/// In which coding a body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::commands::fetch) enum Compress {
    Gzip,
    Zstd,
}

/// When bodies are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::commands::fetch) enum Pretty {
    /// At a terminal.
    Auto,
    Always,
    Never,
}

impl RequestArgs {
    /// Apply what holds for every request.
    pub(in crate::commands::fetch) fn apply(&self, builder: Builder) -> Result<Builder> {
        let builder = builder.lenient(self.lenient).versions(self.versions());
        Ok(match &self.user_agent {
            Some(name) if Headers::new().append("User-Agent", name).is_err() => {
                let why = "--user-agent has a line break or another control character in it";
                return Err(Error::new(Kind::Usage, Operation::Parse, why)
                    .with_hint("a name looks like sockeye/1.0"));
            }
            Some(name) => builder.user_agent(Some(name.clone()).filter(|name| !name.is_empty())),
            None => builder,
        })
    }

    /// Apply it to what bounds answers and connections.
    pub(in crate::commands::fetch) fn limit(&self, limits: &mut Limits) {
        if let Some(idle) = self.idle_timeout {
            limits.idle = idle;
        }
        if let Some(expect) = self.expect_timeout {
            limits.expect = expect;
        }
    }

    /// Which versions of HTTP may be spoken.
    pub(in crate::commands::fetch) fn versions(&self) -> Versions {
        match (self.http10, self.http11, self.http2) {
            (true, _, _) => Versions::Http10,
            (_, true, _) => Versions::Http11,
            (_, _, true) => Versions::Http2,
            _ => Versions::Auto,
        }
    }

    /// Whether the body is held back until the server wants it, if that was said.
    pub(in crate::commands::fetch) fn expects(&self) -> Option<bool> {
        match (self.expect, self.no_expect) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }
}
