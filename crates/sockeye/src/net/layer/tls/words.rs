//! Small pieces of text for error messages: dates, spans, names and bytes that a peer chose, made harmless.

use std::net::IpAddr;

/// Names shown of a certificate that has many.
const MAX_NAMES: usize = 5;

/// Characters shown of a text that the peer chose.
const MAX_CHARS: usize = 100;

/// A text that the peer chose, harmless on a terminal and of bounded length.
pub(super) fn shown(text: &str) -> String {
    let mut out = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == MAX_CHARS {
            out.push_str("...");
            break;
        }
        // Beside control characters, those that reorder or hide text.
        if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// The names in a certificate, from webpki's `DnsName("a")` and `IpAddress(192.0.2.1)`.
pub(super) fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        return "no name at all".to_owned();
    }
    let mut list: Vec<String> = presented
        .iter()
        .take(MAX_NAMES)
        .map(|name| shown(bare(name)))
        .collect();
    if presented.len() > MAX_NAMES {
        list.push(format!("{} more", presented.len() - MAX_NAMES));
    }
    let last = list.pop().unwrap_or_default();
    if list.is_empty() {
        last
    } else {
        format!("{} and {last}", list.join(", "))
    }
}

fn bare(name: &str) -> &str {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

/// Whether these first bytes of a peer may belong to a TLS record (RFC 8446 section 5.1).
pub(super) fn speaks_tls(head: &[u8]) -> bool {
    match head {
        [] => true,
        [kind] => (20..=24).contains(kind),
        [kind, major, ..] => (20..=24).contains(kind) && *major == 3,
    }
}

/// Which protocol greets like this.
pub(super) fn guess(head: &[u8]) -> Option<&'static str> {
    const GREETINGS: [(&[u8], &str); 16] = [
        (b"220", "FTP or SMTP"),
        (b"SSH-", "SSH"),
        (b"HTTP/", "HTTP"),
        (b"GET ", "HTTP"),
        (b"HEAD ", "HTTP"),
        (b"POST ", "HTTP"),
        (b"PUT ", "HTTP"),
        (b"OPTIONS ", "HTTP"),
        (b"CONNECT ", "HTTP"),
        (b"PRI * ", "HTTP/2"),
        (b"+OK", "POP3"),
        (b"* OK", "IMAP"),
        (b"RFB ", "VNC"),
        (b"PROXY ", "the PROXY protocol"),
        (b"EHLO ", "SMTP"),
        (b"-ERR", "POP3 or Redis"),
    ];
    GREETINGS
        .iter()
        .find(|(greeting, _)| head.starts_with(greeting))
        .map(|(_, what)| *what)
}

/// The day of a time in seconds since 1970: `2026-11-22`.
pub(super) fn date(seconds: u64) -> String {
    let mut day = seconds / 86_400;
    let mut year = 1970;
    loop {
        let length = 365 + u64::from(is_leap(year));
        // Certificates end in 9999 at the latest; the bound keeps a wrong clock from counting for ever.
        if day < length || year == 9999 {
            break;
        }
        day -= length;
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", day + 1)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// A span of time in its largest sensible unit: `3 days`.
pub(super) fn ago(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// A host name or address without what only resolving needs: the last dot of a full name.
pub(super) fn certificate_name(name: &str) -> &str {
    if name.parse::<IpAddr>().is_ok() {
        return name;
    }
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(951_782_400), "2000-02-29");
        assert_eq!(date(1_735_689_599), "2024-12-31");
        assert_eq!(date(1_735_689_600), "2025-01-01");
        assert_eq!(date(1_795_305_600), "2026-11-22");
        assert_eq!(date(u64::MAX).split('-').next(), Some("9999"));
    }

    #[test]
    fn spans_are_in_the_largest_sensible_unit() {
        assert_eq!(ago(1), "1 second");
        assert_eq!(ago(3_600), "60 minutes");
        assert_eq!(ago(86_400), "24 hours");
        assert_eq!(ago(30 * 86_400), "30 days");
    }

    #[test]
    fn names_of_a_certificate_are_listed_and_bounded() {
        let of = |names_of: &[&str]| {
            names(&names_of.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of(&[]), "no name at all");
        assert_eq!(of(&["DnsName(\"a.example\")"]), "a.example");
        assert_eq!(
            of(&["DnsName(\"a\")", "IpAddress(192.0.2.1)"]),
            "a and 192.0.2.1"
        );
        assert_eq!(
            of(&["1", "2", "3", "4", "5", "6", "7"]),
            "1, 2, 3, 4, 5 and 2 more"
        );
    }

    #[test]
    fn text_of_a_peer_cannot_steer_a_terminal() {
        assert_eq!(shown("a\u{1b}[2J\u{202e}b"), "a\\u{1b}[2J\\u{202e}b");
        assert_eq!(shown(&"x".repeat(1000)).len(), MAX_CHARS + 3);
    }

    #[test]
    fn a_record_header_is_told_from_plain_text() {
        assert!(speaks_tls(&[22, 3, 1]));
        assert!(speaks_tls(&[]));
        assert!(!speaks_tls(b"220 db"));
        assert!(!speaks_tls(&[22, 22]));
    }
}
