//! Conditions on requests, in the order of RFC 9110 section 13.2.2.

use std::time::{SystemTime, UNIX_EPOCH};

use sockeye_data::fields::{ETag, date};
use sockeye_data::http1::Headers;

/// What conditions make of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// All hold, or there are none: go on.
    Holds,
    /// The client has this version: status 304.
    NotModified,
    /// It is another version than the client means: status 412.
    Failed,
}

/// Judge the conditions of a request about something that has this tag and was modified then (in seconds since 1970).
/// `reads` says that the method is GET or HEAD. Something that is not there has neither.
///
/// Tags are compared strongly for `If-Match` and weakly for `If-None-Match`; a date that cannot be read is no condition.
///
/// # Examples
///
/// ```
/// use sockeye::data::{fields::ETag, http1::Headers};
/// use sockeye::web::files::{Condition, judge};
///
/// let tag = ETag::parse(b"\"7\"");
/// let mut headers = Headers::new();
/// headers.append("If-None-Match", "\"7\"")?;
/// assert_eq!(judge(&headers, tag.as_ref(), None, true), Condition::NotModified);
/// assert_eq!(judge(&headers, tag.as_ref(), None, false), Condition::Failed); // a PUT, say
/// # Ok::<(), sockeye::data::http1::Error>(())
/// ```
pub fn judge(
    headers: &Headers,
    tag: Option<&ETag>,
    modified: Option<i64>,
    reads: bool,
) -> Condition {
    let exists = tag.is_some() || modified.is_some();
    match listed(headers, "if-match", tag, exists, true) {
        Some(true) => {}
        Some(false) => return Condition::Failed,
        None => {
            let until = time(headers, "if-unmodified-since");
            if until.is_some_and(|until| modified.is_none_or(|modified| modified > until)) {
                return Condition::Failed;
            }
        }
    }
    match listed(headers, "if-none-match", tag, exists, false) {
        Some(true) if reads => Condition::NotModified,
        Some(true) => Condition::Failed,
        Some(false) => Condition::Holds,
        None => match (time(headers, "if-modified-since"), modified) {
            (Some(since), Some(modified)) if reads && modified <= since => Condition::NotModified,
            _ => Condition::Holds,
        },
    }
}

/// Whether a part may be sent, as far as `If-Range` says: the client has parts of this very version. A weak tag never says
/// so, nor a date of which another version could have been modified in the same second (RFC 9110 section 13.1.5).
pub(super) fn may_send_part(headers: &Headers, tag: Option<&ETag>, modified: Option<i64>) -> bool {
    let Some(value) = headers.get("if-range") else {
        return true;
    };
    if let Some(asked) = ETag::parse(value) {
        return tag.is_some_and(|tag| tag.matches_strongly(&asked));
    }
    let asked = std::str::from_utf8(value).ok().and_then(date::parse);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs());
    asked.is_some()
        && asked == modified
        && modified
            .and_then(|modified| u64::try_from(modified).ok())
            .is_some_and(|modified| modified < now)
}

fn listed(
    headers: &Headers,
    name: &str,
    tag: Option<&ETag>,
    exists: bool,
    strongly: bool,
) -> Option<bool> {
    match tag {
        Some(tag) => tag.is_listed(headers, name, strongly),
        // Without a tag only `*` can be true.
        None if headers.contains(name) => {
            Some(exists && headers.list(name).any(|member| member == b"*"))
        }
        None => None,
    }
}

