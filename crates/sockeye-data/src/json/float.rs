//! Floats as jq writes them: the fewest digits that read back as the same number.

use std::io::Write as _;

/// Append a float: the shortest text that reads back as the same number, in the form of jq. What is no number is `null`, and
/// infinities are the largest numbers.
///
/// ```
/// use sockeye_data::json::write_float;
///
/// let text = |float| {
///     let mut out = Vec::new();
///     write_float(float, &mut out);
///     String::from_utf8(out).unwrap()
/// };
/// assert_eq!(text(3.0), "3");
/// assert_eq!(text(1e-5), "1e-05");
/// assert_eq!(text(f64::INFINITY), "1.7976931348623157e+308");
/// ```
pub fn write_float(float: f64, out: &mut Vec<u8>) {
    if float.is_nan() {
        out.extend_from_slice(b"null");
        return;
    }
    let float = float.clamp(f64::MIN, f64::MAX);
    // `-d.ddde-308`: the digits and the exponent are what the form is made of.
    let mut buffer = [0; 32];
    let mut rest = &mut buffer[..];
    write!(rest, "{float:e}").expect("a float has at most 24 characters");
    let length = 32 - rest.len();
    let scientific = &buffer[..length];
    let (negative, scientific) = match scientific.strip_prefix(b"-") {
        Some(positive) => (true, positive),
        None => (false, scientific),
    };
    let e = memchr::memchr(b'e', scientific).expect("there is an exponent");
    let exponent: i32 = std::str::from_utf8(&scientific[e + 1..])
        .ok()
        .and_then(|exponent| exponent.parse().ok())
        .expect("an exponent is a number");
    let (first, fraction) = (scientific[0], scientific.get(2..e).unwrap_or_default());
    if negative {
        out.push(b'-');
    }
    write_digits(first, fraction, exponent, out);
}

/// Append `first.fraction` times ten to the power of `exponent`.
fn write_digits(first: u8, fraction: &[u8], exponent: i32, out: &mut Vec<u8>) {
    let zeros = |count: i32| std::iter::repeat_n(b'0', usize::try_from(count).unwrap_or(0));
    let places = i32::try_from(fraction.len()).unwrap_or(i32::MAX);
    if exponent <= -5 || exponent > places + 15 {
        out.push(first);
        if !fraction.is_empty() {
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "e{sign}{:02}", exponent.abs()).expect("memory takes all that is written");
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend(zeros(-exponent - 1));
        out.push(first);
        out.extend_from_slice(fraction);
    } else {
        let whole = usize::try_from(exponent.min(places)).unwrap_or(0);
        out.push(first);
        out.extend_from_slice(&fraction[..whole]);
        out.extend(zeros(exponent - places));
        if whole < fraction.len() {
            out.push(b'.');
            out.extend_from_slice(&fraction[whole..]);
        }
    }
}

/// Append a whole number.
pub(super) fn write_int(int: i64, out: &mut Vec<u8>) {
    let mut buffer = [0; 20];
    let mut at = buffer.len();
    let mut rest = int.unsigned_abs();
    loop {
        at -= 1;
        // The remainder is one digit.
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if int < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&buffer[at..]);
}
