//! Bodies in both directions: codings undone in bounds, forms with files, compressed requests.

use std::io::Write;

use serde_json::Value;
use sockeye::Kind;
use sockeye::client::http::{Body, Client, Coding, Decoding, Limits, Multipart, Part};
use sockeye_testkit::peers::{Caddy, HttpBin, Nginx};
use sockeye_testkit::{LIMIT, Web, pattern, temporary_dir};
use tokio::time::timeout;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn encoded(coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn bodies_of_httpbin_are_decoded() {
    let Some(httpbin) = HttpBin::shared() else {
        return;
    };
    for (path, key) in [
        ("/gzip", "gzipped"),
        ("/deflate", "deflated"),
        ("/brotli", "brotli"),
    ] {
        let response = soon(Client::new().get(&httpbin.url(path)).send())
            .await
            .unwrap();
        assert!(response.is_decoded());
        let seen: Value = soon(response.json()).await.unwrap();
        assert_eq!(seen[key], true, "{seen}");
        assert_eq!(
            seen["headers"]["Accept-Encoding"],
            "gzip, deflate, br, zstd"
        );
        let raw = Client::builder().decoding(Decoding::off()).build();
        let response = soon(raw.get(&httpbin.url(path)).send()).await.unwrap();
        assert!(!response.hop().request.contains("accept-encoding"));
        assert!(soon(response.json::<Value>()).await.is_err());
    }
}

#[tokio::test]
async fn bodies_of_nginx_and_caddy_are_decoded_and_ranges_are_not_encoded() {
    let text = "hello from a server\n".repeat(5000);
    if let Some(nginx) = Nginx::start() {
        nginx.put("a.txt", &text);
        let url = format!("http://{}/gzip/a.txt", nginx.http());
        let response = soon(Client::new().get(&url).send()).await.unwrap();
        assert_eq!(response.header("content-encoding"), Some("gzip"));
        let mut response = response;
        assert!(soon(response.gather()).await.unwrap() == text);
        assert!(response.hop().received < text.len() as u64 / 10);
        let range = Client::new().get(&url).header("Range", "bytes=5-8");
        let response = soon(range.send()).await.unwrap();
        assert!(!response.hop().request.contains("accept-encoding"));
        assert!(!response.is_decoded());
    }
    if let Some(caddy) = Caddy::start() {
        caddy.put("a.txt", &text);
        let url = format!("http://{}/encoded/a.txt", caddy.http());
        for coding in ["gzip", "zstd"] {
            let request = Client::new().get(&url).header("Accept-Encoding", coding);
            let response = soon(request.send()).await.unwrap();
            assert_eq!(response.header("content-encoding"), Some(coding));
            assert!(soon(response.text()).await.unwrap() == text);
        }
    }
}

#[tokio::test]
async fn stacked_codings_are_undone_and_more_than_five_refused() {
    let plain = "stacked ".repeat(1000);
    let mut brotli = brotli::CompressorWriter::new(Vec::new(), 4096, 4, 22);
    brotli.write_all(&gzip(plain.as_bytes())).unwrap();
    let stacked = brotli.into_inner();
    let web = Web::new(move |asked| match asked.target() {
        "/six" => encoded("gzip, gzip, gzip, gzip, gzip, gzip", b"x"),
        _ => encoded("gzip, br", &stacked),
    });
    let response = soon(Client::new().get(&web.url("/")).send()).await.unwrap();
    assert_eq!(soon(response.text()).await.unwrap(), plain);
    let error = soon(Client::new().get(&web.url("/six")).send())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol);
    assert!(error.to_string().contains("6 codings"), "{error}");
}

