//! The entrance for the fuzz target `proc_owner`.

use super::facts::{Stat, cgroup};

/// Read a text as `/proc/PID/stat` and as `/proc/PID/cgroup`.
pub(crate) fn facts(text: &[u8]) {
    if let Some(stat) = Stat::parse(text) {
        assert!(stat.name.len() < text.len());
    }
    let _ = cgroup(text);
}
