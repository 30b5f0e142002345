//! Whole trees: what is told of each file, and of all together.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use sockeye::client::ftp::Settings;
use sockeye::client::ftp::tree::{Event, Sum, Tree};
use sockeye::data::escape::escape;
use sockeye::{Error, Kind, Net, Operation, Result};

use crate::commands::fetch::Fetch;
use crate::commands::fetch::plan::Job;
use crate::output::{Level, Output};

/// Mirror the directory of the URL, down or up.
pub(super) async fn run(fetch: &Fetch, job: &Job, net: Net, settings: Settings) -> Result<()> {
    let args = &fetch.args.ftp;
    let is_dry = fetch.args.request.dry_run;
    let output = fetch.output.clone();
    let mut tree = Tree::new(net, job.url.clone(), settings)
        .delete(args.delete)
        .dry_run(is_dry)
        .listener(move |path, event| tell(&output, path, event));
    if let Some(sessions) = args.ftp_sessions {
        tree = tree.connections(sessions.into());
    }
    let sum = match (&args.ftp_mirror, &args.ftp_mirror_up) {
        (Some(into), _) => tree.fetch(into).await?,
        (None, from) => tree.send(from.as_deref().unwrap_or(Path::new("."))).await?,
    };
    fetch
        .output
        .event(Level::Normal, &Mirrored::of(sum, is_dry));
    if sum.failed > 0 {
        let why = format!("{} of its files went wrong", sum.failed);
        return Err(Error::new(Kind::Rejected, Operation::Fetch, why).about(&job.url));
    }
    Ok(())
}

fn tell(output: &Output, path: &[u8], event: Event<'_>) {
    let (what, why) = match event {
        Event::Done => ("moved", None),
        Event::Removed => ("removed", None),
        Event::Skipped(why) => ("skipped", Some(why.to_owned())),
        Event::Failed(error) => ("failed", Some(error.to_string())),
        Event::Unchanged => ("unchanged", None),
        _ => return,
    };
    let level = match event {
        Event::Unchanged => Level::Verbose,
        _ => Level::Normal,
    };
    output.event(
        level,
        &File {
            r#type: "file",
            path: escape(path),
            what,
            why,
        },
    );
}

/// What became of one file or directory.
#[derive(Serialize)]
struct File {
    r#type: &'static str,
    path: String,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.path)?;
        match &self.why {
            Some(why) => write!(f, ": {why}"),
            None => Ok(()),
        }
    }
}

/// What came of it all.
#[derive(Serialize)]
struct Mirrored {
    r#type: &'static str,
    dry_run: bool,
    directories: u64,
    moved: u64,
    bytes: u64,
    unchanged: u64,
    skipped: u64,
    removed: u64,
    failed: u64,
}

impl Mirrored {
    fn of(sum: Sum, dry_run: bool) -> Self {
        Self {
            r#type: "mirrored",
            dry_run,
            directories: sum.directories,
            moved: sum.moved,
            bytes: sum.bytes,
            unchanged: sum.unchanged,
            skipped: sum.skipped,
            removed: sum.removed,
            failed: sum.failed,
        }
    }
}

impl fmt::Display for Mirrored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            f.write_str("nothing was done; ")?;
        }
        write!(
            f,
            "{} moved ({}), {} unchanged, {} skipped, {} removed, {} failed",
            self.moved,
            sockeye::data::units::print_size(self.bytes),
            self.unchanged,
            self.skipped,
            self.removed,
            self.failed
        )
    }
}
