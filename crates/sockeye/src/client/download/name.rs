//! What a saved file is called.

use sockeye_data::fields::{Disposition, MediaType, url_file_name};
use sockeye_data::http1::Headers;
use sockeye_data::url::Url;

/// The name that the server gives it, else the one that the URL ends with, else one by its media type; always a safe one.
pub(crate) fn of_answer(headers: &Headers, url: &Url, first: &Url) -> String {
    let given = headers
        .get("content-disposition")
        .and_then(Disposition::parse);
    let given = given.and_then(|it| it.safe_name());
    let name = given
        .or_else(|| of_url(url))
        .or_else(|| of_url(first))
        .unwrap_or_else(|| {
            let media = headers.get("content-type").and_then(MediaType::parse);
            default(media.as_ref().map_or("", |it| it.essence())).to_owned()
        });
    apart(name)
}

/// The name that a URL ends with.
pub(crate) fn of_url(url: &Url) -> Option<String> {
    url_file_name(url.path()).map(apart)
}

/// No name that others give may pass for a partial file of ours, or for what stands beside one.
fn apart(name: String) -> String {
    let lower = name.to_ascii_lowercase();
    let is_ours = [".part", ".part.json", ".part.json.new"]
        .iter()
        .any(|it| lower.ends_with(it));
    if is_ours { format!("{name}_") } else { name }
}

fn default(media: &str) -> &'static str {
    match media {
        "text/html" | "application/xhtml+xml" | "" => "index.html",
        "application/json" => "index.json",
        "text/plain" => "index.txt",
        "application/xml" | "text/xml" => "index.xml",
        "text/css" => "index.css",
        "text/csv" => "index.csv",
        "application/pdf" => "index.pdf",
        "image/png" => "index.png",
        "image/jpeg" => "index.jpg",
        "application/zip" => "index.zip",
        _ => "download",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_header_the_url_or_the_media_type() {
        let url = |text: &str| Url::parse(text).unwrap();
        for (disposition, media, last, first, name) in [
            (
                "attachment; filename=a.txt",
                "",
                "http://h/b",
                "http://h/c",
                "a.txt",
            ),
            (
                "attachment; filename=..",
                "",
                "http://h/b",
                "http://h/c",
                "b",
            ),
            ("inline", "", "http://h/d/b%20c?x=y", "http://h/c", "b c"),
            ("", "", "http://h/d/", "http://h/c", "c"),
            ("", "text/html", "http://h/", "http://h/", "index.html"),
            (
                "",
                "application/json; charset=utf-8",
                "http://h/",
                "http://h/",
                "index.json",
            ),
            ("", "x/y", "http://h/", "http://h/", "download"),
            (
                "attachment; filename=a.PART",
                "",
                "http://h/",
                "http://h/",
                "a.PART_",
            ),
            (
                "attachment; filename=a.part.json",
                "",
                "http://h/",
                "http://h/",
                "a.part.json_",
            ),
            ("", "", "http://h/x.part", "http://h/", "x.part_"),
        ] {
            let mut headers = Headers::new();
            for (name, value) in [
                ("Content-Disposition", disposition),
                ("Content-Type", media),
            ] {
                if !value.is_empty() {
                    headers.append(name, value).unwrap();
                }
            }
            assert_eq!(
                of_answer(&headers, &url(last), &url(first)),
                name,
                "{disposition}"
            );
        }
    }
}
