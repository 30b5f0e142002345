//! A whole file gets its name: by the rule for names that are taken, and under the conditions of the request.

use std::fs::{File, Metadata};
use std::io;
use std::sync::Arc;

use sockeye_data::http1::Headers;
use tokio::sync::Mutex;

use super::area::Place;
use super::draft::Draft;
use super::fault::{Fault, Result};
use super::name;
use super::partial::Partial;
use super::usage::Reserved;
use super::{Conflict, Settings};
use crate::web::files::{Condition, Version, judge};

/// How many other names are tried.
const NAMES: u32 = 1000;

/// What is stored.
pub(super) enum Whole {
    Draft(Draft),
    Partial(Partial),
}

/// A file that was stored.
pub(super) struct Stored {
    pub(super) place: Place,
    pub(super) version: Version,
    /// Whether there was one of this name before.
    pub(super) replaced: bool,
}

/// Files get their names one after the other, so that no other upload comes between a condition and what it was asked for.
pub(super) type Order = Mutex<()>;

impl Whole {
    fn publish(&self, folder: &File, name: &str, replaces: bool) -> io::Result<()> {
        match self {
            Self::Draft(draft) => draft.publish(folder, name, replaces),
            Self::Partial(partial) => match partial.publish(folder, name, replaces) {
                // Another file system is mounted there.
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                    let draft = Draft::new(folder)?;
                    io::copy(&mut rewound(&partial.file)?, &mut &*draft.file)?;
                    draft.publish(folder, name, replaces)?;
                    partial.forget()
                }
                published => published,
            },
        }
    }

    fn file(&self) -> &Arc<File> {
        match self {
            Self::Draft(draft) => &draft.file,
            Self::Partial(partial) => &partial.file,
        }
    }
}

/// A descriptor that reads from the beginning.
fn rewound(file: &File) -> io::Result<File> {
    use std::io::Seek;
    let mut file = file.try_clone()?;
    file.rewind()?;
    Ok(file)
}

/// Whether the request may store a file there, as things are: before anything is read, and again when it is stored.
pub(super) fn check(
    place: &Place,
    headers: &Headers,
    conflict: Conflict,
) -> Result<Option<Metadata>> {
    if !is_open(place) {
        return Err(Fault::new(403, "this name is not for uploads"));
    }
    let there = place.metadata()?;
    if there.as_ref().is_some_and(Metadata::is_dir) {
        return Err(Fault::new(409, "there is a folder of this name"));
    }
    let version = there.as_ref().map(Version::of);
    let tag = version.as_ref().map(Version::etag);
    let modified = version.as_ref().map(Version::modified);
    if judge(headers, tag.as_ref(), modified, false) != Condition::Holds {
        return Err(Fault::new(412, "a condition of the request does not hold"));
    }
    match (&there, conflict) {
        (Some(_), Conflict::Error) => Err(Fault::exists()),
        (Some(there), _) if !there.is_file() => Err(Fault::exists()),
        _ => Ok(there),
    }
}

/// Whether clients may have this name at all: what is withheld from readers is not for writers either.
fn is_open(place: &Place) -> bool {
    place.area.root.admits(place.names.join("/").as_bytes())
}

/// Store it. Blocks, but not for long, unless it is to reach the disk first.
pub(super) fn store(
    whole: &Whole,
    place: &Place,
    headers: &Headers,
    settings: &Settings,
    reserved: &mut Reserved,
    order: &Order,
) -> Result<Stored> {
    if settings.fsync {
        whole.file().sync_all()?;
    }
    let _order = order.blocking_lock();
    let there = check(place, headers, settings.on_conflict)?;
    let folder = place.folder()?;
    let replaces = settings.on_conflict == Conflict::Overwrite;
    let mut place = place.clone();
    let mut published = whole.publish(&folder, place.name()?, replaces);
    if settings.on_conflict == Conflict::Rename {
        let first = place.name()?.to_owned();
        let mut number = 2;
        while is_taken(&published) && number <= NAMES {
            place = place.renamed(name::numbered(&first, number));
            published = whole.publish(&folder, place.name()?, false);
            number += 1;
        }
    }
    published?;
    if settings.fsync {
        // The name has to reach the disk too.
        place
            .area
            .root
            .open(&place.names[..place.names.len() - 1].join("/").into_bytes())?
            .sync_all()?;
    }
    reserved.keep();
    let replaced = there.filter(|_| replaces);
    if let Some(before) = &replaced {
        place.area.usage.give_back(before.len());
    }
    place.area.root.note_change();
    let version = place.metadata()?.as_ref().map(Version::of);
    let version =
        version.ok_or_else(|| Fault::new(404, "it was stored, and taken away again at once"))?;
    Ok(Stored {
        place,
        version,
        replaced: replaced.is_some(),
    })
}

fn is_taken(published: &io::Result<()>) -> bool {
    published
        .as_ref()
        .is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
}
