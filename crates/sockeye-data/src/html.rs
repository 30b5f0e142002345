//! HTML as browsers read it: a tree, CSS selectors, text, tables, links, entities.
//!
//! [`Document::parse`] builds the tree that the HTML standard prescribes, whatever the text is: there is no HTML that cannot be
//! read. Scripts do not run, so `<noscript>` is read as it is for a browser without them. The text is UTF-8; other charsets are
//! turned into it before ([`crate::charset`]).
//!
//! ```
//! use sockeye_data::html::{Document, Selector};
//!
//! let page = Document::parse("<title>News</title><p>One <a href=/1>more</a><p>Two")?;
//! let links = Selector::parse("p:has(a) > a[href]")?;
//! let link = page.select(&links).next().expect("one link");
//! assert_eq!((link.text().as_str(), link.attribute("href")), ("more", Some("/1")));
//! assert_eq!(page.text(), "One more\n\nTwo");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod build;
mod css;
mod element;
mod entity;
mod grid;
mod mapping;
mod reader;
mod select;
mod serialize;
mod sink;
mod table;
mod text;
mod tree;
mod writer;

pub use self::address::Base;
pub use self::build::Builder;
pub use self::element::{Element, Node};
pub use self::entity::{escape, unescape, unescape_attribute};
pub use self::reader::{Get, Pick, ReadOptions, Reader};
pub use self::select::{Selection, Selector, SelectorError};
pub use self::table::{Header, Span, Table, TableOptions};
pub use self::tree::Document;
pub use self::writer::{WriteOptions, Writer, to_string};

/// The name of the format in errors.
const FORMAT: &str = "html";

#[cfg(test)]
mod tests;
