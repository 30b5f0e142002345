//! Asking only for what has changed: dates and tags, and files that keep them (RFC 9110 section 13).

use std::path::Path;
use std::time::UNIX_EPOCH;

use sockeye::client::http::Response;
use sockeye::data::fields::{ETag, date};
use sockeye::{Error, Kind, Operation, Result};

use super::args::RequestArgs;

/// The longest file of a tag that is read.
const LONGEST: u64 = 8 << 10;

/// The headers that ask only for what has changed.
///
/// # Errors
///
/// [`Kind::Usage`] for what is neither a date nor a file, those of reading files.
pub(super) fn headers(args: &RequestArgs) -> Result<Vec<(&'static str, String)>> {
    let mut headers = Vec::new();
    if let Some(since) = &args.if_modified_since {
        headers.push(("If-Modified-Since", modified_since(since)?));
    }
    if let Some(path) = &args.etag_compare
        && let Some(tag) = kept_tag(path)?
    {
        headers.push(("If-None-Match", tag));
    }
    Ok(headers)
}

/// A date as it stands in headers, or the time when a file was changed last.
fn modified_since(text: &str) -> Result<String> {
    if let Some(seconds) = date::parse(text)
        && let Some(printed) = date::print(seconds)
    {
        return Ok(printed);
    }
    let changed = std::fs::metadata(text).and_then(|metadata| metadata.modified());
    let changed = changed.map_err(|_| {
        let shown = sockeye::data::escape::escape(text.as_bytes());
        Error::new(
            Kind::Usage,
            Operation::Parse,
            format!("`{shown}` is neither a date nor a file"),
        )
        .with_hint("dates look like 'Sun, 06 Nov 1994 08:49:37 GMT'")
    })?;
    let seconds = changed
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    i64::try_from(seconds)
        .ok()
        .and_then(date::print)
        .ok_or_else(|| {
            let why = "it was changed at a time that no header can tell";
            Error::new(Kind::Usage, Operation::Parse, why).about(text)
        })
}

/// The tag that a file keeps; none if there is no file yet, or nothing in it.
fn kept_tag(path: &Path) -> Result<Option<String>> {
    let failed = |error| Error::from_io(Operation::Open, error).about(path.display());
    let text = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if metadata.len() > LONGEST => String::from("?"),
        Ok(_) => std::fs::read_to_string(path).map_err(failed)?,
    };
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    match ETag::parse(text.as_bytes()) {
        Some(_) => Ok(Some(text.to_owned())),
        None => Err(
            Error::new(Kind::Usage, Operation::Parse, "there is no tag in it")
                .about(path.display())
                .with_hint("--etag-save writes such a file"),
        ),
    }
}

/// Keep the tag of an answer, if it is the answer to keep.
pub(super) fn keep_tag(args: &RequestArgs, response: &Response) -> Result<()> {
    let (Some(path), Some(tag), true) = (
        &args.etag_save,
        response.header("etag"),
        response.is_success(),
    ) else {
        return Ok(());
    };
    std::fs::write(path, format!("{tag}\n"))
        .map_err(|error| Error::from_io(Operation::Write, error).about(path.display()))
}
