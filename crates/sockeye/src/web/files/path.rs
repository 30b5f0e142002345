//! The path of a request as a path beneath the root. It is decoded once; what could mean something else to somebody else is
//! refused.

use sockeye_data::percent;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Beneath the root, decoded, without slashes around it and without empty names; empty for the root itself.
    pub(super) path: Vec<u8>,
    /// Whether a slash ends it.
    pub(super) is_folder: bool,
}

/// Why no file can have this path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) u16, pub(super) &'static str);

/// Read the path of a request.
///
/// A slash or a backslash in a name, encoded or not, and a NUL are refused: no name has the first and the last, and the
/// second is a separator to others. So is `..`, which clients resolve before they ask (RFC 3986 section 5.2.4).
pub(super) fn read(raw: &str) -> Result<Wanted, Refusal> {
    if !raw.is_empty() && !raw.starts_with('/') {
        return Err(Refusal(400, "a path begins with a slash"));
    }
    let mut path = Vec::with_capacity(raw.len());
    for name in raw.split('/').filter(|name| !name.is_empty()) {
        let Ok(name) = percent::decode(name) else {
            let why = "a percent sign of a path is followed by two hexadecimal digits";
            return Err(Refusal(400, why));
        };
        if let Some(why) = name.iter().find_map(|byte| match byte {
            0 => Some("no path has a NUL"),
            b'/' => Some("an encoded slash is no part of a name"),
            b'\\' => Some("a backslash is no part of a name here"),
            _ => None,
        }) {
            return Err(Refusal(400, why));
        }
        match &*name {
            b".." => return Err(Refusal(404, "`..` leads nowhere here")),
            b"." => continue,
            _ => {}
        }
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&name);
    }
    Ok(Wanted {
        path,
        is_folder: raw.ends_with('/'),
    })
}

/// Where the folder of this path is: the same path with a slash, seen from itself. That is right behind a proxy that takes a
/// prefix away, and cannot lead to another host, whatever the path begins with.
pub(super) fn with_slash(raw: &str, query: Option<&str>) -> String {
    let name = raw.rsplit('/').next().unwrap_or_default();
    match query {
        Some(query) => format!("./{name}/?{query}"),
        None => format!("./{name}/"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_decoded_once_and_what_is_ambiguous_is_refused() {
        for (raw, path, is_folder) in [
            ("/", &b""[..], true),
            ("", b"", false),
            ("/a%20b", b"a b", false),
            ("/a/b/", b"a/b", true),
            ("//a///b", b"a/b", false),
            ("/a/./b/.", b"a/b", false),
            ("/%ff%25%3f%23", b"\xff%?#", false),
            ("/%252e%252e/", b"%2e%2e", true),
            ("/...", b"...", false),
        ] {
            let path = path.to_vec();
            assert_eq!(read(raw), Ok(Wanted { path, is_folder }), "{raw}");
        }
        for (raw, status) in [
            ("a", 400),
            ("/a%2fb", 400),
            ("/a%2Fb", 400),
            ("/..%2f", 400),
            ("/%5c", 400),
            ("/a\\b", 400),
            ("/a/%00", 400),
            ("/%", 400),
            ("/%zz", 400),
            ("/..", 404),
            ("/a/../b", 404),
            ("/%2e%2e/b", 404),
            ("/.%2E", 404),
            ("/%2e%2e%5c", 400),
        ] {
            assert_eq!(read(raw).map_err(|refusal| refusal.0), Err(status), "{raw}");
        }
    }

    #[test]
    fn the_way_to_a_folder_stays_on_this_host() {
        for (raw, query, location) in [
            ("/a", None, "./a/"),
            ("/a/b%20c", Some("d=e"), "./b%20c/?d=e"),
            ("//evil.example", None, "./evil.example/"),
            ("/http:", Some(""), "./http:/?"),
        ] {
            assert_eq!(with_slash(raw, query), location, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn no_path_leads_up_or_out(raw in "(/|\\.|%2e|%2f|%5c|a|\\\\|%00|%|%25){0,12}") {
            if let Ok(wanted) = read(&raw) {
                let mut names = wanted.path.split(|&byte| byte == b'/');
                prop_assert!(wanted.path.is_empty() || names.all(|name| !name.is_empty() && name != b".." && name != b"."));
                prop_assert!(!wanted.path.contains(&0) && !wanted.path.contains(&b'\\'));
            }
        }
    }
}
