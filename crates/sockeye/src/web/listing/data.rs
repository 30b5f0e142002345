//! A folder as data: JSON, JSON Lines, or names as text.

use std::borrow::Cow;
use std::io;

use serde::Serialize;
use sockeye_data::{escape, media};

use super::asked::{Asked, Form};
use super::entries::{Entry, Kind};
use super::pieces::Pieces;
use super::words;

/// An entry as JSON has it; docs/serve-folders.md describes it.
#[derive(Serialize)]
struct Line<'e> {
    name: Cow<'e, str>,
    /// Whether the name has bytes that are no text; `href` has them all.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    lossy: bool,
    href: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    media_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Cow<'e, str>>,
}

/// What stands before the entries of JSON.
#[derive(Serialize)]
struct Head<'h> {
    path: &'h str,
    sort: &'static str,
    order: &'static str,
}

/// Entries in this form. `is_sorted` is false where a folder has too many entries to be sorted.
pub(super) fn pieces(
    entries: impl Iterator<Item = io::Result<Entry>> + Send + 'static,
    asked: &Asked,
    path: &str,
    is_sorted: bool,
) -> Pieces {
    match asked.form {
        Form::Json => json(entries, asked, path, is_sorted),
        Form::Ndjson => Box::new(entries.map(|entry| {
            let mut line = to_json(&entry?)?;
            line.push(b'\n');
            Ok(line)
        })),
        _ => Box::new(entries.map(|entry| {
            let entry = entry?;
            let slash = if entry.kind == Kind::Folder { "/" } else { "" };
            Ok(format!("{}{slash}\n", escape::escape(&entry.name)).into_bytes())
        })),
    }
}

/// `{"path": ..., "entries": [` and so on, an entry a line, so that people and line tools can read it too.
fn json(
    entries: impl Iterator<Item = io::Result<Entry>> + Send + 'static,
    asked: &Asked,
    path: &str,
    is_sorted: bool,
) -> Pieces {
    let head = Head {
        path,
        sort: if is_sorted { asked.sort.name() } else { "none" },
        order: if asked.is_descending { "desc" } else { "asc" },
    };
    let head = serde_json::to_vec(&head).map_err(io::Error::from);
    let head = head.map(|mut head| {
        head.pop();
        head.extend_from_slice(b",\"entries\":[");
        head
    });
    let mut before: &[u8] = b"\n";
    let lines = entries.map(move |entry| {
        let mut line = std::mem::replace(&mut before, b",\n").to_vec();
        line.extend_from_slice(&to_json(&entry?)?);
        Ok(line)
    });
    let tail = std::iter::once(Ok(b"\n]}\n".to_vec()));
    Box::new(std::iter::once(head).chain(lines).chain(tail))
}

fn to_json(entry: &Entry) -> io::Result<Vec<u8>> {
    let name = String::from_utf8_lossy(&entry.name);
    let is_file = entry.kind == Kind::File;
    let line = Line {
        lossy: matches!(name, Cow::Owned(_)),
        name,
        href: words::href(&entry.name, !is_file),
        kind: if is_file { "file" } else { "folder" },
        size: is_file.then_some(entry.size),
        modified: words::time(entry.modified),
        media_type: is_file.then(|| media::of_name(&entry.name)).flatten(),
        link: entry.link.as_deref().map(String::from_utf8_lossy),
    };
    Ok(serde_json::to_vec(&line)?)
}
