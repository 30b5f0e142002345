//! Attachments of mail as files in a folder: names made harmless, nothing overwritten.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use sockeye::data::mail::safe_name;
use sockeye::data::record::{Error, Position, ReadRecords};
use sockeye::data::value::{Object, Value};

use super::open::Reader;

/// Yields messages with `file`, the name of a file, in place of the content of each attachment.
pub(crate) struct Saving {
    inner: Reader,
    folder: PathBuf,
    taken: HashSet<String>,
}

impl Saving {
    /// Files go into this folder, which is made when the first one comes.
    pub(crate) fn new(inner: Reader, folder: PathBuf) -> Self {
        Self {
            inner,
            folder,
            taken: HashSet::new(),
        }
    }

    /// The reader opens messages in messages to a bounded depth, so this does not go deeper.
    fn saved(&mut self, message: Value) -> io::Result<Value> {
        let Value::Object(record) = message else {
            return Ok(message);
        };
        let mut record = Object::clone(&record);
        if let Some(Value::Array(attachments)) = record.get("attachments") {
            let saved: io::Result<Vec<Value>> = attachments
                .iter()
                .cloned()
                .map(|one| self.attachment(one))
                .collect();
            record.insert("attachments".into(), Value::array(saved?));
        }
        Ok(record.into())
    }

    fn attachment(&mut self, attachment: Value) -> io::Result<Value> {
        let Value::Object(record) = attachment else {
            return Ok(attachment);
        };
        let mut record = Object::clone(&record);
        if let Some(inner) = record.remove("message") {
            let inner = self.saved(inner)?;
            record.insert("message".into(), inner);
        }
        let wanted = record
            .get("filename")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if let Some(content) = record.remove("content") {
            let name = match &content {
                Value::Bytes(bytes) => self.write(&wanted, bytes)?,
                Value::String(text) => self.write(&wanted, text.as_bytes())?,
                _ => return Ok(record.into()),
            };
            record.insert("file".into(), name.into());
        }
        Ok(record.into())
    }

    /// Under a name that no file has.
    fn write(&mut self, wanted: &str, bytes: &[u8]) -> io::Result<String> {
        fs::create_dir_all(&self.folder)?;
        loop {
            let name = safe_name(wanted, &mut self.taken);
            match File::create_new(self.folder.join(&name)) {
                Ok(mut file) => {
                    file.write_all(bytes)?;
                    return Ok(name);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl ReadRecords for Saving {
    fn next_record(&mut self) -> Result<Option<Value>, Error> {
        let Some(message) = self.inner.next_record()? else {
            return Ok(None);
        };
        let saved = self.saved(message).map_err(|error| {
            let folder = self.folder.display();
            Error::new(
                sockeye::data::record::ErrorKind::Io(error.kind()),
                "mail",
                format!("an attachment cannot be written into {folder}: {error}"),
            )
        });
        saved.map(Some)
    }

    fn position(&self) -> Position {
        self.inner.position()
    }
}
