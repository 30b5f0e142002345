//! Events other than data, in words: one line of text without its line end.

use std::fmt::Write;

use sockeye_data::escape::escape_str;

use super::event::{Direction, What};

/// How many addresses of a name are listed.
const MAX_ADDRESSES: usize = 16;

/// Append what happened in words; `false` if it is not to be said in words (data) or not to be shown (secrets).
pub(super) fn describe(what: &What<'_>, out: &mut String) -> bool {
    // Writing to a `String` cannot fail, so results are dropped.
    let _ = match what {
        What::Data(..) | What::Secret { .. } => return false,
        What::Resolving { name } => write!(out, "resolving {}", escape_str(name)),
        What::Resolved {
            name,
            addresses,
            source,
        } => {
            let _ = write!(out, "resolved {} to ", escape_str(name));
            for (index, address) in addresses.iter().take(MAX_ADDRESSES).enumerate() {
                let comma = if index > 0 { ", " } else { "" };
                let _ = write!(out, "{comma}{address}");
            }
            match addresses.len() {
                0 => out.push_str("no address"),
                n if n > MAX_ADDRESSES => {
                    let _ = write!(out, " and {} more", n - MAX_ADDRESSES);
                }
                _ => {}
            }
            write!(out, " ({})", escape_str(source))
        }
        What::Connecting { address } => write!(out, "connecting to {address}"),
        What::AttemptFailed { address, error } => {
            write!(
                out,
                "attempt at {address} failed: {}",
                escape_str(error.why())
            )
        }
        What::Connected { local, peer } => {
            out.push_str("connected");
            if let Some(peer) = peer {
                let _ = write!(out, " {}", escape_str(&peer.to_string()));
            }
            match local {
                Some(local) => write!(out, " from {}", escape_str(&local.to_string())),
                None => Ok(()),
            }
        }
        What::Handshake { agreed } => write!(out, "agreed on {}", escape_str(agreed)),
        What::HalfClosed(Direction::Sent) => write!(out, "end sent"),
        What::HalfClosed(Direction::Received) => write!(out, "end received"),
        What::Closed { exit: None } => write!(out, "closed"),
        // `ExitStatus` prints as "exit status: 3" or "signal: 9 (SIGKILL)".
        What::Closed { exit: Some(exit) } => write!(out, "closed, {exit}"),
        What::Failed(error) => write!(out, "failed: {}", escape_str(&error.to_string())),
    };
    true
}

/// `1 byte`, `18 bytes`.
pub(super) fn byte_unit(count: usize) -> &'static str {
    if count == 1 { " byte" } else { " bytes" }
}
