//! No table of services makes us panic, and a name that is found has its port.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::host::services::Services;

fuzz_target!(|input: (&[u8], &str)| {
    let services = Services::parse(input.0);
    let _ = services.nearest(input.1, "tcp");
    if let Ok(port) = services.find(input.1, "tcp") {
        assert_eq!(services.port(input.1, "tcp"), Some(port));
        assert!(services.name(port, "tcp").is_some());
    }
});
