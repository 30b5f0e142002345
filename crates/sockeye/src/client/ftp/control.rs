//! The session itself: commands go out, answers come back, and neither gets ahead of the other.

use std::time::Duration;

use sockeye_data::ftp::{Class, Command, Fault, FaultKind, Reply, ReplyParser};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::settings::{Said, Settings};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Stream;

/// How much is read at once.
const BUFFER: usize = 4096;

/// The connection that commands travel on.
pub(super) struct Control {
    /// `None` for good if the session broke.
    stream: Option<Stream>,
    parser: ReplyParser,
    /// What was read and belongs to no answer yet.
    unread: Vec<u8>,
    settings: Settings,
    /// Answers that must come before the next command goes out: those of futures that were dropped.
    owed: usize,
    /// A command is going out. If this is seen at the next one, only a part of it went.
    is_writing: bool,
    /// The server, as errors name it.
    subject: String,
}

impl Control {
    pub(super) fn new(stream: Stream, settings: &Settings, subject: String) -> Self {
        Self {
            stream: Some(stream),
            parser: parser(settings),
            unread: Vec::new(),
            settings: settings.clone(),
            owed: 0,
            is_writing: false,
            subject,
        }
    }

    /// The stream below, while the session is whole.
    pub(super) fn stream(&self) -> Option<&Stream> {
        self.stream.as_ref()
    }

    /// The server, as errors name it.
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// An error of the session.
    pub(super) fn error(&self, kind: Kind, why: impl Into<String>) -> Error {
        Error::new(kind, Operation::Fetch, why).about(&self.subject)
    }

    /// Send a command and receive its answer.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the answer is received and dropped before the next command goes out.
    pub(super) async fn ask(&mut self, command: &Command) -> Result<Reply> {
        self.send(command).await?;
        self.receive().await
    }

    /// Send a command; somebody has to receive its answer.
    pub(super) async fn send(&mut self, command: &Command) -> Result<()> {
        self.catch_up().await?;
        self.send_now(command).await
    }

