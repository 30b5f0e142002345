//! One question as a message, and what may be its answer.

use hickory_proto::op::{Header, Message, MessageType, Metadata, Query};
use hickory_proto::rr::{DNSClass, RecordType};

use super::super::message;
use super::edns::{self, EdnsInfo};
use super::rdata::{self, Fault, Reader};
use super::response::{Code, Flags};
use super::{Class, Options, Question, Record, RecordKind};

/// Queries are padded to a multiple of this many bytes (RFC 8467 section 4.1).
const PADDING_BLOCK: usize = 128;
/// The bytes before the padding itself: its number and its length.
const PADDING_HEAD: usize = 4;

/// A question as it is sent.
pub(super) struct Asked {
    message: Message,
    pub(super) bytes: Vec<u8>,
    cookie: Option<[u8; 8]>,
}

/// How a question is sent this time.
#[derive(Clone, Copy)]
pub(super) struct Manner<'a> {
    pub(super) edns: bool,
    pub(super) cookie: Option<&'a [u8]>,
    pub(super) padded: bool,
    /// Without an identifier, so that caches of HTTP know the question again (RFC 8484 section 4.1).
    pub(super) anonymous: bool,
}

/// A message that came.
pub(super) enum Reply {
    /// It is no answer to our question.
    Stray,
    /// The answer, of which no more is taken, because it was cut off.
    Truncated,
    /// The answer.
    Answer(Box<Contents>),
}

/// What an answer says.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) flags: Flags,
    pub(super) code: Code,
    pub(super) answers: Vec<Record>,
    pub(super) authority: Vec<Record>,
    pub(super) additional: Vec<Record>,
    pub(super) edns: Option<EdnsInfo>,
}

impl Asked {
    /// The message of a question; nothing can be too long, for the options are bounded.
    pub(super) fn new(
        question: &Question,
        options: &Options,
        manner: Manner<'_>,
    ) -> Result<Self, Fault> {
        let name = match options.random_case {
            true => question.name.in_random_case(),
            false => question.name.clone(),
        };
        let mut query = Query::query(name.as_wire().clone(), RecordType::from(question.kind.0));
        query.set_query_class(DNSClass::from(question.class.0));
        let edns = manner.edns.then(|| edns::compose(options, manner.cookie));
        let mut message = message::question(query, edns);
        if manner.anonymous {
            message.metadata.id = 0;
        }
        message.metadata.recursion_desired = options.recursion;
        message.metadata.authentic_data = options.authentic_data;
        message.metadata.checking_disabled = options.checking_disabled;
        let mut bytes = message.to_vec().map_err(|e| e.to_string())?;
        if let (true, Some(edns)) = (manner.padded, &mut message.edns) {
            let unpadded = bytes.len() + PADDING_HEAD;
            edns::pad(edns, unpadded.next_multiple_of(PADDING_BLOCK) - unpadded);
            bytes = message.to_vec().map_err(|e| e.to_string())?;
        }
        Ok(Self {
            message,
            bytes,
            cookie: manner
                .cookie
                .and_then(|cookie| cookie.first_chunk().copied()),
        })
    }

    /// What a message that came from the server is to us.
    ///
    /// # Errors
    ///
    /// Why it cannot be read although it answers our question.
    pub(super) fn read(&self, bytes: &[u8], take_truncated: bool) -> Result<Reply, Fault> {
        let mut from = Reader::new(bytes);
        let Ok(head) = from.decode::<Header>() else {
            return Ok(Reply::Stray);
        };
        let Some(queries) = questions(&mut from, head.counts.queries) else {
            return Ok(Reply::Stray);
        };
        if !message::is_answer(&head.metadata, &queries, &self.message) || !self.same_case(&queries)
        {
            return Ok(Reply::Stray);
        }
        let flags = flags(&head.metadata);
        if flags.truncated && !take_truncated {
            return Ok(Reply::Truncated);
        }
        let mut opt = None;
        let answers = records(&mut from, head.counts.answers, &mut opt)?;
        let authority = records(&mut from, head.counts.authorities, &mut opt)?;
        let additional = records(&mut from, head.counts.additionals, &mut opt)?;
        let low = u16::from(head.metadata.response_code);
        let (high, edns) = match opt {
            Some((high, info)) => (high, Some(info)),
            None => (0, None),
        };
        // Whoever sends back another cookie than ours has not seen it (RFC 7873 section 5.3).
        let returned = edns.as_ref().and_then(|edns| edns.cookie.as_ref());
        if let (Some(ours), Some(theirs)) = (self.cookie, returned)
            && !theirs.starts_with(&ours)
        {
            return Ok(Reply::Stray);
        }
        Ok(Reply::Answer(Box::new(Contents {
            flags,
            code: Code(u16::from(high) << 4 | low),
            answers,
            authority,
            additional,
            edns,
        })))
    }

    /// Whether the name in question has the case in which it was sent.
    fn same_case(&self, queries: &[Query]) -> bool {
        let pairs = queries.iter().zip(&self.message.queries);
        let mut pairs = pairs.map(|(theirs, ours)| theirs.name().eq_case(ours.name()));
        pairs.all(|same| same)
    }
}

/// The questions of a message; `None` if there are more than one, or if they cannot be read.
fn questions(from: &mut Reader<'_>, count: u16) -> Option<Vec<Query>> {
    match count {
        0 => Some(Vec::new()),
        1 => from.decode::<Query>().ok().map(|query| vec![query]),
        _ => None,
    }
}

fn flags(metadata: &Metadata) -> Flags {
    Flags {
        response: metadata.message_type == MessageType::Response,
        authoritative: metadata.authoritative,
        truncated: metadata.truncation,
        recursion_desired: metadata.recursion_desired,
        recursion_available: metadata.recursion_available,
        authentic_data: metadata.authentic_data,
        checking_disabled: metadata.checking_disabled,
    }
}

/// So many records; that of EDNS, with the high bits of the response code, is put aside.
///
/// A count that is too high ends where the message does, and each record takes at least eleven of its bytes.
fn records(
    from: &mut Reader<'_>,
    count: u16,
    opt: &mut Option<(u8, EdnsInfo)>,
) -> Result<Vec<Record>, Fault> {
    let mut records = Vec::new();
    for _ in 0..count {
        let name = from.name()?;
        let (kind, class, ttl) = (RecordKind(from.u16()?), from.u16()?, from.u32()?);
        let length = from.u16()?;
        let part = from.part(length.into())?;
        if kind == RecordKind::OPT {
            if opt.is_some() || !name.is_root() {
                return Err("it has more than one record of EDNS, or one with a name".into());
            }
            let [high, ..] = ttl.to_be_bytes();
            *opt = Some((high, edns::read(class, ttl, part)?));
            continue;
        }
        let class = Class(class);
        records.push(Record {
            name,
            kind,
            class,
            // With its highest bit set it is negative and means none (RFC 2181 section 8).
            ttl: if ttl >> 31 == 1 { 0 } else { ttl },
            data: rdata::read(kind, class, part),
        });
    }
    Ok(records)
}
