//! `Authorization` (RFC 9110 section 11.6.2) of the schemes that are understood here.

use data_encoding::BASE64;
use sockeye_data::http1::Headers;

/// Who a request says it is from.
#[derive(PartialEq, Eq)]
pub(super) enum Claim {
    /// It says nothing.
    None,
    /// A user and a password (RFC 7617).
    Basic(String, Vec<u8>),
    /// A token (RFC 6750).
    Bearer(Vec<u8>),
    /// Something else, or nothing that can be read.
    Unknown,
}

/// The longest value that is looked at.
const LONGEST: usize = 4096;

pub(super) fn read(headers: &Headers) -> Claim {
    let mut values = headers.all("authorization");
    let value = match (values.next(), values.next()) {
        (None, _) => return Claim::None,
        (Some(value), None) if value.len() <= LONGEST => value,
        _ => return Claim::Unknown,
    };
    let space = value.iter().position(|&byte| byte == b' ');
    let (scheme, rest) = value.split_at(space.unwrap_or(value.len()));
    let rest = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"basic") {
        return basic(rest).unwrap_or(Claim::Unknown);
    }
    match scheme.eq_ignore_ascii_case(b"bearer") && !rest.is_empty() {
        true => Claim::Bearer(rest.to_vec()),
        false => Claim::Unknown,
    }
}

fn basic(text: &[u8]) -> Option<Claim> {
    let decoded = BASE64.decode(text).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let user = String::from_utf8(decoded[..colon].to_vec()).ok()?;
    Some(Claim::Basic(user, decoded[colon + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_read() {
        let read = |lines: &[&str]| {
            let mut headers = Headers::new();
            for line in lines {
                headers.append("Authorization", line).unwrap();
            }
            super::read(&headers)
        };
        // RFC 7617 section 2.1: test and 123£.
        let claim = read(&["bAsIc dGVzdDoxMjPCow=="]);
        assert!(claim == Claim::Basic("test".into(), "123£".into()));
        assert!(read(&["Basic YTpiOmM="]) == Claim::Basic("a".into(), b"b:c".to_vec()));
        assert!(read(&["Bearer  x.y "]) == Claim::Bearer(b"x.y".to_vec()));
        assert!(read(&[]) == Claim::None);
        for bad in [
            &["Basic !"][..],
            &["Basic YQ=="],
            &["Digest x"],
            &["Bearer"],
            &[""],
            &["Bearer a", "Bearer b"],
        ] {
            assert!(read(bad) == Claim::Unknown, "{bad:?}");
        }
    }
}
