//! How html is read and written.

use sockeye::data::html::{
    Get, Header, Pick, ReadOptions, Selector, SelectorError, Span, TableOptions, WriteOptions,
};
use sockeye::data::record::Limits;

/// Flags of html.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "HTML")]
pub(crate) struct HtmlArgs {
    /// Each element that this CSS selector picks is a record: 'table tr:has(a)', '#main > p' [default: the document is one
    /// record]
    #[arg(long, value_name = "SELECTOR", value_parser = selector)]
    pub(crate) css: Option<Selector>,
    /// Of each element only this: an attribute, or text, html, inner-html, tag; @text is an attribute. Without --css, of each
    /// element that has it
    #[arg(long, value_name = "WHAT")]
    pub(crate) get: Vec<Get>,
    /// Where the document came from: addresses are resolved against it
    #[arg(long, value_name = "URL", value_parser = base)]
    pub(crate) base: Option<String>,
    /// Read this table of the document, counted from 1, as records; with --css, of the tables that it picks
    #[arg(long, value_name = "N", conflicts_with_all = ["html_tables", "html_text", "get"])]
    pub(crate) html_table: Option<usize>,
    /// List the tables: number, caption, columns, rows
    #[arg(long = "tables", conflicts_with_all = ["css", "links", "html_text", "get"])]
    pub(crate) html_tables: bool,
    /// List the links: href, text, rel; with --html-table, columns with links get a column with their addresses
    #[arg(long, conflicts_with_all = ["html_text", "get"])]
    pub(crate) links: bool,
    /// The text as a browser shows it
    #[arg(long, conflicts_with_all = ["css", "get"])]
    pub(crate) html_text: bool,
    /// What stands where a cell of a table spans others: fill: the same text, or blank [default: fill]
    #[arg(long, value_name = "WHAT", value_parser = span)]
    pub(crate) span: Option<Span>,
    /// Where the names of a table's columns are: auto, first: in the first row, none: rows are arrays [default: auto]
    #[arg(long, value_name = "WHERE", value_parser = header)]
    pub(crate) table_header: Option<Header>,
    /// How many cells a table may have, spans filled [default: 1000000]
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_cells: Option<usize>,
    /// The title of a page with a table that is written [default: Data]
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
}

impl HtmlArgs {
    /// How it is read.
    pub(crate) fn read_options(&self, limits: Limits) -> ReadOptions {
        let usual = TableOptions::default();
        ReadOptions {
            limits,
            pick: self.pick(),
            get: self.get.clone(),
            base: self.base.clone(),
            table: TableOptions {
                span: self.span.unwrap_or_default(),
                header: self.table_header.unwrap_or_default(),
                links: self.links,
                cells: self.max_cells.unwrap_or(usual.cells),
            },
        }
    }

    fn pick(&self) -> Pick {
        match (self.html_table, &self.css) {
            (Some(number), css) => Pick::Table(number, css.clone()),
            (None, _) if self.html_tables => Pick::Tables,
            (None, _) if self.html_text => Pick::Text,
            (None, None) if self.links => Pick::Links,
            (None, Some(css)) => Pick::Select(css.clone()),
            (None, None) if !self.get.is_empty() => {
                Pick::Select(Selector::parse("*").expect("a selector"))
            }
            (None, None) => Pick::Document,
        }
    }

    /// How it is written.
    pub(crate) fn write_options(&self) -> WriteOptions {
        WriteOptions {
            title: self.title.clone(),
            ..WriteOptions::default()
        }
    }
}

fn selector(text: &str) -> Result<Selector, String> {
    Selector::parse(text).map_err(|error: SelectorError| format!("{error}; {}", error.hint()))
}

fn base(text: &str) -> Result<String, String> {
    match sockeye::data::html::Base::parse(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("this is no absolute URL; write one such as https://example.org/".to_owned()),
    }
}

fn span(word: &str) -> Result<Span, String> {
    match word {
        "fill" => Ok(Span::Fill),
        "blank" => Ok(Span::Blank),
        _ => Err("there are fill and blank".to_owned()),
    }
}

fn header(word: &str) -> Result<Header, String> {
    match word {
        "auto" => Ok(Header::Auto),
        "first" => Ok(Header::First),
        "none" => Ok(Header::None),
        _ => Err("there are auto, first and none".to_owned()),
    }
}
