//! FTP against servers of others, and against scripts that do what they do not.

use std::fs;
use std::time::Duration;

use sockeye::client::ftp::{EntryKind, Ftp, Security, Settings, TransferType};
use sockeye::endpoint::{TlsOptions, TlsVersion};
use sockeye::{Kind, Net};
use sockeye_testkit::peers::{FtpServer, FtpTls};

fn tls_of(server: &FtpServer, version: TlsVersion) -> TlsOptions {
    let mut options = TlsOptions::default();
    options.ca = Some(server.ca());
    options.min = Some(version);
    options.max = Some(version);
    options
}

fn settings(server: &FtpServer, tls: FtpTls, version: TlsVersion) -> Settings {
    let settings = Settings::new().reply_timeout(Duration::from_secs(8));
    match tls {
        FtpTls::None => settings,
        FtpTls::Explicit => settings.security(Security::Explicit(tls_of(server, version))),
        FtpTls::Implicit => settings.security(Security::Implicit(tls_of(server, version))),
    }
}

async fn open(server: &FtpServer, settings: Settings) -> Ftp {
    let url = format!("ftp://localhost:{}", server.addr().port());
    Ftp::open(&Net::new(), &url.parse().unwrap(), settings)
        .await
        .unwrap()
}

/// Everything that a session can do, on one login.
async fn do_everything(server: &FtpServer, settings: Settings) {
    let body: Vec<u8> = (0..300_000_u32).flat_map(|it| it.to_le_bytes()).collect();
    server.put("a b.bin", &body);
    server.put("dir/inner.txt", "inner\n");
    std::os::unix::fs::symlink("dir", server.folder().join("link")).unwrap();
    let mut ftp = open(server, settings).await;
    assert_eq!(ftp.pwd().await.unwrap(), b"/");
    ftp.cwd("pub").await.unwrap();

    let mut entries = ftp.list("").await.unwrap();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let seen: Vec<_> = entries
        .iter()
        .map(|it| (it.name.as_slice(), it.kind))
        .collect();
    assert_eq!(seen[0], (&b"a b.bin"[..], EntryKind::File));
    assert_eq!(seen[1], (&b"dir"[..], EntryKind::Directory));
    assert_eq!(seen[2].0, b"link");
    assert_eq!(entries[0].size, Some(1_200_000));
    let names = ftp.names("dir").await.unwrap();
    assert_eq!(names, [b"inner.txt"]);

    // Two files, and a part of one.
    let mut download = ftp.get("a b.bin").await.unwrap();
    assert_eq!(download.size(), Some(1_200_000));
    let mut got = Vec::new();
    download.copy_to(&mut got).await.unwrap();
    assert!(got == body);
    let inner = ftp.get("dir/inner.txt").await.unwrap();
    let secured = inner.stream().unwrap().secured();
    assert!(secured.is_none_or(|it| it.resumed));
    assert_eq!(inner.bytes(100).await.unwrap(), b"inner\n");
    let rest = ftp.get_from("a b.bin", 1_199_990).await.unwrap();
    assert_eq!(rest.bytes(100).await.unwrap(), &body[1_199_990..]);

    // There and back, in two pieces.
    let mut upload = ftp.put("up ü.bin").await.unwrap();
    upload.write(&body[..500_000]).await.unwrap();
    upload.finish().await.unwrap();
    assert_eq!(ftp.size("up ü.bin").await.unwrap(), 500_000);
    let mut upload = ftp.put_from("up ü.bin", 500_000).await.unwrap();
    assert_eq!(
        upload
            .copy_from(&mut &body[500_000..900_000])
            .await
            .unwrap(),
        400_000
    );
    upload.finish().await.unwrap();
    let mut upload = ftp.append("up ü.bin").await.unwrap();
    upload.write(&body[900_000..]).await.unwrap();
    upload.finish().await.unwrap();
    assert!(fs::read(server.folder().join("up ü.bin")).unwrap() == body);

    ftp.set_modified("up ü.bin", 1_000_000_000).await.ok();
    let modified = ftp.modified("a b.bin").await.unwrap();
    assert!(modified > 1_700_000_000, "{modified}");
    ftp.mkdir("new").await.unwrap();
    ftp.rename("up ü.bin", "new/x").await.unwrap();
    ftp.cwd("new").await.unwrap();
    assert_eq!(ftp.pwd().await.unwrap(), b"/pub/new");
    assert_eq!(ftp.list("").await.unwrap().len(), 1);
    ftp.delete("x").await.unwrap();
    assert_eq!(ftp.list("").await.unwrap().len(), 0);
    ftp.cwd("..").await.unwrap();
    ftp.rmdir("new").await.unwrap();
    ftp.noop().await.unwrap();
    assert!(!server.folder().join("new").exists());

    let no = ftp.get("nothing").await.unwrap_err();
    assert_eq!((no.kind(), no.status()), (Kind::Rejected, Some(550)));
    assert!(
        no.to_string()
            .contains("/nothing: the server answered RETR with 550"),
        "{no}"
    );
    // Dropped in the middle, the session goes on.
    let mut half = ftp.get("a b.bin").await.unwrap();
    half.chunk().await.unwrap().unwrap();
    drop(half);
    ftp.noop().await.unwrap();
    let mut half = ftp.get("a b.bin").await.unwrap();
    half.chunk().await.unwrap().unwrap();
    half.abort().await.unwrap();
    ftp.transfer_type(TransferType::Text);
    let text = ftp
        .get("dir/inner.txt")
        .await
        .unwrap()
        .bytes(100)
        .await
        .unwrap();
    assert!(text == b"inner\r\n" || text == b"inner\n", "{text:?}");
    ftp.quit().await;
}

async fn within(body: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(10), body)
        .await
        .expect("ten seconds are enough");
}

#[tokio::test]
async fn ftp_does_everything_with_vsftpd() {
    let Some(server) = FtpServer::vsftpd(FtpTls::None, "") else {
        return;
    };
    let plain = settings(&server, FtpTls::None, TlsVersion::V1_3);
    within(do_everything(&server, plain)).await;
}

#[tokio::test]
async fn ftp_does_everything_with_pyftpdlib() {
    let Some(server) = FtpServer::python(FtpTls::None) else {
        return;
    };
    let plain = settings(&server, FtpTls::None, TlsVersion::V1_3);
    within(do_everything(&server, plain)).await;
}

/// Servers that take no connection for files unless it resumes the session of the first.
#[tokio::test]
async fn ftps_resumes_its_session_with_vsftpd() {
    for tls in [FtpTls::Explicit, FtpTls::Implicit] {
        for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
            let Some(server) = FtpServer::vsftpd(tls, "") else {
                return;
            };
            within(do_everything(&server, settings(&server, tls, version))).await;
        }
    }
}

#[tokio::test]
async fn ftps_does_everything_with_pyftpdlib() {
    for tls in [FtpTls::Explicit, FtpTls::Implicit] {
        for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
            let Some(server) = FtpServer::python(tls) else {
                return;
            };
            within(do_everything(&server, settings(&server, tls, version))).await;
        }
    }
}
