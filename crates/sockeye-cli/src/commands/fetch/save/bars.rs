//! Bars of progress on standard error, if that is a terminal: one for each transfer, and one for all.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::Mutex;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use sockeye::client::download::Event;
use sockeye::data::escape::escape;

use super::locked;
use crate::output::{Level, Output};

const ONE: &str = "{msg:30!} {bar:24} {bytes:>10} of {total_bytes:10} {bytes_per_sec:>12} {eta:>4}";
const OPEN: &str = "{msg:30!} {spinner} {bytes:>10} {bytes_per_sec:>12}";
const ALL: &str = "{pos} of {len} files in {elapsed}";

/// Bars, or nothing at all.
pub(super) struct Bars {
    all: Option<MultiProgress>,
    files: Option<ProgressBar>,
    running: Mutex<BTreeMap<usize, ProgressBar>>,
}

impl Bars {
    pub(super) fn new(output: &Output, files: usize) -> Self {
        let is_shown = io::stderr().is_terminal() && output.says(Level::Normal) && !output.json();
        let all = is_shown.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        if let Some(all) = &all {
            output.write_above(all);
        }
        let total = all.as_ref().filter(|_| files > 1).map(|all| {
            let bar = ProgressBar::new(files as u64).with_style(style(ALL));
            all.add(bar)
        });
        Self {
            all,
            files: total,
            running: Mutex::default(),
        }
    }

    /// Something happened to this one.
    pub(super) fn tell(&self, number: usize, event: &Event) {
        let Some(all) = &self.all else { return };
        match event {
            Event::Started {
                path,
                length,
                resumed,
            } => {
                let bar = match length {
                    Some(length) => ProgressBar::new(*length).with_style(style(ONE)),
                    None => ProgressBar::no_length().with_style(style(OPEN)),
                };
                let name = path.file_name().unwrap_or(path.as_os_str());
                let bar = bar.with_message(escape(name.as_encoded_bytes()));
                let bar = match &self.files {
                    Some(files) => all.insert_before(files, bar),
                    None => all.add(bar),
                };
                // What was there says nothing about how fast it goes.
                bar.set_position(*resumed);
                bar.reset_eta();
                locked(&self.running).insert(number, bar);
            }
            Event::Progress { received, .. } => {
                if let Some(bar) = locked(&self.running).get(&number) {
                    bar.set_position(*received);
                }
            }
            _ => {}
        }
    }

    /// This one is over.
    pub(super) fn done(&self, number: usize) {
        let bar = locked(&self.running).remove(&number);
        if let (Some(bar), Some(all)) = (bar, &self.all) {
            bar.finish_and_clear();
            all.remove(&bar);
        }
        if let Some(files) = &self.files {
            files.inc(1);
        }
    }

    /// All are over.
    pub(super) fn end(&self) {
        if let Some(files) = &self.files {
            files.finish_and_clear();
        }
        if let Some(all) = &self.all {
            // A terminal that is gone needs no cleaning.
            drop(all.clear());
        }
    }
}

impl Drop for Bars {
    /// Whatever ends it, the terminal is left as it was.
    fn drop(&mut self) {
        self.end();
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are ours; one that was wrong would show the default.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
