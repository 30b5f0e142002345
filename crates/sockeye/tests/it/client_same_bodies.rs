//! The same 200 URLs through curl, Python's urllib and our client: the bodies are the same.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sockeye::client::http::Client;
use sockeye_testkit::peers::{self, Caddy, HttpBin, Nginx};
use sockeye_testkit::{Asked, LIMIT, Program, Web, pattern, temporary_dir};
use tokio::time::timeout;

/// Reads URLs and writes one file for each body, decoded; an answer of status 400 and above has a body too.
const PYTHON: &str = r#"
import gzip, sys, urllib.error, urllib.request, zlib
try:
    import brotli
except ImportError:
    import brotlicffi as brotli
urls, out = sys.argv[1:]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
for number, url in enumerate(open(urls).read().split()):
    try:
        answer = opener.open(url, timeout=10)
    except urllib.error.HTTPError as error:
        answer = error
    body, coding = answer.read(), answer.headers.get("Content-Encoding")
    if coding == "gzip": body = gzip.decompress(body)
    elif coding == "deflate":
        try: body = zlib.decompress(body)
        except zlib.error: body = zlib.decompress(body, -15)
    elif coding == "br": body = brotli.decompress(body)
    elif coding is not None: raise SystemExit(f"{url}: {coding}")
    open(f"{out}/{number}", "wb").write(body)
"#;

fn answer(asked: &Asked) -> Vec<u8> {
    let target = asked.target();
    let text = format!("{} {target}\n", asked.method());
    let whole = |status: &str, more: &str, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 {status}\r\n{more}Content-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let kind = target.split(['/', '?']).nth(1).unwrap_or_default();
    match kind.split_once('-').unwrap_or((kind, "")) {
        ("status", status) => whole(&format!("{status} Whatever"), "", text.as_bytes()),
        ("to", status) => {
            let to = target.split_once("?to=").map_or("", |(_, to)| to);
            let location = format!("Location: {}\r\n", to.replace("%20", " "));
            whole(&format!("{status} Elsewhere"), &location, b"go there")
        }
        ("chunks", size) => {
            let size: usize = size.parse().unwrap();
            let mut body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for chunk in pattern(9, 10_000).chunks(size) {
                let extension = if size < 100 { "" } else { ";name=\"value\"" };
                body.extend(format!("{:x}{extension}\r\n", chunk.len()).into_bytes());
                body.extend([chunk, b"\r\n"].concat());
            }
            body.extend(b"0\r\nTrailer-Line: x\r\n\r\n");
            body
        }
        ("close", version) => {
            format!("HTTP/{version} 200 OK\r\nConnection: close\r\n\r\n{text}").into()
        }
        ("coded", coding) => {
            let (coding, body) = coded(coding, text.repeat(100).as_bytes());
            whole("200 OK", &format!("Content-Encoding: {coding}\r\n"), &body)
        }
        ("none", status) => format!("HTTP/1.1 {status} None\r\n\r\n").into(),
        _ => whole("200 OK", "Content-Type: text/plain\r\n", text.as_bytes()),
    }
}

fn coded(coding: &str, plain: &[u8]) -> (&'static str, Vec<u8>) {
    use std::io::Write;
    let level = flate2::Compression::default();
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(plain).unwrap();
            ("gzip", encoder.finish().unwrap())
        }
        "zlib" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(plain).unwrap();
            ("deflate", encoder.finish().unwrap())
        }
        "raw" => {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
            encoder.write_all(plain).unwrap();
            ("deflate", encoder.finish().unwrap())
        }
        _ => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 4, 22);
            encoder.write_all(plain).unwrap();
            ("br", encoder.into_inner())
        }
    }
}

/// What the scripted server is asked.
fn scripted(web: &Web) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for name in [
        "",
        "a",
        "a/b/c",
        "a%20b",
        "%7Etilde",
        "~tilde",
        "a+b",
        "a;b=c",
        "a,b",
        "a@b",
        "a:b",
        "caf%C3%A9",
        "%E2%82%AC",
        "100%25",
        "a%2Fb",
        "a/",
        "a//b",
        "(x)",
        "x!",
        "$x",
        "*",
        "a=b&c",
        "'q'",
        "-",
        "_",
        ".hidden",
        "a.tar.gz",
        "%41",
        "very/".repeat(60).trim_end_matches('/'),
    ] {
        paths.push(format!("/{name}"));
    }
    for query in [
        "?",
        "?a",
        "?a=1&b=2",
        "?q=a%20b+c",
        "?a=1&a=2",
        "?x=%26%3D",
        "?q=/../?",
        "?u=http://x/",
        "?%C3%A4=1",
        "?a[]=1",
    ] {
        paths.push(format!("/q{query}"));
    }
    for status in [
        200, 201, 202, 203, 206, 300, 400, 401, 403, 404, 405, 410, 418, 429, 451, 500, 501, 502,
        503, 504, 599,
    ] {
        paths.push(format!("/status-{status}/x"));
    }
    for (status, to) in [
        (301, "/a"),
        (302, "/b?c=d"),
        (303, "/c"),
        (307, "/d"),
        (308, "/e"),
        (302, "../f"),
        (302, "g/h"),
        (302, "i?j=k"),
        (302, "./k"),
        (302, "../../../l"),
        (302, "/with%20blank"),
        (302, "/status-404/x"),
        (301, "/to-302?to=/again"),
    ] {
        paths.push(format!("/to-{status}?to={to}"));
    }
    paths.extend(
        [1, 2, 7, 100, 999, 1000, 4095, 4096, 9999, 10_000].map(|size| format!("/chunks-{size}")),
    );
    paths.extend(["1.0", "1.1"].map(|version| format!("/close-{version}/x")));
    paths.extend(["gzip", "zlib", "raw", "br"].map(|coding| format!("/coded-{coding}/x")));
    paths.extend((0..8).map(|number| format!("/page/{number}?of=8")));
    paths.push("/none-204".into());
    paths.push("/none-304".into());
    paths.iter().map(|path| web.url(path)).collect()
}

