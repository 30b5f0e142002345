//! Messages of SOCKS: no bytes make a reader panic, what was read is written the same, and reading goes on only where something is
//! missing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::socks::{Read, v4, v5};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Read::Done(to, consumed)) = v5::request(bytes) {
        let written = v5::connect(&to);
        // A name without letters can be read and is never written; the reserved byte may be anything.
        if let Ok(written) = written {
            assert_eq!(written.len(), consumed);
            assert_eq!(written[3..], bytes[3..consumed]);
        }
    }
    if let Ok(Read::Done(reply, consumed)) = v5::reply(bytes)
        && let Ok(written) = v5::answer(&reply)
    {
        assert_eq!(written[3..], bytes[3..consumed]);
    }
    if let Ok(Read::Done((user, password), consumed)) = v5::credentials(bytes) {
        assert_eq!(v5::login(&user, &password).as_deref(), Ok(&bytes[..consumed]));
    }
    if let Ok(Read::Done((to, user), consumed)) = v4::request(bytes) {
        let written = v4::connect(&to, &user).expect("what was read fits");
        assert_eq!(written.len(), consumed);
    }
    if let Ok(Read::Need(missing)) = v5::reply(bytes) {
        assert!(missing > 0);
    }
    let _ = (v4::reply(bytes), v5::methods(bytes), v5::choice(bytes), v5::verdict(bytes));
});
