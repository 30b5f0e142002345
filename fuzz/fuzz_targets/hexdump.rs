//! What the hex view shows of some bytes can be read back: each row has its offset, and the bytes in order.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use sockeye::Observer;
use sockeye::wire::hexdump::HexView;
use sockeye::wire::{ConnectionId, Direction, Side, Tap, Watch};

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("nobody panics")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fuzz_target!(|chunks: Vec<&[u8]>| {
    let shown = Shared::default();
    let view: Arc<dyn Observer> = Arc::new(HexView::new(Box::new(shown.clone())));
    let watch = Watch::new(view, ConnectionId(1), Side::Only, Instant::now());
    let tap = Tap::new(watch, "tcp", false);
    for chunk in &chunks {
        tap.data(Direction::Sent, chunk);
    }
    let text = shown.0.lock().expect("nobody panics").clone();
    let text = String::from_utf8(text).expect("a dump is text");
    let mut bytes = Vec::new();
    for line in text.lines() {
        // As `xxd -r` reads: an offset, a colon, pairs of digits up to two blanks.
        let Some((offset, rest)) = line.split_once(": ") else {
            continue;
        };
        let Ok(offset) = usize::from_str_radix(offset, 16) else {
            continue;
        };
        assert_eq!(offset, bytes.len());
        let hex = rest.split("  ").next().unwrap_or_default();
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        for pair in digits.chunks(2) {
            let pair = std::str::from_utf8(pair).expect("digits are text");
            bytes.push(u8::from_str_radix(pair, 16).expect("two digits"));
        }
    }
    assert_eq!(bytes, chunks.concat());
});
