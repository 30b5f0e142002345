//! Pictures beside names: one sprite of outlines in the page, chosen by what a name ends in. No request goes out for them.

use maud::{Markup, PreEscaped, html};

use super::entries::{Entry, Kind};

/// Every picture that a page may show, once.
pub(super) const SPRITE: PreEscaped<&str> = PreEscaped(include_str!("icons.svg"));

/// What names end in, and which picture that is.
const ENDINGS: &[(&str, &str)] = &[
    (
        "image",
        "png jpg jpeg gif webp avif svg bmp tif tiff ico heic heif jxl psd raw cr2 nef xcf",
    ),
    ("video", "mp4 m4v mkv webm mov avi mpg mpeg ogv wmv flv 3gp"),
    (
        "audio",
        "mp3 flac ogg oga opus wav m4a aac wma aiff mid midi",
    ),
    (
        "archive",
        "zip tar gz tgz bz2 tbz xz txz zst tzst br lz lz4 lzma 7z rar jar war deb rpm apk iso img dmg cab whl gem crate",
    ),
    (
        "document",
        "pdf ps epub mobi doc docx odt rtf ppt pptx odp tex djvu",
    ),
    ("sheet", "csv tsv xls xlsx ods parquet sqlite db"),
    (
        "code",
        "rs py js mjs ts tsx jsx c h cc cpp hpp go java kt swift rb php pl lua sh bash zsh fish html htm css scss json \
         jsonl ndjson toml yaml yml xml sql r jl hs ml ex exs erl clj scala cs fs vb zig nim d asm s wasm ipynb diff patch \
         nix tf proto cmake mk gradle vue svelte",
    ),
    (
        "text",
        "txt md markdown rst adoc org log ini cfg conf env nfo srt vtt tex bib",
    ),
];

/// The picture of an entry.
pub(super) fn of(entry: &Entry) -> &'static str {
    match entry.kind {
        Kind::Folder => "folder",
        Kind::File => by_ending(&entry.name),
    }
}

fn by_ending(name: &[u8]) -> &'static str {
    let ending = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    if ending.len() == name.len() || ending.len() > 8 {
        return "file";
    }
    let Ok(ending) = std::str::from_utf8(ending) else {
        return "file";
    };
    let ending = ending.to_ascii_lowercase();
    let is_in = |list: &str| list.split(' ').any(|known| known == ending);
    let found = ENDINGS.iter().find(|(_, list)| is_in(list));
    found.map_or("file", |(picture, _)| picture)
}

/// A picture of the sprite.
pub(super) fn icon(name: &str) -> Markup {
    html! { svg class=(format_args!("i {name}")) aria-hidden="true" { use href=(format_args!("#{name}")) {} } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_choose_pictures_that_are_there() {
        assert_eq!(by_ending(b"a.tar.GZ"), "archive");
        assert_eq!(by_ending(b"png"), "file");
        assert_eq!(by_ending(b"x.\xff"), "file");
        for (picture, _) in ENDINGS {
            assert!(SPRITE.0.contains(&format!("id=\"{picture}\"")), "{picture}");
        }
    }
}
