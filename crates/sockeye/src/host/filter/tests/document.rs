//! Whatever `docs/sockets-filter.md` says is so.

use crate::host::assertion::Assertion;
use crate::host::filter::{Filter, Names};
use crate::host::verdict;

const PAGE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/sockets-filter.md"
));

fn names() -> Names {
    Names::parse(
        b"http 80/tcp\nssh 22/tcp\nhttps 443/tcp\npostgresql 5432/tcp\n",
        b"root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/false\n",
    )
}

/// The examples of a table: what stands in backticks in the first cell of each row below this heading.
fn examples(heading: &str) -> Vec<String> {
    let (_, rest) = PAGE.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.replace("\\|", "\u{1}"));
    let cells: Vec<String> = cells
        .map(|row| row.split('|').nth(1).unwrap().replace('\u{1}', "|"))
        .collect();
    let texts = cells
        .iter()
        .flat_map(|cell| cell.split('`').skip(1).step_by(2));
    texts.map(str::to_owned).collect()
}

#[test]
fn every_example_is_a_filter() {
    let mut count = 0;
    for heading in [
        "Terms",
        "Words that stand alone",
        "Putting terms together",
        "From ss",
    ] {
        for example in examples(heading) {
            let parsed = Filter::parse(&example, &names());
            let filter = parsed.unwrap_or_else(|error| panic!("{}", error.caret()));
            let again = Filter::parse(&filter.to_string(), &names()).unwrap();
            assert_eq!(again, filter, "{example}");
            count += 1;
        }
    }
    assert!(count > 60, "{count} examples");
}

#[test]
fn every_assertion_of_the_page_is_one() {
    let examples = examples("Assertions");
    assert!(examples.len() > 4);
    for example in examples {
        let parsed = Assertion::parse(&example, &names());
        parsed.unwrap_or_else(|error| panic!("{}", error.caret()));
    }
}

#[test]
fn every_verdict_is_on_the_page() {
    assert_eq!(examples("Verdicts"), verdict::CODES);
}
