//! Entrances for the fuzz targets. Not for programs: what stands here may change at any time.

use super::owners::fuzzing::facts;
use super::users::Users;
use super::{cgroups, diag, mounts};

/// Read a text as each of those that owners are found in, and check what must hold of any.
pub fn owner_texts(text: &[u8]) {
    facts(text);
    let _ = Users::parse(text).name(0);
    for mount in mounts::parse(text) {
        assert!(mount.point.as_os_str().len() <= text.len());
        let _ = mount.option("hidepid");
    }
    let path = String::from_utf8_lossy(text);
    if let Some(unit) = cgroups::unit(&path) {
        assert!(path.contains(unit) && !unit.contains('/'));
    }
    if let Some(container) = cgroups::container(&path) {
        assert!(path.contains(container.id) && container.short_id().len() <= container.id.len());
    }
}

/// A datagram of `sock_diag`, read as an answer about sockets of every family.
pub fn sock_diag(datagram: &[u8]) {
    let rows = diag::take(datagram);
    // Each message tells of one socket at most in each of nine ways; a message has a header.
    assert!(rows.len() <= 9 * datagram.len().div_ceil(16));
}

/// The text of a file of `/proc/net`, read as a list of sockets of every kind.
pub fn proc_net(text: &str) {
    assert!(diag::take_text(text).len() <= 3 * text.lines().count());
}
