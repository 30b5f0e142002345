//! `fetch https://`: each fault of a certificate in its own words, old versions, and what helps.

use std::path::Path;

use rcgen::{CertificateParams, CustomExtension, KeyPair, date_time_ymd};
use sockeye_testkit::{Output, peers, within};

use crate::connect_tls::{Authority, s_server};
use crate::sockeye;

/// What `fetch` says of a web server with this certificate.
fn fetched(openssl: &Path, cert: &Path, server: &[&str], flags: &[&str]) -> Output {
    let (_server, port) = s_server(openssl, cert, &[&["-www"][..], server].concat());
    let url = format!("https://localhost:{port}/");
    sockeye(["fetch", "--noproxy", "*", &url].iter().chain(flags)).finish()
}

/// It was refused with exit code 6, one line with these words, and a hint.
#[track_caller]
fn refused(output: &Output, words: &str) -> String {
    let said = output.stderr_text();
    assert_eq!(output.code, Some(6), "{said}");
    assert!(said.contains(words), "{said}");
    assert!(said.contains("\nhint: "), "{said}");
    assert_eq!(output.stdout_text(), "");
    said
}

#[test]
fn five_faults_of_a_certificate_have_five_messages() {
    within(|| {
        let Some(openssl) = peers::openssl() else {
            return;
        };
        let (authority, other) = (Authority::new(), Authority::named("Other CA"));
        let ca = authority.ca();
        let trusting = ["--ca", ca.to_str().unwrap()];
        let faulty = |cert: &Path| fetched(&openssl, cert, &[], &trusting);

        let named = authority.leaf("other.example", |_| {});
        refused(
            &faulty(&named),
            "is not for localhost but for other.example",
        );

        let expired = authority.leaf("localhost", |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 3, 4);
        });
        refused(&faulty(&expired), "expired on 2021-03-04");

        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let own = own.self_signed(&key).unwrap();
        let path = ca.with_file_name("own.pem");
        std::fs::write(&path, own.pem() + &key.serialize_pem()).unwrap();
        let said = refused(&faulty(&path), "is self-signed (sha256:");
        assert!(
            said.contains(": --pin sha256:") && said.contains("`--ca FILE`"),
            "{said}"
        );

        // A certificate of an authority that is none of the roots, and tells where its own may be had.
        let below = other.leaf("localhost", |params| {
            let access =
                b"\x30\x16\x30\x14\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86\x08http://a";
            let oid = [1, 3, 6, 1, 5, 5, 7, 1, 1];
            let extension = CustomExtension::from_oid_content(&oid, access.to_vec());
            params.custom_extensions.push(extension);
        });
        let said = refused(
            &faulty(&below),
            "whose own certificate it did not send along",
        );
        assert!(
            said.contains("an intermediate certificate is missing"),
            "{said}"
        );

        let wrong = other.leaf("localhost", |_| {});
        refused(
            &faulty(&wrong),
            "was signed by \"Other CA\", which is not trusted",
        );
        let namesake = Authority::new();
        let forged = namesake.leaf("localhost", |_| {});
        refused(&faulty(&forged), "wrong signature");
    });
}

#[test]
fn insecure_and_pins_help_and_the_first_says_so() {
    within(|| {
        let Some(openssl) = peers::openssl() else {
            return;
        };
        let authority = Authority::new();
        let cert = authority.leaf("other.example", |_| {});
        let output = fetched(&openssl, &cert, &[], &["-k"]);
        let said = output.stderr_text();
        assert_eq!(output.code, Some(0), "{said}");
        assert!(said.contains("warning: --insecure"), "{said}");
        assert!(
            output.stdout_text().contains("TLSv1.3"),
            "{}",
            output.stdout_text()
        );

        let pinned = fetched(
            &openssl,
            &cert,
            &[],
            &["--pin", &format!("sha256:{}", "00".repeat(32))],
        );
        let said = refused(&pinned, "pin");
        // What it says it has is a pin that lets us in, without a warning.
        let digits = said.rsplit("sha256:").next().unwrap();
        let pin = format!("sha256:{}", &digits[..64]);
        let output = fetched(&openssl, &cert, &[], &["--pin", &pin]);
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        assert_eq!(output.stderr_text(), "");
    });
}

#[test]
fn a_server_of_old_is_told_which_versions_are_spoken() {
    within(|| {
        let Some(openssl) = peers::openssl() else {
            return;
        };
        let authority = Authority::new();
        let (cert, ca) = (authority.leaf("localhost", |_| {}), authority.ca());
        let trusting = ["--ca", ca.to_str().unwrap()];
        let old = ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"];
        let output = fetched(&openssl, &cert, &old, &trusting);
        let said = refused(&output, "TLS");
        assert!(said.contains("1.2 and 1.3"), "{said}");

        let limited = [&trusting[..], &["--tls-max", "1.2"]].concat();
        let output = fetched(&openssl, &cert, &["-tls1_3"], &limited);
        refused(&output, "version");
        let output = fetched(&openssl, &cert, &["-tls1_2"], &limited);
        assert!(
            output.stdout_text().contains("TLSv1.2"),
            "{}",
            output.stderr_text()
        );
    });
}

#[test]
fn a_client_certificate_is_shown_to_who_asks() {
    within(|| {
        let Some(openssl) = peers::openssl() else {
            return;
        };
        let authority = Authority::new();
        let (cert, ca) = (authority.leaf("localhost", |_| {}), authority.ca());
        let ca = ca.to_str().unwrap();
        let wants = ["-Verify", "1", "-verify_return_error", "-CAfile", ca];
        let ours = authority.leaf("me.example", |_| {});
        let ours = ours.to_str().unwrap();
        let output = fetched(&openssl, &cert, &wants, &["--ca", ca, "--cert", ours]);
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        let output = fetched(&openssl, &cert, &wants, &["--ca", ca]);
        let said = output.stderr_text();
        assert!(said.contains("client certificate"), "{said}");
        assert_eq!(output.code, Some(6), "{said}");
    });
}
