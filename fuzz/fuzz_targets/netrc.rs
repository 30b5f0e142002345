//! `.netrc`: no bytes make us panic, and no login holds what could end a line of a protocol.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::netrc::Netrc;

fuzz_target!(|input: (&[u8], &str)| {
    let (text, machine) = input;
    let Ok(netrc) = Netrc::parse(text) else { return };
    for it in netrc.entries() {
        for word in [&it.login, &it.password, &it.account] {
            assert!(word.as_ref().is_none_or(|word| !word.contains(['\r', '\n', '\0'])));
        }
    }
    let _ = netrc.find(machine, None);
    let _ = netrc.find(machine, Some(machine));
});
