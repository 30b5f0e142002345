//! TLS secrets in a file, for Wireshark: the NSS key log format (draft-ietf-tls-keylogfile).
//!
//! The file is the one that `SSLKEYLOGFILE` names. It is opened once per process, for appending and readable by its
//! owner only. A key log that cannot be written never fails a connection.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::OnceLock;

use data_encoding::HEXLOWER;

use crate::error::{Error, Operation, Result};

/// The variable that names the file.
const VARIABLE: &str = "SSLKEYLOGFILE";

/// A file that collects secrets.
#[derive(Debug)]
pub(crate) struct KeyLogFile {
    file: File,
}

impl KeyLogFile {
    /// Open or create this file for appending.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::options()
            .append(true)
            .create(true)
            // The secrets of a connection lay all of it open: nobody else may read them.
            .mode(0o600)
            .open(path)
            .map_err(|e| Error::from_io(Operation::Open, e))?;
        Ok(Self { file })
    }

    /// The file that the environment names, if it names one that can be opened.
    pub(crate) fn of_environment() -> Option<&'static Self> {
        // One file per process whatever number of connections, and one warning if it cannot be had.
        static FILE: OnceLock<Option<KeyLogFile>> = OnceLock::new();
        FILE.get_or_init(|| {
            let path = std::env::var_os(VARIABLE).filter(|path| !path.is_empty())?;
            match Self::open(Path::new(&path)) {
                Ok(file) => Some(file),
                Err(e) => {
                    tracing::warn!("{VARIABLE} {}: {e}", path.display());
                    None
                }
            }
        })
        .as_ref()
    }

    /// Append one line, given without its line end.
    pub(crate) fn append(&self, line: &str) {
        // One write per line: processes that share the file must not mix their lines.
        if let Err(e) = (&self.file).write_all(format!("{line}\n").as_bytes()) {
            tracing::warn!("{VARIABLE}: {e}");
        }
    }
}

/// One line of the format, without its line end.
pub(crate) fn line(label: &str, client_random: &[u8], secret: &[u8]) -> String {
    format!(
        "{label} {} {}",
        HEXLOWER.encode(client_random),
        HEXLOWER.encode(secret)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn lines_are_appended_to_a_file_of_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        KeyLogFile::open(&path)
            .unwrap()
            .append(&line("A", &[1, 2], &[0xab]));
        KeyLogFile::open(&path)
            .unwrap()
            .append(&line("B", &[], &[0xff]));
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "A 0102 ab\nB  ff\n"
        );
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        assert!(KeyLogFile::open(directory.path()).is_err());
    }
}
