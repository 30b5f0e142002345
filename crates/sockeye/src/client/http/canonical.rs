//! Hosts in the one form in which they are compared: what is bound to a host must not come loose by another spelling of it.

use std::net::Ipv4Addr;

use sockeye_data::url::Url;

/// The host of a URL (see [`Url::host`]) without a dot at its end: `example.org.` is the same place as `example.org`.
pub(super) fn of_url(url: &Url) -> String {
    without_dot(url.host()).to_owned()
}

/// A host as somebody wrote it, in lower case and ASCII; `None` if it is none.
pub(super) fn of_text(text: &str) -> Option<String> {
    let is_foreign = |letter: char| letter.is_whitespace() || "/?#@\\%".contains(letter);
    let is_port = text.contains(':') && !text.starts_with('[');
    if text.is_empty() || text.starts_with('.') || text.contains(is_foreign) || is_port {
        return None;
    }
    let url = Url::parse(&format!("http://{text}/")).ok()?;
    let host = of_url(&url);
    (url.port().is_none() && !host.is_empty()).then_some(host)
}

/// Whether this is an address, under which nothing can be registered.
pub(super) fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

/// Whether `host` is `domain`, or is below it (RFC 6265bis section 5.1.3).
pub(super) fn is_within(host: &str, domain: &str) -> bool {
    host == domain
        || (!is_address(host)
            && host
                .strip_suffix(domain)
                .is_some_and(|rest| rest.ends_with('.')))
}

/// Whether everybody may register names directly below this one: `com`, `co.uk`, `github.io`, and any single label.
pub(super) fn is_public_suffix(domain: &str) -> bool {
    !is_address(domain) && psl::suffix_str(domain) == Some(domain)
}

/// The name that somebody has registered and that this host belongs to; the host itself where there is none.
pub(super) fn site(host: &str) -> &str {
    match is_address(host) {
        true => host,
        false => psl::domain_str(host).unwrap_or(host),
    }
}

fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_has_one_form() {
        for (text, host) in [
            ("Example.ORG", Some("example.org")),
            ("example.org.", Some("example.org")),
            ("BÜCHER.example", Some("xn--bcher-kva.example")),
            ("127.1", Some("127.0.0.1")),
            ("[::1]", Some("[::1]")),
            ("localhost", Some("localhost")),
            ("a:80", None),
            ("a/b", None),
            ("a@b", None),
            ("a b", None),
            (".a", None),
            ("", None),
            ("%61", None),
        ] {
            assert_eq!(of_text(text).as_deref(), host, "{text}");
        }
    }

    #[test]
    fn public_suffixes_are_known_in_every_script() {
        for suffix in [
            "com",
            "co.uk",
            "github.io",
            "localhost",
            "corp",
            "xn--55qx5d.cn",
            "xn--p1ai",
            "anything.ck",
        ] {
            assert!(is_public_suffix(suffix), "{suffix}");
        }
        for name in [
            "example.com",
            "a.co.uk",
            "a.github.io",
            "a.corp",
            "www.ck",
            "127.0.0.1",
            "[::1]",
        ] {
            assert!(!is_public_suffix(name), "{name}");
        }
        assert_eq!(site("www.a.co.uk"), "a.co.uk");
        assert_eq!(site("localhost"), "localhost");
        assert_eq!(site("127.0.0.1"), "127.0.0.1");
    }

    #[test]
    fn names_are_below_names_and_addresses_below_nothing() {
        assert!(is_within("www.a.org", "a.org"));
        assert!(is_within("a.org", "a.org"));
        assert!(!is_within("ba.org", "a.org"));
        assert!(!is_within("a.org", "www.a.org"));
        assert!(!is_within("127.0.0.1", "0.0.1"));
    }
}