#[tokio::test]
async fn ten_gibibytes_out_of_ten_mebibytes_are_stopped_by_ratio_and_by_size() {
    // 10,240 members of 1 MiB of zeros each, 1 KiB encoded.
    let member = gzip(&vec![0; 1 << 20]);
    let bomb = member.repeat((10 << 20) / member.len());
    let web = Web::new(move |_| encoded("gzip", &bomb));
    for (decoding, expected) in [
        (Decoding::default(), "more than 250 times its size"),
        (
            Decoding::default().max_ratio(100_000).max_size(8 << 20),
            "more than 8388608 bytes",
        ),
    ] {
        let client = Client::builder().decoding(decoding).build();
        let mut response = soon(client.get(&web.url("/")).send()).await.unwrap();
        let mut came = 0;
        let error = loop {
            match soon(response.chunk()).await {
                Ok(Some(piece)) => {
                    assert!(piece.len() <= 64 << 10, "a piece of {} bytes", piece.len());
                    came += piece.len();
                }
                Ok(None) => panic!("all of it came"),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains(expected), "{error}");
        assert!(came < 100 << 20, "{came}");
    }
    // What is gathered in memory is bounded by itself.
    let mut limits = Limits::default();
    limits.gathered = 1 << 20;
    let client = Client::builder().limits(limits).build();
    let response = soon(client.get(&web.url("/")).send()).await.unwrap();
    let error = soon(response.bytes()).await.unwrap_err();
    assert!(
        error.to_string().contains("longer than 1048576 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn a_broken_coding_is_an_error_and_raw_keeps_the_body() {
    let whole = gzip("hello ".repeat(100).as_bytes());
    let cut = whole[..whole.len() - 9].to_vec();
    let raw = cut.clone();
    let web = Web::new(move |asked| match asked.target() {
        "/cut" => encoded("gzip", &cut),
        "/empty" => encoded("gzip", b""),
        "/unknown" => encoded("x-secret", b"as it is"),
        _ => encoded("gzip", b"<html>not at all</html>"),
    });
    let get = async |client: &Client, path: &str| {
        let response = soon(client.get(&web.url(path)).send()).await.unwrap();
        soon(response.bytes()).await
    };
    let (client, plain) = (
        Client::new(),
        Client::builder().decoding(Decoding::off()).build(),
    );
    let error = get(&client, "/cut").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("ends in the middle of its gzip coding"),
        "{error}"
    );
    let error = get(&client, "/html").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("gzip coding of the body is broken"),
        "{error}"
    );
    assert_eq!(get(&plain, "/cut").await.unwrap(), raw);
    assert_eq!(get(&client, "/empty").await.unwrap(), "");
    let response = soon(client.get(&web.url("/unknown")).send()).await.unwrap();
    assert!(
        response.hop().notes.concat().contains("`x-secret`"),
        "{:?}",
        response.hop().notes
    );
    assert_eq!(soon(response.text()).await.unwrap(), "as it is");
}

#[tokio::test]
async fn a_form_with_files_arrives_as_it_was_meant() {
    let Some(httpbin) = HttpBin::shared() else {
        return;
    };
    let dir = temporary_dir();
    let path = dir.path().join("pärt \"1\".txt");
    std::fs::write(&path, "from a file\n".repeat(10_000)).unwrap();
    let form = Multipart::new()
        .text("text", "v\r\n--boundary--\r\n")
        .text("quote\"d", "1")
        .file("file", &path)
        .part(
            "json",
            Part::text("{\"a\":1}")
                .media_type("application/json")
                .file_name("a.json"),
        );
    let response = soon(
        Client::new()
            .post(&httpbin.url("/post"))
            .multipart(form)
            .send(),
    )
    .await
    .unwrap();
    let sent = response.hop().request.clone();
    assert!(sent.contains("content-length") && !sent.contains("transfer-encoding"));
    let seen: Value = soon(response.json()).await.unwrap();
    assert_eq!(seen["form"]["text"], "v\r\n--boundary--\r\n", "{seen}");
    assert_eq!(
        seen["form"]["quote%22d"]
            .as_str()
            .or(seen["form"]["quote\"d"].as_str()),
        Some("1"),
        "{seen}"
    );
    assert_eq!(seen["files"]["file"], "from a file\n".repeat(10_000));
    assert_eq!(seen["files"]["json"], "{\"a\":1}");
}

#[tokio::test]
async fn a_form_of_what_can_be_read_once_goes_in_chunks() {
    let Some(httpbin) = HttpBin::shared() else {
        return;
    };
    let form = Multipart::new().part("f", Part::reader(&b"from a pipe"[..], None).file_name("p"));
    let mut request = Client::new()
        .post(&httpbin.url("/post"))
        .multipart(form)
        .build()
        .unwrap();
    request.set_expect(false);
    let response = soon(Client::new().send(request)).await.unwrap();
    assert!(response.hop().request.contains("transfer-encoding"));
    let seen: Value = soon(response.json()).await.unwrap();
    assert_eq!(seen["files"]["f"], "from a pipe", "{seen}");
}

#[tokio::test]
async fn requests_are_compressed_if_asked_for() {
    let web = Web::new(|asked| {
        let coding = asked.header("content-encoding").unwrap_or("-");
        let plain = match coding {
            "gzip" => std::io::read_to_string(flate2::read::GzDecoder::new(&*asked.body)).unwrap(),
            "zstd" => String::from_utf8(zstd::decode_all(&*asked.body).unwrap()).unwrap(),
            _ => String::from_utf8_lossy(&asked.body).into_owned(),
        };
        let length = asked.header("content-length").is_some();
        let said = format!("{coding} {length} {}", plain.len());
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{said}",
            said.len()
        )
        .into()
    });
    let text = "hello ".repeat(50_000);
    let dir = temporary_dir();
    let path = dir.path().join("f");
    std::fs::write(&path, &text).unwrap();
    for coding in [Coding::Gzip, Coding::Zstd] {
        for (body, has_length) in [
            (Body::from(text.clone()), true),
            (Body::file(&path).unwrap(), false),
        ] {
            let request = Client::new()
                .post(&web.url("/"))
                .body(body.compressed(coding).unwrap());
            let response = soon(request.send()).await.unwrap();
            let expected = format!("{} {has_length} {}", coding.as_str(), text.len());
            assert_eq!(soon(response.text()).await.unwrap(), expected);
        }
    }
    assert!(
        Body::from("x")
            .compressed(Coding::Gzip)
            .unwrap()
            .compressed(Coding::Gzip)
            .is_err()
    );
}

#[tokio::test]
async fn a_body_that_is_longer_than_may_come_is_cut_off() {
    let body = pattern(1, 300_000);
    let coded = gzip(&vec![b'x'; 300_000]);
    let web = Web::new(move |asked| match asked.target() {
        "/coded" => encoded("gzip", &coded),
        _ => [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", &*body].concat(),
    });
    let mut limits = Limits::default();
    limits.body = Some(100_000);
    let client = Client::builder().limits(limits).build();
    for path in ["/", "/coded"] {
        let response = soon(client.get(&web.url(path)).send()).await.unwrap();
        let error = soon(response.bytes()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Denied, "{error}");
        assert!(error.to_string().contains("100000 bytes"), "{error}");
    }
}

#[tokio::test]
async fn basic_and_bearer_are_sent_to_the_origin_that_was_asked() {
    let Some(httpbin) = HttpBin::shared() else {
        return;
    };
    let client = Client::new();
    let url = httpbin.url("/basic-auth/me/pass");
    let response = soon(client.get(&url).basic_auth("me", "pass").send())
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let response = soon(client.get(&httpbin.url("/bearer")).bearer("t0ken").send())
        .await
        .unwrap();
    let seen: Value = soon(response.json()).await.unwrap();
    assert_eq!(seen["token"], "t0ken");
}
