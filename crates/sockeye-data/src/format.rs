//! The formats by name: which there are, how they are called in options, media types and names of files.

use std::fmt;
use std::str::FromStr;

/// A format of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// JSON (RFC 8259): one value, or several behind each other.
    Json,
    /// A JSON value on each line.
    Ndjson,
    /// JSON text sequences (RFC 7464).
    JsonSeq,
    /// Comma-separated values (RFC 4180), in whatever dialect.
    Csv,
    /// Tab-separated values.
    Tsv,
    /// XML 1.0.
    Xml,
    /// YAML 1.2.
    Yaml,
    /// TOML 1.1.
    Toml,
    /// HTML as browsers read it.
    Html,
    /// A mail message (RFC 5322, MIME).
    Mail,
    /// Mail messages behind each other (RFC 4155).
    Mbox,
    /// `application/x-www-form-urlencoded` and the query of a URL.
    Form,
    /// CBOR (RFC 8949).
    Cbor,
    /// MessagePack.
    MessagePack,
    /// A line of text is a string.
    Lines,
    /// The whole input is one string.
    Text,
}

/// Format, names (the first is its own), media types, endings of file names.
type Row = (
    Format,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

const FORMATS: &[Row] = &[
    (
        Format::Json,
        &["json"],
        &["application/json", "text/json"],
        &["json", "geojson", "har", "ipynb", "webmanifest"],
    ),
    (
        Format::Ndjson,
        &["ndjson", "jsonl"],
        &[
            "application/x-ndjson",
            "application/jsonl",
            "application/json-lines",
        ],
        &["ndjson", "jsonl"],
    ),
    (
        Format::JsonSeq,
        &["json-seq"],
        &["application/json-seq"],
        &["json-seq"],
    ),
    (
        Format::Csv,
        &["csv"],
        &["text/csv", "application/csv"],
        &["csv"],
    ),
    (
        Format::Tsv,
        &["tsv"],
        &["text/tab-separated-values"],
        &["tsv", "tab"],
    ),
    (
        Format::Xml,
        &["xml"],
        &["application/xml", "text/xml"],
        &["xml", "rss", "atom", "svg", "xsd", "xsl", "gpx", "kml"],
    ),
    (
        Format::Yaml,
        &["yaml", "yml"],
        &["application/yaml", "application/x-yaml", "text/yaml"],
        &["yaml", "yml"],
    ),
    (Format::Toml, &["toml"], &["application/toml"], &["toml"]),
    (
        Format::Html,
        &["html"],
        &["text/html", "application/xhtml+xml"],
        &["html", "htm", "xhtml"],
    ),
    (
        Format::Mail,
        &["mail", "eml", "mime"],
        &["message/rfc822"],
        &["eml"],
    ),
    (Format::Mbox, &["mbox"], &["application/mbox"], &["mbox"]),
    (
        Format::Form,
        &["form", "query"],
        &["application/x-www-form-urlencoded"],
        &[],
    ),
    (
        Format::Cbor,
        &["cbor"],
        &["application/cbor", "application/cbor-seq"],
        &["cbor"],
    ),
    (
        Format::MessagePack,
        &["msgpack", "messagepack"],
        &[
            "application/msgpack",
            "application/vnd.msgpack",
            "application/x-msgpack",
        ],
        &["msgpack", "mpk"],
    ),
    (Format::Lines, &["lines"], &[], &["log"]),
    (Format::Text, &["text", "raw"], &["text/plain"], &["txt"]),
];

impl Format {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        FORMATS.iter().map(|row| row.0)
    }

    /// Its name in options.
    pub fn name(self) -> &'static str {
        self.row().1[0]
    }

    /// The media type that it is sent as.
    pub fn media_type(self) -> &'static str {
        self.row().2.first().copied().unwrap_or("text/plain")
    }

    /// The format that a media type names, `; charset=` and the like aside. Types that end in `+json` and `+xml` are JSON and XML
    /// (RFC 6839).
    pub fn from_media_type(media_type: &str) -> Option<Self> {
        let essence = media_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let known = FORMATS
            .iter()
            .find(|row| row.2.contains(&essence.as_str()))
            .map(|row| row.0);
        known.or_else(|| match essence.rsplit_once('+')?.1 {
            "json" => Some(Self::Json),
            "xml" => Some(Self::Xml),
            "yaml" => Some(Self::Yaml),
            "cbor" => Some(Self::Cbor),
            _ => None,
        })
    }

    /// The format that the end of a file's name tells.
    pub fn from_file_name(name: &str) -> Option<Self> {
        let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
        FORMATS
            .iter()
            .find(|row| row.3.contains(&ending.as_str()))
            .map(|row| row.0)
    }

    fn row(self) -> &'static Row {
        FORMATS
            .iter()
            .find(|row| row.0 == self)
            .expect("every format has a row")
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Nobody knows the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFormat(String);

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Format::all().map(Format::name).collect();
        write!(
            f,
            "{:?} is no format; there are {}",
            self.0,
            names.join(", ")
        )
    }
}

impl std::error::Error for UnknownFormat {}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let lower = name.to_ascii_lowercase();
        let row = FORMATS.iter().find(|row| row.1.contains(&lower.as_str()));
        row.map(|row| row.0)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn names_media_types_and_endings_lead_to_formats() {
        for format in Format::all() {
            assert_eq!(format.name().parse(), Ok(format));
        }
        assert_eq!(
            Format::from_media_type("Application/Problem+JSON; charset=utf-8"),
            Some(Format::Json)
        );
        assert_eq!(Format::from_media_type("image/png"), None);
        assert_eq!(Format::from_file_name("a.b.NDJSON"), Some(Format::Ndjson));
        assert_eq!(Format::from_file_name("json"), None);
    }
}
