//! A session with a server: where we are, and what can be done there.

use std::fmt;

use sockeye_data::ftp::{
    Class, Command, Entry, Features, Listing, ListingFormat, Reply, facts_line, quoted_path, stamp,
};
use sockeye_data::percent::{self, Keep};

use super::control::{Control, fault_error};
use super::settings::Settings;
use super::transfer::{Download, Upload};
use crate::endpoint::{Host, Options};
use crate::error::{Error, Kind, Result};
use crate::net::{Net, Stream, TlsClient};

/// How files are transferred (RFC 959 section 3.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TransferType {
    /// Byte for byte: `TYPE I`.
    #[default]
    Binary,
    /// As text, whose lines end in CR LF on the way: `TYPE A`. Nothing is changed on our side.
    Text,
}

/// A session with a server of FTP.
///
/// One thing happens at a time, so every method borrows it; for several transfers at once, open several sessions. A path goes
/// to the server as it is, from where [`Ftp::cwd`] led to; what would break the line it is sent in is refused.
///
/// # Cancel safety
///
/// A future of this type may be dropped. An answer that is still to come is then received and forgotten before the next command
/// goes out.
pub struct Ftp {
    pub(super) net: Net,
    pub(super) control: Control,
    pub(super) settings: Settings,
    /// Whom we wanted to reach, and whose certificate we expect.
    pub(super) host: Host,
    /// How the other connections are opened.
    pub(super) options: Options,
    pub(super) tls: Option<TlsClient>,
    pub(super) is_epsv_refused: bool,
    pub(super) welcome: Reply,
    pub(super) features: Option<Features>,
    /// What the server was told last, and what files are to be.
    pub(super) current: Option<TransferType>,
    pub(super) wanted: TransferType,
    pub(super) is_mlsd_refused: bool,
    pub(super) is_utf8_asked: bool,
}

impl Ftp {
    /// What the server said first.
    pub fn welcome(&self) -> &Reply {
        &self.welcome
    }

    /// The session's own connection; `None` if it broke.
    pub fn stream(&self) -> Option<&Stream> {
        self.control.stream()
    }

    /// What the server can do (`FEAT`, RFC 2389); nothing if it does not say. It is asked once.
    ///
    /// # Errors
    ///
    /// Those of a session that broke.
    pub async fn features(&mut self) -> Result<&Features> {
        let features = match self.features.take() {
            Some(features) => features,
            None => {
                let reply = self.quote_command("FEAT", None).await?;
                match reply.class() {
                    Class::Done => Features::of(&reply),
                    _ => Features::default(),
                }
            }
        };
        Ok(self.features.insert(features))
    }

    /// Where we are.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if the server does not say; [`Kind::Protocol`] if it says nothing that is a path.
    pub async fn pwd(&mut self) -> Result<Vec<u8>> {
        let reply = self.done("PWD", None).await?;
        quoted_path(&reply).ok_or_else(|| {
            let why = format!("the server sent no path in its answer to PWD: {reply}");
            self.control.error(Kind::Protocol, why)
        })
    }

    /// Go into a directory; nothing at all stays where we are.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if the server says no.
    pub async fn cwd(&mut self, path: impl AsRef<[u8]>) -> Result<()> {
        match path.as_ref() {
            b"" => Ok(()),
            b".." => self.done("CDUP", None).await.map(drop),
            path => self.named("CWD", path).await.map(drop),
        }
    }

