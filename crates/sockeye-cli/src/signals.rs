//! Ctrl-C and SIGTERM: the first finishes what runs, the second leaves at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit;

/// Listen for signals; the token is cancelled by the first, the process ends at the second.
///
/// A terminal that hangs up (SIGHUP) counts too, so that a closed window leaves nothing behind.
pub(crate) fn stop_on_signals() -> CancellationToken {
    let stop = stop_on_all_but_hangup();
    stop_on(SignalKind::hangup(), &stop);
    stop
}

/// The same for those who do something else at SIGHUP, see [`on_hangup`].
pub(crate) fn stop_on_all_but_hangup() -> CancellationToken {
    let stop = CancellationToken::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        stop_on(kind, &stop);
    }
    stop
}

fn stop_on(kind: SignalKind, stop: &CancellationToken) {
    let Ok(mut signals) = signal(kind) else {
        return;
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

/// Do this at each SIGHUP, unless it says that the terminal we were started from is gone: then stop.
pub(crate) fn on_hangup(stop: &CancellationToken, act: impl Fn() + Send + 'static) {
    let has_terminal = || std::fs::File::open("/dev/tty").is_ok();
    let had_terminal = has_terminal();
    let Ok(mut signals) = signal(SignalKind::hangup()) else {
        return;
    };
    let stop = stop.clone();
    tokio::spawn(async move {
        while signals.recv().await.is_some() {
            match had_terminal && !has_terminal() {
                true => stop.cancel(),
                false => act(),
            }
        }
    });
}

/// Do this at each of the signals that ask to stop; how often it was asked is the argument, from 1.
pub(crate) fn on_each_stop(act: impl FnMut(u32) + Send + 'static) {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let act = std::sync::Arc::new(std::sync::Mutex::new((0, act)));
    for kind in kinds {
        let Ok(mut signals) = signal(kind) else {
            continue;
        };
        let act = act.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let mut act = act
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                act.0 += 1;
                let times = act.0;
                (act.1)(times);
            }
        });
    }
}

/// Do this at each SIGUSR2.
pub(crate) fn on_second_user_signal(act: impl Fn() + Send + 'static) {
    let Ok(mut signals) = signal(SignalKind::user_defined2()) else {
        return;
    };
    tokio::spawn(async move {
        while signals.recv().await.is_some() {
            act();
        }
    });
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
pub(crate) fn leave(code: u8) -> ! {
    crate::local::restore_terminal();
    std::process::exit(i32::from(code))
}
