//! From the body of a request into a file: in large pieces, off the task of the connection, with checksums, and within the
//! space there is.

use std::any::Any;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::BytesMut;
use sha2::{Digest, Sha256, Sha512};
use sockeye_data::fields::Digests;
use sockeye_data::http1::Headers;

use super::fault::{Fault, Result};
use super::usage::Reserved;
use crate::web::body::Body;

/// How much is written at once.
const PIECE: usize = 256 << 10;

/// Checksums of all that was written through this sink.
#[derive(Debug, Default)]
pub(super) struct Sums {
    sha256: Option<Sha256>,
    sha512: Option<Sha512>,
}

/// What checksums a request gives: of what it holds, and of the whole file.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    content: Digests,
    whole: Digests,
}

impl Wanted {
    pub(super) fn of(headers: &Headers) -> Result<Self> {
        let read = |name| Digests::parse(headers, name).map_err(|why| Fault::new(400, why));
        Ok(Self {
            content: read("content-digest")?.unwrap_or_default(),
            whole: read("repr-digest")?.unwrap_or_default(),
        })
    }

    /// The sums to be made of a request's content; `from_start` says that it is the beginning of the file.
    pub(super) fn sums(&self, from_start: bool) -> Sums {
        let is_wanted =
            |of: fn(&Digests) -> bool| of(&self.content) || (from_start && of(&self.whole));
        Sums {
            sha256: is_wanted(|it| it.sha256.is_some()).then(Sha256::new),
            sha512: is_wanted(|it| it.sha512.is_some()).then(Sha512::new),
        }
    }

    /// Whether the content is what was announced.
    pub(super) fn check_content(&self, sums: &Sums) -> Result<()> {
        sums.check(&self.content, "Content-Digest")
    }

    /// Whether the whole file is; `sums` are of all of it, or it is read again. Blocks then.
    pub(super) fn check_whole(&self, sums: &Sums, from_start: bool, file: &File) -> Result<()> {
        if self.whole.is_empty() {
            return Ok(());
        }
        if from_start {
            return sums.check(&self.whole, "Repr-Digest");
        }
        let mut sums = Self {
            content: self.whole.clone(),
            whole: Digests::default(),
        }
        .sums(true);
        let mut piece = vec![0; PIECE];
        let mut at = 0;
        loop {
            let read = file.read_at(&mut piece, at)?;
            if read == 0 {
                return sums.check(&self.whole, "Repr-Digest");
            }
            sums.update(&piece[..read]);
            at += read as u64;
        }
    }

    pub(super) fn wants_whole(&self) -> bool {
        !self.whole.is_empty()
    }
}

impl Sums {
    fn update(&mut self, bytes: &[u8]) {
        if let Some(sum) = &mut self.sha256 {
            sum.update(bytes);
        }
        if let Some(sum) = &mut self.sha512 {
            sum.update(bytes);
        }
    }

    fn check(&self, wanted: &Digests, field: &str) -> Result<()> {
        let is_256 = match (&self.sha256, &wanted.sha256) {
            (Some(sum), Some(wanted)) => sum.clone().finalize().as_slice() == wanted,
            (_, wanted) => wanted.is_none(),
        };
        let is_512 = match (&self.sha512, &wanted.sha512) {
            (Some(sum), Some(wanted)) => sum.clone().finalize().as_slice() == wanted,
            (_, wanted) => wanted.is_none(),
        };
        match is_256 && is_512 {
            true => Ok(()),
            false => Err(Fault::new(
                400,
                format!("what arrived is not what {field} says; nothing was stored"),
            )),
        }
    }
}

/// Where bytes go.
pub(super) struct Sink {
    file: Arc<File>,
    /// Where the next byte that is not written yet goes.
    at: u64,
    most: u64,
    pending: BytesMut,
    state: Option<State>,
    /// Held by every write, even one that nobody waits for any more.
    hold: Arc<dyn Any + Send + Sync>,
}

/// What moves to the thread that writes, and back.
struct State {
    sums: Sums,
    reserved: Reserved,
    /// Bytes stay when the rest does not come.
    stays: bool,
}

impl Sink {
    /// Write into this file from this place on, up to this many bytes in all. `hold` is kept as long as anything is written.
    pub(super) fn new(file: Arc<File>, at: u64, most: u64, sums: Sums, reserved: Reserved) -> Self {
        Self {
            file,
            at,
            most,
            pending: BytesMut::new(),
            state: Some(State {
                sums,
                reserved,
                stays: false,
            }),
            hold: Arc::new(()),
        }
    }

    /// What is written stays, whatever follows, and nobody else writes as long as `hold` is held.
    pub(super) fn staying(mut self, hold: Arc<dyn Any + Send + Sync>) -> Self {
        if let Some(state) = &mut self.state {
            state.stays = true;
        }
        self.hold = hold;
        self
    }

    /// The length of the file, with what is still to be written.
    pub(super) fn length(&self) -> u64 {
        self.at + self.pending.len() as u64
    }

    /// More bytes.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.length() + bytes.len() as u64 > self.most {
            return Err(Fault::too_large(self.most));
        }
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= PIECE {
            self.flush().await?;
        }
        Ok(())
    }

    /// All of a body; an error leaves what came before it written.
    pub(super) async fn take(&mut self, body: &mut Body) -> Result<()> {
        let taken = loop {
            match body.chunk().await {
                Some(Ok(chunk)) => match self.write(&chunk).await {
                    Ok(()) => {}
                    Err(fault) => break Err(fault),
                },
                Some(Err(error)) => break Err(error.into()),
                None => break Ok(()),
            }
        };
        let flushed = self.flush().await;
        taken.and(flushed)
    }

    /// Write what is pending.
    pub(super) async fn flush(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let (piece, at) = (self.pending.split().freeze(), self.at);
        let (file, hold) = (Arc::clone(&self.file), Arc::clone(&self.hold));
        let Some(mut state) = self.state.take() else {
            return Err(Fault::new(500, "an earlier piece could not be written"));
        };
        let length = piece.len() as u64;
        let written = tokio::task::spawn_blocking(move || {
            let _hold = hold;
            state.reserved.extend(length)?;
            file.write_all_at(&piece, at)?;
            if state.stays {
                state.reserved.keep();
            }
            state.sums.update(&piece);
            Ok::<_, Fault>(state)
        });
        let written = written.await;
        self.state = Some(written.map_err(|_| Fault::new(500, "writing failed"))??);
        self.at += length;
        Ok(())
    }

    /// The sums, and the space that is taken, once all is written.
    pub(super) async fn finish(mut self) -> Result<(Sums, Reserved)> {
        self.flush().await?;
        let state = self.state.take();
        let state = state.ok_or_else(|| Fault::new(500, "a piece could not be written"))?;
        Ok((state.sums, state.reserved))
    }
}
