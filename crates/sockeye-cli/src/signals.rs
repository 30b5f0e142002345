//! Ctrl-C and SIGTERM: the first finishes what runs, the second leaves at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit;

/// Listen for signals; the token is cancelled by the first, the process ends at the second.
///
/// A terminal that hangs up (SIGHUP) counts too, so that a closed window leaves nothing behind.
pub(crate) fn stop_on_signals() -> CancellationToken {
    let stop = CancellationToken::new();
    for kind in [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ] {
        let Ok(mut signals) = signal(kind) else {
            continue;
        };
        let stop = stop.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if stop.is_cancelled() {
                    leave(exit::INTERRUPTED);
                }
                stop.cancel();
            }
        });
    }
    stop
}

/// Do this at each SIGUSR1, as whoever rotates logs asks for it.
pub(crate) fn on_user_signal(act: impl Fn() + Send + 'static) {
    let Ok(mut signals) = signal(SignalKind::user_defined1()) else {
        return;
    };
    tokio::spawn(async move {
        while signals.recv().await.is_some() {
            act();
        }
    });
}

/// End the process now.
#[expect(
    clippy::exit,
    reason = "the second signal leaves at once, whatever still runs"
)]
fn leave(code: u8) -> ! {
    crate::local::restore_terminal();
    std::process::exit(i32::from(code))
}
