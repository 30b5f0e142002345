//! Addresses in documents, resolved against where the document came from.

use url::Url;

use super::tree::Document;
use crate::value::Text;

/// What relative addresses are relative to.
///
/// ```
/// use sockeye_data::html::{Base, Document};
///
/// let page = Document::parse("<base href=/docs/><a href=a.html>")?;
/// let base = page.base(Some("https://example.org/x")).expect("a base");
/// assert_eq!(base.join("a.html").as_deref(), Some("https://example.org/docs/a.html"));
/// # Ok::<(), sockeye_data::record::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Base(Url);

impl Base {
    /// An absolute URL.
    pub fn parse(url: &str) -> Option<Self> {
        Url::parse(url).ok().map(Self)
    }

    /// The absolute URL of an address (WHATWG URL).
    pub fn join(&self, address: &str) -> Option<String> {
        self.0.join(address).ok().map(String::from)
    }

    /// The URL of an address; the address as it is where there is no base, or it is no URL.
    pub(super) fn resolved(base: Option<&Self>, address: &str) -> Text {
        match base.and_then(|base| base.join(address)) {
            Some(url) => url.into(),
            None => address.into(),
        }
    }

    /// The value of an attribute, resolved if it is an address.
    pub(super) fn resolved_attribute(base: Option<&Self>, name: &str, value: &str) -> Text {
        match name {
            _ if base.is_none() => value.into(),
            "href" | "src" | "action" | "formaction" | "cite" | "poster" | "background"
            | "longdesc" | "manifest" | "data" | "xlink:href" => Self::resolved(base, value),
            "ping" => {
                let urls = value.split_ascii_whitespace();
                let urls: Vec<_> = urls.map(|url| Self::resolved(base, url)).collect();
                urls.join(" ").into()
            }
            "srcset" | "imagesrcset" => srcset(base, value).into(),
            _ => value.into(),
        }
    }
}

/// `a.png 1x, b.png 2x`: an address may have commas within, but not at its end.
fn srcset(base: Option<&Base>, value: &str) -> String {
    let is_space = |c: char| c.is_ascii_whitespace();
    let mut candidates = Vec::new();
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches(|c: char| is_space(c) || c == ',');
        if rest.is_empty() {
            return candidates.join(", ");
        }
        let end = rest.find(is_space).unwrap_or(rest.len());
        let (url, behind) = rest.split_at(end);
        let bare = url.trim_end_matches(',');
        let (descriptor, behind) = match bare.len() < url.len() {
            true => ("", behind),
            false => behind.split_at(descriptor_end(behind)),
        };
        let mut candidate = Base::resolved(base, bare).to_string();
        let descriptor = descriptor.trim();
        if !descriptor.is_empty() {
            candidate.push(' ');
            candidate.push_str(descriptor);
        }
        candidates.push(candidate);
        rest = behind;
    }
}

fn descriptor_end(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

impl Document {
    /// What relative addresses of this document are relative to: its own `<base href>`, which may be relative to the URL that it
    /// came from, else that URL.
    pub fn base(&self, came_from: Option<&str>) -> Option<Base> {
        let from = came_from.and_then(Base::parse);
        let own = self
            .elements()
            .filter(|element| element.data().html_tag() == "base")
            .find_map(|element| element.attribute("href"));
        let joined = own.and_then(|own| match &from {
            Some(from) => from.0.join(own).ok().map(Base),
            None => Base::parse(own),
        });
        joined.or(from)
    }
}
