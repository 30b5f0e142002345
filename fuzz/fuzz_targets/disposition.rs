//! Whatever name a server gives, the file stays in its folder; and no value of a header makes us panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::fields::{
    ContentRange, Disposition, ETag, MediaType, RangeRequest, RetryAfter, date, safe_file_name,
};

fuzz_target!(|bytes: &[u8]| {
    let named = Disposition::parse(bytes).and_then(|it| it.safe_name());
    for name in [named, safe_file_name(bytes)].into_iter().flatten() {
        assert!(!name.is_empty() && name.len() <= 231 && !name.contains(['/', '\\']));
        assert!(!name.starts_with(['.', '-', '~']) && !name.chars().any(char::is_control));
        assert_eq!(
            safe_file_name(name.as_bytes()).as_deref(),
            Some(name.as_str())
        );
    }
    let _ = (
        MediaType::parse(bytes),
        ETag::parse(bytes),
        RetryAfter::parse(bytes),
    );
    if let Some(range) = ContentRange::parse(bytes) {
        assert_eq!(
            ContentRange::parse(range.to_string().as_bytes()),
            Some(range)
        );
    }
    if let Some(ranges) = RangeRequest::parse(bytes, 16) {
        assert_eq!(
            RangeRequest::parse(ranges.to_string().as_bytes(), 16),
            Some(ranges)
        );
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(seconds) = date::parse(text)
        && let Some(printed) = date::print(seconds)
    {
        assert_eq!(date::parse(&printed), Some(seconds));
    }
});
