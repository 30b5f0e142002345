//! A file with all that is needed to send it: its bytes, its forms, its header lines, ready-made.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use sockeye_data::fields::ETag;
use sockeye_data::http1::Headers;
use sockeye_data::media;

use super::coding::Coding;
use super::content::{self, Content, Loaded};
use super::root::Root;
use super::settings::Settings;
use super::version::Version;

/// One form of a file: as it is, or compressed.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) content: Content,
    pub(super) length: u64,
    pub(super) version: Option<Version>,
    pub(super) tag: Option<ETag>,
    pub(super) modified: Option<i64>,
    /// The lines of an answer with all of it.
    pub(super) headers: Arc<Headers>,
    /// Those of an answer that it is the version that the client has.
    pub(super) unmodified: Arc<Headers>,
}

/// A file that can be sent.
#[derive(Debug)]
pub(super) struct Resource {
    /// Its path beneath the root.
    pub(super) path: Vec<u8>,
    /// Its media type, with the charset.
    pub(super) media_type: String,
    pub(super) plain: Form,
    /// The same, compressed by its owner.
    pub(super) siblings: Vec<(Coding, Form)>,
    /// Whether it is worth compressing on the way.
    pub(super) can_pack: bool,
    /// What was looked at to find it.
    probes: Vec<Probe>,
    /// [`Root::changes`] when that was.
    changes: u64,
    /// When it was looked at last, in milliseconds of the cache's clock.
    pub(super) checked: AtomicU64,
}

/// A path that was looked at, and what was there.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub(super) path: Vec<u8>,
    pub(super) seen: Seen,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Nothing,
    Folder,
    File(Version),
    /// A pipe, a socket, a device: nothing that is sent.
    Special,
    /// We may not look there.
    Denied,
}

/// Look at a path.
///
/// # Errors
///
/// Only what says nothing of the path: too many open files, a broken disk.
pub(super) fn look(root: &Root, path: &[u8]) -> io::Result<Seen> {
    match root.look(path) {
        Ok(metadata) if metadata.is_file() => Ok(Seen::File(Version::of(&metadata))),
        Ok(metadata) if metadata.is_dir() => Ok(Seen::Folder),
        Ok(_) => Ok(Seen::Special),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::InvalidInput => Ok(Seen::Nothing),
            io::ErrorKind::PermissionDenied => Ok(Seen::Denied),
            _ => Err(error),
        },
    }
}

impl Resource {
    /// Read the file at this path, which was found by these probes.
    ///
    /// # Errors
    ///
    /// Those of opening and reading it.
    pub(super) fn load(
        root: &Root,
        settings: &Settings,
        path: &[u8],
        mut probes: Vec<Probe>,
        changes: u64,
    ) -> io::Result<Self> {
        let loaded = open(root, path, settings.small)?;
        let media_type = media_type(settings, path, &loaded);
        let can_pack = media::is_compressible(&media_type);
        let mut siblings = Vec::new();
        if let (true, Some(own)) = (settings.precompressed, loaded.version) {
            for coding in Coding::ALL {
                let path = [path, b".", coding.extension().as_bytes()].concat();
                let seen = look(root, &path)?;
                // One that is older was made from another version.
                if let Seen::File(version) = seen
                    && version.is_not_older_than(&own)
                    && let Ok(sibling) = open(root, &path, settings.small)
                    && sibling.version.is_some()
                {
                    siblings.push((coding, sibling));
                }
                probes.push(Probe { path, seen });
            }
        }
        let varies = !siblings.is_empty() || (can_pack && !settings.compress.is_empty());
        let form = |loaded: Loaded, coding: Option<Coding>| {
            let lines = Lines {
                media_type: &media_type,
                coding,
                varies,
                is_weak: false,
            };
            Form::new(settings, path, loaded, lines)
        };
        Ok(Self {
            path: path.to_vec(),
            siblings: siblings
                .into_iter()
                .map(|(coding, loaded)| (coding, form(loaded, Some(coding))))
                .collect(),
            plain: form(loaded, None),
            media_type,
            can_pack,
            probes,
            changes,
            checked: AtomicU64::new(0),
        })
    }

    /// The form in this coding, if its owner made one.
    pub(super) fn sibling(&self, coding: Coding) -> Option<&Form> {
        let mut siblings = self.siblings.iter();
        siblings
            .find(|(known, _)| *known == coding)
            .map(|(_, form)| form)
    }

    /// A form that is yet to be made in this coding: its header lines, and the bytes as they are. Its tag is weak: another
    /// version of ours may make other bytes of the same file.
    pub(super) fn packed_head(&self, settings: &Settings, coding: Coding) -> Form {
        let loaded = Loaded {
            content: self.plain.content.clone(),
            length: self.plain.length,
            version: self.plain.version,
        };
        let lines = Lines {
            media_type: &self.media_type,
            coding: Some(coding),
            varies: true,
            is_weak: true,
        };
        Form::new(settings, &self.path, loaded, lines)
    }

