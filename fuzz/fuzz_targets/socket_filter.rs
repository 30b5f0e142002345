//! No text makes the parsers of filters and assertions panic, what parses prints to text that parses to the same value,
//! and a fault lies within the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::host::assertion::Assertion;
use sockeye::host::filter::{Filter, LENGTH_LIMIT, Names};

thread_local! {
    static NAMES: Names = Names::parse(
        b"http 80/tcp www\nshell 514/tcp\nshell 514/udp\ntwo 1/tcp\ntwo 2/udp\n",
        b"root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/:/bin/false\n",
    );
}

fuzz_target!(|text: &str| {
    NAMES.with(|names| {
        match Filter::parse(text, names) {
            Ok(filter) => {
                let printed = filter.to_string();
                // Lists, escapes and services can make a text longer than the parser takes.
                if printed.len() <= LENGTH_LIMIT {
                    let again = Filter::parse(&printed, names).expect("what was printed parses");
                    assert_eq!(again, filter);
                    assert_eq!(again.to_string(), printed);
                }
                let _ = (filter.pushdown(), filter.needs());
            }
            Err(error) => {
                assert!(error.span().start <= error.span().end && error.span().end <= text.len());
                assert!(error.caret().lines().count() == 2);
                let _ = (error.to_string(), error.hint());
            }
        }
        if let Ok(assertion) = Assertion::parse(text, names) {
            let printed = assertion.to_string();
            if printed.len() <= LENGTH_LIMIT {
                assert_eq!(Assertion::parse(&printed, names).as_ref(), Ok(&assertion));
            }
        }
    });
});
