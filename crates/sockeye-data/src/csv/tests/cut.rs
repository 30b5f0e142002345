//! Cutting between rows: wherever it is done, the same is read.

use proptest::prelude::*;

use super::read::shown;
use crate::csv::{Cutter, Dialect, Header, LineEnd, Ragged, ReadOptions, Reader, begin};
use crate::record::ReadRecords;
use crate::value::Text;

/// Bytes in which all that matters comes often.
fn any_input() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        Just(b'"'),
        Just(b'"'),
        Just(b','),
        Just(b'\n'),
        Just(b'\r'),
        Just(b'\\'),
        Just(b'#'),
        Just(b'a'),
        Just(b'\''),
        Just(b';')
    ];
    prop::collection::vec(byte, 0..60)
}

fn any_dialect() -> impl Strategy<Value = Dialect> {
    prop_oneof![
        4 => Just(Dialect::CSV),
        1 => Just(Dialect { quote: None, ..Dialect::CSV }),
        1 => Just(Dialect { escape: Some(b'\\'), ..Dialect::CSV }),
        1 => Just(Dialect { quote: Some(b'\''), ..Dialect::CSV.with_delimiter(b';') }),
        1 => Just(Dialect { line_end: LineEnd::Byte(b'\n'), ..Dialect::CSV }),
        1 => Just(Dialect { line_end: LineEnd::Byte(b';'), ..Dialect::CSV }),
    ]
}

fn rows(input: impl std::io::Read, options: &ReadOptions) -> Vec<String> {
    let mut reader = Reader::new(input, options);
    let mut rows = Vec::new();
    loop {
        match reader.next_record() {
            Ok(Some(row)) => rows.push(shown(&row)),
            Ok(None) => break,
            // Where it stands is another matter.
            Err(error) => rows.push(format!("{:?}", error.kind())),
        }
    }
    rows
}

/// Gives the bytes in pieces of these sizes, again and again.
struct Pieces<'a>(&'a [u8], &'a [usize], usize);

impl std::io::Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let size = self.1[self.2 % self.1.len()]
            .min(self.0.len())
            .min(out.len());
        self.2 += 1;
        out[..size].copy_from_slice(&self.0[..size]);
        self.0 = &self.0[size..];
        Ok(size)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn pieces_of_input_do_not_matter(
        input in any_input(),
        sizes in prop::collection::vec(1_usize..5, 1..4),
        given in prop::option::of(any_dialect()),
        comment in prop::option::of(Just(b'#')),
    ) {
        let options = ReadOptions { dialect: given, comment, ragged: Ragged::Keep, ..ReadOptions::default() };
        prop_assert_eq!(
            rows(Pieces(&input, &sizes, 0), &options),
            rows(&input[..], &options)
        );
    }

    #[test]
    fn where_it_is_cut_does_not_matter(
        input in any_input(),
        size in 1_usize..20,
        dialect in any_dialect(),
        comment in prop::option::of(Just(b'#')),
    ) {
        let names: Vec<Text> = vec!["x".into()];
        let options = ReadOptions {
            dialect: Some(dialect),
            header: Header::Given(names),
            ragged: Ragged::Keep,
            comment,
            part: Some(Default::default()),
            ..ReadOptions::default()
        };
        let mut cutter = Cutter::new(&dialect, comment);
        let (mut parts, mut rest) = (Vec::new(), Vec::new());
        for piece in input.chunks(size) {
            let cut = cutter.scan(piece);
            let cut = cut.unwrap_or(0);
            rest.extend_from_slice(&piece[..cut]);
            if cut > 0 {
                parts.push(std::mem::take(&mut rest));
            }
            rest.extend_from_slice(&piece[cut..]);
        }
        parts.push(rest);
        let apart: Vec<String> = parts.iter().flat_map(|part| rows(&part[..], &options)).collect();
        prop_assert_eq!(apart, rows(&input[..], &options), "{:?}", parts);
    }
}

#[test]
fn rows_are_found_although_quotes_hold_line_ends() {
    let mut cutter = Cutter::new(&Dialect::CSV, None);
    assert_eq!(cutter.scan(b"a,b\n5\" disk,\"x\n"), Some(4));
    assert_eq!(cutter.scan(b"y\"\""), None);
    assert_eq!(cutter.scan(b"\n\"\r"), None);
    assert_eq!(cutter.scan(b"\n1,2\n3,"), Some(5));
}

#[test]
fn a_beginning_is_what_the_reader_finds() {
    for input in [
        "a,b\n1,2\n",
        "\u{feff}sep=|\r\na,b|c\r\n1|2\r\n",
        "Report\na;b\n1;2\n",
        "\n#x\n\"a\nb\";c\r1;2\r",
        "",
        "a",
    ] {
        let options = ReadOptions {
            comment: Some(b'#'),
            ragged: Ragged::Keep,
            ..ReadOptions::default()
        };
        let mut asked = 0;
        let begun = loop {
            let whole = asked == input.len();
            match begin(&input.as_bytes()[..asked], whole, &options).expect("right") {
                Some(begun) => break begun,
                None => asked += 1,
            }
        };
        let mut reader = Reader::new(input.as_bytes(), &options);
        assert_eq!(
            Header::Given(reader.header().expect("right").to_vec()),
            begun.options.header
        );
        assert_eq!(
            begun.options.dialect,
            Some(reader.dialect().expect("known").0)
        );
        let rest = &input.as_bytes()[begun.rows.byte as usize..];
        assert_eq!(
            rows(rest, &begun.options),
            rows(input.as_bytes(), &options),
            "{input:?}"
        );
    }
}
