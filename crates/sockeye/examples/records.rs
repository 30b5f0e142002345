//! Records of a file, read as they come: `cargo run --example records -- log.ndjson`, or of standard input.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use sockeye::data::json::{Framing, ReadOptions, Reader};
use sockeye::records::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1);
    let bytes = tokio::fs::File::open(path.unwrap_or("/dev/stdin".into())).await?;
    let options = ReadOptions {
        framing: Framing::Lines,
        ..ReadOptions::default()
    };
    let mut records = Records::new(bytes, move |bytes| Reader::new(bytes, &options));
    let (mut read, mut wrong) = (0, 0);
    while let Some(record) = records.next().await {
        match record {
            Ok(_) => read += 1,
            Err(error) => {
                wrong += 1;
                println!("{error}");
            }
        }
    }
    println!("{read} records, {wrong} errors");
    Ok(())
}
