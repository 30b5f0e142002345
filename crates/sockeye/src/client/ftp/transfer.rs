//! Files on their way: bytes of one connection, and the server's word that they were all.

use sockeye_data::ftp::{Class, Fault, Reply};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::control::fault_error;
use super::data::Data;
use super::session::{Ftp, TransferType};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Stream;

/// How much is read and written at once.
const BUFFER: usize = 256 * 1024;

/// How much a server may say on a connection that it was to listen on.
const CHATTER: usize = 64 * 1024;

/// A file, or a listing, that is coming.
///
/// Its bytes are all there when [`Download::chunk`] says `None`, and not before: the server has confirmed them then, and they
/// are as many as it had said. Dropping it closes its connection; the session goes on.
#[derive(Debug)]
pub struct Download<'f> {
    ftp: &'f mut Ftp,
    data: Option<Stream>,
    buffer: Vec<u8>,
    size: Option<u64>,
    offset: u64,
    received: u64,
    /// Received, and not yet counted for the rate.
    unpaid: u64,
    /// What the server said last, if it did.
    reply: Option<Reply>,
    subject: String,
}

/// A file that is going.
///
/// It is there when [`Upload::finish`] says so. Dropping it closes its connection, and leaves on the server what came so far; the
/// session goes on.
#[derive(Debug)]
pub struct Upload<'f> {
    ftp: &'f mut Ftp,
    data: Stream,
    sent: u64,
    /// The server was done before we were.
    reply: Option<Reply>,
    subject: String,
}

impl Ftp {
    pub(super) async fn begin_download(
        &mut self,
        verb: &str,
        path: &[u8],
        size: Option<u64>,
        offset: u64,
    ) -> Result<Download<'_>> {
        let (data, reply) = self.begin(verb, path, offset).await?;
        let subject = self.subject(path);
        Ok(Download {
            ftp: self,
            data: Some(data),
            buffer: Vec::new(),
            size,
            offset,
            received: 0,
            unpaid: 0,
            reply,
            subject,
        })
    }

    pub(super) async fn begin_upload(
        &mut self,
        verb: &str,
        path: &[u8],
        offset: u64,
    ) -> Result<Upload<'_>> {
        let (data, reply) = self.begin(verb, path, offset).await?;
        let subject = self.subject(path);
        Ok(Upload {
            ftp: self,
            data,
            sent: 0,
            reply,
            subject,
        })
    }

    /// Ask for a transfer: its connection, and the last answer if that has come already.
    async fn begin(
        &mut self,
        verb: &str,
        path: &[u8],
        offset: u64,
    ) -> Result<(Stream, Option<Reply>)> {
        self.utf8_for(path).await?;
        let command = self.command(verb, Some(path))?;
        if offset > 0 && self.is_text() {
            let why = "a text has no place in the middle where a transfer could begin";
            return Err(Error::new(Kind::Usage, Operation::Fetch, why).about(self.subject(path)));
        }
        let data: Data = self.prepare().await?;
        if offset > 0 {
            let rest = self.command("REST", Some(offset.to_string().as_bytes()))?;
            let reply = self.control.ask(&rest).await?;
            if reply.class() != Class::More {
                return Err(self.rejected(&rest, &reply, path));
            }
        }
        self.control.send(&command).await?;
        let reply = self.control.next().await?;
        let last = match reply.class() {
            Class::Begun => None,
            Class::Done => Some(reply),
            _ => return Err(self.rejected(&command, &reply, path)),
        };
        Ok((self.establish(data).await?, last))
    }

    fn is_text(&self) -> bool {
        self.current == Some(TransferType::Text)
    }

    /// The last answer of a transfer.
    async fn completion(&mut self, early: Option<Reply>, subject: &str) -> Result<Reply> {
        let reply = match early {
            Some(reply) => reply,
            None => self.control.receive().await?,
        };
        if reply.class() == Class::Done {
            return Ok(reply);
        }
        let kind = match reply.code() {
            425 | 426 => Kind::Lost,
            _ => Kind::Rejected,
        };
        let why = format!("the server broke off: {reply}");
        Err(Error::new(kind, Operation::Fetch, why)
            .about(subject)
            .with_status(reply.code()))
    }

    /// The connection of a transfer broke; the server may say why.
    async fn broken(&mut self, error: Error, early: bool, subject: &str) -> Error {
        if early {
            return error.about(subject);
        }
        let limit = self.settings.reply_timeout.min(super::settings::LAST_WORDS);
        match timeout(limit, self.completion(None, subject)).await {
            Ok(Err(said)) if said.status().is_some() => said,
            _ => error.about(subject),
        }
    }
}

