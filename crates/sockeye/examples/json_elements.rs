//! Read one huge JSON value element by element, in the memory of one element: `json_elements .items[] < big.json`.

use std::io::{self, Write as _};

use sockeye::data::json::{self, Elements, ReadOptions, Reader};
use sockeye::data::record::ReadRecords as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| ".[]".to_owned());
    let elements: Elements = path.parse()?;
    let options = ReadOptions {
        elements: Some(elements),
        ..ReadOptions::default()
    };
    let mut reader = Reader::new(io::stdin().lock(), &options);
    let mut out = Vec::new();
    while let Some(element) = reader.next_record()? {
        out.clear();
        json::write(&element, &mut out);
        out.push(b'\n');
        io::stdout().write_all(&out)?;
    }
    Ok(())
}
