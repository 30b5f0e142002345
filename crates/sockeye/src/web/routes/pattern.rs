//! Patterns of paths, and paths as the segments that they are compared with.

use sockeye_data::percent;

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// These bytes, as they are after decoding.
    Text(Vec<u8>),
    /// Any one segment that is not empty.
    Param,
    /// All that is left.
    Rest,
}

/// A pattern, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// As it was written.
    pub(super) text: String,
    pub(super) parts: Vec<Part>,
    /// The names of its parameters, from left to right; each with the index of its segment.
    pub(super) names: Vec<(String, usize)>,
}

impl Pattern {
    /// Read a pattern; the error is the whole sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let fault = |why: &str| format!("`{text}` is no route: {why}");
        let Some(path) = text.strip_prefix('/') else {
            return match text.is_empty() {
                // A mount at the root.
                true => Ok(Self {
                    text: "/".into(),
                    parts: Vec::new(),
                    names: Vec::new(),
                }),
                false => Err(fault("it begins with `/`")),
            };
        };
        let (mut parts, mut names) = (Vec::new(), Vec::<(String, usize)>::new());
        for (index, segment) in path.split('/').enumerate() {
            if parts.last() == Some(&Part::Rest) {
                return Err(fault("nothing follows `{*name}`"));
            }
            let inner = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            let Some(inner) = inner else {
                if segment.contains(['{', '}']) {
                    return Err(fault("`{name}` stands for a whole segment"));
                }
                if segment.contains(['?', '#']) {
                    return Err(fault("it is a path, without query and fragment"));
                }
                let is_last = index == path.matches('/').count();
                if segment.is_empty() && !is_last {
                    return Err(fault("it has an empty segment"));
                }
                let decoded = decode(segment).map_err(fault)?;
                parts.push(Part::Text(decoded));
                continue;
            };
            let (name, part) = match inner.strip_prefix('*') {
                Some(name) => (name, Part::Rest),
                None => (inner, Part::Param),
            };
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if name.is_empty() || !name.bytes().all(is_name) {
                return Err(fault("a name has letters, digits and `_`"));
            }
            if names.iter().any(|(known, _)| known == name) {
                return Err(fault("a name stands in it twice"));
            }
            names.push((name.to_owned(), index));
            parts.push(part);
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
            names,
        })
    }
}

/// The segments of a path, decoded once. A slash at the end is an empty segment; an empty path has none.
pub(super) fn segments(path: &str) -> Result<Vec<Vec<u8>>, &'static str> {
    let path = match path.strip_prefix('/') {
        Some(path) => path,
        None if path.is_empty() => return Ok(Vec::new()),
        None => return Err("the path does not begin with `/`"),
    };
    path.split('/').map(decode).collect()
}

fn decode(segment: &str) -> Result<Vec<u8>, &'static str> {
    let decoded =
        percent::decode(segment).map_err(|_| "the path has a `%` without two digits behind it")?;
    match decoded.as_slice() {
        b"." | b".." => Err("the path has a `.` or `..` in it"),
        bytes if bytes.contains(&0) => Err("the path has a NUL in it"),
        _ => Ok(decoded),
    }
}

/// What of a path follows its first so many segments: it begins with a slash or is empty.
pub(super) fn after(path: &str, segments: usize) -> &str {
    let slashes = path.bytes().enumerate().filter(|(_, byte)| *byte == b'/');
    let at = slashes.map(|(at, _)| at).nth(segments);
    &path[at.unwrap_or(path.len())..]
}
