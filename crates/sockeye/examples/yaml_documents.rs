//! Documents of YAML, one by one as they come: each becomes CBOR, and what is wrong with one does not stop the next.
//!
//! ```text
//! cargo run --example yaml_documents < manifests.yaml
//! ```

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example shows what it does"
)]

use std::io;

use sockeye::data::record::ReadRecords;
use sockeye::data::yaml::{ReadOptions, Reader};
use sockeye::data::{cbor, escape};

fn main() {
    let mut reader = Reader::new(io::stdin().lock(), &ReadOptions::default());
    loop {
        match reader.next_record() {
            Ok(Some(value)) => match cbor::to_vec(&value) {
                Ok(bytes) => println!("{} bytes: {}", bytes.len(), escape::escape(&bytes)),
                Err(error) => eprintln!("{error}"),
            },
            Ok(None) => break,
            Err(error) => eprintln!("{error}"),
        }
    }
}
