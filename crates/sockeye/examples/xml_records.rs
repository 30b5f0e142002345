//! Records of an XML document of any size, one by one, as JSON lines.
//!
//! ```text
//! cargo run -p sockeye --example xml_records -- feed/item feed.xml
//! ```
//!
//! Without a file, a small feed that is written here is read.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::fs::File;
use std::io::Read;

use sockeye::data::json;
use sockeye::data::record::ReadRecords;
use sockeye::data::xml::{Path, ReadOptions, Reader};

const FEED: &str = "<feed>
  <item id='1'><title>One</title><tag>a</tag></item>
  <item id='2'><title>Two</title><tag>a</tag><tag>b</tag></item>
</feed>";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| "feed/item".to_owned());
    let read: Box<dyn Read> = match arguments.next() {
        Some(file) => Box::new(File::open(file)?),
        None => Box::new(FEED.as_bytes()),
    };
    let options = ReadOptions {
        records: Some(Path::parse(&path)?),
        // One tag is an array as well.
        list: vec!["tag".to_owned()],
        ..ReadOptions::default()
    };
    let mut reader = Reader::new(read, &options);
    while let Some(record) = reader.next_record()? {
        println!("{}", json::to_string(&record));
    }
    Ok(())
}
