//! What is read of a URL is read again from what is printed, and no reference takes a password to another origin.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::url::{Url, query};

fuzz_target!(|input: (&str, &[u8])| {
    let (text, location) = input;
    let _ = query::parse(text);
    for read in [Url::parse(text), Url::parse_typed(text)] {
        let Ok(url) = read else { continue };
        assert_eq!(
            Url::parse(&url.to_secret_string()).expect("what was printed"),
            url
        );
        assert!(!url.host().contains(['/', '@', '\\', '%', ' ']));
        let _ = url.data();
        if let Ok(to) = url.redirect(location)
            && to.origin() != url.origin()
            && url.password().is_some()
        {
            assert!(to.password().is_none() || location.contains(&b'@'));
        }
    }
});
