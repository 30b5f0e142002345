//! What an answer means for a file of which a part may be there already: pure, and so testable without a socket.

use serde::{Deserialize, Serialize};
use sockeye_data::fields::{ContentRange, ETag, date};
use sockeye_data::http1::Headers;

/// What tells one version of a file from another (RFC 9110 section 8.8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    /// How long the whole file is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) length: Option<u64>,
    /// Its entity tag, if that is a strong one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) etag: Option<String>,
    /// `Last-Modified`, if there is no entity tag and it is strong: at least a second before `Date` (section 8.8.2.2).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) modified: Option<String>,
}

impl Version {
    /// The version that these header lines belong to.
    pub(crate) fn of(headers: &Headers, length: Option<u64>) -> Self {
        let tag = headers.get("etag");
        let strong = tag.and_then(ETag::parse).filter(|tag| !tag.is_weak());
        let modified = headers.get_str("last-modified");
        let at = |text: &str| date::parse(text.trim());
        let is_strong = match (modified.and_then(at), headers.get_str("date").and_then(at)) {
            (Some(modified), Some(now)) => now > modified,
            _ => false,
        };
        Self {
            length,
            etag: strong.map(|tag| tag.to_string()),
            modified: modified
                .filter(|_| tag.is_none() && is_strong)
                .map(str::to_owned),
        }
    }

    /// What `If-Range` may say of it (RFC 9110 section 13.1.5); without it nothing can be added to what is there.
    pub(crate) fn if_range(&self) -> Option<&str> {
        self.etag.as_deref().or(self.modified.as_deref())
    }

    /// Whether these header lines speak of another version. What they leave out is no sign of one.
    fn differs(&self, headers: &Headers) -> Option<String> {
        let tag = headers.get("etag").and_then(ETag::parse);
        let ours = self
            .etag
            .as_ref()
            .and_then(|tag| ETag::parse(tag.as_bytes()));
        if let (Some(ours), Some(theirs)) = (&ours, &tag)
            && !ours.matches_strongly(theirs)
        {
            return Some(format!(
                "the server has another version: its tag is {theirs}, not {ours}"
            ));
        }
        let modified = headers.get_str("last-modified");
        match (&self.modified, modified) {
            (Some(ours), Some(theirs)) if ours != theirs => Some(format!(
                "the server has another version: it is of {theirs}, not of {ours}"
            )),
            _ => None,
        }
    }
}

/// What was asked for: the bytes from one to before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) from: u64,
    /// `None` to the end, whatever it is.
    pub(crate) to: Option<u64>,
}

/// What an answer is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The whole file from its first byte; of the same version as far as can be told, or of another.
    Whole { same: bool },
    /// What was asked for, or the start of it: the bytes up to before this one.
    Part { to: u64, length: Option<u64> },
    /// There is nothing behind what we have: it is complete.
    Complete,
    /// The file is another one by now, or what came does not fit: it has to be fetched anew.
    StartOver(String),
    /// The server refuses.
    Refused,
}

/// What this answer to a request for a part is good for.
pub(crate) fn judge(asked: Asked, known: &Version, status: u16, headers: &Headers) -> Verdict {
    let range = headers.get("content-range").map(ContentRange::parse);
    match status {
        206 => part(asked, known, range.flatten(), headers),
        200..=299 => {
            let length = headers
                .get_str("content-length")
                .and_then(|it| it.trim().parse().ok());
            let other_length = known.length.is_some() && length.is_some() && known.length != length;
            Verdict::Whole {
                same: !other_length && known.differs(headers).is_none(),
            }
        }
        416 => match (range.flatten(), known.length) {
            (Some(ContentRange::Unsatisfied(length)), Some(known))
                if length == known && asked.from == known =>
            {
                Verdict::Complete
            }
            (Some(ContentRange::Unsatisfied(length)), None) if length == asked.from => {
                Verdict::Complete
            }
            (Some(ContentRange::Unsatisfied(length)), _) => Verdict::StartOver(format!(
                "the server's file has {length} bytes now, and nothing at byte {}",
                asked.from
            )),
            _ => Verdict::StartOver("the server does not have what is missing".into()),
        },
        _ => Verdict::Refused,
    }
}

fn part(asked: Asked, known: &Version, range: Option<ContentRange>, headers: &Headers) -> Verdict {
    let over = |why: String| Verdict::StartOver(why);
    let Some(ContentRange::Part(first, last, length)) = range else {
        return over("the server sends a part, and does not say which".into());
    };
    if first != asked.from {
        return over(format!(
            "byte {} was asked for, and the server sends from byte {first} on",
            asked.from
        ));
    }
    if let (Some(known), Some(length)) = (known.length, length)
        && known != length
    {
        return over(format!(
            "the server's file has {length} bytes now, not {known}"
        ));
    }
    if let Some(coding) = headers.get_str("content-encoding")
        && !coding.trim().eq_ignore_ascii_case("identity")
    {
        return over(format!(
            "the server sends a part of a file that it encoded ({coding})"
        ));
    }
    if let Some(why) = known.differs(headers) {
        return over(why);
    }
    // A range that was read ends before 2^64.
    let to = last.saturating_add(1);
    if known.length.is_some_and(|length| to > length) {
        return over("the server sends more than the file has".into());
    }
    Verdict::Part {
        to: asked.to.map_or(to, |asked| to.min(asked)),
        length,
    }
}

