//! Directories: a table for people, an event for each entry, or names alone.

use serde::Serialize;
use sockeye::Result;
use sockeye::client::ftp::{Entry, EntryKind, Ftp, Modified, Precision};
use sockeye::data::escape::escape;
use sockeye::data::fields::date;

use crate::commands::fetch::Fetch;
use crate::sheet::{Column, Layout, Sheet, Tint};

/// List this directory.
pub(super) async fn run(fetch: &Fetch, ftp: &mut Ftp, path: &[u8]) -> Result<()> {
    if fetch.args.ftp.list_only {
        let mut names = ftp.names(path).await?;
        names.sort();
        for name in names {
            let is_read = match fetch.output.json() {
                true => fetch.output.try_json_line(&Name::of(&name)).is_ok(),
                false => fetch.output.text(&format!("{}\n", escape(&name))),
            };
            if !is_read {
                fetch.is_unread();
                break;
            }
        }
        return Ok(());
    }
    let mut entries = ftp.list(path).await?;
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    if fetch.output.json() {
        for entry in &entries {
            if fetch.output.try_json_line(&Row::of(entry)).is_err() {
                fetch.is_unread();
                break;
            }
        }
    } else if !fetch.output.text(&table(fetch, &entries)) {
        fetch.is_unread();
    }
    Ok(())
}

/// An entry as an event.
#[derive(Serialize)]
struct Row {
    r#type: &'static str,
    name: String,
    kind: &'static str,
    size: Option<u64>,
    modified: Option<String>,
    precision: Option<&'static str>,
    target: Option<String>,
    rights: Option<String>,
    owner: Option<String>,
    group: Option<String>,
}

impl Row {
    fn of(entry: &Entry) -> Self {
        Self {
            r#type: "entry",
            name: escape(&entry.name),
            kind: kind(entry.kind),
            size: entry.size,
            modified: entry.modified.map(|it| stamp(it, true)),
            precision: entry.modified.map(|it| match it.precision {
                Precision::Second => "second",
                Precision::Minute => "minute",
                Precision::Day => "day",
            }),
            target: entry.target.as_deref().map(escape),
            rights: entry.rights.clone(),
            owner: entry.owner.clone(),
            group: entry.group.clone(),
        }
    }
}

/// A name alone as an event.
#[derive(Serialize)]
struct Name {
    r#type: &'static str,
    name: String,
}

impl Name {
    fn of(name: &[u8]) -> Self {
        Self {
            r#type: "name",
            name: escape(name),
        }
    }
}

fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Directory => "directory",
        EntryKind::Link => "link",
        EntryKind::Other => "other",
    }
}

/// `2024-01-31 23:59:58`, as exact as it is known; for machines with `T` and, where it is UTC, `Z`.
fn stamp(modified: Modified, is_exact: bool) -> String {
    // `Wed, 31 Jan 2024 23:59:58 GMT`
    let Some(text) = sockeye::data::ftp::stamp::print(modified.seconds) else {
        return date::print(modified.seconds).unwrap_or_default();
    };
    let (day, time) = text.split_at(8);
    let day = format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]);
    let between = if is_exact { "T" } else { " " };
    let minute = format!("{day}{between}{}:{}", &time[..2], &time[2..4]);
    match modified.precision {
        Precision::Day => day,
        Precision::Minute => minute,
        Precision::Second if is_exact => format!("{minute}:{}Z", &time[4..]),
        Precision::Second => format!("{minute}:{}", &time[4..]),
    }
}

/// In the manner of `ls -l`.
fn table(fetch: &Fetch, entries: &[Entry]) -> String {
    let mut size = Column::new("SIZE");
    size.right = true;
    let columns = vec![
        Column::new("RIGHTS"),
        Column::new("OWNER"),
        size,
        Column::new("CHANGED"),
        Column::new("NAME"),
    ];
    let mut sheet = Sheet::new(columns, entries.len());
    for entry in entries {
        let letter = match entry.kind {
            EntryKind::File => '-',
            EntryKind::Directory => 'd',
            EntryKind::Link => 'l',
            EntryKind::Other => '?',
        };
        let rights = entry.rights.as_deref().unwrap_or_default();
        sheet.text().push(letter);
        sheet.text().push_str(rights);
        sheet.end_cell(Tint::Plain);
        sheet.text().push_str(entry.owner.as_deref().unwrap_or("-"));
        sheet.end_cell(Tint::Plain);
        match entry.size {
            Some(size) => sheet.text().push_str(&size.to_string()),
            None => sheet.text().push('-'),
        }
        sheet.end_cell(Tint::Plain);
        let changed = entry.modified.map(|it| stamp(it, false));
        sheet.text().push_str(changed.as_deref().unwrap_or("-"));
        sheet.end_cell(Tint::Plain);
        sheet.text().push_str(&escape(&entry.name));
        match (&entry.kind, &entry.target) {
            (EntryKind::Directory, _) => sheet.text().push('/'),
            (_, Some(target)) => {
                sheet.text().push_str(" -> ");
                sheet.text().push_str(&escape(target));
            }
            _ => {}
        }
        sheet.end_cell(Tint::Plain);
    }
    let mut text = String::new();
    let layout = Layout {
        width: fetch.output.text_width(),
        color: fetch.output.text_color(),
        header: fetch.output.text_width().is_some(),
    };
    sheet.write(layout, &mut text);
    text
}
