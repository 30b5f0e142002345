//! Codecs behind each other, over whatever can be read.

use std::io::{self, BufRead, BufReader, Read};

use super::{Codec, Coder, Options};
use crate::compress;
use crate::record::Error;

/// How much is read at once.
const BLOCK: usize = 128 << 10;

/// Encode what `source` gives, by each of these codecs in their order.
///
/// # Errors
///
/// An option means nothing. Reading gives what `source` gives, and an [`Error`] of ours within an [`io::Error`] ([`Error::io`] is
/// the way back) after all that came before it.
///
/// ```
/// use std::io::Read;
/// use sockeye_data::codec::{Codec, Options, decoding, encoding};
///
/// let chain: Vec<Codec> = ["gzip", "base64"].iter().map(|name| name.parse().unwrap()).collect();
/// let options = Options::default();
/// let mut text = String::new();
/// encoding(&chain, &options, &b"salmon"[..]).unwrap().read_to_string(&mut text).unwrap();
///
/// let back: Vec<Codec> = chain.into_iter().rev().collect();
/// let mut plain = Vec::new();
/// decoding(&back, &options, text.as_bytes()).unwrap().read_to_end(&mut plain).unwrap();
/// assert_eq!(plain, b"salmon");
/// ```
pub fn encoding<'a, R: Read + 'a>(
    codecs: &[Codec],
    options: &Options,
    source: R,
) -> Result<Box<dyn BufRead + 'a>, Error> {
    chain(codecs, source, |codec, source| {
        let coder = codec.encoder(options)?;
        Ok(Box::new(Through::new(codec, coder, source)))
    })
}

/// Decode what `source` gives, by each of these codecs in their order.
///
/// # Errors
///
/// As [`encoding`].
pub fn decoding<'a, R: Read + 'a>(
    codecs: &[Codec],
    options: &Options,
    source: R,
) -> Result<Box<dyn BufRead + 'a>, Error> {
    chain(codecs, source, |codec, source| match codec {
        Codec::Compression(compression) => {
            let reader = compress::reader(compression, source, &options.limits);
            Ok(Box::new(BufReader::with_capacity(BLOCK, reader)))
        }
        _ => {
            let coder = codec.decoder(options)?;
            Ok(Box::new(Through::new(codec, coder, source)))
        }
    })
}

type Link<'a> = Box<dyn BufRead + 'a>;

fn chain<'a, R: Read + 'a>(
    codecs: &[Codec],
    source: R,
    add: impl Fn(Codec, Box<dyn Read + 'a>) -> Result<Link<'a>, Error>,
) -> Result<Link<'a>, Error> {
    let Some((first, rest)) = codecs.split_first() else {
        return Ok(Box::new(BufReader::with_capacity(BLOCK, source)));
    };
    let mut reader = add(*first, Box::new(source))?;
    for codec in rest {
        reader = add(*codec, Box::new(reader))?;
    }
    Ok(reader)
}

/// What comes of a source through one coder.
struct Through<R> {
    source: R,
    codec: Codec,
    coder: Box<dyn Coder>,
    block: Box<[u8]>,
    /// What came of it and was not given yet, from `given` on.
    ready: Vec<u8>,
    given: usize,
    ended: bool,
    failed: Option<Error>,
}

impl<R: Read> Through<R> {
    fn new(codec: Codec, coder: Box<dyn Coder>, source: R) -> Self {
        Self {
            source,
            codec,
            coder,
            block: vec![0; BLOCK].into_boxed_slice(),
            ready: Vec::new(),
            given: 0,
            ended: false,
            failed: None,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.given = 0;
        while self.ready.is_empty() && self.failed.is_none() && !self.ended {
            let result = match self.source.read(&mut self.block) {
                Ok(0) => {
                    self.ended = true;
                    self.coder.finish(&mut self.ready)
                }
                Ok(count) => self.coder.push(&self.block[..count], &mut self.ready),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
                Err(error) => {
                    // What the codec holds back does not become right by that.
                    self.failed = Some(Error::io(self.codec.name(), &error));
                    return Err(error);
                }
            };
            self.failed = result.err();
        }
        Ok(())
    }
}

impl<R: Read> BufRead for Through<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.given == self.ready.len() {
            if let Some(error) = &self.failed {
                return Err(error.clone().into());
            }
            self.refill()?;
            if let (true, Some(error)) = (self.ready.is_empty(), &self.failed) {
                return Err(error.clone().into());
            }
        }
        Ok(&self.ready[self.given..])
    }

    fn consume(&mut self, count: usize) {
        self.given = self.ready.len().min(self.given + count);
    }
}

impl<R: Read> Read for Through<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let count = ready.len().min(out.len());
        out[..count].copy_from_slice(&ready[..count]);
        self.consume(count);
        Ok(count)
    }
}
