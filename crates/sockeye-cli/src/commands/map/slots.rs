//! How many jobs at once: what was asked for, within what the machine allows, and changed by signals.

use nix::sys::resource::{Resource, getrlimit};
use sockeye::net::finish::DESCRIPTORS_EACH;
use sockeye::work::Slots;

use super::args::{Jobs, RunArgs};
use crate::output::Output;
use crate::{output::Level, signals};

/// Descriptors that are left for everything else: files, signals, the journal.
const SPARE: usize = 12;
/// What a probe needs at once: a socket, and questions to name servers meanwhile.
const PROBE_DESCRIPTORS: usize = 4;

/// How many jobs at once; a warning if that is less than was asked for.
pub(super) fn here(args: &RunArgs, is_probe: bool, output: &Output) -> Slots {
    let wanted = args.slots(is_probe);
    let each = if is_probe {
        PROBE_DESCRIPTORS
    } else {
        DESCRIPTORS_EACH
    };
    let most = most(each);
    if wanted > most && args.jobs.is_some_and(|jobs| jobs != Jobs::All) {
        output.warn(format_args!(
            "{most} jobs at once instead of {wanted}: a job needs up to {each} descriptors, and `ulimit -n` allows no more"
        ));
    }
    let slots = Slots::new(wanted.min(most));
    heed_signals(&slots, most, output);
    slots
}

/// How many jobs are on their way to workers at once: they need no descriptors here.
pub(super) fn elsewhere(args: &RunArgs, usual: usize, output: &Output) -> Slots {
    let slots = Slots::new(args.jobs.map_or(usual, |_| args.slots(true)));
    heed_signals(&slots, usize::MAX, output);
    slots
}

/// SIGUSR1 adds one, SIGUSR2 takes one away.
fn heed_signals(slots: &Slots, most: usize, output: &Output) {
    let (more, less, said) = (slots.clone(), slots.clone(), output.clone());
    let saying = output.clone();
    signals::on_user_signal(move || {
        more.set(more.now().saturating_add(1).min(most));
        said.say(Level::Verbose, format_args!("{} jobs at once", more.now()));
    });
    signals::on_second_user_signal(move || {
        less.set(less.now().saturating_sub(1));
        saying.say(Level::Verbose, format_args!("{} jobs at once", less.now()));
    });
}

/// How many jobs have descriptors.
fn most(each: usize) -> usize {
    let open = std::fs::read_dir("/proc/self/fd").map_or(SPARE, Iterator::count);
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((u64::MAX, u64::MAX));
    let soft = usize::try_from(soft).unwrap_or(usize::MAX);
    (soft.saturating_sub(open + SPARE) / each).max(1)
}
