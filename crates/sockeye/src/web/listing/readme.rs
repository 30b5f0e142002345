//! The README of a folder as a part of its page: CommonMark, or plain text.
//!
//! Foreign text, shown with care: raw HTML is shown as text, links have no scheme but those of the web and of mail,
//! images are those of this server, and nothing in it can name an element of the page around it.

use std::collections::HashMap;
use std::io::Read;

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::entries::{Entry, Kind};
use crate::web::files::Root;

/// Bytes of a README that are shown at most.
pub(super) const MOST: u64 = 256 << 10;
/// Names of a README, the better first.
const NAMES: [&str; 5] = [
    "readme.md",
    "readme.markdown",
    "readme.txt",
    "readme.rst",
    "readme",
];
/// Before every name in a README, so that it is none of the page's.
const PREFIX: &str = "readme-";

/// A README that is to be shown.
pub(super) struct Readme {
    pub(super) name: Vec<u8>,
    /// Its text as HTML; `None` if it is too large.
    pub(super) text: Option<Markup>,
}

/// Which of a folder's entries is its README: how good its name is, less is better.
pub(super) fn rank(entry: &Entry) -> Option<usize> {
    if entry.kind != Kind::File {
        return None;
    }
    NAMES
        .iter()
        .position(|name| entry.name.eq_ignore_ascii_case(name.as_bytes()))
}

impl Readme {
    /// Read it; `None` if that fails.
    pub(super) fn read(root: &Root, path: &[u8], name: &[u8]) -> Option<Self> {
        let file = root.open(path).ok()?;
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut text = Vec::new();
        file.take(MOST + 1).read_to_end(&mut text).ok()?;
        let is_short = text.len() as u64 <= MOST;
        let shown = is_short.then(|| {
            let text = String::from_utf8_lossy(&text);
            let ending = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
            let is_markdown = ["md", "markdown"]
                .iter()
                .any(|it| ending.eq_ignore_ascii_case(it.as_bytes()));
            match is_markdown {
                true => markdown(&text),
                false => html! { pre class="plain" { (text) } },
            }
        });
        Some(Self {
            name: name.to_vec(),
            text: shown,
        })
    }
}

/// CommonMark as HTML that is safe in a page of ours.
fn markdown(text: &str) -> Markup {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut out = String::new();
    let mut tamer = Tamer::default();
    let mut events = Vec::new();
    for event in Parser::new_ext(text, options) {
        tamer.push(event, &mut events);
    }
    pulldown_cmark::html::push_html(&mut out, events.into_iter());
    PreEscaped(out)
}

/// Makes events of a README those of a page.
#[derive(Default)]
struct Tamer {
    /// Lines of a block of HTML so far.
    block: Option<String>,
    /// Where a heading began, and its text so far.
    heading: Option<(usize, String)>,
    /// For each link and image that is open, how it ends.
    ends: Vec<Option<TagEnd>>,
    /// Names of headings so far, and how often.
    names: HashMap<String, usize>,
}

impl Tamer {
    fn push<'t>(&mut self, event: Event<'t>, out: &mut Vec<Event<'t>>) {
        match event {
            Event::Start(Tag::HtmlBlock) => self.block = Some(String::new()),
            Event::End(TagEnd::HtmlBlock) => {
                let block = self.block.take().unwrap_or_default();
                if !is_comment(&block) {
                    out.push(Event::Start(Tag::Paragraph));
                    out.push(Event::Text(block.into()));
                    out.push(Event::End(TagEnd::Paragraph));
                }
            }
            Event::Html(line) => match &mut self.block {
                Some(block) => block.push_str(&line),
                None => out.push(Event::Text(line)),
            },
            Event::InlineHtml(tag) if is_comment(&tag) => {}
            Event::InlineHtml(tag) => self.text(Event::Text(tag), out),
            Event::Start(Tag::Heading { level, .. }) => {
                self.heading = Some((out.len(), String::new()));
                // Its number is known at its end.
                out.push(Event::Start(heading(level, None)));
            }
            Event::End(TagEnd::Heading(level)) => self.end_heading(level, out),
            // The alignment of columns would be an inline style, which the page forbids.
            Event::Start(Tag::Table(columns)) => {
                let columns = vec![pulldown_cmark::Alignment::None; columns.len()];
                out.push(Event::Start(Tag::Table(columns)));
            }
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }) => {
                let dest_url = tamed(dest_url);
                self.ends.push(dest_url.is_some().then_some(TagEnd::Link));
                if let Some(dest_url) = dest_url {
                    out.push(Event::Start(Tag::Link {
                        link_type,
                        dest_url,
                        title,
                        id,
                    }));
                }
            }
            Event::Start(Tag::Image {
                link_type,
                dest_url,
                title,
                id,
            }) => {
                let is_ours = scheme(&dest_url).is_none() && !dest_url.starts_with("//");
                match (is_ours, tamed(dest_url)) {
                    (true, Some(dest_url)) => {
                        self.ends.push(Some(TagEnd::Image));
                        out.push(Event::Start(Tag::Image {
                            link_type,
                            dest_url,
                            title,
                            id,
                        }));
                    }
                    // What others serve is not fetched unasked; inside another link, its text stands alone.
                    (false, Some(dest_url)) if !self.ends.contains(&Some(TagEnd::Link)) => {
                        self.ends.push(Some(TagEnd::Link));
                        out.push(Event::Start(Tag::Link {
                            link_type,
                            dest_url,
                            title,
                            id,
                        }));
                    }
                    _ => self.ends.push(None),
                }
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                if let Some(end) = self.ends.pop().flatten() {
                    out.push(Event::End(end));
                }
            }
            event => self.text(event, out),
        }
    }

    fn text<'t>(&mut self, event: Event<'t>, out: &mut Vec<Event<'t>>) {
        if let (Some((_, text)), Event::Text(more) | Event::Code(more)) =
            (&mut self.heading, &event)
        {
            text.push_str(more);
        }
        out.push(event);
    }

    fn end_heading(&mut self, level: HeadingLevel, out: &mut Vec<Event<'_>>) {
        let Some((start, text)) = self.heading.take() else {
            return;
        };
        let mut id = format!("{PREFIX}{}", slug(&text));
        let seen = self.names.entry(id.clone()).or_default();
        *seen += 1;
        if *seen > 1 {
            id = format!("{id}-{}", *seen - 1);
        }
        let begin = heading(level, Some(id.into()));
        let Tag::Heading { level, .. } = begin else {
            return;
        };
        out[start] = Event::Start(begin);
        out.push(Event::End(TagEnd::Heading(level)));
    }
}

