//! One request over a lane: the answer comes piece by piece, and the body goes as the application asks for it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use sockeye_data::worker::{Decoder, Head, Said, begin_frame, end_frame};

use super::pool::Lane;
use crate::web::body::{Body, BodyError, Chunks};

/// Bytes that the head of an answer may have.
const HEAD: u32 = 64 << 10;
/// What is read at a time, and what is sent of a body.
const BLOCK: usize = 64 << 10;

/// What a worker said.
#[derive(Debug)]
pub(super) enum Heard {
    Head(Head),
    Data(Bytes),
    End,
}

/// Why there is no more.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The worker took too long and was ended.
    Late,
    /// The lane is closed: the worker died, or the application failed in the middle of its answer.
    Closed,
    /// What it wrote is no answer.
    Nonsense(String),
    /// The request's body broke off, and the application made nothing of it.
    Input(BodyError),
}

impl Trouble {
    pub(super) fn why(&self) -> String {
        match self {
            Self::Late => "it took too long and was ended".into(),
            Self::Closed => "it failed in the middle of a request".into(),
            Self::Nonsense(why) => format!("its worker wrote what is no answer: {why}"),
            Self::Input(error) => format!("the request broke off: {error}"),
        }
    }
}

#[derive(Debug)]
enum State {
    Reading,
    Fetching,
    /// So many bytes of `out` are written.
    Writing(usize),
}

/// A request that is being answered. Dropped, it closes the lane.
#[derive(Debug)]
pub(super) struct Conversation {
    lane: Option<Lane>,
    decoder: Decoder,
    body: Body,
    /// What is left of a chunk that is larger than a frame may be.
    rest: Bytes,
    state: State,
    broken: Option<BodyError>,
}

impl Conversation {
    /// The lane's `out` holds the request, which is to be written.
    pub(super) fn new(lane: Lane, body: Body) -> Self {
        Self {
            lane: Some(lane),
            decoder: Decoder::new(HEAD),
            body,
            rest: Bytes::new(),
            state: State::Writing(0),
            broken: None,
        }
    }

    /// The worker's number.
    pub(super) fn pid(&self) -> Option<u32> {
        self.lane.as_ref().map(|lane| lane.worker.pid)
    }

    /// The lane and the body of a request of which nothing was written: for another try.
    pub(super) fn into_body(mut self) -> Body {
        std::mem::take(&mut self.body)
    }