/// What real servers are asked.
fn real(nginx: &Nginx, caddy: &Caddy, httpbin: &HttpBin) -> Vec<String> {
    let mut urls = Vec::new();
    for (number, length) in [0, 1, 100, 4096, 65_536, 300_000, 1_000_000]
        .into_iter()
        .enumerate()
    {
        let name = format!("f{number}.bin");
        let body = match number % 2 {
            0 => pattern(number as u64, length),
            _ => b"the same again "
                .iter()
                .copied()
                .cycle()
                .take(length)
                .collect(),
        };
        nginx.put(&name, &body);
        caddy.put(&name, &body);
        for way in ["", "gzip/", "chunked/", "whole/", "redirect/"] {
            urls.push(format!("http://{}/{way}{name}", nginx.http()));
        }
        for way in ["", "encoded/"] {
            urls.push(format!("http://{}/{way}{name}", caddy.http()));
        }
    }
    urls.push(format!("http://{}/no/such/file", nginx.http()));
    urls.push(format!("http://{}/no/such/file", caddy.http()));
    for path in [
        "/html",
        "/xml",
        "/json",
        "/robots.txt",
        "/deny",
        "/encoding/utf8",
        "/image/png",
        "/image/jpeg",
        "/image/svg",
        "/image/webp",
        "/links/5/0",
        "/base64/aGVsbG8=",
        "/cookies",
        "/forms/post",
        "/status/418",
        "/status/204",
        "/status/404",
        "/status/500",
    ] {
        urls.push(httpbin.url(path));
    }
    // What it makes of a seed is not the same with several requests at once, so its bytes by chance are no use here.
    for number in 0..26 {
        let length = 3_usize.pow(number % 11) + number as usize;
        urls.push(httpbin.url(&format!("/range/{length}?chunk_size={}", 1 + 97 * number)));
    }
    for status in [301, 302, 303, 307, 308] {
        urls.push(httpbin.url(&format!("/redirect-to?url=/range/50&status_code={status}")));
    }
    for text in ["YQ==", "aGVsbG8gd29ybGQ="] {
        urls.push(httpbin.url(&format!("/redirect-to?url=/base64/{text}")));
    }
    urls
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_200_urls_have_the_same_bodies_with_curl_and_urllib() {
    let (Some(curl), Some(python)) = (peers::curl(), peers::python_with(&["httpbin"])) else {
        return;
    };
    let (Some(nginx), Some(caddy), Some(httpbin)) =
        (Nginx::start(), Caddy::start(), HttpBin::shared())
    else {
        return;
    };
    let web = Web::new(answer);
    let mut urls = scripted(&web);
    urls.extend(real(&nginx, &caddy, httpbin));
    assert!(urls.len() >= 200, "{}", urls.len());

    let dir = temporary_dir();
    let path = |name: &str| dir.path().join(name);
    for name in ["curl", "python"] {
        fs::create_dir(path(name)).unwrap();
    }
    let mut config = String::from("silent\nlocation\ncompressed\ngloboff\n");
    for (number, url) in urls.iter().enumerate() {
        writeln!(
            config,
            "url = \"{url}\"\noutput = \"{}/{number}\"",
            path("curl").display()
        )
        .unwrap();
    }
    fs::write(path("config"), config).unwrap();
    fs::write(path("urls"), urls.join("\n")).unwrap();
    fs::write(path("fetch.py"), PYTHON).unwrap();
    let config = path("config");
    let curl = Program::start(curl, [Path::new("-q"), Path::new("-K"), &config]);
    let python = Program::start(python, [path("fetch.py"), path("urls"), path("python")]);

    let client = Client::new();
    let mut ours = Vec::new();
    for url in &urls {
        let get = async { client.get(url).send().await?.bytes().await };
        let body = timeout(LIMIT, get).await.expect(url);
        ours.push(body.unwrap_or_else(|error| panic!("{url}: {error}")));
    }
    for program in [curl, python] {
        let output = program.wait();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    }
    let mut differing = Vec::new();
    for (number, url) in urls.iter().enumerate() {
        for name in ["curl", "python"] {
            // curl makes no file for a body of no bytes.
            let theirs = fs::read(path(name).join(number.to_string())).unwrap_or_default();
            if theirs != ours[number] {
                differing.push(format!(
                    "{url}: {} bytes, {name} has {}",
                    ours[number].len(),
                    theirs.len()
                ));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
