//! What a selector picks in a page, and where its links lead, as JSON lines.
//!
//! ```text
//! cargo run -p sockeye --example html_links -- 'td > a' page.html
//! ```
//!
//! Without a file, a small page that is written here is read.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use sockeye::data::html::{Document, Selector};
use sockeye::data::json;

const PAGE: &str = "<base href=https://example.org/><ul><li><a href=1>One</a><li>no link<li><a href=2>Two</a></ul>";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let selector: Selector = arguments.next().as_deref().unwrap_or("li:has(a)").parse()?;
    let text = match arguments.next() {
        Some(file) => std::fs::read_to_string(file)?,
        None => PAGE.to_owned(),
    };
    let page = Document::parse(&text)?;
    for element in page.select(&selector) {
        println!("{}", json::to_string(&element.to_record(None)));
    }
    let base = page.base(None);
    for link in page.links(base.as_ref()) {
        println!("{}", json::to_string(&link));
    }
    Ok(())
}
