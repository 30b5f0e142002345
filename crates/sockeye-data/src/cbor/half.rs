//! Floats of 16 bits (IEEE 754 binary16), which CBOR has and the language has not.

/// The value of 16 bits.
pub(super) fn decode(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let mantissa = f64::from(bits & 0x3ff);
    sign * match exponent {
        0 => mantissa * 2_f64.powi(-24),
        31 if bits & 0x3ff == 0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (mantissa + 1024.0) * 2_f64.powi(exponent - 25),
    }
}

/// The 16 bits of a value that they hold exactly.
pub(super) fn encode(value: f64) -> Option<u16> {
    let sign = if value.is_sign_negative() { 0x8000 } else { 0 };
    let size = value.abs();
    let bits = if size.is_nan() {
        return Some(0x7e00);
    } else if size.is_infinite() {
        0x7c00
    } else if size < 2_f64.powi(-14) {
        // Without an implied bit: steps of 2^-24.
        (size * 2_f64.powi(24)) as u16
    } else if size < 65_536.0 {
        let exponent = (size.to_bits() >> 52) as i32 - 1023;
        let mantissa = (size.to_bits() >> 42 & 0x3ff) as u16;
        ((exponent + 15) as u16) << 10 | mantissa
    } else {
        return None;
    };
    (decode(sign | bits) == value).then_some(sign | bits)
}