/// A digest of the whole file that the server itself gives (RFC 9530 section 3, RFC 3230): the name of the algorithm in the
/// manner of RFC 9530, and base64.
pub(crate) fn digests(headers: &Headers) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in ["repr-digest", "digest"] {
        for member in headers.list(name) {
            let Ok(text) = std::str::from_utf8(member) else {
                continue;
            };
            let Some((algorithm, value)) = text.split_once('=') else {
                continue;
            };
            let value = match name {
                "digest" => value,
                _ => match value.strip_prefix(':').and_then(|it| it.strip_suffix(':')) {
                    Some(value) => value,
                    None => continue,
                },
            };
            found.push((
                algorithm.trim().to_ascii_lowercase(),
                value.trim().to_owned(),
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> Headers {
        let mut headers = Headers::new();
        for line in lines {
            headers.append_line(line).unwrap();
        }
        headers
    }

    fn known() -> Version {
        Version {
            length: Some(100),
            etag: Some("\"a\"".into()),
            modified: None,
        }
    }

    #[test]
    fn only_strong_validators_are_kept() {
        const NOW: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT";
        const OLD: &str = "Last-Modified: Sun, 06 Nov 1994 08:49:36 GMT";
        const SAME: &str = "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT";
        for (lines, if_range) in [
            (&["ETag: \"a\"", OLD, NOW][..], Some("\"a\"")),
            (&["ETag: W/\"a\"", OLD, NOW], None),
            (&["ETag: nonsense", OLD, NOW], None),
            (&[OLD, NOW], Some("Sun, 06 Nov 1994 08:49:36 GMT")),
            (&[SAME, NOW], None),
            (&[OLD], None),
            (&[], None),
        ] {
            let version = Version::of(&headers(lines), None);
            assert_eq!(version.if_range(), if_range, "{lines:?}");
        }
    }

    #[test]
    fn every_answer_to_a_request_for_a_rest() {
        let asked = Asked { from: 40, to: None };
        let fits = Verdict::Part {
            to: 100,
            length: Some(100),
        };
        let over = Verdict::StartOver(String::new());
        for (status, lines, expected) in [
            (
                206,
                &["Content-Range: bytes 40-99/100", "ETag: \"a\""][..],
                fits.clone(),
            ),
            (206, &["Content-Range: bytes 40-99/100"], fits),
            (
                206,
                &["Content-Range: bytes 40-49/100"],
                Verdict::Part {
                    to: 50,
                    length: Some(100),
                },
            ),
            (
                206,
                &["Content-Range: bytes 40-99/*"],
                Verdict::Part {
                    to: 100,
                    length: None,
                },
            ),
            (206, &["Content-Range: bytes 41-99/100"], over.clone()),
            (206, &["Content-Range: bytes 40-99/101"], over.clone()),
            (206, &["Content-Range: bytes 40-199/*"], over.clone()),
            (
                206,
                &["Content-Range: bytes 40-99/100", "ETag: \"b\""],
                over.clone(),
            ),
            (
                206,
                &["Content-Range: bytes 40-99/100", "ETag: W/\"a\""],
                over.clone(),
            ),
            (
                206,
                &["Content-Range: bytes 40-99/100", "Content-Encoding: gzip"],
                over.clone(),
            ),
            (
                206,
                &["Content-Type: multipart/byteranges; boundary=x"],
                over.clone(),
            ),
            (
                200,
                &["Content-Length: 100", "ETag: \"a\""],
                Verdict::Whole { same: true },
            ),
            (
                200,
                &["Content-Length: 101"],
                Verdict::Whole { same: false },
            ),
            (
                200,
                &["Content-Length: 100", "ETag: \"b\""],
                Verdict::Whole { same: false },
            ),
            (416, &["Content-Range: bytes */100"], over.clone()),
            (416, &["Content-Range: bytes */101"], over.clone()),
            (416, &[], over.clone()),
            (404, &[], Verdict::Refused),
            (503, &[], Verdict::Refused),
        ] {
            let mut verdict = judge(asked, &known(), status, &headers(lines));
            if let Verdict::StartOver(why) = &mut verdict {
                assert!(!why.is_empty());
                why.clear();
            }
            assert_eq!(verdict, expected, "{status} {lines:?}");
        }
        let all = Asked {
            from: 100,
            to: None,
        };
        let same = judge(
            all,
            &known(),
            416,
            &headers(&["Content-Range: bytes */100"]),
        );
        assert_eq!(same, Verdict::Complete);
        let bounded = Asked {
            from: 40,
            to: Some(60),
        };
        let more = judge(
            bounded,
            &known(),
            206,
            &headers(&["Content-Range: bytes 40-99/100"]),
        );
        assert_eq!(
            more,
            Verdict::Part {
                to: 60,
                length: Some(100)
            }
        );
        let dated = Version {
            etag: None,
            modified: Some("x".into()),
            ..known()
        };
        let other = headers(&["Content-Range: bytes 40-99/100", "Last-Modified: y"]);
        assert!(matches!(
            judge(asked, &dated, 206, &other),
            Verdict::StartOver(_)
        ));
    }

    #[test]
    fn digests_of_servers_are_read() {
        let lines = headers(&["Repr-Digest: sha-256=:YQ==:, md5=x", "Digest: SHA-512=Yg=="]);
        let expected = [("sha-256", "YQ=="), ("sha-512", "Yg==")];
        let found = digests(&lines);
        let found: Vec<_> = found.iter().map(|(a, b)| (&**a, &**b)).collect();
        assert_eq!(found, expected);
    }
}