impl Download<'_> {
    /// The size of the whole file in bytes, if the server told.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// The place in the file where this began.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The connection that it comes on; `None` when it is over.
    pub fn stream(&self) -> Option<&Stream> {
        self.data.as_ref()
    }

    /// How many bytes came so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The next bytes, at most 256 KiB; `None` is the end, and all is there.
    ///
    /// # Errors
    ///
    /// [`Kind::Lost`] if the connection broke or the server gave up; [`Kind::Rejected`] if it says at the end that something
    /// went wrong; [`Kind::TimedOut`] if nothing came for too long; [`Kind::Protocol`] if fewer bytes came than the file has, or
    /// it is not known how many it has and TLS ended without its own end, so that somebody may have cut it off.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what was not returned comes with the next call.
    pub async fn chunk(&mut self) -> Result<Option<&[u8]>> {
        if let Some(rate) = &self.ftp.settings.rate {
            rate.passed(std::mem::take(&mut self.unpaid)).await;
        }
        let Some(data) = &mut self.data else {
            return Ok(None);
        };
        self.buffer.resize(BUFFER, 0);
        let read = timeout(self.ftp.settings.idle_timeout, data.read(&mut self.buffer));
        match read.await {
            Ok(Ok(0)) => {
                self.complete().await?;
                Ok(None)
            }
            Ok(Ok(count)) => {
                self.received += count as u64;
                self.unpaid = count as u64;
                Ok(Some(&self.buffer[..count]))
            }
            Ok(Err(error)) => {
                self.data = None;
                let error = Error::from_io(Operation::Fetch, error);
                let early = self.reply.is_some();
                Err(self.ftp.broken(error, early, &self.subject).await)
            }
            Err(_) => {
                self.data = None;
                Err(idle(&self.ftp.settings, &self.subject))
            }
        }
    }

    /// The stream has ended: is that the end?
    async fn complete(&mut self) -> Result<()> {
        let truncated = self.data.take().is_some_and(|data| data.truncated());
        let early = self.reply.take();
        self.ftp.completion(early, &self.subject).await?;
        let protocol =
            |why: String| Error::new(Kind::Protocol, Operation::Fetch, why).about(&self.subject);
        match self.size {
            Some(size) if self.received < size.saturating_sub(self.offset) => {
                let came = self.offset + self.received;
                Err(protocol(format!("only {came} of {size} bytes came")))
            }
            None if truncated => Err(protocol(
                "TLS ended without its own end, so what came may have been cut off".to_owned(),
            )
            .with_hint("the bytes so far are genuine; whether they are all is not known")),
            _ => Ok(()),
        }
    }

    /// Receive all of it into a writer, which is flushed; the number of bytes.
    ///
    /// # Errors
    ///
    /// As with [`Download::chunk`], and what the writer yields.
    pub async fn copy_to(&mut self, writer: &mut (impl AsyncWrite + Unpin)) -> Result<u64> {
        let local = |error| Error::from_io(Operation::Write, error);
        while let Some(bytes) = self.chunk().await? {
            writer.write_all(bytes).await.map_err(local)?;
        }
        writer.flush().await.map_err(local)?;
        Ok(self.received)
    }

    /// Receive all of it, at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// As with [`Download::chunk`]; [`Kind::Protocol`] if it is longer.
    pub async fn bytes(mut self, limit: usize) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(bytes) = self.chunk().await? {
            if all.len() + bytes.len() > limit {
                let why = format!("it is longer than {limit} bytes");
                return Err(Error::new(Kind::Protocol, Operation::Fetch, why).about(&self.subject));
            }
            all.extend_from_slice(bytes);
        }
        Ok(all)
    }

    /// Break it off (`ABOR`, RFC 959 section 4.1.3) and wait for the server to agree.
    ///
    /// # Errors
    ///
    /// Those of a session that broke.
    pub async fn abort(mut self) -> Result<()> {
        let is_over = self.data.take().is_none();
        if is_over {
            return Ok(());
        }
        self.ftp.abort().await
    }

    /// What came makes no sense.
    pub(super) fn fault(&self, fault: &Fault) -> Error {
        fault_error(fault).about(&self.subject)
    }
}

