//! Where the other connection is to be: answers to PASV and EPSV, arguments of PORT and EPRT.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use super::fault::{Fault, quoted};
use super::reply::Reply;

/// The address in an answer to `PASV` (227, RFC 959 section 4.1.2).
///
/// The six numbers are looked for behind the code, with or without brackets, for servers differ (RFC 1123 section 4.1.2.6).
/// Who connects to it should use the port and not the address: a server that names another machine has a wrong setting, or
/// wants to know what that machine answers.
///
/// # Errors
///
/// If there are no six numbers, or the port is 0.
pub fn passive(reply: &Reply) -> Result<SocketAddrV4, Fault> {
    const RULE: &str = "RFC 959 section 4.1.2";
    let text = reply.last();
    let no_address = || {
        let what = format!("no address in the answer to PASV: {}", quoted(text));
        Fault::syntax(what, RULE)
    };
    let starts = (0..text.len())
        .filter(|&at| text[at].is_ascii_digit() && (at == 0 || !text[at - 1].is_ascii_digit()));
    let [a, b, c, d, high, low] = starts
        .filter_map(|at| six_numbers(&text[at..]))
        .next()
        .ok_or_else(no_address)?;
    let port = u16::from_be_bytes([high, low]);
    if port == 0 {
        return Err(Fault::syntax("port 0 in the answer to PASV", RULE));
    }
    Ok(SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port))
}

/// Six numbers of 0 to 255 with commas between them, at the start of this text.
fn six_numbers(text: &[u8]) -> Option<[u8; 6]> {
    let mut numbers = [0; 6];
    let mut rest = text;
    for (which, number) in numbers.iter_mut().enumerate() {
        if which > 0 {
            rest = rest.strip_prefix(b",")?;
        }
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, after) = rest.split_at(length);
        // At most three digits, so neither `0000000001` nor anything long is looked at.
        *number = std::str::from_utf8(digits.get(..length.min(4))?)
            .ok()?
            .parse()
            .ok()?;
        rest = after;
    }
    Some(numbers)
}

/// The port in an answer to `EPSV` (229, RFC 2428 section 3): `(|||6446|)`.
///
/// # Errors
///
/// If there is none, or it is 0.
pub fn extended_passive(reply: &Reply) -> Result<u16, Fault> {
    const RULE: &str = "RFC 2428 section 3";
    let text = reply.last();
    let port = text
        .iter()
        .position(|&byte| byte == b'(')
        .and_then(|at| port_between(&text[at + 1..]));
    match port {
        Some(0) => Err(Fault::syntax("port 0 in the answer to EPSV", RULE)),
        Some(port) => Ok(port),
        None => {
            let what = format!("no port in the answer to EPSV: {}", quoted(text));
            Err(Fault::syntax(what, RULE))
        }
    }
}

/// The port in `|||6446|)`; any printable byte may take the place of the bar.
fn port_between(text: &[u8]) -> Option<u16> {
    let (&bar, _) = text.split_first()?;
    if !matches!(bar, 33..=126) || bar.is_ascii_digit() {
        return None;
    }
    let rest = text.strip_prefix(&[bar, bar, bar][..])?;
    let end = rest.iter().position(|&byte| byte == bar)?;
    let (digits, rest) = rest.split_at(end);
    let is_number = (1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    if !is_number || rest.get(1) != Some(&b')') {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The argument of `PORT` (RFC 959 section 4.1.2): `192,0,2,7,19,137`.
///
/// # Examples
///
/// ```
/// assert_eq!(sockeye_data::ftp::port("192.0.2.7:5001".parse().unwrap()), "192,0,2,7,19,137");
/// ```
pub fn port(address: SocketAddrV4) -> String {
    let [a, b, c, d] = address.ip().octets();
    let [high, low] = address.port().to_be_bytes();
    format!("{a},{b},{c},{d},{high},{low}")
}

/// The argument of `EPRT` (RFC 2428 section 2): `|2|2001:db8::7|5001|`.
///
/// # Examples
///
/// ```
/// assert_eq!(sockeye_data::ftp::extended_port("[::1]:5001".parse().unwrap()), "|2|::1|5001|");
/// ```
pub fn extended_port(address: SocketAddr) -> String {
    let family = match address.ip() {
        IpAddr::V4(_) => 1,
        IpAddr::V6(_) => 2,
    };
    format!("|{family}|{}|{}|", address.ip(), address.port())
}
