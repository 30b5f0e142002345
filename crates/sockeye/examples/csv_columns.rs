//! What is in the columns of CSV: how many cells are empty, how many are numbers.
//!
//! ```text
//! printf 'id;zip;price\n1;02134;1,5\n2;;2.50\n' | cargo run -p sockeye --example csv_columns
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::io;

use sockeye::data::csv::{Ragged, ReadOptions, Reader, number};
use sockeye::data::record::{Error, ReadRecords};

fn main() -> Result<(), Error> {
    let options = ReadOptions {
        ragged: Ragged::Fill,
        ..ReadOptions::default()
    };
    let mut rows = Reader::new(io::stdin(), &options);
    println!("dialect: {}", rows.dialect()?.0);
    let names = rows.header()?.to_vec();
    let mut counts = vec![(0, 0, 0); names.len()];
    while let Some(row) = rows.next_record()? {
        for (name, (cells, empty, numbers)) in names.iter().zip(&mut counts) {
            let cell = row
                .get(name)
                .and_then(|cell| cell.as_str())
                .unwrap_or_default();
            *cells += 1;
            *empty += usize::from(cell.is_empty());
            *numbers += usize::from(number(cell).is_some());
        }
    }
    for (name, (cells, empty, numbers)) in names.iter().zip(counts) {
        println!("{name}: {cells} cells, {empty} empty, {numbers} numbers");
    }
    Ok(())
}
