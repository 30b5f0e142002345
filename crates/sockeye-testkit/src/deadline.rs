//! The time a test may take.

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// The time every test and every wait of a fixture may take.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Run a test body, and fail the test if it takes longer than `limit`.
///
/// The body runs on a thread of its own, named like the test. A body that is late is left behind: the test has failed,
/// and the process ends with the test run.
///
/// # Panics
///
/// If the body panics (with its own message) or is late.
#[track_caller]
pub fn deadline<T: Send + 'static>(
    limit: Duration,
    body: impl FnOnce() -> T + Send + 'static,
) -> T {
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name(name.clone())
        .spawn(move || {
            let outcome = panic::catch_unwind(AssertUnwindSafe(body));
            // Nobody receives when the deadline has passed.
            drop(sender.send(outcome));
        })
        .unwrap();
    match receiver.recv_timeout(limit) {
        Ok(Ok(value)) => value,
        Ok(Err(panic)) => panic::resume_unwind(panic),
        Err(RecvTimeoutError::Timeout) => panic!("{name} did not finish within {limit:?}"),
        Err(RecvTimeoutError::Disconnected) => panic!("{name} ended without a result"),
    }
}

/// [`deadline`] with the usual [`LIMIT`].
///
/// # Panics
///
/// If the body panics or is late.
///
/// # Examples
///
/// ```
/// assert_eq!(sockeye_testkit::within(|| 6 * 7), 42);
/// ```
#[track_caller]
pub fn within<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    deadline(LIMIT, body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Gate;

    fn message(panic: &(dyn std::any::Any + Send)) -> String {
        match panic.downcast_ref::<String>() {
            Some(text) => text.clone(),
            None => (*panic.downcast_ref::<&str>().unwrap()).to_owned(),
        }
    }

    #[test]
    fn a_late_body_fails_with_its_name_and_the_limit() {
        let gate = Gate::new();
        let never = gate.clone();
        let panic =
            panic::catch_unwind(|| deadline(Duration::from_millis(20), move || never.wait()))
                .unwrap_err();
        gate.open();
        let text = message(&*panic);
        assert!(text.contains("did not finish within 20ms"), "{text}");
        assert!(text.contains("a_late_body_fails"), "{text}");
    }

    #[test]
    fn a_panic_keeps_its_message() {
        let panic = panic::catch_unwind(|| within(|| panic!("the reason"))).unwrap_err();
        assert_eq!(message(&*panic), "the reason");
    }
}
