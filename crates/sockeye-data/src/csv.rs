//! CSV and TSV (RFC 4180): dialects, sniffing, ragged rows, and columns from records.
//!
//! [`Reader`] turns rows into objects by their header, [`Writer`] turns records into rows and knows the columns of all of them.
//! [`Cutter`] says where a file may be cut between rows, so that many can work on it; [`Encoder`] and [`Join`] bring what they
//! made together again. Cells are text: only the caller can ask for numbers.
//!
//! ```
//! use sockeye_data::csv::{ReadOptions, Reader, WriteOptions, Writer};
//! use sockeye_data::record::{ReadRecords, WriteRecords};
//!
//! let mut reader = Reader::new(&b"id;zip\n1;02134\n"[..], &ReadOptions::default());
//! let mut writer = Writer::new(&WriteOptions::default());
//! let mut out = Vec::new();
//! while let Some(record) = reader.next_record().unwrap() {
//!     assert_eq!(record.get("zip").and_then(|zip| zip.as_str()), Some("02134"));
//!     writer.write_record(&record, &mut out).unwrap();
//! }
//! writer.finish(&mut out).unwrap();
//! assert_eq!(out, b"id,zip\n1,02134\n");
//! ```

mod begin;
mod cell;
mod cut;
mod dialect;
mod direct;
mod encode;
mod header;
mod infer;
mod join;
mod nested;
mod raw;
mod read;
mod sniff;
mod split;
#[cfg(test)]
mod tests;
mod write;

pub use begin::{Begun, begin};
pub use cut::Cutter;
pub use dialect::{Dialect, LineEnd};
pub use direct::Direct;
pub use encode::{Encoder, Rows};
pub use header::Header;
pub use infer::number;
pub use join::{Join, Spill, SpillFile};
pub use read::{Ragged, ReadOptions, Reader};
pub use sniff::{SNIFFED_BYTES, Sniffed, sniff};
pub use write::{Columns, Nested, Quotes, WriteOptions, Writer};

/// What the format is called in errors.
const FORMAT: &str = "csv";
