//! No table of services and no word makes us panic; a name that is found has its port, and what is found was asked for.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::host::services::{Query, Services};

fuzz_target!(|input: (&[u8], &str)| {
    let services = Services::parse(input.0);
    let _ = services.nearest(input.1, "tcp");
    if let Ok(port) = services.find(input.1, "tcp") {
        assert_eq!(services.port(input.1, "tcp"), Some(port));
        assert!(services.name(port, "tcp").is_some());
    }
    let Ok(query) = Query::parse(input.1) else {
        return;
    };
    for entry in services.search(&query) {
        assert!(query.matches(&entry));
        assert!(entry.first <= entry.last);
        assert!(services.port(entry.name, entry.protocol).is_some());
        assert!(services.name(entry.last, entry.protocol).is_some());
    }
});
