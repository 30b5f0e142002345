//! Numbers as digits, written without an allocation: heads and logs have several of them for each request.

/// Append this number.
pub(super) fn write(out: &mut Vec<u8>, number: u64) {
    write_padded(out, number, 1);
}

/// Append this number with zeros before it, up to this many digits (20 at most).
pub(super) fn write_padded(out: &mut Vec<u8>, mut number: u64, least: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let most = at.saturating_sub(least);
    while number > 0 {
        at -= 1;
        // A remainder by ten is one digit, and no number has more than twenty.
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&digits[at.min(most)..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_format_does() {
        for number in [0, 1, 9, 10, 99, 100, 12_345, u64::MAX] {
            let mut out = Vec::new();
            write(&mut out, number);
            assert_eq!(out, number.to_string().as_bytes());
            out.clear();
            write_padded(&mut out, number, 3);
            assert_eq!(out, format!("{number:03}").as_bytes());
        }
    }
}
