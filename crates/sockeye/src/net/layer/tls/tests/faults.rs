//! Each fault has its own reason and its own hint.

use rcgen::{CustomExtension, date_time_ymd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::endpoint::Verify;
use crate::error::{Error, Kind, Operation};

/// What the client says of a server with this certificate.
async fn refused(client: &TlsOptions, server: &TlsOptions) -> Error {
    let (client, server) = within(shake(client, Some(&localhost()), server)).await;
    // In TLS 1.3 the server may be done before the client refuses; it has to be told nevertheless.
    if let Ok(mut stream) = server {
        let told = within(stream.read(&mut [0; 8])).await.unwrap_err();
        assert!(
            Error::from_io(Operation::Read, told)
                .why()
                .contains("the peer")
        );
    }
    let error = client.unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "{error}");
    assert!(error.hint().is_some(), "{error}");
    error
}

fn with_cert(cert: Option<PathBuf>) -> TlsOptions {
    TlsOptions {
        cert,
        ..TlsOptions::default()
    }
}

#[tokio::test]
async fn a_trusted_chain_is_accepted_by_name_and_by_address() {
    let authority = Authority::new("Test CA");
    for host in [localhost(), loopback()] {
        let (client, server) = shake(&authority.trusted(), Some(&host), &authority.server()).await;
        client.unwrap();
        server.unwrap();
    }
}

#[tokio::test]
async fn a_wrong_name_is_named_beside_the_right_ones() {
    let authority = Authority::new("Test CA");
    let server = with_cert(authority.leaf(&["a.example", "192.0.2.9"], |_| {}));
    let error = refused(&authority.trusted(), &server).await;
    assert_eq!(
        error.why(),
        "the certificate is not for localhost but for a.example and 192.0.2.9"
    );
    assert!(error.hint().unwrap().contains("sni=NAME"));
    // The same server under its own name.
    let options = TlsOptions {
        sni: Some("a.example.".into()),
        ..authority.trusted()
    };
    shake(&options, Some(&localhost()), &server)
        .await
        .0
        .unwrap();
}

#[tokio::test]
async fn an_expired_certificate_says_since_when() {
    let authority = Authority::new("Test CA");
    let server = with_cert(authority.leaf(&["localhost"], |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 3, 4);
    }));
    for version in BOTH_VERSIONS {
        let client = TlsOptions {
            ca: authority.ca(),
            ..only(version)
        };
        let error = refused(&client, &server).await;
        let why = error.why();
        assert!(
            why.starts_with("the certificate of the peer expired on 2021-03-04, "),
            "{why}"
        );
        assert!(why.ends_with(" days ago"), "{why}");
    }
}

#[tokio::test]
async fn a_certificate_of_the_future_says_from_when() {
    let authority = Authority::new("Test CA");
    let server = with_cert(authority.leaf(&["localhost"], |params| {
        params.not_before = date_time_ymd(2999, 12, 31);
        params.not_after = date_time_ymd(3001, 1, 1);
    }));
    let error = refused(&authority.trusted(), &server).await;
    assert!(
        error.why().contains("is not valid before 2999-12-31, "),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("clock"));
}

