//! One file, there or here: under another name while it is on its way, gone on with if a part of it is there.

use std::fs::File;
use std::os::unix::fs::FileExt;

use sockeye_data::ftp::{Modified, Precision};

use super::folder::{Folder, failed, set_modified};
use super::{joined, part_name, split};
use crate::client::ftp::Ftp;
use crate::error::{Error, Kind, Operation, Result};

/// How many of the last bytes of a part are compared before it is gone on with.
const COMPARED: u64 = 64 * 1024;
/// How much is read at once of a file of ours.
const BUFFER: usize = 256 * 1024;

/// How far a move is.
pub(super) enum Moving {
    /// It begins; so many bytes are there already.
    From(u64),
    /// So many bytes more.
    More(u64),
}

/// Bring a file of the server into a folder.
pub(super) async fn receive(
    ftp: &mut Ftp,
    remote: &[u8],
    folder: &Folder,
    name: &[u8],
    (size, modified): (Option<u64>, Option<Modified>),
    mut told: impl FnMut(Moving),
) -> Result<()> {
    let part = part_name(name);
    let file = folder.write(&part)?;
    let local = |operation, error| failed(operation, error, &folder.path(&part));
    let have = file
        .metadata()
        .map_err(|error| local(Operation::Open, error))?;
    let mut length = have.len();
    if size.is_some_and(|size| length > size) || is_older(&have, modified) {
        length = 0;
    }
    let mut tail = vec![0; usize::try_from(length.min(COMPARED)).unwrap_or(0)];
    let mut begin = length - tail.len() as u64;
    file.read_exact_at(&mut tail, begin)
        .map_err(|error| local(Operation::Read, error))?;
    loop {
        told(Moving::From(begin + tail.len() as u64));
        let going = pull(ftp, remote, &file, size, begin, &tail, &mut told).await;
        match going {
            Ok(Some(end)) => {
                // A part may have been longer than what the file is now.
                file.set_len(end)
                    .map_err(|error| local(Operation::Write, error))?;
                break;
            }
            // It is another file than the part was begun with, or the server cannot begin in the middle.
            Ok(None) => {}
            Err(error) if begin > 0 && is_no_rest(&error) => {}
            Err(error) => {
                // What holds nothing is not worth keeping.
                if file.metadata().is_ok_and(|it| it.len() == 0) {
                    drop(folder.remove(&part, 0));
                }
                return Err(error);
            }
        }
        (begin, tail) = (0, Vec::new());
    }
    if let Some(modified) = modified {
        set_modified(&file, modified.seconds);
    }
    drop(file);
    folder.rename(&part, name)
}

/// Receive from this byte on: first what must be the same as these bytes, then what is written behind them. The end of the file,
/// or `None` if it is not the same.
async fn pull(
    ftp: &mut Ftp,
    remote: &[u8],
    file: &File,
    size: Option<u64>,
    begin: u64,
    tail: &[u8],
    told: &mut impl FnMut(Moving),
) -> Result<Option<u64>> {
    let mut download = ftp.retrieve(remote, size, begin).await?;
    let (mut same, mut at) = (tail, begin);
    while let Some(bytes) = download.chunk().await? {
        let compared = same.len().min(bytes.len());
        let (before, new) = bytes.split_at(compared);
        if before != &same[..compared] {
            return Ok(None);
        }
        same = &same[compared..];
        at += compared as u64;
        if !new.is_empty() {
            file.write_all_at(new, at).map_err(|error| {
                Error::from_io(Operation::Write, error)
                    .with_hint("what came so far is kept, and gone on with the next time")
            })?;
            at += new.len() as u64;
            told(Moving::More(new.len() as u64));
        }
    }
    Ok(same.is_empty().then_some(at))
}

/// Whether a part was written before the file of the server was last changed.
fn is_older(part: &std::fs::Metadata, modified: Option<Modified>) -> bool {
    use std::os::unix::fs::MetadataExt;
    modified.is_some_and(|it| it.precision == Precision::Second && part.mtime() < it.seconds)
}

fn is_no_rest(error: &Error) -> bool {
    error.kind() == Kind::Rejected && error.why().contains("REST")
}

/// Bring a file of a folder to the server; `part` is how much of it is there already under the name of a part.
pub(super) async fn send(
    ftp: &mut Ftp,
    remote: &[u8],
    folder: &Folder,
    name: &[u8],
    part: Option<u64>,
    mut told: impl FnMut(Moving),
) -> Result<()> {
    let (file, found) = folder.read(name)?;
    let (directory, remote_name) = split(remote);
    let on_its_way = joined(directory, &part_name(remote_name));
    let mut offset = part.filter(|part| *part <= found.size).unwrap_or(0);
    if offset > 0 && !is_same_there(ftp, &on_its_way, &file, offset).await? {
        offset = 0;
    }
    told(Moving::From(offset));
    let pushed = push(ftp, &on_its_way, &file, offset, &mut told).await;
    match pushed {
        Err(error) if offset > 0 && is_no_rest(&error) => {
            told(Moving::From(0));
            push(ftp, &on_its_way, &file, 0, &mut told).await?;
        }
        other => other?,
    }
    match ftp.size(&on_its_way).await {
        Ok(size) if size != found.size => {
            let why = format!("the server has {size} of {} bytes", found.size);
            return Err(
                Error::new(Kind::Protocol, Operation::Fetch, why).about(ftp.subject(remote))
            );
        }
        // A server that does not tell has confirmed it at least.
        Ok(_) => {}
        Err(error) if error.kind() == Kind::Rejected => {}
        Err(error) => return Err(error),
    }
    match ftp.rename(&on_its_way, remote).await {
        // Some servers give no file a name that is taken.
        Err(error) if error.kind() == Kind::Rejected => {
            ftp.delete(remote).await.map_err(|_| error)?;
            ftp.rename(&on_its_way, remote).await?;
        }
        other => other?,
    }
    if ftp.features().await?.has("MFMT") {
        match ftp.set_modified(remote, found.modified).await {
            Err(error) if error.kind() != Kind::Rejected => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Send a file from this byte on.
pub(super) async fn push(
    ftp: &mut Ftp,
    remote: &[u8],
    file: &File,
    offset: u64,
    told: &mut impl FnMut(Moving),
) -> Result<()> {
    let mut upload = ftp.put_from(remote, offset).await?;
    let (mut buffer, mut at) = (vec![0; BUFFER], offset);
    loop {
        let count = file
            .read_at(&mut buffer, at)
            .map_err(|error| Error::from_io(Operation::Read, error))?;
        if count == 0 {
            return upload.finish().await;
        }
        upload.write(&buffer[..count]).await?;
        at += count as u64;
        told(Moving::More(count as u64));
    }
}

/// Whether the last bytes of a part on the server are the same as here.
pub(super) async fn is_same_there(
    ftp: &mut Ftp,
    remote: &[u8],
    file: &File,
    length: u64,
) -> Result<bool> {
    let mut tail = vec![0; usize::try_from(length.min(COMPARED)).unwrap_or(0)];
    let begin = length - tail.len() as u64;
    file.read_exact_at(&mut tail, begin)
        .map_err(|error| Error::from_io(Operation::Read, error))?;
    let there = match ftp.get_from(remote, begin).await {
        Ok(download) => download.bytes(tail.len()).await,
        Err(error) => Err(error),
    };
    match there {
        Ok(there) => Ok(there == tail),
        Err(error) if matches!(error.kind(), Kind::Rejected | Kind::Protocol) => Ok(false),
        Err(error) => Err(error),
    }
}