    /// Send a command although answers are owed to us.
    pub(super) async fn send_now(&mut self, command: &Command) -> Result<()> {
        if self.is_writing {
            self.stream = None;
        }
        let Some(stream) = &mut self.stream else {
            return Err(self.error(Kind::Lost, "the session is over"));
        };
        let line = command.line();
        self.is_writing = true;
        let written = timeout(self.settings.reply_timeout, async {
            stream.write_all(&line).await?;
            stream.flush().await
        });
        let written = written.await;
        self.is_writing = false;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                // The server may have said why before it closed.
                let said = self.last_words().await;
                let error = Error::from_io(Operation::Fetch, error).about(&self.subject);
                return Err(said.unwrap_or(error));
            }
            Err(_) => return Err(self.late(command.verb())),
        }
        self.owed += 1;
        if let Some(listener) = &self.settings.listener {
            listener(Said::Command(command));
        }
        Ok(())
    }

    /// Receive the answer that is owed to us, past those that only say that it has begun.
    pub(super) async fn receive(&mut self) -> Result<Reply> {
        loop {
            let reply = self.next().await?;
            if reply.class() != Class::Begun {
                return Ok(reply);
            }
        }
    }

    /// Receive one answer, whatever it says.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what was read so far is kept.
    pub(super) async fn next(&mut self) -> Result<Reply> {
        let limit = self.settings.reply_timeout;
        match timeout(limit, self.next_unbounded()).await {
            Ok(reply) => reply,
            Err(_) => Err(self.late("it")),
        }
    }

    /// The same, however long it takes.
    pub(super) async fn next_unbounded(&mut self) -> Result<Reply> {
        loop {
            let unread = std::mem::take(&mut self.unread);
            match self.parser.feed(&unread) {
                Ok(Some((reply, used))) => {
                    self.unread = unread[used..].to_vec();
                    return self.received(reply);
                }
                Ok(None) => {}
                Err(fault) => {
                    self.stream = None;
                    return Err(fault_error(&fault).about(&self.subject));
                }
            }
            let Some(stream) = &mut self.stream else {
                return Err(self.error(Kind::Lost, "the session is over"));
            };
            self.unread.reserve(BUFFER);
            match stream.read_buf(&mut self.unread).await {
                Ok(0) => {
                    self.stream = None;
                    let why = "the server closed the session without an answer";
                    return Err(self.error(Kind::Lost, why));
                }
                Ok(_) => {}
                Err(error) => {
                    self.stream = None;
                    return Err(Error::from_io(Operation::Fetch, error).about(&self.subject));
                }
            }
        }
    }

    fn received(&mut self, reply: Reply) -> Result<Reply> {
        if let Some(listener) = &self.settings.listener {
            listener(Said::Reply(&reply));
        }
        if reply.class() != Class::Begun {
            self.owed = self.owed.saturating_sub(1);
        }
        if reply.code() == 421 {
            self.stream = None;
            let why = format!("the server ends the session: {reply}");
            return Err(self.error(Kind::Lost, why).with_status(421));
        }
        Ok(reply)
    }

    /// The greeting is owed to us although nobody asked.
    pub(super) fn expect_greeting(&mut self) {
        self.owed = 1;
    }

    /// Receive what is owed to commands that nobody waits for any more.
    pub(super) async fn catch_up(&mut self) -> Result<()> {
        while self.owed > 0 {
            self.next().await?;
        }
        Ok(())
    }

    /// What the server said before the connection broke, if that is a reason.
    async fn last_words(&mut self) -> Option<Error> {
        let said = timeout(Duration::from_secs(1), self.next_unbounded()).await;
        self.stream = None;
        match said {
            Ok(Ok(reply)) if matches!(reply.class(), Class::No | Class::NotNow) => {
                let why = format!("the server ended the session: {reply}");
                Some(self.error(Kind::Lost, why).with_status(reply.code()))
            }
            Ok(Err(error)) if error.status().is_some() => Some(error),
            _ => None,
        }
    }

    fn late(&mut self, what: &str) -> Error {
        self.stream = None;
        let limit = sockeye_data::units::print_duration(self.settings.reply_timeout);
        let why = match what {
            "it" => format!("the server did not answer within {limit}"),
            verb => format!("the server did not take {verb} within {limit}"),
        };
        self.error(Kind::TimedOut, why)
    }

    /// Take the stream to put TLS over it. Whatever was read beyond the answer came in clear text, from whomever, and must not
    /// be taken for something that was said under TLS (CVE-2021-22947, RFC 3207 section 4.2).
    ///
    /// # Errors
    ///
    /// [`Kind::Protocol`] if there is such a thing.
    pub(super) fn take_for_tls(&mut self) -> Result<Stream> {
        if !self.unread.is_empty() || self.parser.is_inside() {
            self.stream = None;
            let why = "the server said more in clear text behind its answer to AUTH TLS";
            return Err(self
                .error(Kind::Protocol, why)
                .with_hint("somebody on the way may have put it there"));
        }
        self.stream
            .take()
            .ok_or_else(|| self.error(Kind::Lost, "the session is over"))
    }

    /// Go on over this stream.
    pub(super) fn go_on(&mut self, stream: Stream) {
        self.parser = parser(&self.settings);
        self.stream = Some(stream);
    }

    /// Half-close, when all is said.
    pub(super) async fn close(mut self) {
        if let Some(mut stream) = self.stream.take() {
            // A server that is gone already has nothing to say to this.
            drop(timeout(Duration::from_secs(1), stream.shutdown()).await);
        }
    }
}

fn parser(settings: &Settings) -> ReplyParser {
    let parser = ReplyParser::new(settings.replies);
    if settings.is_lenient {
        return parser.lenient();
    }
    parser
}

/// What a fault of the server's, or of a command, is as an error.
pub(super) fn fault_error(fault: &Fault) -> Error {
    match fault.kind() {
        FaultKind::Unwritable => Error::new(
            Kind::Usage,
            Operation::Fetch,
            format!("nothing was sent: it has {fault}"),
        ),
        _ => Error::new(
            Kind::Protocol,
            Operation::Fetch,
            format!("the server sent {fault}"),
        ),
    }
}