/// A heading one level below where it stood: the page has the first.
fn heading(level: HeadingLevel, id: Option<CowStr<'_>>) -> Tag<'_> {
    let level = HeadingLevel::try_from(level as usize + 1).unwrap_or(HeadingLevel::H6);
    Tag::Heading {
        level,
        id,
        classes: Vec::new(),
        attrs: Vec::new(),
    }
}

/// A name for a heading, as known from code forges: lower case, blanks to hyphens, no punctuation.
fn slug(text: &str) -> String {
    let letters = text.trim().chars().flat_map(char::to_lowercase);
    let letters = letters.filter_map(|letter| match letter {
        ' ' | '-' => Some('-'),
        '_' => Some('_'),
        letter => letter.is_alphanumeric().then_some(letter),
    });
    letters.collect()
}

fn is_comment(html: &str) -> bool {
    let html = html.trim();
    html.starts_with("<!--") && html.find("-->").is_some_and(|at| at + 3 == html.len())
}

/// A destination that a README may have; those within itself have our prefix.
fn tamed(destination: CowStr<'_>) -> Option<CowStr<'_>> {
    if let Some(fragment) = destination.strip_prefix('#') {
        return Some(format!("#{PREFIX}{fragment}").into());
    }
    match scheme(&destination) {
        None => Some(destination),
        Some(scheme) if ["http", "https", "mailto"].contains(&&*scheme) => Some(destination),
        Some(_) => None,
    }
}

/// The scheme of a URL as browsers see it: they pass over blanks before it and tabs and line breaks within.
fn scheme(url: &str) -> Option<String> {
    let (before, _) = url.split_once(':')?;
    let cleaned: String = before
        .chars()
        .filter(|c| !c.is_control() && *c != ' ')
        .collect();
    // Behind one of these it is no scheme any more.
    (!cleaned.contains(['/', '?', '#'])).then(|| cleaned.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readme_cannot_do_what_a_page_can() {
        for (text, html) in [
            (
                "<script>alert(1)</script>",
                "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n",
            ),
            (
                "a <b onclick=x>b</b>",
                "<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n",
            ),
            ("[x](javascript:alert(1))", "<p>x</p>\n"),
            ("[x](JaVa&#10;Script:alert(1))", "<p>x</p>\n"),
            ("[x](data:text/html,y)", "<p>x</p>\n"),
            ("<javascript:alert(1)>", "<p>javascript:alert(1)</p>\n"),
            ("[x](a/b?c#d:e)", "<p><a href=\"a/b?c#d:e\">x</a></p>\n"),
            ("[x](\"><img)", "<p><a href=\"%22%3E%3Cimg\">x</a></p>\n"),
            (
                "![i](a.png \"t\")",
                "<p><img src=\"a.png\" alt=\"i\" title=\"t\" /></p>\n",
            ),
            (
                "![i](https://evil/a.png)",
                "<p><a href=\"https://evil/a.png\">i</a></p>\n",
            ),
            ("[![i](//evil/a.png)](b)", "<p><a href=\"b\">i</a></p>\n"),
            ("![i](data:image/png;base64,AA)", "<p>i</p>\n"),
            ("<!-- note -->\n\nx <!-- y -->z", "<p>x z</p>\n"),
            (
                "# A `b` C!\n# A b C\n[x](#a-b-c)",
                concat!(
                    "<h2 id=\"readme-a-b-c\">A <code>b</code> C!</h2>\n<h2 id=\"readme-a-b-c-1\">A b C</h2>\n",
                    "<p><a href=\"#readme-a-b-c\">x</a></p>\n"
                ),
            ),
            (
                "|a|\n|-:|\n|1|",
                "<table><thead><tr><th>a</th></tr></thead><tbody>\n<tr><td>1</td></tr>\n</tbody></table>\n",
            ),
        ] {
            assert_eq!(markdown(text).0, html, "{text}");
        }
    }

    #[test]
    fn names_like_readme_are_ranked() {
        let entry = |name: &str, kind| Entry {
            name: name.into(),
            kind,
            link: None,
            size: 0,
            modified: (0, 0),
        };
        assert_eq!(rank(&entry("ReadMe.MD", Kind::File)), Some(0));
        assert_eq!(rank(&entry("README.md", Kind::Folder)), None);
        assert_eq!(rank(&entry("README.pdf", Kind::File)), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_makes_a_page_without_scripts(text in "(<|>|\"|'|script|[a-z]|\\[|\\]\\(|\\)|javascript:|!|&|#|`|\n| |:|on){0,60}") {
            let html = markdown(&text).0.to_lowercase();
            proptest::prop_assert!(!html.contains("<script") && !html.contains("=\"javascript:"), "{}", html);
        }
    }
}
