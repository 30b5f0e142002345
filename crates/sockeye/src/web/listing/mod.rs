//! Folders for people and programs: a page, JSON, JSON Lines or text, and the whole folder as an archive.
//!
//! What is listed is what could be fetched by who asks: the rules of the [`Root`](super::files::Root) decide, and those on
//! who may read what. Names of other entries are not told.

mod asked;
mod data;
mod entries;
mod icons;
mod order;
mod page;
mod pieces;
mod readme;
mod words;

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::Arc;

use sockeye_data::fields::ETag;
use tokio::sync::Semaphore;

use self::asked::{Asked, Form};
use self::entries::{Entry, Reader};
use self::page::{Page, Totals};
use self::readme::Readme;
use super::archive::{Archives, Asker, Format};
use super::body::Body;
use super::files::{Folder, Folders};
use super::handler::Reply;
use super::request::Request;
use super::response::Response;

/// Entries that are read for a page at most, so that they can be sorted.
const READ: usize = 100_000;
/// Folders that are read at once; others wait their turn, which is short.
const READINGS: usize = 8;
/// A page with more entries is sent while it is written.
const WHOLE: usize = 1000;

/// Shows folders: as a page that people like, as data that programs like, and as archives.
///
/// Which of them is asked for by `?format=html`, `json`, `ndjson` or `text`, else by `Accept`; by `?archive=tar`, `tar.gz`,
/// `tar.zst` or `zip`. `?sort=name`, `size` or `time`, `?order=asc` or `desc`, `?q=WORDS` and `?page=N` say the rest. Names
/// that the root's rules keep out, what the user may not read, and links that lead nowhere a client may go, are not
/// listed.
///
/// # Examples
///
/// ```
/// use sockeye::web::files::{Files, Root, Rules};
/// use sockeye::web::listing::Listing;
/// use sockeye::web::{Handler, Request};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> sockeye::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// std::fs::write(folder.path().join("a b.txt"), "hello").unwrap();
/// let files = Files::new(Root::new(folder.path(), Rules::default())?).folders(Listing::new());
/// let mut answer = files.handle(Request::made("GET", "/?format=text")).response().await;
/// assert_eq!(answer.body.bytes(1000).await.unwrap(), "a b.txt\n");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Listing {
    title: String,
    max_entries: usize,
    has_readme: bool,
    archives: Option<Archives>,
    insert: Option<Arc<Inserter>>,
    readings: Arc<Semaphore>,
}

type Inserter = dyn Fn(&Folder, &Request) -> Option<Insert> + Send + Sync;

/// Something that pages show above their list, made by others: a form to upload, say.
///
/// All three are put into the page as they are; whoever makes them escapes what is foreign. The page's policy allows the
/// style and the script by their hashes, and a script to talk to this server. The page has looks for `class="card upload"`,
/// see `style.css`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Insert {
    /// Elements, between the search and the list.
    pub html: String,
    /// CSS of an element of its own; empty for none.
    pub style: String,
    /// A script at the end of the page; empty for none.
    pub script: String,
}

impl Default for Listing {
    fn default() -> Self {
        Self::new()
    }
}

impl Listing {
    /// Pages called "Files", with 10,000 entries each, READMEs shown, archives offered.
    pub fn new() -> Self {
        Self {
            title: "Files".to_owned(),
            max_entries: 10_000,
            has_readme: true,
            archives: Some(Archives::new()),
            insert: None,
            readings: Arc::new(Semaphore::new(READINGS)),
        }
    }

