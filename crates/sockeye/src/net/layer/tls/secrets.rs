//! The secrets of a connection, told to the key log file and to the watch.

use std::fmt;

use rustls::KeyLog;

use crate::wire::keylog::{self, KeyLogFile};
use crate::wire::{Watch, What};

/// Who learns the secrets of one connection.
pub(super) struct Secrets {
    file: Option<&'static KeyLogFile>,
    watch: Option<Watch>,
}

impl Secrets {
    /// `None` if nobody wants to know them.
    pub(super) fn of(watch: Option<&Watch>) -> Option<Self> {
        let file = KeyLogFile::of_environment();
        let watch = watch.filter(|watch| watch.wants_bytes());
        (file.is_some() || watch.is_some()).then(|| Self {
            file,
            watch: watch.cloned(),
        })
    }
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = keylog::line(label, client_random, secret);
        if let Some(file) = self.file {
            file.append(&line);
        }
        if let Some(watch) = &self.watch {
            watch.report(super::NAME, What::Secret { line: &line });
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}
