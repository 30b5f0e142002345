//! HTML: any cut gives the same document; it is shown, selected in, and its tables are read without a panic; what is written as a
//! tree is what the document is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::html::{Builder, Document, Selector, TableOptions, escape, to_string, unescape};
use sockeye::data::record::Limits;

fuzz_target!(|input: (&str, &str, u8)| {
    let (css, text, piece) = input;
    let limits = Limits { record: 1 << 16, depth: 200, ..Limits::default() };
    let Ok(document) = Document::parse_within(text, &limits) else {
        return;
    };
    let mut builder = Builder::new(&limits);
    let letters: Vec<char> = text.chars().collect();
    for piece in letters.chunks(usize::from(piece) + 1) {
        builder.push(&piece.iter().collect::<String>()).expect("what is allowed whole is allowed in pieces");
    }
    let pieces = builder.finish().expect("what is allowed whole is allowed in pieces");
    assert_eq!(document.to_html(), pieces.to_html());
    let value = document.to_value().expect("within the depth");
    if let Ok(html) = to_string(&value) {
        assert_eq!(html, document.to_html());
    }
    document.text();
    if let Ok(selector) = Selector::parse(css) {
        document.select(&selector).count();
    }
    let options = TableOptions { cells: 10_000, links: true, ..TableOptions::default() };
    for table in document.tables() {
        let _ = table.records(&options, None);
    }
    assert_eq!(unescape(&escape(text)), text);
    let _ = unescape(text);
});
