//! Folders as pages and as data.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use sockeye::web::accounts::{Accounts, Gate, Rule};
use sockeye::web::files::{Files, Root, Rules};
use sockeye::web::listing::Listing;
use sockeye::web::{Handler, Request, Response, Trail};
use sockeye_testkit::LIMIT;
use tempfile::TempDir;
use tokio::time::timeout;

/// Names that have broken listings of others.
pub(crate) const ODD: [&[u8]; 11] = [
    b"<img src=x onerror=alert(1)>\"'&amp;#.txt",
    b"100%.txt",
    b"%41.txt",
    b"a?b=c.txt",
    b"a#b.txt",
    b"a b.txt",
    b"a\nb.txt",
    b"\xff\xfe.txt",
    b"javascript:alert(1)",
    b"-rf",
    "\u{202e}txt.exe".as_bytes(),
];

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn put(folder: &Path, name: impl AsRef<OsStr>, content: &str) {
    let path = folder.join(name.as_ref());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_726_021);
    file.set_modified(then).unwrap();
}

fn site(folder: &Path, listing: Listing) -> Files {
    Files::new(Root::new(folder, Rules::default()).unwrap()).folders(listing)
}

async fn ask(site: &impl Handler, request: Request) -> (Response, String) {
    timeout(LIMIT, async {
        let mut response = site.handle(request).response().await;
        let body = response.body.bytes(100 << 20).await.unwrap();
        (response, String::from_utf8_lossy(&body).into_owned())
    })
    .await
    .expect("in time")
}

async fn get(site: &Files, target: &str) -> (Response, String) {
    ask(site, Request::made("GET", target)).await
}

/// The names of a listing as text.
async fn names(site: &Files, target: &str) -> Vec<String> {
    let mark = if target.contains('?') { '&' } else { '?' };
    let (_, text) = get(site, &format!("{target}{mark}format=text")).await;
    text.lines().map(str::to_owned).collect()
}

