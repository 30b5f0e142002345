//! DNS messages as the system's look-ups and the queries of people both need them: the question, what counts as its
//! answer, and the frame around a message on a stream. The messages are hickory's.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;

use hickory_proto::op::{Edns, Message, MessageType, Metadata, OpCode, Query, ResponseCode};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The size of answers over UDP that is safe from fragments.
pub(super) const UDP_PAYLOAD: u16 = 1232;
/// Datagrams that are no answer to our question, before we stop listening to that server.
pub(super) const MAX_STRAYS: usize = 64;

/// A query with this question and an identifier that nobody can guess.
pub(super) fn question(query: Query, edns: Option<Edns>) -> Message {
    let mut message = Message::new(random_id(), MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(query);
    if let Some(edns) = edns {
        message.set_edns(edns);
    }
    message
}

/// What is said about EDNS (RFC 6891) when nothing else is to be said.
pub(super) fn plain_edns(payload: u16) -> Edns {
    let mut edns = Edns::new();
    edns.set_max_payload(payload);
    edns
}

/// An identifier that nobody can guess, as nobody can the port that the system gives us (RFC 5452).
fn random_id() -> u16 {
    let [low, high, ..] = random().to_ne_bytes();
    u16::from_ne_bytes([low, high])
}

/// Bits that nobody can guess.
///
/// From std's hash keys, which the kernel seeds by a system call: hickory's own choice panics in a static binary that
/// finds no `/dev/urandom`.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Whether a message with this head and these questions answers that query.
pub(super) fn is_answer(metadata: &Metadata, queries: &[Query], query: &Message) -> bool {
    metadata.id == query.metadata.id
        && metadata.message_type == MessageType::Response
        && metadata.op_code == OpCode::Query
        // A server that could not read the question may leave it out of its refusal.
        && (queries == query.queries
            || (queries.is_empty() && metadata.response_code == ResponseCode::FormErr))
}

/// The message behind its length, in one piece, so that both leave in one segment (RFC 7766 section 8); `None` if it is
/// too long.
pub(super) fn framed(message: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(message.len()).ok()?;
    Some([&length.to_be_bytes(), message].concat())
}

/// The next message on a stream, at most 64 KiB.
pub(super) async fn read_framed(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut message = vec![0; usize::from(length)];
    stream.read_exact(&mut message).await?;
    Ok(message)
}
