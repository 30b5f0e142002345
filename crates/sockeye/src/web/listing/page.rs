//! The page of a folder: works without scripts, in light and dark, on paper and on a phone.
//!
//! Every text goes through `maud`, which escapes it for where it stands. What is not escaped is made here or in `readme`,
//! or handed in by those who set up the server ([`Insert`]).

use std::sync::LazyLock;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::Insert;
use super::asked::{Asked, Sort};
use super::entries::{Entry, Kind};
use super::icons::{self, icon};
use super::readme::Readme;
use super::words;
use crate::web::archive::Format;

const STYLE: &str = include_str!("style.css");
/// Stands for the entries while the page around them is made: a byte that no name has, and no other text before them.
const ROWS: char = '\0';

/// A page that is to be written.
pub(super) struct Page<'p> {
    /// What the root is called.
    pub(super) title: &'p str,
    /// The folder's path beneath the root.
    pub(super) path: &'p [u8],
    pub(super) asked: &'p Asked,
    pub(super) totals: Totals,
    pub(super) pages: usize,
    pub(super) archives: &'p [Format],
    pub(super) readme: Option<Readme>,
    pub(super) insert: Option<Insert>,
}

/// What a folder has, on all its pages.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(super) struct Totals {
    pub(super) folders: u64,
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Entries before the search.
    pub(super) seen: u64,
    /// The reading was ended at so many entries.
    pub(super) cut: Option<u64>,
}

impl Totals {
    pub(super) fn add(&mut self, entry: &Entry) {
        match entry.kind {
            Kind::Folder => self.folders += 1,
            Kind::File => self.files += 1,
        }
        self.bytes = self.bytes.saturating_add(entry.size);
    }

    fn shown(&self) -> u64 {
        self.folders + self.files
    }
}

/// What the page may do: nothing but show itself, its images, and what is inserted.
pub(super) fn policy(insert: Option<&Insert>) -> String {
    static OWN: LazyLock<String> = LazyLock::new(|| source(STYLE));
    let (mut styles, mut more) = (OWN.clone(), String::new());
    if let Some(insert) = insert {
        if !insert.style.is_empty() {
            styles = format!("{styles} {}", source(&insert.style));
        }
        if !insert.script.is_empty() {
            more = format!(
                "; script-src {}; connect-src 'self'",
                source(&insert.script)
            );
        }
    }
    format!(
        "default-src 'none'; style-src {styles}; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'{more}"
    )
}

/// An inline element as a policy names it.
fn source(text: &str) -> String {
    let digest = data_encoding::BASE64.encode(&Sha256::digest(text));
    format!("'sha256-{digest}'")
}