/// The destinations of a page's table.
fn links(page: &str) -> Vec<&str> {
    let rows = page
        .split("<th class=\"n\" scope=\"row\"><a href=\"")
        .skip(1);
    rows.map(|row| row.split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn odd_names_are_text_and_their_links_lead_to_them() {
    let folder = folder();
    for name in ODD {
        put(folder.path(), OsStr::from_bytes(name), "found");
    }
    let site = site(folder.path(), Listing::new());
    let (response, page) = get(&site, "/").await;
    assert_eq!(
        response.get_str("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(
        !page.contains("<img") && !page.contains("\u{202e}"),
        "{page}"
    );
    assert!(
        page.contains("&lt;img src=x onerror=alert(1)&gt;&quot;'&amp;amp;#.txt"),
        "{page}"
    );
    assert!(
        page.contains(r"\xff\xfe.txt") && page.contains(r"a\nb.txt"),
        "{page}"
    );
    let links = links(&page);
    assert_eq!(links.len(), ODD.len());
    for link in links {
        let (response, body) = get(&site, &format!("/{link}")).await;
        assert_eq!((response.status(), &*body), (200, "found"), "{link}");
    }
}

#[tokio::test]
async fn pages_forbid_what_they_do_not_need() {
    let folder = folder();
    put(folder.path(), "a", "");
    let (response, page) = get(&site(folder.path(), Listing::new()), "/").await;
    let policy = response.get_str("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(
        !policy.contains("script-src") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(response.get_str("x-content-type-options"), Some("nosniff"));
    assert_eq!(response.get_str("referrer-policy"), Some("same-origin"));
    assert!(
        !page.contains("<script") && !page.contains(" style="),
        "{page}"
    );
    assert!(
        page.starts_with("<!DOCTYPE html><html lang=\"en\">") && page.ends_with("</body></html>")
    );
    assert!(page.contains("name=\"viewport\""));
}

#[tokio::test]
async fn folders_come_first_and_numbers_count() {
    let folder = folder();
    for (name, size) in [("v10", 1), ("v2", 300), ("B", 20), ("a", 20)] {
        put(folder.path(), name, &"x".repeat(size));
    }
    fs::create_dir(folder.path().join("zoo")).unwrap();
    let site = site(folder.path(), Listing::new());
    assert_eq!(names(&site, "/").await, ["zoo/", "a", "B", "v2", "v10"]);
    assert_eq!(
        names(&site, "/?order=desc").await,
        ["zoo/", "v10", "v2", "B", "a"]
    );
    assert_eq!(
        names(&site, "/?sort=size").await,
        ["zoo/", "v10", "a", "B", "v2"]
    );
    assert_eq!(names(&site, "/?q=V").await, ["v2", "v10"]);
    let (_, page) = get(&site, "/?sort=size&order=desc&q=v").await;
    assert_eq!(links(&page), ["v2", "v10"]);
    assert!(
        page.contains(
            "<th class=\"s\" scope=\"col\" aria-sort=\"descending\"><a href=\"?sort=size&amp;q=v\">"
        ),
        "{page}"
    );
    assert!(page.contains("2 of 5 entries found"), "{page}");
    let (_, page) = get(&site, "/?q=%3Cb%3E%22").await;
    assert!(
        page.contains("value=\"&lt;b&gt;&quot;\"") && page.contains("“&lt;b&gt;&quot;”"),
        "{page}"
    );
}

#[tokio::test]
async fn what_cannot_be_fetched_is_not_listed() {
    let outer = folder();
    let folder = outer.path().join("served");
    put(outer.path(), "secret", "no");
    put(&folder, "open", "12345");
    put(&folder, ".hidden", "no");
    for (target, name) in [
        ("open", "link"),
        ("../secret", "out"),
        ("nowhere", "broken"),
        ("loop", "loop"),
    ] {
        std::os::unix::fs::symlink(target, folder.join(name)).unwrap();
    }
    nix::unistd::mkfifo(&folder.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let site = site(&folder, Listing::new());
    let mut request = Request::made("GET", "/?format=ndjson");
    let trail = Trail::new();
    request.set_trail(trail.clone());
    let (_, data) = ask(&site, request).await;
    let time = "\"modified\":\"2026-11-26T20:47:01.000000Z\"";
    assert_eq!(
        data,
        format!(
            "{{\"name\":\"link\",\"href\":\"link\",\"kind\":\"file\",\"size\":5,{time},\"link\":\"open\"}}\n\
         {{\"name\":\"open\",\"href\":\"open\",\"kind\":\"file\",\"size\":5,{time}}}\n"
        )
    );
    let notes: Vec<_> = trail.notes().into_iter().map(|note| note.text).collect();
    let left_out =
        "left out: 1 hidden, 3 links that lead out or nowhere, 1 that are neither file nor folder";
    assert!(
        notes.iter().any(|note| note.ends_with(left_out)),
        "{notes:?}"
    );
}

#[tokio::test]
async fn what_the_rules_deny_is_told_only_to_those_who_may_read_it() {
    let folder = folder();
    put(folder.path(), "docs/README.md", "# Sesame\n");
    put(folder.path(), "docs/vault/x", "");
    put(folder.path(), "docs/open.txt", "");
    put(folder.path(), "docs/other.txt", "");
    let mut accounts = Accounts::new();
    accounts.add_user("ann", "s3cret").unwrap();
    let rules = [
        "/docs/README.md read ann",
        "/docs/vault read ann",
        "/ read everyone",
    ];
    let rules = rules.map(|rule| rule.parse::<Rule>().unwrap()).to_vec();
    let gate = |listing| {
        Gate::new(
            accounts.clone(),
            rules.clone(),
            site(folder.path(), listing),
        )
    };
    let ann = |target: &str| {
        Request::made("GET", target)
            .with_header("Authorization", "Basic YW5uOnMzY3JldA==")
            .unwrap()
    };
    let whole = gate(Listing::new());
    for form in ["html", "json", "ndjson", "text"] {
        let target = format!("/docs/?format={form}");
        let (response, text) = ask(&whole, Request::made("GET", &target)).await;
        assert!(text.contains("open.txt"), "{form}: {text}");
        for secret in ["README.md", "Sesame", "vault"] {
            assert!(!text.contains(secret), "{form}: {text}");
        }
        let caching = ["cache-control", "vary"].map(|name| response.get_str(name));
        let expected = [Some("private, no-cache"), Some("Accept, Authorization")];
        assert_eq!(caching, expected, "{form}");
        // What others were shown is not taken for what ann is shown.
        let tag = response.get_str("etag").unwrap();
        let request = ann(&target).with_header("If-None-Match", tag).unwrap();
        let (response, text) = ask(&whole, request).await;
        assert_eq!(response.status(), 200, "{form}");
        assert!(
            text.contains("README.md") && text.contains("vault"),
            "{form}: {text}"
        );
        assert_eq!(text.contains("Sesame"), form == "html", "{form}: {text}");
    }
    // Data that is sent while it is read.
    let streamed = gate(Listing::new().max_entries(1));
    let target = "/docs/?format=text";
    let (_, text) = ask(&streamed, Request::made("GET", target)).await;
    let mut names: Vec<_> = text.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["open.txt", "other.txt"]);
    let (_, text) = ask(&streamed, ann(target)).await;
    assert_eq!(text.lines().count(), 4, "{text}");
}

#[tokio::test]
async fn data_is_what_accept_or_the_query_say() {
    let folder = folder();
    put(folder.path(), "sub/x", "");
    put(folder.path(), OsStr::from_bytes(b"\xffa"), "1");
    let site = site(folder.path(), Listing::new());
    let accepting = |accept: &str| {
        Request::made("GET", "/")
            .with_header("Accept", accept)
            .unwrap()
    };
    let (response, data) = ask(&site, accepting("application/json")).await;
    assert_eq!(response.get_str("content-type"), Some("application/json"));
    assert_eq!(response.get_str("vary"), Some("Accept"));
    let value: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(
        (&value["path"], &value["sort"]),
        (&"/".into(), &"name".into())
    );
    let entries = value["entries"].as_array().unwrap();
    assert_eq!(entries[0]["kind"], "folder");
    assert_eq!(entries[0]["href"], "sub/");
    assert_eq!(entries[1]["name"], "\u{fffd}a");
    assert_eq!(entries[1]["href"], "%FFa");
    assert_eq!(entries[1]["lossy"], true);
    let (response, text) = ask(&site, accepting("text/plain")).await;
    assert_eq!(
        response.get_str("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(text, "sub/\n\\xffa\n");
    for target in ["/?format=xml", "/?sort=x", "/?page=x", "/?archive=rar"] {
        assert_eq!(get(&site, target).await.0.status(), 400, "{target}");
    }
    let (response, _) = ask(&site, Request::made("POST", "/")).await;
    assert_eq!(response.status(), 405);
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let folder = folder();
    put(folder.path(), "a", "1");
    let site = site(folder.path(), Listing::new());
    let (response, _) = get(&site, "/").await;
    let tag = response.get_str("etag").unwrap().to_owned();
    let asking = |target: &str| {
        Request::made("GET", target)
            .with_header("If-None-Match", &tag)
            .unwrap()
    };
    assert_eq!(ask(&site, asking("/")).await.0.status(), 304);
    assert_eq!(ask(&site, asking("/?format=json")).await.0.status(), 200);
    put(folder.path(), "a", "12");
    let (response, page) = ask(&site, asking("/")).await;
    assert_eq!(response.status(), 200);
    assert!(page.contains("2 bytes"), "{page}");
}

#[tokio::test]
async fn the_readme_is_shown_below_up_to_a_size() {
    let folder = folder();
    put(folder.path(), "README.txt", "not this");
    put(
        folder.path(),
        "readme.md",
        "# Hello\n<script>alert(1)</script>\n\n![x](pic.png)",
    );
    let listing = site(folder.path(), Listing::new());
    let (_, page) = get(&listing, "/").await;
    assert!(
        page.contains("<h2 id=\"readme-hello\">Hello</h2>"),
        "{page}"
    );
    assert!(
        page.contains("&lt;script&gt;") && page.contains("<img src=\"pic.png\" alt=\"x\""),
        "{page}"
    );
    let (_, page) = get(&listing, "/?q=r").await;
    assert!(!page.contains("prose\">"), "{page}");
    let without = site(folder.path(), Listing::new().readme(false));
    assert!(!get(&without, "/").await.1.contains("Hello</h2>"));
    put(folder.path(), "readme.md", &"x ".repeat(200 << 10));
    let (_, page) = get(&listing, "/").await;
    assert!(page.contains("It is too long to be shown here"), "{page}");
}

#[tokio::test]
async fn large_folders_have_pages_and_stream_as_data() {
    let folder = folder();
    for number in 0..25 {
        put(folder.path(), format!("f{number}"), "");
    }
    let site = site(folder.path(), Listing::new().max_entries(10));
    let (_, page) = get(&site, "/?page=3").await;
    assert_eq!(links(&page), ["f20", "f21", "f22", "f23", "f24"]);
    assert!(
        page.contains("Page 3 of 3") && page.contains("25 files"),
        "{page}"
    );
    assert!(
        page.contains("href=\"?sort=name&amp;page=2\" rel=\"prev\""),
        "{page}"
    );
    assert_eq!(get(&site, "/?page=4").await.0.status(), 404);
    let (response, data) = get(&site, "/?format=json").await;
    assert_eq!(response.get("etag"), None);
    let value: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(value["sort"], "none");
    assert_eq!(value["entries"].as_array().unwrap().len(), 25);
    // Those that are searched for are few enough.
    assert_eq!(
        names(&site, "/?q=f2").await,
        ["f2", "f20", "f21", "f22", "f23", "f24"]
    );
}

#[tokio::test]
async fn crumbs_and_the_way_up_are_relative() {
    let folder = folder();
    put(folder.path(), "a b/<c>/x", "");
    let site = site(folder.path(), Listing::new().title("My & things"));
    let (_, page) = get(&site, "/a%20b/%3Cc%3E/").await;
    assert!(
        page.contains("<title>&lt;c&gt; · My &amp; things</title>"),
        "{page}"
    );
    assert!(
        page.contains("<a href=\"../../\">") && page.contains("<a href=\"../\">a b</a>"),
        "{page}"
    );
    assert_eq!(links(&page), ["../", "x"]);
    assert!(page.contains("<tr class=\"up\">"), "{page}");
    let (_, page) = get(&site, "/").await;
    assert!(
        !page.contains("class=\"up\"") && page.contains("<h1>My &amp; things</h1>"),
        "{page}"
    );
}
