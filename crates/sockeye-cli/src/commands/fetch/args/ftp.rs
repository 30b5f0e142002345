//! What is special about FTP.

use std::path::PathBuf;

use clap::Args;

/// What is special about FTP.
#[derive(Clone, Debug, Args)]
pub(in crate::commands::fetch) struct FtpArgs {
    /// Encrypt an ftp:// session before the user is named, or give up; ftps:// is encrypted from the first byte on
    #[arg(long, visible_alias = "ssl-reqd", help_heading = "FTP")]
    pub(in crate::commands::fetch) ftp_ssl: bool,
    /// Leave files and listings in clear text although the session is encrypted
    #[arg(long, help_heading = "FTP")]
    pub(in crate::commands::fetch) ftp_clear_data: bool,
    /// Let the server connect to us for files; by default we connect to it
    #[arg(long, help_heading = "FTP")]
    pub(in crate::commands::fetch) ftp_active: bool,
    /// Transfer as text, whose lines the server may change, not byte for byte
    #[arg(long, visible_alias = "use-ascii", help_heading = "FTP")]
    pub(in crate::commands::fetch) ftp_text: bool,
    /// List the names of a directory alone
    #[arg(short = 'l', long, help_heading = "FTP")]
    pub(in crate::commands::fetch) list_only: bool,
    /// Bring the whole directory into this folder; only what is missing, newer or of another size is fetched
    #[arg(long, value_name = "DIR", group = "ftp-does", help_heading = "FTP")]
    pub(in crate::commands::fetch) ftp_mirror: Option<PathBuf>,
    /// Bring this folder to the directory; only what is missing, newer or of another size is sent
    #[arg(long, value_name = "DIR", group = "ftp-does", help_heading = "FTP")]
    pub(in crate::commands::fetch) ftp_mirror_up: Option<PathBuf>,
    /// With --ftp-mirror and --ftp-mirror-up: remove what is only at the other end
    #[arg(long, help_heading = "FTP")]
    pub(in crate::commands::fetch) delete: bool,
    /// How many sessions a mirror may hold at once, 1 to 16 [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16), help_heading = "FTP")]
    pub(in crate::commands::fetch) ftp_sessions: Option<u8>,
    /// Send this command first, as SITE CHMOD 644 a.txt, and show its answer; may be repeated
    #[arg(short = 'Q', long, value_name = "COMMAND", help_heading = "FTP")]
    pub(in crate::commands::fetch) quote: Vec<String>,
    /// Give what the URL names another name
    #[arg(long, value_name = "NAME", group = "ftp-does", help_heading = "FTP")]
    pub(in crate::commands::fetch) ftp_rename: Option<String>,
    /// Remove the file that the URL names, or the empty directory if it ends with a slash
    #[arg(long, group = "ftp-does", help_heading = "FTP")]
    pub(in crate::commands::fetch) ftp_remove: bool,
    /// Make the directory that the URL names
    #[arg(long, group = "ftp-does", help_heading = "FTP")]
    pub(in crate::commands::fetch) ftp_mkdir: bool,
}

impl FtpArgs {
    /// Whether something else is done than to fetch a file.
    pub(in crate::commands::fetch) fn does_more(&self) -> bool {
        let is_mirror = self.ftp_mirror.is_some() || self.ftp_mirror_up.is_some();
        let is_change = self.ftp_rename.is_some() || self.ftp_remove || self.ftp_mkdir;
        is_mirror || is_change || self.list_only
    }

    /// The first flag that was given, for URLs to which it means nothing.
    pub(in crate::commands::fetch) fn given(&self) -> Option<&'static str> {
        let given = [
            (self.ftp_ssl, "--ftp-ssl"),
            (self.ftp_clear_data, "--ftp-clear-data"),
            (self.ftp_active, "--ftp-active"),
            (self.ftp_text, "--ftp-text"),
            (self.list_only, "--list-only"),
            (self.ftp_mirror.is_some(), "--ftp-mirror"),
            (self.ftp_mirror_up.is_some(), "--ftp-mirror-up"),
            (self.delete, "--delete"),
            (self.ftp_sessions.is_some(), "--ftp-sessions"),
            (!self.quote.is_empty(), "--quote"),
            (self.ftp_rename.is_some(), "--ftp-rename"),
            (self.ftp_remove, "--ftp-remove"),
            (self.ftp_mkdir, "--ftp-mkdir"),
        ];
        let first = given.into_iter().find(|(is_given, _)| *is_given);
        first.map(|(_, flag)| flag)
    }
}
