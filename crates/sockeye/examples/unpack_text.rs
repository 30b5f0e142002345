//! Text out of whatever file: the compression is recognised, the charset guessed, and UTF-8 comes out, in constant memory.
//!
//! ```text
//! cargo run -p sockeye --example unpack_text -- old-report.csv.gz
//! ```

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example shows what it does"
)]

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use sockeye::data::charset::{self, OnInvalid};
use sockeye::data::compress;
use sockeye::data::record::Limits;

fn main() -> io::Result<()> {
    let Some(path) = std::env::args().nth(1) else {
        println!("usage: unpack_text FILE");
        return Ok(());
    };
    let mut file = BufReader::with_capacity(64 << 10, File::open(&path)?);
    let bytes: Box<dyn Read> = match compress::recognise(file.fill_buf()?) {
        Some(compression) => {
            eprintln!("{path} is compressed: {compression}");
            Box::new(compress::reader(compression, file, &Limits::default()))
        }
        None => Box::new(file),
    };
    let mut bytes = BufReader::with_capacity(64 << 10, bytes);
    let guess = charset::guess(bytes.fill_buf()?);
    eprintln!("its charset is {}: {}", guess.charset, guess.why);
    let mut text = charset::reader(Some(guess.charset), bytes, OnInvalid::Replace);
    io::copy(&mut text, &mut io::stdout().lock())?;
    Ok(())
}
