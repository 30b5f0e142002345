//! URLs of file and data: what they name is here already.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sockeye::client::download::Placed;
use sockeye::data::escape::escape;
use sockeye::data::fields::{MediaType, date};
use sockeye::data::percent;
use sockeye::data::url::Scheme;
use sockeye::{Error, Kind, Operation, Result};

use super::plan::Job;
use super::show::{self, Body};
use super::{Fetch, save};
use crate::exit::Outcome;
use crate::output::Level;

/// Print what the URL names.
pub(super) async fn run(fetch: &Fetch, job: &Job) -> Result<Outcome> {
    refuse(fetch, job)?;
    match job.url.scheme() {
        Scheme::Data => data(fetch, job).await?,
        _ => file(fetch, job).await?,
    }
    Ok(Outcome::Done)
}

fn usage(why: impl Into<String>) -> Error {
    Error::new(Kind::Usage, Operation::Fetch, why)
}

/// What would be ignored is refused.
fn refuse(fetch: &Fetch, job: &Job) -> Result<()> {
    let args = &fetch.args.request;
    let scheme = job.url.scheme().as_str();
    let plan = &fetch.plan;
    if !plan.body().is_none() {
        let why = format!("nothing can be sent to a URL of {scheme}");
        return Err(usage(why).with_hint("-o FILE of a URL, or cp, writes files"));
    }
    if !matches!(plan.method(), "GET" | "HEAD") {
        let why = format!("{} means nothing to a URL of {scheme}", plan.method());
        return Err(usage(why));
    }
    let named = [
        (args.range.is_some(), "--range"),
        (args.if_modified_since.is_some(), "--if-modified-since"),
        (
            args.etag_compare.is_some() || args.etag_save.is_some(),
            "--etag-compare",
        ),
        (fetch.args.report.timing, "--timing"),
        (fetch.args.report.write_out.is_some(), "--write-out"),
        (args.dry_run, "--dry-run"),
        (fetch.output.json(), "--json"),
        (fetch.args.save.continued, "--continue"),
        (fetch.rate.is_some(), "--limit-rate"),
        (fetch.args.policy.retries_given(), "--retry"),
    ];
    let named = named.into_iter().find(|(is_given, _)| *is_given);
    match named.map(|(_, flag)| flag).or(fetch.args.save.of_http()) {
        Some(flag) => Err(usage(format!("{flag} means nothing to a URL of {scheme}"))),
        None => Ok(()),
    }
}

async fn data(fetch: &Fetch, job: &Job) -> Result<()> {
    let read = job.url.data().map_err(|error| usage(error.to_string()))?;
    let Some(data) = read else { return Ok(()) };
    let head = format!(
        "Content-Type: {}\r\nContent-Length: {}\r\n\r\n",
        data.media_type,
        data.body.len()
    );
    if let Some(to) = save::destination(fetch, job)? {
        return keep(fetch, to, Source::Bytes(data.body), None).await;
    }
    if !heads(fetch, &head) {
        return Ok(());
    }
    let media_type = MediaType::parse(data.media_type.as_bytes());
    let length = data.body.len() as u64;
    let body = Body::Bytes(data.body.into());
    show::body(fetch, body, &job.url, media_type.as_ref(), Some(length)).await
}

async fn file(fetch: &Fetch, job: &Job) -> Result<()> {
    let path = path(job)?;
    let failed = |error| Error::from_io(Operation::Open, error).about(path.display());
    let file = tokio::fs::File::open(&path).await.map_err(failed)?;
    let metadata = file.metadata().await.map_err(failed)?;
    if metadata.is_dir() {
        return Err(
            Error::new(Kind::Unsupported, Operation::Open, "it is a directory")
                .about(path.display())
                .with_hint("`ls` lists it; the URL of a file ends with its name"),
        );
    }
    let changed = metadata.modified().ok();
    let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let changed = changed.and_then(|since| i64::try_from(since.as_secs()).ok());
    if let Some(to) = save::destination(fetch, job)? {
        return keep(fetch, to, Source::File(file.into_std().await), changed).await;
    }
    let changed = changed.and_then(date::print);
    let mut head = format!("Content-Length: {}\r\n", metadata.len());
    if let Some(changed) = changed {
        head += &format!("Last-Modified: {changed}\r\n");
    }
    head += "\r\n";
    if !heads(fetch, &head) {
        return Ok(());
    }
    let is_json = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("json"));
    let media_type = is_json
        .then(|| MediaType::parse(b"application/json"))
        .flatten();
    let length = metadata.is_file().then_some(metadata.len());
    show::body(
        fetch,
        Body::File(file),
        &job.url,
        media_type.as_ref(),
        length,
    )
    .await
    .map_err(|error| error.about(path.display()))
}

/// What is saved.
enum Source {
    Bytes(Vec<u8>),
    File(std::fs::File),
}

/// Save it, with the same care for what is there as anything else.
async fn keep(fetch: &Fetch, to: PathBuf, source: Source, changed: Option<i64>) -> Result<()> {
    let save = &fetch.args.save;
    let placed = Placed::new(&to, save.existing(), save.create_dirs)?;
    let shown = |path: &Path| escape(path.as_os_str().as_encoded_bytes());
    let Some(placed) = placed else {
        let line = format!("{} is there already", shown(&to));
        fetch.output.say(Level::Normal, line);
        return Ok(());
    };
    let changed = changed.filter(|_| !save.no_mtime);
    let copied = tokio::task::spawn_blocking(move || {
        let copied = match source {
            Source::Bytes(bytes) => placed.file().write_all(&bytes).map(|()| bytes.len() as u64),
            Source::File(mut file) => io::copy(&mut file, &mut placed.file()),
        };
        let failed = |error| Error::from_io(Operation::Write, error).about(to.display());
        let length = copied.map_err(failed)?;
        placed.finish(changed).map(|path| (length, path))
    });
    let copied = copied.await.map_err(|error| usage(error.to_string()))?;
    let (length, path) = copied?;
    let line = format!("saved {}, {length} bytes", shown(&path));
    fetch.output.say(Level::Normal, line);
    Ok(())
}

/// The head, if it is wanted. False if that is all that is.
fn heads(fetch: &Fetch, head: &str) -> bool {
    let args = &fetch.args.request;
    if (args.include || args.head) && !fetch.output.text(head) {
        fetch.is_unread();
        return false;
    }
    fetch.plan.method() != "HEAD"
}

/// The path that a URL names.
fn path(job: &Job) -> Result<PathBuf> {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    let bytes = percent::decode(job.url.path())
        .map_err(|_| usage("a percent sign without two digits in the path").about(&job.url))?;
    if bytes.contains(&0) {
        return Err(usage("a NUL in the path").about(&job.url));
    }
    Ok(OsString::from_vec(bytes).into())
}
