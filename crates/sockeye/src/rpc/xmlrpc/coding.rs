//! gzip around documents, as Python's server has it: answers that are worth it, requests within a bound.

use std::io::{Read, Write};

use bytes::Bytes;
use sockeye_data::compress::{Compression, reader, writer};
use sockeye_data::fields::quality;
use sockeye_data::http1::Headers;
use sockeye_data::record::{Error, ErrorKind, Limits};

/// How a request is encoded.
pub(super) enum Coded {
    Plain,
    Gzip,
    /// In a way that nobody here knows.
    Other(String),
}

/// What `Content-Encoding` says.
pub(super) fn coded(headers: &Headers) -> Coded {
    let names: Vec<String> = headers
        .list("content-encoding")
        .map(|name| String::from_utf8_lossy(name).to_ascii_lowercase())
        .filter(|name| !name.is_empty() && name != "identity")
        .collect();
    match names.as_slice() {
        [] => Coded::Plain,
        [name] if name == "gzip" || name == "x-gzip" => Coded::Gzip,
        _ => Coded::Other(names.join(", ")),
    }
}

/// Whether the client takes gzip.
pub(super) fn takes_gzip(headers: &Headers) -> bool {
    headers.contains("accept-encoding")
        && quality::of(&quality::parse(headers, "accept-encoding"), "gzip") > 0
}

/// The plain bytes of a request; the status and the reason if there are none. How many there are is counted before they are kept, so
/// that what is refused costs no memory.
pub(super) fn inflated(packed: &[u8], most: u64) -> Result<Bytes, (u16, String)> {
    let limits = Limits {
        ratio: u64::MAX,
        inflated: most,
        ..Limits::default()
    };
    let unpack = || reader(Compression::Gzip, packed, &limits);
    let refused = |error: std::io::Error| {
        let error = Error::io("gzip", &error);
        match error.kind() {
            ErrorKind::Limit => (413, format!("the call has more than {most} bytes")),
            _ => (400, format!("the body is not gzip: {}", error.why())),
        }
    };
    let length = std::io::copy(&mut unpack(), &mut std::io::sink()).map_err(refused)?;
    // The bound is on memory, which has so many addresses.
    let mut plain = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    unpack().read_to_end(&mut plain).map_err(refused)?;
    Ok(plain.into())
}

/// These bytes in gzip, quickly, as Python has it.
pub(super) fn packed(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut writer = writer(
        Compression::Gzip,
        Some(1),
        Vec::with_capacity(plain.len() / 4),
    )?;
    writer.write_all(plain)?;
    writer.finish()
}
