//! Asking: tries, time-outs, and other ways to put a question that was not understood.

use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::super::message;
use super::decode::{Asked, Manner};
use super::exchange::{Received, exchange};
use super::response::{Code, Fallback, Outcome};
use super::{Options, Question, Response, Server, Transport};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Net;

/// How many servers are asked at the same time.
const MAX_PARALLEL: usize = 16;
/// The length of a whole cookie, ours and the server's together, in bytes (RFC 7873 section 4).
const COOKIE_LENGTHS: std::ops::RangeInclusive<usize> = 16..=40;

/// Ask one server one question.
///
/// What the server says is a [`Response`], whatever its code: a failing server has answered. Datagrams that are no answer
/// are ignored and counted; those from elsewhere the system drops. A truncated answer is asked for again over TCP, a
/// server that does not understand EDNS (RFC 6891) is asked without it, and one that wants its cookie first gets it;
/// [`Response::fallbacks`] says so.
///
/// # Errors
///
/// [`Kind::TimedOut`] if the server is silent; [`Kind::Refused`], [`Kind::Unreachable`], [`Kind::Tls`] and the other
/// kinds of [`Net::connect`] if it cannot be reached; [`Kind::Protocol`] if its answer cannot be read;
/// [`Kind::Usage`] for a kind of record that nobody can be asked for, and for options that contradict each other; [`Kind::Unsupported`] over TLS or HTTPS in a build
/// without the feature `tls`.
///
/// # Cancel safety
///
/// Dropping the future closes the connection and leaves nothing behind.
///
/// # Examples
///
/// A server that says there is no such name:
///
/// ```
/// use sockeye::Net;
/// use sockeye::net::resolve::query::{self, Options, Outcome, Question, RecordKind, Server};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// let server = Server::udp(socket.local_addr()?);
/// std::thread::spawn(move || -> std::io::Result<()> {
///     let mut message = [0; 512];
///     let (length, client) = socket.recv_from(&mut message)?;
///     message[2] |= 0x80; // an answer,
///     message[3] |= 3; // NXDOMAIN
///     socket.send_to(&message[..length], client)?;
///     Ok(())
/// });
///
/// let question = Question::new("nobody.example".parse()?, RecordKind::A);
/// let response = query::ask(&Net::new(), &server, &question, &Options::default()).await?;
/// assert_eq!(response.outcome, Outcome::NoName);
/// assert_eq!(response.code.to_string(), "NXDOMAIN");
/// # Ok(()) }
/// ```
pub async fn ask(
    net: &Net,
    server: &Server,
    question: &Question,
    options: &Options,
) -> Result<Response> {
    if let Some((why, hint)) = question.kind.refusal() {
        let why = format!("{} cannot be asked for: {why}", question.kind);
        return Err(Error::new(Kind::Usage, Operation::Ask, why).with_hint(hint));
    }
    options.check()?;
    let asking = Asking {
        net,
        question,
        options,
        asked: server,
        server: server.clone(),
        edns: options.edns,
        cookie: (options.cookie && options.edns).then(|| message::random().to_ne_bytes().to_vec()),
        started: Instant::now(),
        fallbacks: Vec::new(),
        attempts: 0,
        strays: 0,
    };
    asking
        .run()
        .await
        .map_err(|error| error.on(server.endpoint()))
}

/// Ask several servers the same question at the same time, 16 at most at once; the results stand in their order.
///
/// # Cancel safety
///
/// Dropping the future ends all questions.
pub async fn ask_all(
    net: &Net,
    servers: &[Server],
    question: &Question,
    options: &Options,
) -> Vec<Result<Response>> {
    let places = std::sync::Arc::new(Semaphore::new(MAX_PARALLEL));
    let mut tasks = JoinSet::new();
    for (position, server) in servers.iter().cloned().enumerate() {
        let (net, question, options) = (net.clone(), question.clone(), options.clone());
        let places = places.clone();
        tasks.spawn(async move {
            // Nobody closes the semaphore.
            let _place = places.acquire_owned().await;
            (position, ask(&net, &server, &question, &options).await)
        });
    }
    let mut results = Vec::with_capacity(servers.len());
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(result) => results.push(result),
            // A task that was cancelled went down with the runtime, and so will this one.
            Err(ended) => {
                if let Ok(panic) = ended.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
    results.sort_by_key(|(position, _)| *position);
    results.into_iter().map(|(_, result)| result).collect()
}

/// A question on its way, in all the forms that it takes.
struct Asking<'a> {
    net: &'a Net,
    question: &'a Question,
    options: &'a Options,
    /// The server as it was written.
    asked: &'a Server,
    /// The server as it is asked now.
    server: Server,
    edns: bool,
    cookie: Option<Vec<u8>>,
    started: Instant,
    fallbacks: Vec<Fallback>,
    attempts: u32,
    strays: usize,
}

