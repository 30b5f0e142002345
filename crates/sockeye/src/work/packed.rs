//! Results as bytes, for the time that they wait in the file of the spill. Only this process reads them again.

use std::io;
use std::time::Duration;

use bytes::Bytes;

use super::job::{Ending, Input, Outcome};
use super::outbox::Done;
use super::spill::Blob;

/// Append a result. What of its output is in the file already stays there and is not part of this.
pub(super) fn pack(done: &Done, stdout: &[u8], stderr: &[u8], into: &mut Vec<u8>) {
    let outcome = &done.outcome;
    let start = into.len();
    into.extend([0; 4]);
    into.extend(done.input.index.to_le_bytes());
    let (tag, number, text) = match &outcome.ending {
        Ending::Exited(status) => (0, i32::from(*status), ""),
        Ending::Killed(signal) => (1, *signal, ""),
        Ending::TimedOut => (2, 0, ""),
        Ending::NotFound(why) => (3, 0, why.as_str()),
        Ending::NotStarted(why) => (4, 0, why.as_str()),
        Ending::Failed(why) => (5, 0, why.as_str()),
        Ending::Canceled => (6, 0, ""),
    };
    into.push(tag);
    into.push(u8::from(done.recorded));
    into.push(u8::from(outcome.worker.is_some()));
    into.extend(number.to_le_bytes());
    for number in [
        outcome.attempts,
        outcome.deliveries,
        outcome.duplicates,
        outcome.lost_leases,
    ] {
        into.extend(number.to_le_bytes());
    }
    let took = u64::try_from(outcome.took.as_nanos()).unwrap_or(u64::MAX);
    into.extend(took.to_le_bytes());
    let worker = outcome.worker.as_deref().unwrap_or_default();
    for bytes in [
        text.as_bytes(),
        worker.as_bytes(),
        &done.input.bytes,
        stdout,
        stderr,
    ] {
        into.extend((bytes.len() as u64).to_le_bytes());
        into.extend(bytes);
    }
    let len = u32::try_from(into.len() - start - 4).unwrap_or(u32::MAX);
    into[start..start + 4].copy_from_slice(&len.to_le_bytes());
}

/// How many bytes a record has after its length, and the index of the result: from its first 12 bytes.
pub(super) fn head(bytes: &[u8]) -> io::Result<(usize, u64)> {
    let mut bytes = Unpack(bytes);
    let len = u32::from_le_bytes(bytes.array()?);
    Ok((len as usize, u64::from_le_bytes(bytes.array()?)))
}

/// The result in a record.
pub(super) fn unpack(bytes: &[u8]) -> io::Result<Done> {
    let mut bytes = Unpack(bytes);
    let _len: [u8; 4] = bytes.array()?;
    let index = u64::from_le_bytes(bytes.array()?);
    let [tag, recorded, has_worker] = bytes.array()?;
    let number = i32::from_le_bytes(bytes.array()?);
    let mut counts = [0; 4];
    for count in &mut counts {
        *count = u32::from_le_bytes(bytes.array()?);
    }
    let took = Duration::from_nanos(u64::from_le_bytes(bytes.array()?));
    let text = bytes.text()?;
    let worker = bytes.text()?;
    let input = bytes.bytes()?;
    let stdout = bytes.bytes()?;
    let stderr = bytes.bytes()?;
    let ending = match tag {
        0 => Ending::Exited(u8::try_from(number).map_err(|_| damaged())?),
        1 => Ending::Killed(number),
        2 => Ending::TimedOut,
        3 => Ending::NotFound(text),
        4 => Ending::NotStarted(text),
        5 => Ending::Failed(text),
        6 => Ending::Canceled,
        _ => return Err(damaged()),
    };
    let mut outcome = Outcome::new(ending);
    outcome.stdout = Blob::from(stdout);
    outcome.stderr = Blob::from(stderr);
    [
        outcome.attempts,
        outcome.deliveries,
        outcome.duplicates,
        outcome.lost_leases,
    ] = counts;
    outcome.took = took;
    outcome.worker = (has_worker == 1).then_some(worker);
    let input = Input {
        index,
        bytes: input,
    };
    Ok(Done {
        input,
        key: None,
        outcome,
        recorded: recorded == 1,
    })
}

struct Unpack<'a>(&'a [u8]);

impl Unpack<'_> {
    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(*array)
    }

    fn bytes(&mut self) -> io::Result<Bytes> {
        let len = u64::from_le_bytes(self.array()?);
        let len = usize::try_from(len).map_err(|_| damaged())?;
        let (bytes, rest) = self.0.split_at_checked(len).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(Bytes::copy_from_slice(bytes))
    }

    fn text(&mut self) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&self.bytes()?).into_owned())
    }
}

fn damaged() -> io::Error {
    io::Error::other("the temporary file of waiting results is damaged")
}