    /// What the root is called on its page and above all others.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Entries on one page; at least 1. Data of a folder with more of them comes in the order the system has them: it is
    /// sent while it is read.
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.max_entries = entries.max(1);
        self
    }

    /// Whether a folder's README is shown below its list. It is read up to 256 KiB.
    pub fn readme(mut self, is_shown: bool) -> Self {
        self.has_readme = is_shown;
        self
    }

    /// How folders are packed; `None` for not at all.
    pub fn archives(mut self, archives: Option<Archives>) -> Self {
        self.archives = archives;
        self
    }

    /// Put something into the pages of those folders for which this makes something.
    pub fn insert(
        mut self,
        make: impl Fn(&Folder, &Request) -> Option<Insert> + Send + Sync + 'static,
    ) -> Self {
        self.insert = Some(Arc::new(make));
        self
    }

    fn formats(&self) -> &'static [Format] {
        match self.archives {
            Some(_) => &Format::ALL,
            None => &[],
        }
    }

    /// Read the folder and answer. Blocks.
    fn answer(&self, wanted: Wanted) -> io::Result<Response> {
        let Wanted {
            folder,
            asked,
            insert,
            request,
        } = wanted;
        let path = folder.path.clone();
        let mut reader = Reader::new(folder, Asker::new(request))?;
        let is_page = asked.form == Form::Page;
        let most = match is_page {
            true => READ.max(self.max_entries),
            false => self.max_entries,
        };
        let mut read = Read::default();
        let next = read.fill(&mut reader, &asked, most)?;
        reader.request().note("folder", || {
            let entries = read.entries.len();
            format!("{entries} entries listed; {}", reader.left_out())
        });
        read.totals.cut = next.is_some().then_some(most as u64);
        let response = headers(asked.form, reader.request().is_restricted());
        if !is_page && let Some(next) = next {
            return Ok(response.with_body(streamed(reader, read.entries, next, &asked)));
        }
        let order = |a: &Entry, b: &Entry| order::compare(a, b, asked.sort, asked.is_descending);
        read.entries.sort_unstable_by(order);
        // It is made of what this user may read: of two users who are shown the same, both have the same.
        let tag = self.tag(&read, &asked, insert.as_ref());
        let response = response.header("ETag", &tag);
        let request = reader.request();
        if is_fresh(request, &tag) {
            request.note("cache", || format!("the client has {tag}: 304"));
            return Ok(response.with_status(304));
        }
        if !is_page {
            let entries = read.entries.into_iter().map(Ok);
            let pieces = data::pieces(entries, &asked, request.path(), true);
            return Ok(response.with_body(gathered(pieces)?));
        }
        self.page(&path, &reader, read, &asked, insert, response)
    }

    fn page(
        &self,
        path: &[u8],
        reader: &Reader,
        read: Read,
        asked: &Asked,
        insert: Option<Insert>,
        response: Response,
    ) -> io::Result<Response> {
        let pages = read.entries.len().div_ceil(self.max_entries).max(1);
        if asked.page > pages {
            let why = format!(
                "there is no page {} of this folder, only {pages}",
                asked.page
            );
            return Ok(Response::error(404, why));
        }
        let readme = read
            .readme
            .filter(|_| self.has_readme && asked.search.is_empty() && asked.page == 1);
        let readme =
            readme.and_then(|(_, name)| Readme::read(reader.root(), &reader.path_of(&name), &name));
        if let Some(readme) = &readme {
            reader.request().note("readme", || {
                format!("{} is shown below the list", words::shown(&readme.name))
            });
        }
        let policy = page::policy(insert.as_ref());
        let page = Page {
            title: &self.title,
            path,
            asked,
            totals: read.totals,
            pages,
            archives: self.formats(),
            readme,
            insert,
        };
        let (head, tail) = page.around();
        let start = (asked.page - 1) * self.max_entries;
        let entries: Vec<_> = read
            .entries
            .into_iter()
            .skip(start)
            .take(self.max_entries)
            .collect();
        let is_short = entries.len() <= WHOLE;
        let head = std::iter::once(head).chain(entries.into_iter().map(|entry| page::row(&entry)));
        let pieces = head.chain([tail]).map(|piece| Ok(piece.into_bytes()));
        let pieces: pieces::Pieces = Box::new(pieces);
        let body = match is_short {
            true => gathered(pieces)?.into(),
            false => pieces::body(pieces),
        };
        Ok(response
            .header("Content-Security-Policy", policy)
            .with_body(body))
    }

    /// Names the answer: another folder, form or order has another.
    fn tag(&self, read: &Read, asked: &Asked, insert: Option<&Insert>) -> String {
        let mut hasher = DefaultHasher::new();
        // Another version may write the same in another way.
        env!("CARGO_PKG_VERSION").hash(&mut hasher);
        (
            &self.title,
            self.max_entries,
            self.has_readme,
            self.archives.is_some(),
        )
            .hash(&mut hasher);
        (
            asked.form,
            asked.sort,
            asked.is_descending,
            &asked.search,
            asked.page,
        )
            .hash(&mut hasher);
        (read.totals, &read.entries, insert).hash(&mut hasher);
        format!("W/\"{:016x}\"", hasher.finish())
    }
}