impl Upload<'_> {
    /// How many bytes went so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Send these bytes.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] if the server had enough, [`Kind::Lost`] if the connection broke, [`Kind::TimedOut`] if it took nothing
    /// for too long.
    ///
    /// # Cancel safety
    ///
    /// How many of the bytes went says [`Upload::sent`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let limit = self.ftp.settings.idle_timeout;
            match timeout(limit, self.data.write(rest)).await {
                Ok(Ok(0)) => return Err(self.broken(std::io::ErrorKind::WriteZero.into()).await),
                Ok(Ok(count)) => {
                    self.sent += count as u64;
                    rest = &rest[count..];
                }
                Ok(Err(error)) => return Err(self.broken(error).await),
                Err(_) => return Err(idle(&self.ftp.settings, &self.subject)),
            }
        }
        Ok(())
    }

    async fn broken(&mut self, error: std::io::Error) -> Error {
        let error = Error::from_io(Operation::Fetch, error);
        let early = self.reply.is_some();
        self.ftp.broken(error, early, &self.subject).await
    }

    /// Send all that a reader has; the number of bytes. It still has to be finished.
    ///
    /// # Errors
    ///
    /// As with [`Upload::write`], and what the reader yields.
    pub async fn copy_from(&mut self, reader: &mut (impl AsyncRead + Unpin)) -> Result<u64> {
        let mut buffer = vec![0; BUFFER];
        let before = self.sent;
        loop {
            let count = reader.read(&mut buffer).await;
            let count = count.map_err(|error| Error::from_io(Operation::Read, error))?;
            if count == 0 {
                return Ok(self.sent - before);
            }
            self.write(&buffer[..count]).await?;
        }
    }

    /// Say that this was all, and wait until the server has it.
    ///
    /// # Errors
    ///
    /// As with [`Upload::write`]; [`Kind::Rejected`] if the server could not keep it.
    pub async fn finish(mut self) -> Result<()> {
        let limit = self.ftp.settings.idle_timeout;
        match timeout(limit, self.data.shutdown()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(self.broken(error).await),
            Err(_) => return Err(idle(&self.ftp.settings, &self.subject)),
        }
        let early = self.reply.take();
        let completion = self.ftp.completion(early, &self.subject);
        tokio::pin!(completion);
        // The server has nothing to say here, but its TLS may have: a ticket for the next connection, its own end.
        let (mut scratch, mut said) = ([0; 1024], Some(0));
        loop {
            tokio::select! {
                biased;
                read = self.data.read(&mut scratch), if said.is_some() => {
                    said = match (read, said) {
                        (Ok(count), Some(before)) if count > 0 && before < CHATTER => Some(before + count),
                        _ => None,
                    };
                }
                reply = &mut completion => return reply.map(drop),
            }
        }
    }

    /// Break it off (`ABOR`, RFC 959 section 4.1.3) and wait for the server to agree. What came so far stays there.
    ///
    /// # Errors
    ///
    /// Those of a session that broke.
    pub async fn abort(self) -> Result<()> {
        let Self { ftp, data, .. } = self;
        drop(data);
        ftp.abort().await
    }
}

fn idle(settings: &super::Settings, subject: &str) -> Error {
    let limit = sockeye_data::units::print_duration(settings.idle_timeout);
    let why = format!("no byte of it moved for {limit}");
    Error::new(Kind::TimedOut, Operation::Fetch, why).about(subject)
}
