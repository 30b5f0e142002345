//! Zones of link-local addresses (RFC 4007 section 11): interfaces by name or number.

use nix::net::if_::if_nametoindex;

/// The index of the interface that a zone means, if this machine has it. A number is taken as it is.
pub(crate) fn index(zone: &str) -> Option<u32> {
    if let Ok(number) = zone.parse::<u32>() {
        return (number != 0).then_some(number);
    }
    // A name with a NUL inside cannot be asked for; the call refuses it.
    if_nametoindex(zone).ok()
}