#[tokio::test]
async fn an_unknown_issuer_is_named() {
    let (ours, theirs) = (Authority::new("Our CA"), Authority::new("Their CA"));
    let error = refused(&ours.trusted(), &theirs.server()).await;
    assert!(
        error
            .why()
            .contains("was signed by \"Their CA\", which is not trusted (sha256:"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("`ca=FILE`"));
}

#[tokio::test]
async fn a_missing_intermediate_certificate_is_told_from_an_unknown_issuer() {
    let (ours, theirs) = (
        Authority::new("Our CA"),
        Authority::new("Their Intermediate"),
    );
    // caIssuers at `http://a`.
    let access = b"\x30\x16\x30\x14\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86\x08http://a";
    let server = with_cert(theirs.leaf(&["localhost"], |params| {
        let oid = [1, 3, 6, 1, 5, 5, 7, 1, 1];
        let extension = CustomExtension::from_oid_content(&oid, access.to_vec());
        params.custom_extensions.push(extension);
    }));
    let error = refused(&ours.trusted(), &server).await;
    let says = "was signed by \"Their Intermediate\", whose own certificate it did not send along";
    assert!(error.why().contains(says), "{error}");
    assert!(error.hint().unwrap().contains("is missing on the server"));
}

#[tokio::test]
async fn a_self_signed_certificate_shows_the_pin_that_accepts_it() {
    let acceptor = acceptor(&TlsOptions::default(), None).unwrap();
    let (connected, accepted) = pair().await;
    let authority = Authority::new("Our CA");
    let (client, host) = (authority.trusted(), localhost());
    let (client, server) = tokio::join!(
        connect(stream(connected), &client, Some(&host), None, deadline()),
        acceptor.accept(stream(accepted), None, deadline()),
    );
    let error = client.unwrap_err();
    let pin = format!("sha256:{}", acceptor.fingerprint());
    assert_eq!(
        error.why(),
        format!("the certificate of the peer is self-signed ({pin})")
    );
    assert!(
        error.hint().unwrap().contains(&format!("pin={pin}")),
        "{error}"
    );
    // The server knows how to help, too.
    let error = match server {
        Err(error) => error,
        Ok(mut stream) => Error::from_io(
            Operation::Read,
            within(stream.read(&mut [0; 8])).await.unwrap_err(),
        ),
    };
    assert_eq!(error.kind(), Kind::Tls);
    assert_eq!(
        error.why(),
        "the peer does not accept our certificate (the peer sent the alert unknown_ca)"
    );
    assert!(error.hint().unwrap().contains(&format!("pin={pin}")));
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_by_the_list_beside_the_root() {
    let authority = Authority::new("Test CA");
    let serial = rcgen::SerialNumber::from(77);
    let server = with_cert(authority.leaf(&["localhost"], |params| {
        params.serial_number = Some(serial.clone());
    }));
    shake(&authority.trusted(), Some(&localhost()), &server)
        .await
        .0
        .unwrap();
    let list = rcgen::CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 1, 1),
        next_update: date_time_ymd(2999, 1, 1),
        crl_number: rcgen::SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![rcgen::RevokedCertParams {
            serial_number: serial,
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&authority.issuer).unwrap().pem().unwrap();
    let ca = authority.ca().unwrap();
    std::fs::write(&ca, std::fs::read_to_string(&ca).unwrap() + &list).unwrap();
    let error = refused(&authority.trusted(), &server).await;
    assert_eq!(
        error.why(),
        "the certificate of the peer was revoked by its issuer"
    );
}

#[tokio::test]
async fn a_forged_signature_is_told_from_an_unknown_issuer() {
    let authority = Authority::new("Same Name");
    let forger = Authority::new("Same Name");
    let error = refused(&authority.trusted(), &forger.server()).await;
    // webpki says so when a root has the right name and the wrong key.
    assert_eq!(
        error.why(),
        "the certificate of the peer bears a wrong signature"
    );
}

#[tokio::test]
async fn a_certificate_for_clients_is_no_certificate_for_servers() {
    let authority = Authority::new("Test CA");
    let server = with_cert(authority.leaf(&["localhost"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    }));
    let error = refused(&authority.trusted(), &server).await;
    assert_eq!(
        error.why(),
        "the certificate of the peer is not meant for servers (extended key usage)"
    );
}

#[tokio::test]
async fn an_authority_as_a_server_is_accepted_only_if_the_user_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    let ca = directory.path().join("ca.pem");
    let cert = directory.path().join("both.pem");
    std::fs::write(&ca, &pem).unwrap();
    std::fs::write(&cert, pem + &key.serialize_pem()).unwrap();
    let named = TlsOptions {
        ca: Some(ca),
        ..TlsOptions::default()
    };
    let server = with_cert(Some(cert));
    shake(&named, Some(&localhost()), &server).await.0.unwrap();
    let (other, _) = shake(&named, Some(&Host::Name("other.example".into())), &server).await;
    assert!(
        other
            .unwrap_err()
            .why()
            .starts_with("the certificate is not for other.example")
    );
    let other = Authority::new("Other CA");
    refused(&other.trusted(), &server).await;
}

#[tokio::test]
async fn a_pin_replaces_name_chain_and_dates_and_a_wrong_one_shows_the_right_one() {
    let authority = Authority::new("Test CA");
    let server = with_cert(authority.leaf(&["a.example"], |params| {
        params.not_after = date_time_ymd(2021, 3, 4);
    }));
    let acceptor = acceptor(&server, None).unwrap();
    assert!(!acceptor.is_self_made());
    let pin = pinning(&acceptor);
    let mut wrong = pin.clone();
    wrong.pin[0].0[31] ^= 1;
    for version in BOTH_VERSIONS {
        let options = TlsOptions {
            pin: pin.pin.clone(),
            ..only(version)
        };
        shake(&options, Some(&localhost()), &server)
            .await
            .0
            .unwrap();
        let options = TlsOptions {
            pin: wrong.pin.clone(),
            ..only(version)
        };
        let error = refused(&options, &server).await;
        let seen = format!("sha256:{}", acceptor.fingerprint());
        assert!(error.why().contains(&seen), "{error}");
        assert!(error.hint().unwrap().contains(&format!("pin={seen}")));
    }
    // Any of several pins will do.
    wrong.pin.push(pin.pin[0]);
    shake(&wrong, None, &server).await.0.unwrap();
}

#[tokio::test]
async fn verify_none_accepts_anybody_and_needs_no_name() {
    let options = TlsOptions {
        verify: Verify::None,
        ..TlsOptions::default()
    };
    let (client, server) = shake(&options, None, &TlsOptions::default()).await;
    client.unwrap();
    server.unwrap();
}

#[tokio::test]
async fn without_a_name_there_is_nothing_to_check_against() {
    let authority = Authority::new("Test CA");
    let (client, _) = shake(&authority.trusted(), None, &TlsOptions::default()).await;
    let error = client.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.hint().unwrap().contains("sni=NAME"));
}