    /// The size of a file in bytes (RFC 3659 section 4).
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if there is no such file, or the server does not tell.
    pub async fn size(&mut self, path: impl AsRef<[u8]>) -> Result<u64> {
        self.set_type(TransferType::Binary).await?;
        let reply = self.named("SIZE", path.as_ref()).await?;
        let digits = std::str::from_utf8(reply.last().trim_ascii()).ok();
        digits
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| {
                let why = format!("the server sent no size in its answer to SIZE: {reply}");
                self.control.error(Kind::Protocol, why)
            })
    }

    /// When a file was last changed, in seconds since 1970 (RFC 3659 section 3).
    ///
    /// # Errors
    ///
    /// As with [`Ftp::size`].
    pub async fn modified(&mut self, path: impl AsRef<[u8]>) -> Result<i64> {
        let reply = self.named("MDTM", path.as_ref()).await?;
        stamp::parse(reply.last().trim_ascii()).ok_or_else(|| {
            let why = format!("the server sent no time in its answer to MDTM: {reply}");
            self.control.error(Kind::Protocol, why)
        })
    }

    /// Say when a file was last changed, in seconds since 1970: `MFMT`, which many servers know and no RFC has.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if the server does not know it or says no; [`Kind::Usage`] for years beyond 0 to 9999.
    pub async fn set_modified(&mut self, path: impl AsRef<[u8]>, seconds: i64) -> Result<()> {
        let Some(stamp) = stamp::print(seconds) else {
            let why = "that time has no year of four digits";
            return Err(self.control.error(Kind::Usage, why));
        };
        let mut argument = stamp.into_bytes();
        argument.push(b' ');
        argument.extend_from_slice(path.as_ref());
        self.done("MFMT", Some(&argument)).await.map(drop)
    }

    /// What a directory holds; nothing at all is where we are. `MLSD` if the server has it, which says exactly what it means, and
    /// otherwise `LIST`. The directory itself and the one above it are left out.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if the server says no; [`Kind::Protocol`] if what it sends is no listing, or longer than
    /// [`Settings::listing_limits`].
    pub async fn list(&mut self, path: impl AsRef<[u8]>) -> Result<Vec<Entry>> {
        let listing = self.list_lines(path.as_ref()).await?;
        for line in listing.unknown() {
            let line = sockeye_data::escape::escape_start(line, 120);
            tracing::warn!("nobody understands this line of a listing: {line}");
        }
        Ok(listing.into_entries())
    }

    /// The same, with the lines that nobody understands.
    pub(super) async fn list_lines(&mut self, path: &[u8]) -> Result<Listing> {
        if !self.is_mlsd_refused {
            match self.listing(path, ListingFormat::Facts).await {
                Err(error) if is_unknown_command(&error) => self.is_mlsd_refused = true,
                listing => return listing,
            }
        }
        self.listing(path, ListingFormat::Text).await
    }

    /// The names in a directory alone (`NLST`).
    ///
    /// # Errors
    ///
    /// As with [`Ftp::list`]. Many servers answer 550 for a directory that is empty.
    pub async fn names(&mut self, path: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>> {
        let listing = self.listing(path.as_ref(), ListingFormat::Names).await?;
        // Some servers put the path before each name.
        let path = path.as_ref();
        let path = path.strip_suffix(b"/").unwrap_or(path);
        let bare = |name: Vec<u8>| match name.strip_prefix(path) {
            Some([b'/', bare @ ..]) if !path.is_empty() && !bare.is_empty() => bare.to_vec(),
            _ => name,
        };
        let entries = listing.into_entries().into_iter();
        Ok(entries.map(|entry| bare(entry.name)).collect())
    }

    /// A listing in one of three formats, with the lines that nobody understands.
    ///
    /// # Errors
    ///
    /// As with [`Ftp::list`].
    pub async fn listing(
        &mut self,
        path: impl AsRef<[u8]>,
        format: ListingFormat,
    ) -> Result<Listing> {
        let verb = match format {
            ListingFormat::Facts => "MLSD",
            ListingFormat::Text => "LIST",
            ListingFormat::Names => "NLST",
        };
        let path = path.as_ref();
        // Servers hand the argument to something like `ls`, which takes a dash for an option and expands patterns.
        let is_pattern = path.starts_with(b"-") || path.iter().any(|byte| b"*?[]{}".contains(byte));
        if format == ListingFormat::Facts || !is_pattern {
            return self.listing_of(verb, path, format).await;
        }
        let back = self.pwd().await?;
        self.cwd(path).await?;
        let listing = self.listing_of(verb, b"", format).await;
        self.cwd(back).await?;
        listing
    }

    async fn listing_of(
        &mut self,
        verb: &str,
        path: &[u8],
        format: ListingFormat,
    ) -> Result<Listing> {
        self.set_type(TransferType::Text).await?;
        let mut listing = Listing::new(format, self.settings.listings, now());
        let mut download = self.begin_download(verb, path, None, 0).await?;
        while let Some(bytes) = download.chunk().await? {
            if let Err(fault) = listing.push(bytes) {
                return Err(download.fault(&fault));
            }
        }
        listing
            .finish()
            .map_err(|fault| fault_error(&fault).about(self.subject(path)))
    }

    /// What a server says of one file or directory (`MLST`).
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if there is no such thing, or the server does not know the command.
    pub async fn entry(&mut self, path: impl AsRef<[u8]>) -> Result<Option<Entry>> {
        let reply = self.named("MLST", path.as_ref()).await?;
        let line = reply.lines().get(1).map(Vec::as_slice).unwrap_or_default();
        let line = line.strip_prefix(b" ").unwrap_or(line);
        facts_line(line).map_err(|fault| fault_error(&fault).about(self.subject(path.as_ref())))
    }

    /// Receive a file.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if the server says no.
    pub async fn get(&mut self, path: impl AsRef<[u8]>) -> Result<Download<'_>> {
        self.get_from(path, 0).await
    }

    /// Receive a file from this byte on (`REST`, RFC 3659 section 5).
    ///
    /// # Errors
    ///
    /// As with [`Ftp::get`]; [`Kind::Rejected`] if the server cannot begin there.
    pub async fn get_from(&mut self, path: impl AsRef<[u8]>, offset: u64) -> Result<Download<'_>> {
        let path = path.as_ref();
        let size = match self.wanted {
            TransferType::Binary => match self.size(path).await {
                Ok(size) => Some(size),
                Err(error) if error.kind() == Kind::Rejected => None,
                Err(error) => return Err(error),
            },
            TransferType::Text => None,
        };
        self.set_type(self.wanted).await?;
        self.begin_download("RETR", path, size, offset).await
    }

    /// The same, byte for byte and with a size that is known from elsewhere.
    pub(super) async fn retrieve(
        &mut self,
        path: &[u8],
        size: Option<u64>,
        offset: u64,
    ) -> Result<Download<'_>> {
        self.set_type(TransferType::Binary).await?;
        self.begin_download("RETR", path, size, offset).await
    }

    /// Send a file, which takes the place of what has that name.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if the server says no.
    pub async fn put(&mut self, path: impl AsRef<[u8]>) -> Result<Upload<'_>> {
        self.put_from(path, 0).await
    }

    /// Send the rest of a file, from this byte on (`REST`, RFC 3659 section 5): what is there up to it stays.
    ///
    /// # Errors
    ///
    /// As with [`Ftp::put`]; [`Kind::Rejected`] if the server cannot begin there.
    pub async fn put_from(&mut self, path: impl AsRef<[u8]>, offset: u64) -> Result<Upload<'_>> {
        self.set_type(self.wanted).await?;
        self.begin_upload("STOR", path.as_ref(), offset).await
    }

    /// Add to the end of a file.
    ///
    /// # Errors
    ///
    /// As with [`Ftp::put`].
    pub async fn append(&mut self, path: impl AsRef<[u8]>) -> Result<Upload<'_>> {
        self.set_type(self.wanted).await?;
        self.begin_upload("APPE", path.as_ref(), 0).await
    }

    /// How files are transferred from now on; byte for byte by default. Listings are text, whatever this says.
    pub fn transfer_type(&mut self, transfer: TransferType) {
        self.wanted = transfer;
    }

    pub(super) async fn set_type(&mut self, transfer: TransferType) -> Result<()> {
        if self.current == Some(transfer) {
            return Ok(());
        }
        let letter: &[u8] = match transfer {
            TransferType::Binary => b"I",
            TransferType::Text => b"A",
        };
        self.current = None;
        self.done("TYPE", Some(letter)).await?;
        self.current = Some(transfer);
        Ok(())
    }

    /// Give something another name.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if the server says no.
    pub async fn rename(&mut self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<()> {
        // What is wrong with the second name shows before the first is sent.
        self.command("RNTO", Some(to.as_ref()))?;
        self.utf8_for(from.as_ref()).await?;
        let command = self.command("RNFR", Some(from.as_ref()))?;
        let reply = self.control.ask(&command).await?;
        if reply.class() != Class::More {
            return Err(self.rejected(&command, &reply, from.as_ref()));
        }
        self.named("RNTO", to.as_ref()).await.map(drop)
    }

    /// Remove a file.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if the server says no.
    pub async fn delete(&mut self, path: impl AsRef<[u8]>) -> Result<()> {
        self.named("DELE", path.as_ref()).await.map(drop)
    }

    /// Make a directory.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if the server says no.
    pub async fn mkdir(&mut self, path: impl AsRef<[u8]>) -> Result<()> {
        self.named("MKD", path.as_ref()).await.map(drop)
    }

    /// Remove a directory, which must be empty.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if the server says no.
    pub async fn rmdir(&mut self, path: impl AsRef<[u8]>) -> Result<()> {
        self.named("RMD", path.as_ref()).await.map(drop)
    }

    /// Say something that does nothing, to see whether the server is still there.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if the server says no.
    pub async fn noop(&mut self) -> Result<()> {
        self.done("NOOP", None).await.map(drop)
    }

    /// Send a command as it was typed, `SITE CHMOD 644 a.txt`, and give back the answer, whatever it says.
    ///
    /// Those that open a connection for files or change what is encrypted are refused: there are methods for them.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] for a command that is more than one line, or one of those.
    pub async fn quote(&mut self, command: impl AsRef<[u8]>) -> Result<Reply> {
        const OURS: &[&str] = &[
            "APPE", "AUTH", "CCC", "EPRT", "EPSV", "LIST", "MLSD", "NLST", "PASV", "PBSZ", "PORT",
            "PROT", "QUIT", "REIN", "REST", "RETR", "STOR", "STOU",
        ];
        let command = Command::parse(command.as_ref())
            .map_err(|fault| fault_error(&fault).about(self.control.subject()))?;
        if OURS.contains(&command.verb()) {
            let why = format!("{} is not sent by itself", command.verb());
            return Err(self
                .control
                .error(Kind::Usage, why)
                .with_hint("transfers and encryption have ways of their own here"));
        }
        if command.verb() == "TYPE" {
            self.current = None;
        }
        self.control.ask(&command).await
    }

    /// Say goodbye and close. A server that does not answer is left all the same.
    pub async fn quit(mut self) {
        if let Ok(command) = self.command("QUIT", None) {
            drop(self.control.ask(&command).await);
        }
        self.control.close().await;
    }

    /// A command, or the error of one that cannot be sent.
    pub(super) fn command(&self, verb: &str, argument: Option<&[u8]>) -> Result<Command> {
        Command::of(verb, argument)
            .map_err(|fault| fault_error(&fault).about(self.control.subject()))
    }

    /// A path on this server, as errors name it.
    pub(super) fn subject(&self, path: &[u8]) -> String {
        let (root, rest) = match path.strip_prefix(b"/") {
            Some(rest) => ("%2F", rest),
            None => ("", path),
        };
        let rest = percent::encode_readable(rest, Keep::PATH);
        format!("{}/{root}{rest}", self.control.subject())
    }

    async fn quote_command(&mut self, verb: &str, argument: Option<&[u8]>) -> Result<Reply> {
        let command = self.command(verb, argument)?;
        self.control.ask(&command).await
    }

    /// Send a command that is to be done.
    pub(super) async fn done(&mut self, verb: &str, argument: Option<&[u8]>) -> Result<Reply> {
        let command = self.command(verb, argument)?;
        let reply = self.control.ask(&command).await?;
        match reply.class() {
            Class::Done => Ok(reply),
            _ => Err(self.rejected(&command, &reply, b"")),
        }
    }

    /// The same, about a path.
    async fn named(&mut self, verb: &str, path: &[u8]) -> Result<Reply> {
        self.utf8_for(path).await?;
        let command = self.command(verb, Some(path))?;
        let reply = self.control.ask(&command).await?;
        match reply.class() {
            Class::Done => Ok(reply),
            _ => Err(self.rejected(&command, &reply, path)),
        }
    }

    /// Names beyond ASCII are UTF-8 (RFC 2640), which some servers want to be asked for.
    pub(super) async fn utf8_for(&mut self, path: &[u8]) -> Result<()> {
        if path.is_ascii() || self.is_utf8_asked {
            return Ok(());
        }
        self.is_utf8_asked = true;
        if self.features().await?.has("UTF8") {
            // What it answers changes nothing: the name is sent as it is.
            self.quote_command("OPTS", Some(b"UTF8 ON")).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for Ftp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ftp")
            .field("server", &self.control.subject())
            .finish_non_exhaustive()
    }
}

/// Whether the server does not know the command, which says nothing about its argument.
fn is_unknown_command(error: &Error) -> bool {
    error.kind() == Kind::Rejected && matches!(error.status(), Some(500 | 502 | 504))
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0))
}
