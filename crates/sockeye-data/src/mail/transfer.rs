//! Transfer encodings of bodies (RFC 2045): base64 and quoted-printable, read leniently, written strictly.

use data_encoding::{BASE64, BASE64_NOPAD};

/// Bytes from base64; what is no base64 is left out, as readers of mail do. The second value says whether there was such.
pub(super) fn from_base64(text: &[u8]) -> (Vec<u8>, bool) {
    let is_letter = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let mut letters: Vec<u8> = Vec::with_capacity(text.len());
    let mut odd = false;
    for byte in text {
        match byte {
            byte if is_letter(byte) => letters.push(*byte),
            b'=' | b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => odd = true,
        }
    }
    if letters.len() % 4 == 1 {
        letters.pop();
        odd = true;
    }
    // Bits that are left over in the last letter have no meaning.
    if let (rest @ 2..=3, Some(last)) = (letters.len() % 4, letters.last_mut()) {
        *last = without_rest(*last, if rest == 2 { 4 } else { 2 });
    }
    (BASE64_NOPAD.decode(&letters).unwrap_or_default(), odd)
}

fn without_rest(letter: u8, bits: u32) -> u8 {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = LETTERS
        .iter()
        .position(|known| *known == letter)
        .unwrap_or(0);
    LETTERS[(value >> bits) << bits]
}

/// Base64 in lines of 76 letters.
pub(super) fn to_base64(bytes: &[u8], out: &mut Vec<u8>) {
    for piece in bytes.chunks(57) {
        out.extend_from_slice(BASE64.encode(piece).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// Bytes from quoted-printable; an `=` that begins nothing stays.
pub(super) fn from_quoted_printable(text: &[u8]) -> (Vec<u8>, bool) {
    let (mut out, mut odd) = (Vec::with_capacity(text.len()), false);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let end = line.len()
            - line
                .iter()
                .rev()
                .take_while(|b| matches!(b, b'\r' | b'\n'))
                .count();
        let (words, end_of_line) = line.split_at(end);
        let blanks = words
            .iter()
            .rev()
            .take_while(|b| matches!(b, b' ' | b'\t'))
            .count();
        let words = &words[..words.len() - blanks];
        let (words, is_soft) = match words.strip_suffix(b"=") {
            Some(words) => (words, true),
            None => (words, false),
        };
        odd |= unquote(words, &mut out);
        if !is_soft {
            out.extend_from_slice(end_of_line);
        }
    }
    (out, odd)
}

fn unquote(words: &[u8], out: &mut Vec<u8>) -> bool {
    let (mut at, mut odd) = (0, false);
    while at < words.len() {
        let pair = words.get(at + 1).zip(words.get(at + 2));
        let value = pair.and_then(|(high, low)| {
            let digit = |byte: &u8| char::from(*byte).to_digit(16);
            Some((digit(high)? << 4 | digit(low)?) as u8)
        });
        match (words[at], value) {
            (b'=', Some(value)) => {
                out.push(value);
                at += 3;
            }
            (byte, _) => {
                odd |= byte == b'=';
                out.push(byte);
                at += 1;
            }
        }
    }
    odd
}

/// Quoted-printable of text whose lines end in LF; written in lines of up to 76 bytes that end in CRLF. Text that does not end
/// in a line break ends in a soft one.
pub(super) fn to_quoted_printable(text: &str, out: &mut Vec<u8>) {
    for line in text.split_inclusive('\n') {
        let (line, ends) = match line.strip_suffix('\n') {
            Some(line) => (line, true),
            None => (line, false),
        };
        let mut width = 0;
        let bytes = line.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            let is_last = at + 1 == bytes.len();
            let plain = match byte {
                b' ' | b'\t' => !is_last,
                // `From ` and a lone dot at the start would be changed on the way.
                b'F' | b'.' if at == 0 => false,
                b'!'..=b'~' => *byte != b'=',
                _ => false,
            };
            let size = if plain { 1 } else { 3 };
            if width + size > 75 {
                out.extend_from_slice(b"=\r\n");
                width = 0;
            }
            match plain {
                true => out.push(*byte),
                false => out.extend_from_slice(format!("={byte:02X}").as_bytes()),
            }
            width += size;
        }
        out.extend_from_slice(if ends { b"\r\n" } else { b"=\r\n" });
    }
}
