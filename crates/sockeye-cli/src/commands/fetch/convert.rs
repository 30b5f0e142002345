//! Bodies that become another format before they are written: `convert` reads them from a pipe while they still come.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sockeye::data::url::Url;
use sockeye::{Error, Kind, Operation, Result};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;

use super::Fetch;
use super::show::Paced;
use crate::commands::convert::{self, Foreign};

/// Convert a body that was sent as `media_type`. Its conversion may end before it does, which is a quiet end.
pub(super) async fn body(
    fetch: &Fetch,
    mut body: Paced<'_>,
    url: &Url,
    media_type: Option<String>,
) -> Result<()> {
    let (from, into) = std::io::pipe().map_err(failed)?;
    let is_broken = Arc::new(AtomicBool::new(false));
    let foreign = Foreign {
        bytes: Arc::new(std::fs::File::from(OwnedFd::from(from))),
        is_broken: is_broken.clone(),
        name: url.path().rsplit('/').next().unwrap_or_default().to_owned(),
        media_type,
    };
    let file = fetch.args.save.output.first();
    let file = file
        .map(PathBuf::as_path)
        .filter(|path| *path != Path::new("-"));
    let flags = fetch.args.convert.flags();
    let converted = convert::run_on(foreign, flags, file, fetch.output.clone());
    let fed = async move {
        let mut into = pipe::Sender::from_owned_fd(OwnedFd::from(into)).map_err(failed)?;
        let fed = feed(&mut body, &mut into).await;
        is_broken.store(fed.is_err(), Ordering::Release);
        fed
    };
    let (fed, converted) = tokio::join!(fed, converted);
    // What broke off is the reason, whatever the conversion makes of it.
    fed?;
    fetch.is_converted(converted?);
    Ok(())
}

/// Until its end, or until the conversion has read enough.
async fn feed(body: &mut Paced<'_>, into: &mut pipe::Sender) -> Result<()> {
    while let Some(bytes) = body.chunk().await? {
        if into.write_all(&bytes).await.is_err() {
            break;
        }
    }
    Ok(())
}

fn failed(error: std::io::Error) -> Error {
    Error::from_io(Operation::Run, error)
}

/// What would be ignored is refused.
pub(super) fn refuse(fetch: &Fetch) -> Result<()> {
    let args = &fetch.args;
    if !args.convert.is_given() {
        return Ok(());
    }
    let save = &args.save;
    let named = [
        (fetch.output.json(), "--json"),
        (args.request.include, "--include"),
        (args.request.head, "--head"),
        (save.save, "-O"),
        (save.output_dir.is_some(), "-P"),
        (save.output.len() > 1, "a second -o"),
        (
            !save.output.is_empty() && fetch.plan.jobs.len() > 1,
            "-o with several URLs",
        ),
        (save.refuse_without_saving().is_err(), "a flag for saving"),
    ];
    match named.into_iter().find(|(is_given, _)| *is_given) {
        None => convert::check(args.convert.flags(), &fetch.output),
        Some((_, flag)) => {
            let why = format!("{flag} means nothing where bodies are converted");
            let error = Error::new(Kind::Usage, Operation::Parse, why);
            Err(error.with_hint("save first, and convert the file: sockeye convert FILE"))
        }
    }
}
