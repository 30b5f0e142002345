//! What endpoints parse to, how they print, and how wrong ones are refused.

#![allow(clippy::unwrap_used)]

mod forms;
mod refusals;
mod round_trip;

use super::Endpoint;

/// The endpoint a text stands for.
fn parse(text: &str) -> Endpoint {
    text.parse()
        .unwrap_or_else(|error| panic!("{error}; hint: {error:?}"))
}

#[test]
fn the_documentation_names_every_scheme_and_option() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/endpoints.md");
    let text = std::fs::read_to_string(path).unwrap();
    for scheme in super::SCHEMES {
        assert!(
            text.contains(&format!("| `{}`", scheme.name)),
            "{}",
            scheme.name
        );
    }
    for row in super::OPTIONS {
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("| `{}`", row.name)))
            .unwrap_or_else(|| panic!("no row for {}", row.name));
        let placeholder = format!("`{}`", row.placeholder.replace('|', "\\|"));
        assert!(line.contains(&placeholder), "{line} lacks {placeholder}");
        for scheme in row.applies_to {
            assert!(line.contains(scheme), "{line} lacks {scheme}");
        }
    }
}