    /// Write the request, as far as that goes at once. An error says that the worker is gone and knows nothing of it.
    pub(super) fn write_at_once(&mut self) -> io::Result<()> {
        let Some(lane) = &self.lane else {
            return Ok(());
        };
        match lane.stream.try_write(&lane.out) {
            Ok(written) => {
                self.state = State::Writing(written);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The next that the worker says.
    pub(super) fn poll_heard(&mut self, cx: &mut Context<'_>) -> Poll<Result<Heard, Trouble>> {
        let polled = self.poll_steps(cx);
        if let Poll::Ready(Err(_)) = &polled {
            self.lane = None;
        }
        polled
    }

    fn poll_steps(&mut self, cx: &mut Context<'_>) -> Poll<Result<Heard, Trouble>> {
        loop {
            let Some(lane) = &mut self.lane else {
                return Poll::Ready(Err(Trouble::Closed));
            };
            match self.state {
                State::Writing(written) if written >= lane.out.len() => {
                    self.state = State::Reading;
                }
                State::Writing(written) => {
                    match ready!(poll_write(lane, written, cx)) {
                        Ok(more) => self.state = State::Writing(written + more),
                        // It may have answered before it read all.
                        Err(_) => self.state = State::Reading,
                    }
                }
                State::Fetching => {
                    lane.pause();
                    ready!(self.poll_fetch(cx));
                    if let Some(lane) = &self.lane {
                        lane.resume();
                    }
                }
                State::Reading => {
                    lane.resume();
                    let said = self.decoder.decode(&lane.input);
                    let said = said.map_err(|error| Trouble::Nonsense(error.to_string()))?;
                    match said.map(|(said, used)| (Taken::of(said), used)) {
                        Some((taken, used)) => {
                            if let Some(heard) = self.heard(taken, used) {
                                return Poll::Ready(Ok(heard));
                            }
                        }
                        None => match ready!(poll_read(lane, cx)) {
                            Ok(1..) => lane.touch(),
                            _ => return Poll::Ready(Err(self.closed())),
                        },
                    }
                }
            }
        }
    }

    fn closed(&mut self) -> Trouble {
        let is_late = self.lane.as_ref().is_some_and(|lane| lane.worker.is_late());
        match self.broken.take() {
            _ if is_late => Trouble::Late,
            Some(error) => Trouble::Input(error),
            None => Trouble::Closed,
        }
    }

    /// What was said, taken out of the input; `None` if it is for us.
    fn heard(&mut self, taken: Taken, used: usize) -> Option<Heard> {
        let lane = self.lane.as_mut()?;
        match taken {
            Taken::Head(head) => {
                lane.input.advance(used);
                Some(Heard::Head(head))
            }
            Taken::Data(length) => {
                let frame = lane.input.split_to(used).freeze();
                // The client has its turn.
                lane.pause();
                Some(Heard::Data(frame.slice(used - length..)))
            }
            Taken::Wants => {
                lane.input.advance(used);
                self.state = State::Fetching;
                None
            }
            Taken::End => {
                lane.input.advance(used);
                if let Some(lane) = self.lane.take() {
                    lane.finish();
                }
                Some(Heard::End)
            }
        }
    }

    /// A piece of the body into `out`.
    fn poll_fetch(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.rest.is_empty() {
            match ready!(self.body.poll_chunk(cx)) {
                Some(Ok(chunk)) => self.rest = chunk,
                None => {}
                Some(Err(error)) => {
                    self.broken = Some(error);
                    self.put(b'X', 0);
                    return Poll::Ready(());
                }
            }
        }
        let size = self.rest.len().min(BLOCK);
        self.put(b'B', size);
        Poll::Ready(())
    }

    fn put(&mut self, kind: u8, size: usize) {
        if let Some(lane) = &mut self.lane {
            lane.out.clear();
            let began = begin_frame(kind, &mut lane.out);
            lane.out.extend_from_slice(&self.rest.split_to(size));
            end_frame(began, &mut lane.out);
        }
        self.state = State::Writing(0);
    }
}

/// [`Said`] without what it borrows.
enum Taken {
    Head(Head),
    Data(usize),
    Wants,
    End,
}

impl Taken {
    fn of(said: Said<'_>) -> Self {
        match said {
            Said::Head(head) => Self::Head(head),
            Said::Data(data) => Self::Data(data.len()),
            Said::Wants => Self::Wants,
            Said::End => Self::End,
        }
    }
}

fn poll_read(lane: &mut Lane, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    loop {
        // Room that answers have given back is taken again.
        let room = match lane.input.len() {
            0 => 8 << 10,
            _ => BLOCK,
        };
        lane.input.reserve(room);
        match lane.stream.try_read_buf(&mut lane.input) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(lane.stream.poll_read_ready(cx))?;
            }
            read => return Poll::Ready(read),
        }
    }
}

fn poll_write(lane: &Lane, written: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    loop {
        match lane.stream.try_write(&lane.out[written..]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(lane.stream.poll_write_ready(cx))?;
            }
            wrote => return Poll::Ready(wrote),
        }
    }
}

/// Who is told of a failure.
type Failed = Box<dyn Fn(&str, Option<u32>) + Send>;

/// The rest of an answer, as its body.
pub(super) struct Streaming {
    pub(super) first: Bytes,
    pub(super) talk: Conversation,
    /// Told why an answer breaks off, with the worker's number.
    pub(super) failed: Failed,
}

impl Chunks for Streaming {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.first))));
        }
        let pid = self.talk.pid();
        match ready!(self.talk.poll_heard(cx)) {
            Ok(Heard::Data(data)) => Poll::Ready(Some(Ok(data))),
            Ok(_) => Poll::Ready(None),
            Err(trouble) => {
                let why = trouble.why();
                (self.failed)(&format!("{why}; its answer is broken off"), pid);
                Poll::Ready(Some(Err(io::Error::other(why).into())))
            }
        }
    }
}