impl Asking<'_> {
    async fn run(mut self) -> Result<Response> {
        let mut silent = 0;
        loop {
            let transport = self.server.transport();
            let manner = Manner {
                edns: self.edns,
                cookie: self.cookie.as_deref(),
                padded: self.options.padding && transport.is_encrypted(),
                anonymous: transport == Transport::Https,
            };
            let message = Asked::new(self.question, self.options, manner)
                .map_err(|why| Error::new(Kind::Usage, Operation::Ask, why))?;
            self.attempts += 1;
            let trying = exchange(
                self.net,
                &self.server,
                &message,
                self.options,
                &mut self.strays,
            );
            match tokio::time::timeout(self.options.timeout, trying).await {
                Ok(Ok(received)) => {
                    if let Some(fallback) = self.fallback(&received) {
                        self.fallbacks.push(fallback);
                        silent = 0;
                        continue;
                    }
                    return self.response(received);
                }
                Ok(Err(error)) if error.kind() != Kind::TimedOut => {
                    return Err(self.explained(error));
                }
                Ok(Err(_)) | Err(_) => {
                    silent += 1;
                    if silent >= self.options.attempts.max(1) {
                        return Err(self.silence(silent));
                    }
                }
            }
        }
    }

    /// Change what has to change before the question is put again, if it has to be; each reason counts once.
    fn fallback(&mut self, received: &Received) -> Option<Fallback> {
        let Some(contents) = &received.contents else {
            self.server = self.server.over_tcp();
            return Some(Fallback::Truncated);
        };
        match contents.code {
            // An old server; ask again in its language (RFC 6891 section 7).
            code @ (Code::FORM_ERR | Code::NOT_IMP) if self.edns && contents.edns.is_none() => {
                self.edns = false;
                self.cookie = None;
                Some(Fallback::NoEdns(code))
            }
            Code::BAD_COOKIE if !self.fallbacks.contains(&Fallback::Cookie) => {
                let cookie = contents.edns.as_ref()?.cookie.clone()?;
                if self.cookie.is_none() || !COOKIE_LENGTHS.contains(&cookie.len()) {
                    return None;
                }
                self.cookie = Some(cookie);
                Some(Fallback::Cookie)
            }
            _ => None,
        }
    }

    fn response(self, received: Received) -> Result<Response> {
        let Some(contents) = received.contents else {
            // Only UDP cuts answers off, and `fallback` leaves it then.
            let why = "its answer was truncated";
            return Err(Error::new(Kind::Protocol, Operation::Ask, why));
        };
        let contents = *contents;
        Ok(Response {
            outcome: Outcome::of(
                contents.code,
                self.question,
                contents.flags,
                &contents.answers,
                &contents.authority,
            ),
            question: self.question.clone(),
            code: contents.code,
            flags: contents.flags,
            answers: contents.answers,
            authority: contents.authority,
            additional: contents.additional,
            edns: contents.edns,
            server: self.asked.clone(),
            address: received.via.address,
            transport: self.server.transport(),
            fallbacks: self.fallbacks,
            elapsed: self.started.elapsed(),
            round_trip: received.round_trip,
            size: received.size,
            attempts: self.attempts,
            strays: self.strays,
            secured: received.via.secured,
            http: received.via.http,
        })
    }

    /// The error of a server that says nothing.
    fn silence(&self, silent: u32) -> Error {
        let each = sockeye_data::units::print_duration(self.options.timeout);
        let mut why = match silent {
            1 => format!("it did not answer within {each}"),
            silent => format!("it did not answer, asked {silent} times with {each} for each"),
        };
        if self.strays > 0 {
            why += &format!("; {} messages came that are no answer", self.strays);
        }
        let hint =
            "is it a name server, and may we ask it? a firewall may drop questions or answers";
        self.explained(Error::new(Kind::TimedOut, Operation::Ask, why).with_hint(hint))
    }

    /// The same error, saying that it happened on the way around a truncated answer.
    fn explained(&self, error: Error) -> Error {
        if !self.fallbacks.contains(&Fallback::Truncated) {
            return error;
        }
        let why = format!(
            "the answer over UDP was truncated, and asking over TCP failed: {}",
            error.why()
        );
        Error::new(error.kind(), Operation::Ask, why)
            .with_hint("to see the truncated answer, ask to ignore truncation")
    }
}