    /// Whether all of it can be told apart from later versions, so that it may be kept.
    pub(super) fn can_be_kept(&self) -> bool {
        let is_settled = |form: &Form| form.version.as_ref().is_some_and(Version::is_settled);
        is_settled(&self.plain) && self.siblings.iter().all(|(_, form)| is_settled(form))
    }

    /// Whether nothing was changed through the root since it was found.
    pub(super) fn is_of(&self, root: &Root) -> bool {
        self.changes == root.changes()
    }

    /// Whether a look at the folder finds the same again.
    pub(super) fn is_still_there(&self, root: &Root) -> bool {
        self.probes
            .iter()
            .all(|probe| look(root, &probe.path).is_ok_and(|seen| seen == probe.seen))
    }

    /// Whether the file, if it is held open, was not written to: its length must be right. Its name may mean another one.
    pub(super) fn is_unwritten(&self) -> bool {
        match (&self.plain.content, self.plain.version) {
            (Content::File(file), Some(version)) => file
                .metadata()
                .is_ok_and(|metadata| Version::of(&metadata) == version),
            _ => true,
        }
    }

    /// Bytes in memory, and files held open.
    pub(super) fn weight(&self) -> (u64, usize) {
        let forms = self.siblings.iter().map(|(_, form)| form);
        let mut weight = (0, 0);
        for form in forms.chain([&self.plain]) {
            match &form.content {
                Content::Memory(bytes) => weight.0 += bytes.len() as u64,
                Content::File(_) => weight.1 += 1,
            }
        }
        // Header lines, names and the like.
        weight.0 += 1024;
        weight
    }

    pub(super) fn check_at(&self, time: u64) {
        self.checked.store(time, Ordering::Relaxed);
    }
}

fn open(root: &Root, path: &[u8], small: u64) -> io::Result<Loaded> {
    let file = root.open(path)?;
    // It was a file a moment ago.
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    content::load(file, small)
}

/// The media type, and the charset only if the bytes are in it.
fn media_type(settings: &Settings, path: &[u8], loaded: &Loaded) -> String {
    let is_text = || loaded.content.is_utf8_text(loaded.length);
    match settings.media_type(path) {
        Some(known) if known.starts_with("text/") && !known.contains(';') && is_text() => {
            format!("{known}; charset=utf-8")
        }
        Some(known) => known.to_owned(),
        None if is_text() => format!("{}; charset=utf-8", media::TEXT),
        None => media::BYTES.to_owned(),
    }
}

/// What differs between the header lines of the forms of one file.
pub(super) struct Lines<'a> {
    pub(super) media_type: &'a str,
    pub(super) coding: Option<Coding>,
    /// Whether others get another form.
    pub(super) varies: bool,
    /// Whether the same version may have other bytes tomorrow.
    pub(super) is_weak: bool,
}

impl Form {
    /// This content with its header lines.
    pub(super) fn new(settings: &Settings, path: &[u8], loaded: Loaded, lines: Lines<'_>) -> Self {
        let version = loaded.version;
        let suffix = match lines.coding {
            Some(coding) => format!("-{coding}"),
            None => String::new(),
        };
        let tag =
            version.map(|version| version.tagged(lines.is_weak || !version.is_settled(), &suffix));
        let (headers, unmodified) = written(settings, path, &lines, tag.as_ref(), version.as_ref());
        Self {
            content: loaded.content,
            length: loaded.length,
            version,
            tag,
            modified: version.map(|version| version.modified()),
            headers: Arc::new(headers),
            unmodified: Arc::new(unmodified),
        }
    }

    /// The same with these bytes instead.
    pub(super) fn with_bytes(self, bytes: Bytes) -> Self {
        Self {
            length: bytes.len() as u64,
            content: Content::Memory(bytes),
            ..self
        }
    }
}

/// The lines of an answer with a form, and of one without its body: those that RFC 9110 section 15.4.5 asks for, and
/// those of the rules.
fn written(
    settings: &Settings,
    path: &[u8],
    lines: &Lines<'_>,
    tag: Option<&ETag>,
    version: Option<&Version>,
) -> (Headers, Headers) {
    let mut headers = Headers::new();
    let mut unmodified = Headers::new();
    // Constants, and values that are made here or were checked when they were set; one that cannot be written is left out.
    let mut add = |name: &str, value: &str, always: bool| {
        let _ = headers.append(name, value);
        if always {
            let _ = unmodified.append(name, value);
        }
    };
    add("Content-Type", lines.media_type, false);
    if let Some(coding) = lines.coding {
        add("Content-Encoding", coding.name(), false);
    } else if version.is_some() && settings.ranges > 0 {
        add("Accept-Ranges", "bytes", false);
    }
    if let Some(tag) = tag {
        add("ETag", &tag.to_string(), true);
    }
    if let Some(modified) = version.and_then(Version::last_modified) {
        add("Last-Modified", &modified, true);
    }
    if lines.varies {
        add("Vary", "Accept-Encoding", true);
    }
    add("X-Content-Type-Options", "nosniff", false);
    settings.add_headers(path, &mut headers);
    settings.add_headers(path, &mut unmodified);
    // What describes a body has no place without one.
    unmodified.remove("content-type");
    unmodified.remove("content-encoding");
    (headers, unmodified)
}
