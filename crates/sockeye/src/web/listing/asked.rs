//! What a request wants to see of a folder: which form, which order, which names, which page.

use std::fmt::Write as _;

use sockeye_data::fields::quality;
use sockeye_data::percent::{self, Keep};

use crate::web::archive::Format as Archive;
use crate::web::request::Request;

/// The form of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    Page,
    Json,
    Ndjson,
    Text,
}

/// What a listing is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sort {
    Name,
    Size,
    Time,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) form: Form,
    pub(super) archive: Option<Archive>,
    pub(super) sort: Sort,
    pub(super) is_descending: bool,
    /// What names are to contain; empty for all names.
    pub(super) search: String,
    /// Counted from 1.
    pub(super) page: usize,
}

const FORMS: [(Form, &str, &str); 4] = [
    (Form::Page, "html", "text/html"),
    (Form::Json, "json", "application/json"),
    (Form::Ndjson, "ndjson", "application/x-ndjson"),
    (Form::Text, "text", "text/plain"),
];
const SORTS: [(Sort, &str); 3] = [
    (Sort::Name, "name"),
    (Sort::Size, "size"),
    (Sort::Time, "time"),
];

impl Form {
    pub(super) fn name(self) -> &'static str {
        let found = FORMS.iter().find(|(form, ..)| *form == self);
        found.map_or("html", |(_, name, _)| name)
    }

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Page => "text/html; charset=utf-8",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Text => "text/plain; charset=utf-8",
        }
    }
}

impl Sort {
    pub(super) fn name(self) -> &'static str {
        let found = SORTS.iter().find(|(sort, _)| *sort == self);
        found.map_or("name", |(_, name)| name)
    }
}

impl Asked {
    /// Read a request. What it asks for and nobody knows is an error, one line for the client.
    pub(super) fn of(request: &Request) -> Result<Self, String> {
        let mut asked = Self {
            form: Form::Page,
            archive: None,
            sort: Sort::Name,
            is_descending: false,
            search: request.query_value("q").unwrap_or_default(),
            page: 1,
        };
        let wanted = |name| request.query_value(name).filter(|value| !value.is_empty());
        asked.form = match wanted("format") {
            Some(name) => named(&FORMS.map(|(form, name, _)| (form, name)), "format", &name)?,
            None => by_accept(request),
        };
        if let Some(name) = wanted("archive") {
            asked.archive = Some(named(
                &Archive::ALL.map(|it| (it, it.name())),
                "archive",
                &name,
            )?);
        }
        if let Some(name) = wanted("sort") {
            asked.sort = named(&SORTS, "sort", &name)?;
        }
        if let Some(name) = wanted("order") {
            asked.is_descending = named(&[(false, "asc"), (true, "desc")], "order", &name)?;
        }
        if let Some(page) = wanted("page") {
            let number = page.parse().ok().filter(|page| *page > 0);
            asked.page = number.ok_or("`page` is a number, from 1 on")?;
        }
        Ok(asked)
    }

    /// Whether this name is searched for: it has every word of the search, whatever the case.
    pub(super) fn admits(&self, name: &[u8]) -> bool {
        if self.search.is_empty() {
            return true;
        }
        let name = String::from_utf8_lossy(name).to_lowercase();
        let mut words = self.search.split_whitespace();
        words.all(|word| name.contains(&word.to_lowercase()))
    }

    /// The query of the same page in another order, or another page of the same order.
    pub(super) fn link(&self, sort: Sort, is_descending: bool, page: usize) -> String {
        let mut link = format!("?sort={}", sort.name());
        if is_descending {
            link.push_str("&order=desc");
        }
        if !self.search.is_empty() {
            let search = percent::encode(self.search.as_bytes(), Keep::UNRESERVED);
            // Writing to a string cannot fail.
            let _ = write!(link, "&q={search}");
        }
        if page > 1 {
            let _ = write!(link, "&page={page}");
        }
        link
    }
}

/// The form that `Accept` likes best, a page if it does not care.
fn by_accept(request: &Request) -> Form {
    let wanted = quality::parse(request.headers(), "accept");
    let best = quality::best(&wanted, &FORMS.map(|(_, _, media_type)| media_type));
    let found = FORMS
        .iter()
        .find(|(.., media_type)| Some(*media_type) == best);
    found.map_or(Form::Page, |(form, ..)| *form)
}

fn named<T: Copy>(choice: &[(T, &str)], what: &str, name: &str) -> Result<T, String> {
    let found = choice.iter().find(|(_, known)| *known == name);
    found.map(|(value, _)| *value).ok_or_else(|| {
        let names: Vec<_> = choice.iter().map(|(_, name)| *name).collect();
        format!("`{what}` is one of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_comes_from_query_and_accept() {
        let asked = Asked::of(&Request::made(
            "GET",
            "/?sort=size&order=desc&q=a+%26b&page=2",
        ))
        .unwrap();
        assert_eq!(
            (asked.sort, asked.is_descending, asked.page),
            (Sort::Size, true, 2)
        );
        assert!(asked.admits("Ein &B und A".as_bytes()) && !asked.admits(b"a b"));
        assert_eq!(
            asked.link(Sort::Name, false, 3),
            "?sort=name&q=a%20%26b&page=3"
        );
        for (accept, form) in [
            ("application/json", Form::Json),
            ("application/x-ndjson, */*;q=0.1", Form::Ndjson),
            ("text/plain", Form::Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Form::Page),
            ("*/*", Form::Page),
            ("image/png", Form::Page),
        ] {
            let request = Request::made("GET", "/")
                .with_header("Accept", accept)
                .unwrap();
            assert_eq!(Asked::of(&request).unwrap().form, form, "{accept}");
        }
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        for (query, why) in [
            ("format=xml", "`format` is one of html, json, ndjson, text"),
            (
                "archive=rar",
                "`archive` is one of zip, tar.gz, tar.zst, tar",
            ),
            ("sort=<", "`sort` is one of name, size, time"),
            ("order=up", "`order` is one of asc, desc"),
            ("page=0", "`page` is a number, from 1 on"),
        ] {
            let request = Request::made("GET", &format!("/?{query}"));
            assert_eq!(Asked::of(&request).unwrap_err(), why);
        }
    }
}