/// The first error the client meets: in the handshake, or with TLS 1.3 on the first read after it.
async fn told(client: Result<Stream>) -> Error {
    match client {
        Err(error) => error,
        Ok(mut stream) => {
            drop(stream.write_all(b"hello").await);
            drop(stream.flush().await);
            let error = within(stream.read(&mut [0; 8])).await.unwrap_err();
            assert!(
                error.get_ref().is_some_and(|inner| inner.is::<Error>()),
                "{error:?}"
            );
            Error::from_io(Operation::Read, error)
        }
    }
}

#[tokio::test]
async fn client_certificates_are_demanded_checked_and_reported() {
    let authority = Authority::new("Test CA");
    let others = Authority::new("Other CA");
    let server = TlsOptions {
        ca: authority.ca(),
        ..authority.server()
    };
    for version in BOTH_VERSIONS {
        let client = TlsOptions {
            ca: authority.ca(),
            ..only(version)
        };
        let right = TlsOptions {
            cert: authority.client_leaf(),
            ..client.clone()
        };
        let (ours, theirs) = within(shake(&right, Some(&localhost()), &server)).await;
        ours.unwrap();
        assert!(
            theirs
                .unwrap()
                .secured()
                .unwrap()
                .peer_fingerprint
                .is_some()
        );

        let (ours, theirs) = within(shake(&client, Some(&localhost()), &server)).await;
        let error = told(ours).await;
        assert_eq!(error.kind(), Kind::Tls);
        assert!(
            error.why().contains("client certificate"),
            "{version:?} {error}"
        );
        assert!(error.hint().unwrap().contains("`cert=FILE`"));
        let error = theirs.unwrap_err();
        assert_eq!(
            error.why(),
            "the client showed no certificate, and one is demanded"
        );

        let wrong = TlsOptions {
            cert: others.client_leaf(),
            ..client.clone()
        };
        let (ours, theirs) = within(shake(&wrong, Some(&localhost()), &server)).await;
        let error = told(ours).await;
        assert!(
            error
                .why()
                .starts_with("the peer does not accept our certificate"),
            "{version:?} {error}"
        );
        let error = theirs.unwrap_err();
        assert!(
            error
                .why()
                .starts_with("the client's certificate was signed by \"Other CA\""),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_server_may_pin_its_client() {
    let authority = Authority::new("Test CA");
    let cert = authority.client_leaf();
    let pin = pinning(&acceptor(&with_cert(cert.clone()), None).unwrap()).pin;
    let server = TlsOptions {
        pin,
        ..authority.server()
    };
    let right = TlsOptions {
        cert,
        ..authority.trusted()
    };
    shake(&right, Some(&localhost()), &server).await.1.unwrap();
    let other = TlsOptions {
        cert: authority.client_leaf(),
        ..authority.trusted()
    };
    let error = within(shake(&other, Some(&localhost()), &server))
        .await
        .1
        .unwrap_err();
    assert!(error.why().contains("not the pinned one"), "{error}");
}

#[tokio::test]
async fn no_common_protocol_is_an_alert() {
    let with = |name: &str, base: TlsOptions| TlsOptions {
        alpn: vec![name.to_owned()],
        ..base
    };
    let authority = Authority::new("Test CA");
    let client = with("h2", authority.trusted());
    let (client, server) = shake(
        &client,
        Some(&localhost()),
        &with("mqtt", authority.server()),
    )
    .await;
    let error = client.unwrap_err();
    assert_eq!(
        error.why(),
        "the peer accepts no application protocol that we offer (the peer sent the alert no_application_protocol)"
    );
    assert_eq!(
        server.unwrap_err().why(),
        "the peer offers no application protocol that we accept"
    );
}

#[tokio::test]
async fn versions_that_do_not_meet_are_said_on_both_sides() {
    for (ours, theirs) in [
        (TlsVersion::V1_2, TlsVersion::V1_3),
        (TlsVersion::V1_3, TlsVersion::V1_2),
    ] {
        let client = TlsOptions {
            verify: Verify::None,
            ..only(ours)
        };
        let (client, server) = within(shake(&client, None, &only(theirs))).await;
        for error in [client.unwrap_err(), server.unwrap_err()] {
            assert_eq!(error.kind(), Kind::Tls);
            assert!(
                error.why().contains("no TLS version"),
                "{ours:?} {theirs:?} {error}"
            );
        }
    }
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused_before_anything_is_sent() {
    let crossed = TlsOptions {
        min: Some(TlsVersion::V1_3),
        max: Some(TlsVersion::V1_2),
        ..TlsOptions::default()
    };
    assert_eq!(acceptor(&crossed, None).unwrap_err().kind(), Kind::Usage);
    let alone = TlsOptions {
        key: Some("key.pem".into()),
        ..TlsOptions::default()
    };
    assert_eq!(acceptor(&alone, None).unwrap_err().kind(), Kind::Usage);
    let long = TlsOptions {
        alpn: vec!["x".repeat(256)],
        ..TlsOptions::default()
    };
    assert_eq!(acceptor(&long, None).unwrap_err().kind(), Kind::Usage);
    let authority = Authority::new("Test CA");
    let (client, _) = shake(
        &authority.trusted(),
        Some(&Host::Name("no such name!".into())),
        &TlsOptions::default(),
    )
    .await;
    assert_eq!(client.unwrap_err().kind(), Kind::Usage);
}

#[test]
fn files_that_do_not_hold_what_they_should_are_named() {
    let authority = Authority::new("Test CA");
    let write = |name: &str, text: &str| {
        let path = authority.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    let why = |options: &TlsOptions| acceptor(options, None).unwrap_err().to_string();
    let missing = with_cert(Some(authority.directory.path().join("none.pem")));
    assert!(
        why(&missing).contains("none.pem cannot be read: there is no such file"),
        "{}",
        why(&missing)
    );
    let empty = with_cert(write("empty.pem", ""));
    assert!(why(&empty).contains("empty.pem holds no certificate"));
    let no_key = with_cert(authority.ca());
    assert!(why(&no_key).contains("ca.pem holds no private key"));
    let locked = TlsOptions {
        key: write(
            "locked.pem",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        ),
        ..with_cert(authority.ca())
    };
    assert!(why(&locked).contains("holds an encrypted private key"));
    let other_key = TlsOptions {
        key: authority.client_leaf(),
        ..authority.server()
    };
    assert!(why(&other_key).contains("does not belong to the certificate"));
}

/// What the client says to a server that answers with these bytes.
async fn answered(bytes: &[u8], then_close: bool) -> Error {
    let (connected, mut accepted) = pair().await;
    accepted.write_all(bytes).await.unwrap();
    let options = TlsOptions {
        verify: Verify::None,
        ..TlsOptions::default()
    };
    if then_close {
        accepted.shutdown().await.unwrap();
    }
    connect(
        stream(connected),
        &options,
        Some(&localhost()),
        None,
        Instant::now() + Duration::from_millis(300),
    )
    .await
    .unwrap_err()
}

#[tokio::test]
async fn a_peer_without_tls_is_shown_by_its_first_bytes() {
    for (bytes, shown, guess) in [
        (
            &b"220 db.example ready\r\n"[..],
            "220 db.example r",
            "FTP or SMTP",
        ),
        (b"SSH-2.0-x\r\n", "SSH-2.0-x", "SSH"),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "HTTP/1.1 400 Bad",
            "HTTP",
        ),
        (b"+OK\r\n", "+OK", "POP3"),
        (
            b"\xff\xfd\x18\x00\x00",
            "\\xff\\xfd\\x18\\x00\\x00",
            "tcp:// instead of tls://",
        ),
    ] {
        let error = answered(bytes, false).await;
        assert_eq!(error.kind(), Kind::Tls);
        assert_eq!(
            error.why(),
            format!("the peer does not speak TLS (first bytes: \"{shown}\")")
        );
        assert!(error.hint().unwrap().contains(guess), "{:?}", error.hint());
    }
    // Too short for a record: known at the end, or at the deadline.
    for close in [true, false] {
        let error = answered(b"ok", close).await;
        assert_eq!(
            error.why(),
            "the peer does not speak TLS (first bytes: \"ok\")"
        );
    }
}

#[tokio::test]
async fn a_peer_that_closes_or_resets_in_the_handshake_is_lost() {
    let error = answered(b"", true).await;
    assert_eq!(error.kind(), Kind::Lost);
    assert_eq!(
        error.why(),
        "the peer closed the connection during the TLS handshake"
    );

    let (connected, accepted) = pair().await;
    stream(accepted).abort();
    let options = TlsOptions {
        verify: Verify::None,
        ..TlsOptions::default()
    };
    let result = connect(stream(connected), &options, None, None, deadline()).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Lost);
}

#[tokio::test]
async fn a_client_without_tls_is_shown_by_its_first_bytes() {
    let acceptor = acceptor(&TlsOptions::default(), None).unwrap();
    let (mut connected, accepted) = pair().await;
    connected
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let error = within(acceptor.accept(stream(accepted), None, deadline()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Tls);
    assert_eq!(
        error.why(),
        "the peer does not speak TLS (first bytes: \"GET / HTTP/1.1\")"
    );
    assert!(error.hint().unwrap().contains("HTTP without TLS"));
}

#[tokio::test]
async fn a_damaged_record_is_an_error_of_ours_inside_the_io_error() {
    use std::io::Write as _;
    let acceptor = acceptor(&TlsOptions::default(), None).unwrap();
    let (connected, accepted) = pair().await;
    let accepted = accepted.into_std().unwrap();
    let mut raw = accepted.try_clone().unwrap();
    let accepted = TcpStream::from_std(accepted).unwrap();
    let options = pinning(&acceptor);
    let (client, server) = tokio::join!(
        connect(stream(connected), &options, None, None, deadline()),
        acceptor.accept(stream(accepted), None, deadline()),
    );
    let (mut client, _server) = (client.unwrap(), server.unwrap());
    // Somebody on the way slips a record in.
    raw.write_all(&[0x17, 3, 3, 0, 20]).unwrap();
    raw.write_all(&[0; 20]).unwrap();
    let error = within(client.read(&mut [0; 8])).await.unwrap_err();
    let error = Error::from_io(Operation::Read, error);
    assert_eq!(error.kind(), Kind::Tls);
    assert_eq!(error.why(), "what the peer sent cannot be decrypted");
}
