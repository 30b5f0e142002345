//! A bar of progress on standard error, if that is a terminal.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use sockeye::work::Progress;

use crate::output::{Level, Output};

/// How often it is drawn.
const TICK: Duration = Duration::from_millis(100);
/// The number of inputs is known.
const ALL: &str = "{bar:24} {pos} of {len} jobs, {per_sec}, {msg}, {eta} left";
/// Inputs still come.
const OPEN: &str = "{spinner} {pos} jobs, {per_sec}, {msg}, {elapsed}";

/// The bar; it is gone when this is dropped.
pub(super) struct Bar {
    all: MultiProgress,
    bar: ProgressBar,
    task: tokio::task::JoinHandle<()>,
}

impl Bar {
    /// A bar, if somebody sees it.
    pub(super) fn new(output: &Output, progress: Arc<Progress>) -> Option<Self> {
        if !io::stderr().is_terminal() || !output.says(Level::Normal) || output.json() {
            return None;
        }
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        output.write_above(&all);
        let bar = all.add(ProgressBar::no_length().with_style(style(OPEN)));
        let drawn = bar.clone();
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            loop {
                ticks.tick().await;
                draw(&drawn, &progress);
            }
        });
        Some(Self { all, bar, task })
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.task.abort();
        self.bar.finish_and_clear();
        // A terminal that is gone needs no cleaning.
        drop(self.all.clear());
    }
}

fn draw(bar: &ProgressBar, progress: &Progress) {
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (running, failed) = (of(&progress.running), of(&progress.failed));
    let done = of(&progress.succeeded) + failed + of(&progress.canceled);
    let message = match failed {
        0 => format!("{running} running"),
        failed => format!("{running} running, {failed} failed"),
    };
    if of(&progress.all_read) == 1 && bar.length().is_none() {
        bar.set_style(style(ALL));
        bar.set_length(of(&progress.read));
    }
    bar.set_message(message);
    bar.set_position(done);
    bar.tick();
}

fn style(template: &str) -> ProgressStyle {
    // The templates are ours; one that was wrong would show the default.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
