//! Cookies: what is read can be written and is read again, in headers and in files; nothing read holds a control byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::cookie::{FileLine, SetCookie, check, header, pairs, parse_date, parse_line};

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_date(bytes);
    if let Ok(cookie) = SetCookie::parse(bytes) {
        assert_eq!(check(&cookie.name, &cookie.value), Ok(()));
        let written = header([(&cookie.name, &cookie.value)]);
        let back: Vec<_> = pairs(&written).collect();
        assert_eq!(back, [(&*cookie.name, &*cookie.value)]);
    }
    if let Ok(FileLine::Cookie(cookie)) = parse_line(bytes) {
        let line = cookie.to_line();
        assert!(!line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t'));
        assert_eq!(parse_line(&line), Ok(FileLine::Cookie(cookie)));
    }
});
