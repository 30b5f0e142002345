//! Entrances for the fuzz targets. Not for programs: what stands here may change at any time.

use super::owners::fuzzing::facts;
use super::users::Users;
use super::{cgroups, mounts};

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
