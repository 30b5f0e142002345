use super::*;

fn tried(again: u32) -> Tried<'static> {
    Tried {
        method: "GET",
        again,
        elapsed: Duration::ZERO,
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000),
    }
}

fn headers(retry_after: Option<&str>) -> Headers {
    let mut headers = Headers::new();
    if let Some(value) = retry_after {
        headers.append("Retry-After", value).unwrap();
    }
    headers
}

fn after(
    retry: &Retry,
    tried: &Tried<'_>,
    status: u16,
    retry_after: Option<&str>,
) -> Option<Duration> {
    retry.pause(tried, &Outcome::Answered(status, &headers(retry_after)))
}

#[test]
fn only_some_statuses_are_tried_again_and_only_so_often() {
    let retry = Retry::times(2);
    for status in [408, 429, 500, 502, 503, 504] {
        assert!(after(&retry, &tried(0), status, None).is_some(), "{status}");
        assert!(after(&retry, &tried(2), status, None).is_none(), "{status}");
    }
    for status in [200, 304, 400, 401, 403, 404, 410, 418, 501, 505] {
        assert_eq!(
            after(&retry, &tried(0), status, Some("1")),
            None,
            "{status}"
        );
    }
    assert_eq!(after(&Retry::default(), &tried(0), 503, None), None);
}

#[test]
fn a_server_says_when_in_seconds_or_as_a_date() {
    let retry = Retry::times(1);
    let seconds = |text| after(&retry, &tried(0), 503, Some(text)).map(|pause| pause.as_secs());
    assert_eq!(seconds("7"), Some(7));
    assert_eq!(seconds("0"), Some(0));
    assert_eq!(seconds("Sun, 09 Sep 2001 01:47:10 GMT"), Some(30));
    assert_eq!(
        seconds("Sun, 09 Sep 2001 01:46:00 GMT"),
        Some(0),
        "it is past"
    );
    // Longer than we wait: its answer is the answer.
    assert_eq!(seconds("61"), None);
    assert_eq!(seconds("99999999999999999999999"), None);
    // What cannot be read is as if it was not there.
    assert!(seconds("soon").is_some());
}

#[test]
fn pauses_grow_up_to_the_longest_and_vary_with_the_seed_only() {
    let retry = Retry::times(100).seed(42);
    let mut whole = Duration::from_secs(1);
    for again in 0..40 {
        let pause = after(&retry, &tried(again), 500, None).unwrap();
        assert!(
            pause <= whole && pause * 2 >= whole,
            "{again}: {pause:?} of {whole:?}"
        );
        assert_eq!(after(&retry, &tried(again), 500, None), Some(pause));
        whole = (whole * 2).min(Duration::from_secs(60));
    }
    let pauses: std::collections::HashSet<Duration> = (0..100)
        .filter_map(|seed| after(&retry.clone().seed(seed), &tried(3), 500, None))
        .collect();
    assert!(pauses.len() > 90);
}

#[test]
fn what_changes_something_when_done_twice_needs_to_be_allowed() {
    let post = Tried {
        method: "POST",
        ..tried(0)
    };
    let retry = Retry::times(1);
    assert_eq!(after(&retry, &post, 503, None), None);
    assert!(after(&retry.clone().all(true), &post, 503, None).is_some());
    // Nothing of it was sent.
    let error = Error::new(Kind::TimedOut, Operation::Connect, "it took too long");
    assert!(retry.pause(&post, &Outcome::Failed(&error)).is_some());
    let error = Error::new(Kind::Lost, Operation::Read, "it broke");
    assert_eq!(retry.pause(&post, &Outcome::Failed(&error)), None);
    assert!(retry.pause(&tried(0), &Outcome::Failed(&error)).is_some());
}

#[test]
fn nobody_there_is_tried_again_only_if_that_was_asked_for() {
    let refused = Error::new(Kind::Refused, Operation::Connect, "nobody listens there");
    let retry = Retry::times(1);
    assert_eq!(retry.pause(&tried(0), &Outcome::Failed(&refused)), None);
    let retry = retry.refused(true);
    assert!(retry.pause(&tried(0), &Outcome::Failed(&refused)).is_some());
    let denied = Error::new(Kind::Denied, Operation::Connect, "it is private");
    assert_eq!(retry.pause(&tried(0), &Outcome::Failed(&denied)), None);
}

#[test]
fn no_try_begins_when_the_time_is_up() {
    let retry = Retry::times(9).within(Duration::from_secs(10));
    let late = |elapsed| Tried {
        elapsed: Duration::from_secs(elapsed),
        ..tried(0)
    };
    assert!(after(&retry, &late(5), 503, Some("5")).is_some());
    assert_eq!(after(&retry, &late(6), 503, Some("5")), None);
}
