//! Which cells are numbers: only those that come back as they were, whoever reads them.

use crate::value::Number;

/// Digits that a 64-bit float keeps.
const KEPT_DIGITS: usize = 15;

/// The number that a cell is, if it is one that every reader keeps: digits as JSON writes them (RFC 8259, section 6), without an
/// exponent, with 15 significant digits at most, and no `-0`. Codes such as `02134`, `1e5` and `+1` stay text.
///
/// ```
/// use sockeye_data::csv::number;
///
/// assert_eq!(number("-1.50").unwrap().to_string(), "-1.50");
/// assert_eq!(number("02134"), None);
/// ```
pub fn number(cell: &str) -> Option<Number> {
    let bytes = cell.as_bytes();
    let first = *bytes.first()?;
    if !(first.is_ascii_digit() || first == b'-') || bytes.len() > KEPT_DIGITS + 3 {
        return None;
    }
    let mut significant = 0;
    for byte in bytes {
        match byte {
            b'0' if significant == 0 => {}
            b'0'..=b'9' => significant += 1,
            b'-' | b'.' => {}
            _ => return None,
        }
    }
    // `-0`, `-0.00`: a minus that readers drop.
    if significant > KEPT_DIGITS || (first == b'-' && significant == 0) {
        return None;
    }
    Number::from_json_text(cell)
}
