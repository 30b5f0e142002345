//! Against programs that others wrote: openssl and curl. One that is not installed is skipped visibly.
#![allow(clippy::print_stderr)]

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use super::*;
use crate::endpoint::Verify;

/// Whether this program is here; says so if it is not.
fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|directory| directory.join(program).is_file());
    assert!(
        found || std::env::var_os("SOCKEYE_REQUIRE_PEERS").is_none(),
        "{program} is required and not installed"
    );
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

fn run(program: &str, args: &[&str]) -> Child {
    Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn openssl_s_server_is_understood() {
    if !found("openssl") {
        return;
    }
    let authority = Authority::new("Test CA");
    let cert = authority.server().cert.unwrap();
    let ca = authority.ca().unwrap();
    for (version, flag, name) in [
        (TlsVersion::V1_2, "-tls1_2", "TLSv1.2"),
        (TlsVersion::V1_3, "-tls1_3", "TLSv1.3"),
    ] {
        let mut server = run(
            "openssl",
            &[
                "s_server",
                "-accept",
                "127.0.0.1:0",
                "-rev",
                flag,
                "-alpn",
                "mqtt,h2",
                "-cert",
                cert.to_str().unwrap(),
                "-key",
                cert.to_str().unwrap(),
                "-Verify",
                "1",
                "-verify_return_error",
                "-CAfile",
                ca.to_str().unwrap(),
            ],
        );
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let address = within(async {
            loop {
                let line = lines.next_line().await.unwrap().unwrap();
                if let Some(address) = line.strip_prefix("ACCEPT ") {
                    break address.to_owned();
                }
            }
        })
        .await;
        let options = TlsOptions {
            alpn: vec!["h2".into()],
            cert: authority.client_leaf(),
            ..authority.trusted()
        };
        let tcp = TcpStream::connect(&address).await.unwrap();
        let mut stream = connect(stream(tcp), &options, Some(&localhost()), None, deadline())
            .await
            .unwrap();
        let secured = stream.secured().unwrap();
        assert_eq!(
            (secured.version.as_str(), secured.alpn.as_deref()),
            (name, Some("h2")),
            "{version:?}"
        );
        stream.write_all(b"drawer\n").await.unwrap();
        stream.flush().await.unwrap();
        let mut got = [0; 7];
        within(stream.read_exact(&mut got)).await.unwrap();
        assert_eq!(&got, b"reward\n");
        // s_server serves one after the other.
        drop(stream);

        // The same server without our certificate.
        let options = authority.trusted();
        let tcp = TcpStream::connect(&address).await.unwrap();
        let error = match connect(
            super::stream(tcp),
            &options,
            Some(&localhost()),
            None,
            deadline(),
        )
        .await
        {
            Err(error) => error,
            Ok(mut stream) => {
                let error = within(stream.read(&mut [0; 8])).await.unwrap_err();
                crate::Error::from_io(crate::Operation::Read, error)
            }
        };
        assert!(
            error.why().contains("client certificate"),
            "{version:?} {error}"
        );
        server.kill().await.unwrap();
    }
}

#[tokio::test]
async fn openssl_s_client_understands_us() {
    if !found("openssl") {
        return;
    }
    let authority = Authority::new("Test CA");
    let options = TlsOptions {
        alpn: vec!["mqtt".into()],
        ..authority.server()
    };
    for flag in ["-tls1_2", "-tls1_3"] {
        let acceptor = acceptor(&options, None).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let ca = authority.ca().unwrap();
        let mut client = run(
            "openssl",
            &[
                "s_client",
                "-connect",
                &address,
                "-quiet",
                "-no_ign_eof",
                flag,
                "-alpn",
                "h2,mqtt",
                "-verify_return_error",
                "-verify_hostname",
                "localhost",
                "-CAfile",
                ca.to_str().unwrap(),
            ],
        );
        let mut input = client.stdin.take().unwrap();
        input.write_all(b"from openssl\n").await.unwrap();
        within(async {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut stream = acceptor
                .accept(stream(tcp), None, deadline())
                .await
                .unwrap();
            assert_eq!(stream.secured().unwrap().alpn.as_deref(), Some("mqtt"));
            let mut got = [0; 13];
            stream.read_exact(&mut got).await.unwrap();
            assert_eq!(&got, b"from openssl\n");
            stream.write_all(b"from us\n").await.unwrap();
            stream.shutdown().await.unwrap();
            let mut said = String::new();
            client
                .stdout
                .take()
                .unwrap()
                .read_to_string(&mut said)
                .await
                .unwrap();
            assert_eq!(said, "from us\n");
            drop(input);
            client.wait().await.unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn openssl_tells_our_end_from_a_cut() {
    if !found("openssl") {
        return;
    }
    let acceptor = acceptor(&TlsOptions::default(), None).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let client = run("openssl", &["s_client", "-connect", &address, "-msg"]);
    within(async {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut stream = acceptor
            .accept(stream(tcp), None, deadline())
            .await
            .unwrap();
        stream.shutdown().await.unwrap();
        let output = client.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("close_notify"), "{said}");
        assert!(said.contains("sockeye, made on the fly"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn curl_fetches_from_us() {
    if !found("curl") {
        return;
    }
    let authority = Authority::new("Test CA");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("https://localhost:{port}/");
    let ca = authority.ca().unwrap();
    for (options, trust) in [
        (TlsOptions::default(), vec!["-k"]),
        (authority.server(), vec!["--cacert", ca.to_str().unwrap()]),
    ] {
        let acceptor = acceptor(&options, None).unwrap();
        let mut args = vec!["-sS", "-4", "--noproxy", "*", "--http1.1", &url];
        args.extend(trust);
        let client = run("curl", &args);
        within(async {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut stream = acceptor
                .accept(stream(tcp), None, deadline())
                .await
                .unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            assert!(head.starts_with(b"GET / HTTP/1.1\r\n"));
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello curl")
                .await
                .unwrap();
            stream.shutdown().await.unwrap();
            let output = client.wait_with_output().await.unwrap();
            assert!(output.status.success(), "{output:?}");
            assert_eq!(output.stdout, b"hello curl");
        })
        .await;
    }
}

#[tokio::test]
async fn keys_of_every_form_that_openssl_writes_are_read() {
    if !found("openssl") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let openssl = async |args: &[&str]| {
        let output = within(run("openssl", args).wait_with_output())
            .await
            .unwrap();
        assert!(output.status.success(), "{args:?} {output:?}");
    };
    let (pkcs8, pkcs1, ec, sec1) = (path("pkcs8"), path("pkcs1"), path("ec"), path("sec1"));
    openssl(&[
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
        "-out",
        &pkcs8,
    ])
    .await;
    openssl(&["rsa", "-in", &pkcs8, "-traditional", "-out", &pkcs1]).await;
    openssl(&[
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        &ec,
    ])
    .await;
    openssl(&["ec", "-in", &ec, "-out", &sec1]).await;
    for key in [&pkcs8, &pkcs1, &sec1] {
        let cert = path("cert.pem");
        openssl(&[
            "req",
            "-x509",
            "-new",
            "-key",
            key,
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-out",
            &cert,
        ])
        .await;
        let server = TlsOptions {
            cert: Some(cert.clone().into()),
            key: Some(key.into()),
            ..TlsOptions::default()
        };
        // `req -x509` makes an authority; named in `ca=` it is accepted as the server it is.
        let client = TlsOptions {
            ca: Some(cert.into()),
            ..TlsOptions::default()
        };
        let (client, server) = shake(&client, Some(&localhost()), &server).await;
        client.unwrap();
        server.unwrap();
    }
    let client = TlsOptions {
        verify: Verify::None,
        ..TlsOptions::default()
    };
    let server = TlsOptions {
        cert: Some(pkcs8.into()),
        ..TlsOptions::default()
    };
    drop(client);
    assert!(
        acceptor(&server, None)
            .unwrap_err()
            .why()
            .contains("holds no certificate")
    );
}