impl Page<'_> {
    /// All before the first entry, and all after the last.
    pub(super) fn around(&self) -> (String, String) {
        let name = self.name();
        let title = match self.path.is_empty() {
            true => name.clone(),
            false => format!("{name} · {}", self.title),
        };
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) }
                    link rel="icon" href=(FAVICON);
                    style { (PreEscaped(STYLE)) }
                    @if let Some(insert) = &self.insert && !insert.style.is_empty() {
                        style { (PreEscaped(&insert.style)) }
                    }
                }
                body {
                    (icons::SPRITE)
                    main {
                        (self.crumbs())
                        h1 { (name) }
                        p.sum { (self.summary()) }
                        (self.tools())
                        (self.cut())
                        @if let Some(insert) = &self.insert { (PreEscaped(&insert.html)) }
                        section.card aria-label="Contents" {
                            (self.table())
                            @if self.totals.shown() == 0 { (self.nothing()) }
                        }
                        (self.pager())
                        @if let Some(readme) = &self.readme { (shown(readme)) }
                        (footer())
                    }
                    @if let Some(insert) = &self.insert && !insert.script.is_empty() {
                        script { (PreEscaped(&insert.script)) }
                    }
                }
            }
        };
        let page = page.into_string();
        match page.split_once(ROWS) {
            Some((head, tail)) => (head.to_owned(), tail.to_owned()),
            None => (page, String::new()),
        }
    }

    /// The folder's own name.
    fn name(&self) -> String {
        match self.path.rsplit(|byte| *byte == b'/').next() {
            Some(name) if !name.is_empty() => words::shown(name),
            _ => self.title.to_owned(),
        }
    }

    fn crumbs(&self) -> Markup {
        if self.path.is_empty() {
            return html! {};
        }
        let names: Vec<_> = self.path.split(|byte| *byte == b'/').collect();
        let up = |steps: usize| "../".repeat(steps);
        html! {
            nav aria-label="Folders above" {
                ol.crumbs {
                    li { a href=(up(names.len())) { (icon("home")) (self.title) } }
                    @for (at, name) in names.iter().enumerate().take(names.len() - 1) {
                        li { a href=(up(names.len() - 1 - at)) { (words::shown(name)) } }
                    }
                }
            }
        }
    }

    fn summary(&self) -> String {
        let totals = &self.totals;
        if !self.asked.search.is_empty() {
            return format!(
                "{} of {} found",
                words::grouped(totals.shown()),
                words::count(totals.seen, "entry", "entries")
            );
        }
        let mut parts = Vec::new();
        if totals.folders > 0 {
            parts.push(words::count(totals.folders, "folder", "folders"));
        }
        if totals.files > 0 {
            parts.push(words::count(totals.files, "file", "files"));
            parts.push(words::size(totals.bytes));
        }
        match parts.is_empty() {
            true => "Nothing in here".to_owned(),
            false => parts.join(" · "),
        }
    }

    fn tools(&self) -> Markup {
        let asked = self.asked;
        html! {
            div.tools {
                form.find role="search" method="get" {
                    (icon("search"))
                    input type="search" name="q" value=(asked.search) placeholder="Search this folder"
                        aria-label="Search this folder" autocomplete="off" spellcheck="false";
                    @if asked.sort != Sort::Name { input type="hidden" name="sort" value=(asked.sort.name()); }
                    @if asked.is_descending { input type="hidden" name="order" value="desc"; }
                    button { "Search" }
                }
                @if !self.archives.is_empty() && self.totals.seen > 0 {
                    nav.get aria-label="Download this folder" {
                        span { (icon("download")) "Download all" }
                        @for format in self.archives {
                            a href={ "?archive=" (format.name()) } rel="nofollow" download { (format.name()) }
                        }
                    }
                }
            }
        }
    }

    /// The table, with a mark where its lines belong.
    fn table(&self) -> Markup {
        html! {
            table.list {
                caption.away { "Contents of " (self.name()) }
                thead {
                    tr {
                        (self.column(Sort::Name, "n", "Name"))
                        (self.column(Sort::Size, "s", "Size"))
                        (self.column(Sort::Time, "m", "Modified"))
                    }
                }
                tbody {
                    @if !self.path.is_empty() {
                        tr.up {
                            th.n scope="row" { a href="../" { (icon("parent")) span.t { "Parent folder" } } }
                            td {} td {}
                        }
                    }
                    (PreEscaped("\0"))
                }
            }
        }
    }

    /// The head of a column, which sorts by it; once more, the other way round.
    fn column(&self, sort: Sort, class: &str, name: &str) -> Markup {
        let asked = self.asked;
        let is_chosen = asked.sort == sort;
        // Sizes and times begin with what is large and new.
        let is_descending = match is_chosen {
            true => !asked.is_descending,
            false => sort != Sort::Name,
        };
        let direction = match asked.is_descending {
            true => "descending",
            false => "ascending",
        };
        html! {
            th.(class) scope="col" aria-sort=[is_chosen.then_some(direction)] {
                a href=(asked.link(sort, is_descending, 1)) title=[(sort == Sort::Time).then_some("Times are UTC")] {
                    (name) (icon("arrow"))
                }
            }
        }
    }

    fn nothing(&self) -> Markup {
        html! {
            div.none {
                (icon(if self.asked.search.is_empty() { "folder" } else { "search" }))
                @if self.asked.search.is_empty() {
                    "This folder is empty."
                } @else {
                    "No name here has “" (self.asked.search) "” in it. " a href="./" { "Show all" }
                }
            }
        }
    }

    /// That not all could be read.
    fn cut(&self) -> Markup {
        html! {
            @if let Some(most) = self.totals.cut {
                p.note {
                    "More than " (words::grouped(most)) " entries: these are the first that were found. "
                    a href="?format=ndjson" { "All of them, as data" }
                }
            }
        }
    }

    fn pager(&self) -> Markup {
        let (asked, page) = (self.asked, self.asked.page);
        let link = |page| asked.link(asked.sort, asked.is_descending, page);
        html! {
            @if self.pages > 1 {
                nav.pages aria-label="Pages" {
                    @if page > 1 { a href=(link(page - 1)) rel="prev" { "Previous" } }
                    span { "Page " (page) " of " (self.pages) }
                    @if page < self.pages { a href=(link(page + 1)) rel="next" { "Next" } }
                }
            }
        }
    }
}

/// The line of one entry.
pub(super) fn row(entry: &Entry) -> String {
    let is_file = entry.kind == Kind::File;
    let time = words::time(entry.modified);
    let row = html! {
        tr {
            th.n scope="row" {
                a href=(words::href(&entry.name, !is_file)) {
                    (icon(icons::of(entry)))
                    span.t { (words::shown(&entry.name)) }
                    @if let Some(target) = &entry.link {
                        span.to { "→ " @if target.is_empty() { "elsewhere" } @else { (words::shown(target)) } }
                    }
                }
            }
            @if is_file {
                td.s title={ (words::grouped(entry.size)) " bytes" } { (words::size(entry.size)) }
            } @else {
                td.s { span aria-label="folder" { "–" } }
            }
            td.m {
                @if let Some(time) = &time {
                    // Of the form 2026-11-26T20:47:01.000000Z.
                    time datetime=(time) title=(time) { (&time[..10]) span.clock { " " (&time[11..16]) } }
                }
            }
        }
    };
    row.into_string()
}

fn shown(readme: &Readme) -> Markup {
    html! {
        section.card.readme aria-labelledby="about" {
            h2 #about { (icon("text")) a href=(words::href(&readme.name, false)) { (words::shown(&readme.name)) } }
            div.prose {
                @match &readme.text {
                    Some(text) => { (text) }
                    None => {
                        p { "It is too long to be shown here: " a href=(words::href(&readme.name, false)) { "read it" } "." }
                    }
                }
            }
        }
    }
}

fn footer() -> Markup {
    html! {
        footer {
            "The same as data: "
            a href="?format=json" { "JSON" } " · "
            a href="?format=ndjson" { "JSON Lines" } " · "
            a href="?format=text" { "text" }
        }
    }
}

/// A folder, in the colour of the fish.
const FAVICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Cpath \
                       fill='%23d9634a' d='M2 7a2 2 0 0 1 2-2h5l2 2.5h9a2 2 0 0 1 2 2V18a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2z'/%3E%3C/svg%3E";
