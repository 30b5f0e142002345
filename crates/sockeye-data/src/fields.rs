//! Values of header fields that clients and servers both read: one small file each, pure, without a clock.
//!
//! Readers of what others send are forgiving where nothing depends on it, and give `None` where a value makes no sense: a
//! header that cannot be read is treated as one that is not there.
//!
//! # Examples
//!
//! ```
//! use sockeye_data::fields::{Disposition, MediaType, date};
//!
//! let media = MediaType::parse(b"text/html; charset=\"utf-8\"").unwrap();
//! assert_eq!((media.essence(), media.charset()), ("text/html", Some("utf-8")));
//! assert_eq!(date::parse("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
//! let saved = Disposition::parse(b"attachment; filename=\"../../x.txt\"").and_then(|it| it.safe_name());
//! assert_eq!(saved.as_deref(), Some("x.txt"));
//! ```

pub use self::digest::Digests;
pub use self::disposition::Disposition;
pub use self::etag::ETag;
pub use self::file_name::{safe_file_name, url_file_name};
pub use self::media_type::MediaType;
pub use self::range::{ByteRange, ContentRange, RangeRequest};
pub use self::retry_after::RetryAfter;

pub mod date;
mod digest;
mod disposition;
mod etag;
mod file_name;
mod media_type;
mod parameters;
pub mod quality;
mod range;
mod retry_after;
pub mod structured;
