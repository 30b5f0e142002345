//! Compression on the way: of files that are not large the result is kept, others are compressed while they are sent. The
//! work is done on threads that may block, so that no other connection waits for it.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::super::body::{Body, BodyError, Chunks, FilePart};
use super::coding::Coding;
use super::content::{self, Content};
use super::encoder::{Effort, Encoder};
use super::resource::Form;
use super::settings::Settings;
use super::version::Version;

/// Files up to this size are compressed whole, and the result is kept.
pub(super) const WHOLE: u64 = 1 << 20;
/// Files below this size are not worth it.
pub(super) const LEAST: u64 = 256;
/// Results that are kept, however small.
const MOST_KEPT: usize = 4096;
/// Bodies that are compressed while they are sent, at once. Others are sent as they are.
const MOST_STREAMS: usize = 64;
/// How much of a file is read at once.
const PIECE: usize = 64 << 10;

/// Compresses, and keeps what came out.
pub(super) struct Packer {
    kept: Mutex<Kept>,
    /// Bytes that are kept at most.
    most: u64,
    workers: Semaphore,
    streams: Arc<Semaphore>,
}

/// One form of one version of a file at one path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) path: Vec<u8>,
    pub(super) version: Version,
    pub(super) coding: Coding,
}

/// A result: the form, or none because it would not be smaller.
type Result = Option<Arc<Form>>;

#[derive(Default)]
struct Kept {
    slots: HashMap<Key, Slot>,
    bytes: u64,
    clock: u64,
}

#[derive(Default)]
struct Slot {
    cell: Arc<OnceCell<Result>>,
    bytes: u64,
    used: u64,
}

impl Packer {
    pub(super) fn new(settings: &Settings) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            kept: Mutex::default(),
            most: settings.cached_bytes,
            workers: Semaphore::new(cores),
            streams: Arc::new(Semaphore::new(MOST_STREAMS)),
        }
    }

    /// What was compressed before.
    pub(super) fn ready(&self, key: &Key) -> Option<Result> {
        let mut kept = self.kept();
        kept.clock += 1;
        let clock = kept.clock;
        let slot = kept.slots.get_mut(key)?;
        slot.used = clock;
        slot.cell.get().cloned()
    }

    /// Compress a file that is not large; `head` is the form with its header lines and the bytes as they are. Who asks while
    /// another waits for the same gets the same.
    ///
    /// # Errors
    ///
    /// Those of reading the file, and that it was changed meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: others that wait go on.
    pub(super) async fn whole(&self, key: Key, head: Form, always: bool) -> io::Result<Result> {
        let cell = match key.version.is_settled() && self.most > 0 {
            true => {
                let mut kept = self.kept();
                kept.clock += 1;
                let clock = kept.clock;
                let slot = kept.slots.entry(key.clone()).or_default();
                slot.used = clock;
                Arc::clone(&slot.cell)
            }
            false => Arc::default(),
        };
        let work = async {
            let _permit = self.workers.acquire().await;
            let (content, length) = (head.content.clone(), head.length);
            let (version, coding) = (key.version, key.coding);
            let packed =
                tokio::task::spawn_blocking(move || compress(&content, length, version, coding));
            let packed = packed.await.map_err(io::Error::other)??;
            let is_worth_it = always || (packed.len() as u64) < length;
            Ok::<Result, io::Error>(is_worth_it.then(|| Arc::new(head.with_bytes(packed))))
        };
        let made = cell.get_or_try_init(|| work).await.cloned();
        match &made {
            Ok(result) => self.weigh(&key, result.as_ref()),
            Err(_) => self.kept().remove(&key),
        }
        made
    }

    /// Count what was made, and make room for it.
    fn weigh(&self, key: &Key, result: Option<&Arc<Form>>) {
        let bytes = result.map_or(0, |form| form.length) + 512;
        let mut kept = self.kept();
        let Some(slot) = kept.slots.get_mut(key).filter(|slot| slot.bytes == 0) else {
            return;
        };
        slot.bytes = bytes;
        kept.bytes += bytes;
        while kept.bytes > self.most || kept.slots.len() > MOST_KEPT {
            let oldest = kept.slots.iter().min_by_key(|(_, slot)| slot.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            kept.remove(&oldest);
        }
    }

    /// A place for a body that is compressed while it is sent, if there is one.
    pub(super) fn stream(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.streams).try_acquire_owned().ok()
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn remove(&mut self, key: &Key) {
        if let Some(slot) = self.slots.remove(key) {
            self.bytes -= slot.bytes;
        }
    }
}

fn compress(content: &Content, length: u64, version: Version, coding: Coding) -> io::Result<Bytes> {
    let bytes = match content {
        Content::Memory(bytes) => bytes.clone(),
        Content::File(file) => {
            let bytes = content::read(file, usize::try_from(length).unwrap_or(usize::MAX))?;
            if Version::of(&file.metadata()?) != version {
                return Err(io::Error::other("the file was changed meanwhile"));
            }
            bytes
        }
    };
    let mut encoder = Encoder::new(coding, Effort::Kept)?;
    encoder.write(&bytes)?;
    Ok(encoder.finish()?.into())
}

/// A body that is compressed while it is sent.
pub(super) fn streamed(
    part: FilePart,
    coding: Coding,
    permit: OwnedSemaphorePermit,
) -> io::Result<Body> {
    let work = Work {
        part,
        encoder: Some(Encoder::new(coding, Effort::Once)?),
    };
    let packing = Packing {
        step: Step::Idle(Box::new(work)),
        _permit: permit,
    };
    Ok(Body::chunks(packing, None))
}

struct Packing {
    step: Step,
    _permit: OwnedSemaphorePermit,
}

enum Step {
    Idle(Box<Work>),
    Running(JoinHandle<(Box<Work>, io::Result<Option<Bytes>>)>),
    Over,
}

struct Work {
    part: FilePart,
    /// `None` when all is done.
    encoder: Option<Encoder>,
}

impl Work {
    /// Read and compress until something comes out; `None` at the end.
    fn step(&mut self) -> io::Result<Option<Bytes>> {
        while let Some(mut encoder) = self.encoder.take() {
            let out = match self.part.read(PIECE).map_err(io::Error::other)? {
                Some(piece) => {
                    encoder.write(&piece)?;
                    let out = encoder.take();
                    self.encoder = Some(encoder);
                    out
                }
                None => encoder.finish()?,
            };
            if !out.is_empty() {
                return Ok(Some(out.into()));
            }
        }
        Ok(None)
    }
}

impl Chunks for Packing {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Bytes, BodyError>>> {
        loop {
            match std::mem::replace(&mut self.step, Step::Over) {
                Step::Over => return Poll::Ready(None),
                Step::Idle(mut work) => {
                    self.step = Step::Running(tokio::task::spawn_blocking(move || {
                        let out = work.step();
                        (work, out)
                    }));
                }
                Step::Running(mut running) => {
                    let Poll::Ready(ended) = Pin::new(&mut running).poll(cx) else {
                        self.step = Step::Running(running);
                        return Poll::Pending;
                    };
                    let (work, out) = match ended {
                        Ok(ended) => ended,
                        Err(error) => {
                            let error = io::Error::other(error);
                            return Poll::Ready(Some(Err(error.into())));
                        }
                    };
                    match out {
                        Ok(Some(bytes)) => {
                            self.step = Step::Idle(work);
                            return Poll::Ready(Some(Ok(bytes)));
                        }
                        Ok(None) => return Poll::Ready(None),
                        Err(error) => return Poll::Ready(Some(Err(error.into()))),
                    }
                }
            }
        }
    }
}
