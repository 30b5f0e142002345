//! Entrances for the fuzz targets. Not for programs: what stands here may change at any time.

pub use super::nats::fuzzing::message;
