//! Forms: no bytes make us panic, and any cut of the input gives the same parts and contents.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::multipart::{Event, Limits, Multipart, MultipartError};

type Parts = Vec<(Vec<u8>, Option<Vec<u8>>, Vec<u8>)>;

fn read(form: &[u8], piece: usize) -> Result<(Parts, bool), MultipartError> {
    let mut reader = Multipart::new(b"X", Limits { parts: 8, head: 200, lines: 4 });
    let mut parts: Parts = Vec::new();
    for piece in form.chunks(piece) {
        reader.push(piece);
        while let Some(event) = reader.next()? {
            match event {
                Event::Part(part) => parts.push((part.name, part.file_name, Vec::new())),
                Event::Data(data) => parts.last_mut().expect("a part").2.extend(data),
                Event::End | Event::Done => {}
            }
        }
    }
    Ok((parts, reader.is_done()))
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, form) = input;
    assert_eq!(read(form, usize::from(piece) + 1), read(form, form.len().max(1)));
});
