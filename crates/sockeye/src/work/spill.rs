//! What jobs say, kept in memory while it is little, and in one file without a name when it is much.

use std::io::{self, Write};

use bytes::Bytes;

/// Where much goes: cheap to clone, one file for all.
#[derive(Clone, Debug, Default)]
pub struct Spill {}

impl Spill {
    /// To gather what one job says.
    pub fn gather(&self) -> Gather {
        Gather { memory: Vec::new() }
    }
}

/// Gathers bytes as they come: a [`Write`], then a [`Blob`].
#[derive(Debug)]
pub struct Gather {
    memory: Vec<u8>,
}

impl Gather {
    /// All that was gathered.
    pub fn finish(self) -> Blob {
        Blob {
            memory: self.memory.into(),
        }
    }
}

impl Write for Gather {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.memory.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes, in memory or in the file of their [`Spill`].
#[derive(Clone, Debug, Default)]
pub struct Blob {
    memory: Bytes,
}

impl Blob {
    /// How many bytes.
    pub fn len(&self) -> u64 {
        self.memory.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of them are in memory.
    pub(super) fn in_memory(&self) -> usize {
        self.memory.len()
    }

    /// The bytes, if they are in memory.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        Some(&self.memory)
    }

    /// Write all of them, without having all in memory.
    ///
    /// # Errors
    ///
    /// Those of the writer, and of reading the file.
    pub fn write_to(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(&self.memory)
    }
}

impl<T: Into<Bytes>> From<T> for Blob {
    fn from(bytes: T) -> Self {
        Self {
            memory: bytes.into(),
        }
    }
}