fn time(headers: &Headers, name: &str) -> Option<i64> {
    // Several dates are none.
    let mut values = headers.all(name);
    let value = values.next().filter(|_| values.next().is_none())?;
    date::parse(std::str::from_utf8(value).ok()?)
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

    #[test]
    fn conditions_are_judged_in_their_order() {
        use Condition::{Failed, Holds, NotModified};
        let tag = ETag::parse(b"\"a\"").unwrap();
        const OLD: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
        const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        const NEW: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
        let cases: &[(&[&str], Condition, Condition)] = &[
            (&[], Holds, Holds),
            (&["If-Match: \"a\""], Holds, Holds),
            (&["If-Match: *"], Holds, Holds),
            (&["If-Match: W/\"a\""], Failed, Failed),
            (&["If-Match: \"b\", \"c\""], Failed, Failed),
            (&["If-Unmodified-Since: {OLD}"], Failed, Failed),
            (&["If-Unmodified-Since: {SAME}"], Holds, Holds),
            (&["If-Unmodified-Since: soon"], Holds, Holds),
            (
                &["If-Match: \"a\"", "If-Unmodified-Since: {OLD}"],
                Holds,
                Holds,
            ),
            (&["If-None-Match: \"a\""], NotModified, Failed),
            (&["If-None-Match: W/\"a\""], NotModified, Failed),
            (&["If-None-Match: *"], NotModified, Failed),
            (&["If-None-Match: \"b\""], Holds, Holds),
            (&["If-Modified-Since: {SAME}"], NotModified, Holds),
            (&["If-Modified-Since: {NEW}"], NotModified, Holds),
            (&["If-Modified-Since: {OLD}"], Holds, Holds),
            (&["If-Modified-Since: yesterday"], Holds, Holds),
            (
                &["If-Modified-Since: {NEW}", "If-Modified-Since: {NEW}"],
                Holds,
                Holds,
            ),
            (
                &["If-None-Match: \"b\"", "If-Modified-Since: {NEW}"],
                Holds,
                Holds,
            ),
            (&["If-Match: \"b\"", "If-None-Match: \"a\""], Failed, Failed),
            (
                &["If-Match: \"a\"", "If-None-Match: \"a\""],
                NotModified,
                Failed,
            ),
            (
                &["If-Unmodified-Since: {OLD}", "If-Modified-Since: {NEW}"],
                Failed,
                Failed,
            ),
        ];
        for (lines, reading, writing) in cases {
            let lines: Vec<String> = lines
                .iter()
                .map(|line| line.replace("{OLD}", OLD).replace("{SAME}", SAME))
                .map(|line| line.replace("{NEW}", NEW))
                .collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let modified = date::parse(SAME);
            let judged =
                [true, false].map(|reads| judge(&headers(&lines), Some(&tag), modified, reads));
            assert_eq!(judged, [*reading, *writing], "{lines:?}");
        }
    }

    #[test]
    fn what_is_not_there_matches_nothing() {
        for (line, condition) in [
            ("If-Match: *", Condition::Failed),
            ("If-Match: \"a\"", Condition::Failed),
            ("If-None-Match: *", Condition::Holds),
            (
                "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT",
                Condition::Failed,
            ),
        ] {
            assert_eq!(
                judge(&headers(&[line]), None, None, false),
                condition,
                "{line}"
            );
        }
    }

    #[test]
    fn parts_are_sent_of_the_same_version_only() {
        let (strong, weak) = (ETag::parse(b"\"a\""), ETag::parse(b"W/\"a\""));
        let modified = date::parse("Sun, 06 Nov 1994 08:49:37 GMT");
        for (line, by_strong, by_weak) in [
            ("X: y", true, true),
            ("If-Range: \"a\"", true, false),
            ("If-Range: W/\"a\"", false, false),
            ("If-Range: \"b\"", false, false),
            ("If-Range: Sun, 06 Nov 1994 08:49:37 GMT", true, true),
            ("If-Range: Sun, 06 Nov 1994 08:49:38 GMT", false, false),
            ("If-Range: whatever", false, false),
        ] {
            let headers = headers(&[line]);
            let both = [&strong, &weak].map(|tag| may_send_part(&headers, tag.as_ref(), modified));
            assert_eq!(both, [by_strong, by_weak], "{line}");
        }
        // In the second in which it was modified it may be modified again.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let soon = i64::try_from(now.as_secs()).unwrap() + 60;
        let line = format!("If-Range: {}", date::print(soon).unwrap());
        assert!(!may_send_part(&headers(&[&line]), None, Some(soon)));
    }
}
