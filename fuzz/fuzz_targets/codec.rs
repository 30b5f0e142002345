//! Codecs and charsets: no bytes make us panic, no cut of them changes what comes out, and what was encoded comes back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::charset::{Charset, guess};
use sockeye::data::codec::{Codec, Options, decode, encode};

fuzz_target!(|input: (u8, u8, u8, &[u8])| {
    let (which, flags, cut, bytes) = input;
    let charsets = Charset::names().filter_map(|name| name.parse::<Codec>().ok());
    let codecs: Vec<Codec> = Codec::all().chain(charsets).collect();
    let codec = codecs[usize::from(which) % codecs.len()];
    let options = Options {
        lenient: flags & 1 != 0,
        padding: flags & 2 == 0,
        quotes: flags & 4 == 0,
        ascii: flags & 8 != 0,
        binary: flags & 16 != 0,
        wrap: usize::from(flags >> 5),
        ..Options::default()
    };
    guess(bytes);
    if let Ok(mut decoder) = codec.decoder(&options) {
        let mut parts = Vec::new();
        let (first, second) = bytes.split_at(bytes.len().min(usize::from(cut)));
        let result = decoder
            .push(first, &mut parts)
            .and_then(|()| decoder.push(second, &mut parts))
            .and_then(|()| decoder.finish(&mut parts));
        let whole = decode(codec, bytes, &options);
        assert_eq!(whole.is_ok(), result.is_ok());
        if let Ok(whole) = whole {
            assert_eq!(whole, parts);
        }
    }
    let text = encode(codec, bytes, &options);
    let gives_back = matches!(
        codec,
        Codec::Base64 | Codec::Base32 | Codec::Hex | Codec::Ascii85 | Codec::Base85 | Codec::Percent | Codec::Uuencode
    );
    if gives_back {
        let text = text.expect("every byte has a code");
        assert_eq!(decode(codec, &text, &options).expect("we wrote it"), bytes);
    }
});
