//! Carriers: what bytes travel on, one file each.

pub(crate) mod tcp;
