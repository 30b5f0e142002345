//! Text as a browser would show it: the standard's `innerText`, from the tree alone, without style sheets.

use super::tree::{Document, ElementData, Kind, NodeId, Step};

/// The text below a node.
pub(super) fn inner_text(document: &Document, from: NodeId) -> String {
    let mut out = Lines::default();
    let mut kept = 0_usize;
    let mut walk = document.walk(from, false);
    while let Some(step) = walk.next() {
        match step {
            Step::Enter(id) => match &document.node(id).kind {
                Kind::Text(text) if kept > 0 => out.keep(text),
                Kind::Text(text) => out.flow(text),
                Kind::Element(element) => {
                    if id != from && is_hidden(element) {
                        walk.skip_children();
                        continue;
                    }
                    kept += usize::from(keeps_space(element));
                    out.enter(element.html_tag());
                }
                _ => {}
            },
            Step::Leave(id) => {
                if let Some(element) = document.element_data(id)
                    && (id == from || !is_hidden(element))
                {
                    kept -= usize::from(keeps_space(element));
                    out.leave(
                        element.html_tag(),
                        id != from && has_cell_behind(document, id),
                    );
                }
            }
        }
    }
    out.text
}

/// Builds text of lines.
#[derive(Default)]
struct Lines {
    text: String,
    /// Line breaks that are due before the next text.
    due: usize,
    /// White space that is shown if text follows on the line.
    space: bool,
}

impl Lines {
    /// Line breaks, at least this many, if there is text before and behind.
    fn break_lines(&mut self, breaks: usize) {
        self.due = self.due.max(breaks);
        self.space = false;
    }

    fn start_text(&mut self) {
        // A block at the start of a cell does not begin another line.
        if self.text.is_empty() || self.text.ends_with('\t') {
        } else if self.due > 0 {
            let there = self.text.len() - self.text.trim_end_matches('\n').len();
            for _ in there.min(1)..self.due {
                self.text.push('\n');
            }
        } else if self.space && !self.text.ends_with('\n') {
            self.text.push(' ');
        }
        self.due = 0;
        self.space = false;
    }

    /// Text whose white space is collapsed.
    fn flow(&mut self, text: &str) {
        let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}');
        let mut first = true;
        for word in text.split(is_space) {
            if !first {
                self.space |= self.due == 0;
            }
            first = false;
            if !word.is_empty() {
                self.start_text();
                self.text.push_str(word);
            }
        }
    }

    /// Text as it is written.
    fn keep(&mut self, text: &str) {
        if !text.is_empty() {
            self.start_text();
            self.text.push_str(text);
        }
    }

    fn enter(&mut self, tag: &str) {
        match tag {
            "br" => {
                self.space = false;
                self.start_text();
                self.text.push('\n');
            }
            "p" => self.break_lines(2),
            // The line of the row begins, even if the first cell is empty.
            "td" | "th" => self.start_text(),
            tag if is_block(tag) => self.break_lines(1),
            _ => {}
        }
    }

    fn leave(&mut self, tag: &str, cell_behind: bool) {
        match tag {
            "p" => self.break_lines(2),
            "td" | "th" if cell_behind => {
                (self.due, self.space) = (0, false);
                self.text.push('\t');
            }
            "td" | "th" => (self.due, self.space) = (0, false),
            tag if is_block(tag) => self.break_lines(1),
            _ => {}
        }
    }
}

fn has_cell_behind(document: &Document, id: NodeId) -> bool {
    let mut next = document.node(id).next;
    while let Some(node) = document.nodes.get(next as usize) {
        if let Kind::Element(element) = &node.kind
            && matches!(element.html_tag(), "td" | "th")
        {
            return true;
        }
        next = node.next;
    }
    false
}

/// Not shown by browsers.
fn is_hidden(element: &ElementData) -> bool {
    matches!(
        element.html_tag(),
        "head"
            | "title"
            | "script"
            | "style"
            | "template"
            | "meta"
            | "link"
            | "base"
            | "datalist"
            | "noembed"
            | "noframes"
            | "rp"
            | "iframe"
            | "audio"
            | "video"
            | "canvas"
            | "object"
    ) || element.attribute("hidden").is_some() && element.is_html()
        || element
            .attribute("style")
            .is_some_and(|style| is_not_displayed(style))
}

fn is_not_displayed(style: &str) -> bool {
    style.split(';').any(|declaration| {
        declaration.split_once(':').is_some_and(|(name, value)| {
            let value = value.trim().to_ascii_lowercase();
            name.trim().eq_ignore_ascii_case("display")
                && (value == "none" || value.starts_with("none ") || value.starts_with("none!"))
        })
    })
}

fn keeps_space(element: &ElementData) -> bool {
    matches!(
        element.html_tag(),
        "pre" | "textarea" | "listing" | "xmp" | "plaintext"
    )
}

/// Elements that stand on lines of their own.
fn is_block(tag: &str) -> bool {
    matches!(
        tag,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hgroup"
            | "hr"
            | "html"
            | "legend"
            | "li"
            | "listing"
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "optgroup"
            | "option"
            | "plaintext"
            | "pre"
            | "search"
            | "section"
            | "summary"
            | "table"
            | "tbody"
            | "tfoot"
            | "thead"
            | "tr"
            | "ul"
            | "xmp"
    )
}
