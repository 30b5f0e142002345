//! Entrances for the fuzz targets. Not for programs: what stands here may change at any time.

use bytes::Bytes;
use sockeye_data::http1::Headers;

pub use super::connection::fuzzing::{http1_response, http2_response};
use super::decode::{Decoding, Plan, Taken};

/// What a body in these codings unfolds to, pushed in pieces of this size, up to 4 MiB; an error is what it says.
pub fn undo(codings: &str, body: &[u8], cut: usize) -> Result<Vec<u8>, String> {
    let mut headers = Headers::new();
    let added = headers.append("Content-Encoding", codings);
    added.map_err(|error| error.to_string())?;
    let limits = Decoding::default().max_ratio(u64::MAX).max_size(4 << 20);
    let plan = Plan::new(200, &headers, &limits).map_err(|error| error.to_string())?;
    let Plan::Undo(mut decoder) = plan else {
        return Ok(body.to_vec());
    };
    let mut cuts = body.chunks(cut.max(1));
    let mut out = Vec::new();
    loop {
        match decoder.take().map_err(|error| error.to_string())? {
            Taken::Piece(bytes) => out.extend_from_slice(&bytes),
            Taken::Over => return Ok(out),
            Taken::Hungry => match cuts.next() {
                Some(bytes) => decoder.push(Bytes::copy_from_slice(bytes)),
                None => decoder.end(),
            },
        }
    }
}