impl Folders for Listing {
    fn show(&self, folder: Folder, request: Request) -> Reply {
        if !matches!(request.method(), "GET" | "HEAD") {
            let why = "a folder can only be read";
            return Response::error(405, why)
                .header("Allow", "GET, HEAD")
                .into();
        }
        let asked = match Asked::of(&request) {
            Ok(asked) => asked,
            Err(why) => return Response::error(400, why).into(),
        };
        if let Some(format) = asked.archive {
            return match &self.archives {
                Some(archives) => archives.pack(folder, format, request),
                None => Response::error(404, "folders are not packed here").into(),
            };
        }
        request.note("folder", || {
            format!(
                "shown as {}, sorted by {}",
                asked.form.name(),
                asked.sort.name()
            )
        });
        let insert = match &self.insert {
            Some(make) if asked.form == Form::Page => make(&folder, &request),
            _ => None,
        };
        let wanted = Wanted {
            folder,
            asked,
            insert,
            request,
        };
        let listing = self.clone();
        Reply::later(async move {
            // The semaphore is never closed.
            let turn = Arc::clone(&listing.readings).acquire_owned().await.ok();
            let answered = tokio::task::spawn_blocking(move || {
                let answer = listing.answer(wanted);
                drop(turn);
                answer
            });
            match answered.await {
                Ok(Ok(response)) => response,
                Ok(Err(_)) => Response::error(500, "the folder cannot be read"),
                Err(_) => Response::error(500, "the folder cannot be shown"),
            }
        })
    }
}

/// A folder, and what is wanted of it.
struct Wanted {
    folder: Folder,
    asked: Asked,
    insert: Option<Insert>,
    request: Request,
}

/// What was read of a folder.
#[derive(Default)]
struct Read {
    entries: Vec<Entry>,
    totals: Totals,
    /// The best README so far of those that may be read, and how good its name is.
    readme: Option<(usize, Vec<u8>)>,
}

impl Read {
    /// Read so many entries that are searched for at most; the one that was too many is returned.
    fn fill(
        &mut self,
        reader: &mut Reader,
        asked: &Asked,
        most: usize,
    ) -> io::Result<Option<Entry>> {
        for entry in reader {
            let entry = entry?;
            self.totals.seen += 1;
            let rank = readme::rank(&entry);
            let best = self.readme.as_ref().map_or(usize::MAX, |(rank, _)| *rank);
            if let Some(rank) = rank.filter(|rank| *rank < best) {
                self.readme = Some((rank, entry.name.clone()));
            }
            if !asked.admits(&entry.name) {
                continue;
            }
            if self.entries.len() == most {
                return Ok(Some(entry));
            }
            self.totals.add(&entry);
            self.entries.push(entry);
        }
        Ok(None)
    }
}

/// What was read, then what is still to be read, sent as it is read. It has no tag: what it will be is not known yet.
fn streamed(reader: Reader, read: Vec<Entry>, next: Entry, asked: &Asked) -> Body {
    let most = read.len();
    reader.request().note("folder", || {
        format!("more than {most} entries: sent as they are read, not sorted")
    });
    // The reader takes its request along.
    let path = reader.request().path().to_owned();
    let search = asked.clone();
    let others = reader.filter(move |entry| match entry {
        Ok(entry) => search.admits(&entry.name),
        Err(_) => true,
    });
    let read = read.into_iter().chain([next]).map(Ok);
    pieces::body(data::pieces(read.chain(others), asked, &path, false))
}

/// `is_personal` says that others may be shown something else here.
fn headers(form: Form, is_personal: bool) -> Response {
    let (vary, cache) = match is_personal {
        // A cache that many share must not show one user what another may see.
        true => ("Accept, Authorization", "private, no-cache"),
        false => ("Accept", "no-cache"),
    };
    Response::new(200)
        .header("Content-Type", form.media_type())
        .header("Vary", vary)
        .header("Cache-Control", cache)
        .header("X-Content-Type-Options", "nosniff")
        // Not none: a form of a page without one has no origin, and would be taken for a foreign one.
        .header("Referrer-Policy", "same-origin")
}

/// Whether the client has what bears this tag (RFC 9110 section 13.1.2).
fn is_fresh(request: &Request, tag: &str) -> bool {
    let tag = ETag::parse(tag.as_bytes());
    tag.and_then(|tag| tag.is_listed(request.headers(), "if-none-match", false)) == Some(true)
}

fn gathered(pieces: pieces::Pieces) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    for piece in pieces {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing")
            .field("title", &self.title)
            .field("max_entries", &self.max_entries)
            .field("archives", &self.archives)
            .finish_non_exhaustive()
    }
}
