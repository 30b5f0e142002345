//! Mail (RFC 5322, MIME) and mbox (RFC 4155) as records, with text, parts and attachments; and back.
//!
//! A message is a record: `from`, `to`, `cc` and their kin as lists of `{"name", "address"}`, `subject`, `date` (ISO 8601 with the
//! sender's offset), `message-id`, `text`, `html`, `attachments`, `headers` (all, decoded, in order; those that come again are
//! arrays) and `parts`, the tree of what it was made of. Line breaks of text are LF.
//!
//! ```
//! use sockeye_data::mail;
//!
//! let message = mail::parse(b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\nSubject: Hi\r\n\r\nHello\r\n")?;
//! let from = &message.get("from").and_then(|from| from.as_array()).expect("a list")[0];
//! assert_eq!(from.get("name").and_then(|name| name.as_str()), Some("Jürgen"));
//! assert_eq!(message.get("text").and_then(|text| text.as_str()), Some("Hello\n"));
//! let written = mail::to_vec(&message)?;
//! assert!(written.starts_with(b"From: =?UTF-8?B?SsO8cmdlbg==?= <j@example.org>\r\n"));
//! # Ok::<(), sockeye_data::record::Error>(())
//! ```

mod entity;
mod header;
mod mbox;
mod name;
mod reader;
mod transfer;
mod words;
mod writer;

pub use self::name::safe_name;
pub use self::reader::{Kind, ReadOptions, Reader, parse};
pub use self::writer::{WriteOptions, Writer, to_vec};

/// The name of the format in errors.
const FORMAT: &str = "mail";

#[cfg(test)]
mod tests;
