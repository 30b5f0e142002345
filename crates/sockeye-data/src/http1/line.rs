//! One header line (RFC 9112 section 5), and where lines end.

use super::error::{Error, quoted};
use super::syntax::{is_blank, is_token_byte, is_value_byte};

/// Where the parts of a line are, in bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) name_end: usize,
    pub(super) value_start: usize,
    pub(super) value_end: usize,
}

/// Parse one line without its line end.
pub(super) fn parse(line: &[u8]) -> Result<Line, Error> {
    const RULE: &str = "RFC 9112 section 5";
    let name_end = line
        .iter()
        .position(|&byte| !is_token_byte(byte))
        .unwrap_or(line.len());
    match line.get(name_end) {
        Some(b':') if name_end > 0 => {}
        Some(b':') => return Err(Error::syntax(0, "a header line without a name", RULE)),
        Some(b' ' | b'\t') if name_end == 0 => {
            let what =
                "a header line that begins with a blank (an old way to go on with the line above)";
            return Err(Error::syntax(0, what, "RFC 9112 section 5.2"));
        }
        Some(b' ' | b'\t') if after_blanks(line, name_end) == Some(b':') => {
            let what = format!("a blank before the colon of {}", quoted(&line[..name_end]));
            return Err(Error::syntax(name_end, what, "RFC 9112 section 5.1"));
        }
        Some(_) if line.contains(&b':') => {
            let what = format!("{} in the name of a header", byte_name(line[name_end]));
            return Err(Error::syntax(name_end, what, "RFC 9110 section 5.1"));
        }
        _ => {
            let what = format!("a header line without a colon: {}", quoted(line));
            return Err(Error::syntax(name_end, what, RULE));
        }
    }
    let mut value_start = name_end + 1;
    while line.get(value_start).copied().is_some_and(is_blank) {
        value_start += 1;
    }
    if let Some(at) = line[value_start..]
        .iter()
        .position(|&byte| !is_value_byte(byte))
    {
        let what = format!(
            "{} in the value of the header {}",
            control_name(line[value_start + at]),
            quoted(&line[..name_end])
        );
        return Err(Error::syntax(
            value_start + at,
            what,
            "RFC 9110 section 5.5",
        ));
    }
    let mut value_end = line.len();
    while value_end > value_start && is_blank(line[value_end - 1]) {
        value_end -= 1;
    }
    Ok(Line {
        name_end,
        value_start,
        value_end,
    })
}

fn after_blanks(line: &[u8], from: usize) -> Option<u8> {
    line[from..].iter().copied().find(|&byte| !is_blank(byte))
}

/// A control byte in words.
pub(super) fn control_name(byte: u8) -> String {
    match byte {
        b'\r' | b'\n' => "a line break".to_owned(),
        0 => "a NUL".to_owned(),
        other => format!("the control byte 0x{other:02x}"),
    }
}

/// A byte that should not be there, in words.
pub(super) fn byte_name(byte: u8) -> String {
    match byte {
        b' ' => "a blank".to_owned(),
        0x21..=0x7e => format!("`{}`", char::from(byte)),
        0x80.. => format!("the byte 0x{byte:02x}"),
        control => control_name(control),
    }
}

/// The end of the first line in these bytes: its length without the line end, the length of that, and whether that was
/// a bare line feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineEnd {
    pub(super) length: usize,
    pub(super) next: usize,
    pub(super) is_bare: bool,
}

/// Look for the end of the line that starts at 0; bytes before `from` hold no line feed.
///
/// A carriage return that is followed by something other than a line feed is an error by itself: it is a line end to
/// some readers.
pub(super) fn find_end(bytes: &[u8], from: usize) -> Result<Option<LineEnd>, Error> {
    // The last byte looked at may have been a carriage return.
    let from = from.saturating_sub(1);
    let Some(at) = bytes[from..]
        .iter()
        .position(|&byte| byte == b'\n' || byte == b'\r')
        .map(|at| at + from)
    else {
        return Ok(None);
    };
    match (bytes[at], bytes.get(at + 1)) {
        (b'\n', _) => Ok(Some(LineEnd {
            length: at,
            next: at + 1,
            is_bare: true,
        })),
        (_, Some(b'\n')) => Ok(Some(LineEnd {
            length: at,
            next: at + 2,
            is_bare: false,
        })),
        (_, Some(_)) => Err(Error::syntax(
            at,
            "a carriage return without a line feed",
            "RFC 9112 section 2.2",
        )),
        (_, None) => Ok(None),
    }
}

/// The error for a bare line feed at this place.
pub(super) fn bare(offset: usize) -> Error {
    Error::syntax(
        offset,
        "a line that ends in a bare line feed",
        "RFC 9112 section 2.2",
    )
}
