//! Entrances for the fuzz targets. Not for programs: what stands here may change at any time.

#[cfg(feature = "tls")]
pub use super::layer::tls::fuzzing::{certificate, pem};
pub use super::resolve::fuzzing::{answer, files};
pub use super::resolve::query::fuzzing::{query_answer, query_words};
#[cfg(feature = "tls")]
pub use super::resolve::query::https::fuzzing::http1_answer;
