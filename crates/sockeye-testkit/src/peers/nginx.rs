//! nginx with everything that a client of the web meets: ranges, compression, redirects, slow answers, HTTP/2.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::certificate::certificate;
use super::{nginx, on_free_ports, openssl, put, written};
use crate::Program;

/// nginx over a directory of its own, which the test fills. It runs until the value is dropped.
///
/// Every file `NAME` that was [`put`](Self::put) there is served in several ways:
///
/// | path | how |
/// |---|---|
/// | `/NAME` | as it is, with `ETag`, `Last-Modified` and ranges |
/// | `/gzip/NAME` | compressed if the client accepts that, with a weak `ETag` and no length |
/// | `/chunked/NAME` | without a length, in chunks, with no validator and no ranges |
/// | `/whole/NAME` | without ranges |
/// | `/slow/NAME` | at 64 KiB a second |
/// | `/basic/NAME` | to the user `user` with the password `secret` only |
/// | `/redirect/NAME` | 302, with an absolute `Location`, to `/NAME` |
/// | `/loop` | 302 to itself |
/// | `/echo` | the request line, the protocol and the `User-Agent` as the server understood them |
/// | `/up/NAME` | takes `PUT`, `DELETE`, `MKCOL`, see [`uploaded`](Self::uploaded) |
#[derive(Debug)]
pub struct Nginx {
    dir: tempfile::TempDir,
    addrs: [SocketAddr; 4],
    program: Program,
}

impl Nginx {
    /// Start it, or `None` after a visible note if nginx or openssl is missing.
    ///
    /// # Panics
    ///
    /// If it is there and does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::with("")
    }

    /// Start it with these directives in each of its servers: locations, say, or options of TLS.
    ///
    /// # Panics
    ///
    /// If it is there and does not start.
    #[must_use]
    pub fn with(directives: &str) -> Option<Self> {
        let (nginx, openssl) = (nginx()?, openssl()?);
        let dir = crate::temporary_dir();
        for name in ["root", "up"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        fs::write(dir.path().join("passwords"), "user:{PLAIN}secret\n").unwrap();
        fs::write(
            dir.path().join("locations"),
            locations(dir.path(), directives),
        )
        .unwrap();
        certificate(&openssl, dir.path());
        let (program, addrs) = on_free_ports(|ports| {
            let path = dir.path().join("nginx.conf");
            fs::write(&path, config(dir.path(), ports)).unwrap();
            let args = ["-e", "stderr", "-c"].map(PathBuf::from);
            Program::start(&nginx, args.iter().chain([&path]))
        });
        Some(Self {
            dir,
            addrs,
            program,
        })
    }

    /// Put a file under the root; its name may have directories.
    pub fn put(&self, name: &str, contents: impl AsRef<[u8]>) {
        put(&self.dir.path().join("root"), name, contents.as_ref());
    }

    /// Where it speaks HTTP/1.1 in the clear.
    pub fn http(&self) -> SocketAddr {
        self.addrs[0]
    }

    /// Where it speaks HTTP/1.1 over TLS, and nothing else, as `localhost` and 127.0.0.1.
    pub fn https(&self) -> SocketAddr {
        self.addrs[1]
    }

    /// Where it speaks HTTP/2 over TLS if the client offers it, else HTTP/1.1.
    pub fn h2(&self) -> SocketAddr {
        self.addrs[2]
    }

    /// Where it speaks HTTP/2 in the clear, and nothing else.
    pub fn h2c(&self) -> SocketAddr {
        self.addrs[3]
    }

    /// The PEM file of the root that its certificate leads to.
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// What a client put at `/up/NAME`.
    pub fn uploaded(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.dir.path().join("up").join(name)).ok()
    }

    /// Its access log once it contains this: for each request a line with the number of the connection, the number of
    /// the request on it, the protocol, the method, the path, the status and how many bytes the body had.
    ///
    /// # Panics
    ///
    /// If it does not within [`LIMIT`](crate::LIMIT).
    #[track_caller]
    pub fn log(&self, wanted: &str) -> String {
        written(&self.dir.path().join("access.log"), wanted)
    }

    /// The program behind it.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }
}

/// One process, in the foreground: no worker under another user's name, who could not look into the directory.
fn config(dir: &Path, [http, https, h2, h2c]: [u16; 4]) -> String {
    let dir = dir.display();
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("    {name}_temp_path {dir}/{name};\n"))
        .concat();
    let servers = [
        format!("{http}"),
        format!("{https} ssl"),
        format!("{h2} ssl http2"),
        format!("{h2c} http2"),
    ]
    .map(|listen| format!("    server {{ listen 127.0.0.1:{listen}; include {dir}/locations; }}\n"))
    .concat();
    format!(
        "daemon off;\nmaster_process off;\npid {dir}/nginx.pid;\nerror_log stderr;\nevents {{ }}\nhttp {{\n{paths}    \
         log_format requests '$connection $connection_requests $server_protocol $request_method $request_uri $status $body_bytes_sent';\n    \
         access_log {dir}/access.log requests;\n    default_type text/plain;\n    \
         ssl_certificate {dir}/cert.pem;\n    ssl_certificate_key {dir}/key.pem;\n    \
         ssl_protocols TLSv1.2 TLSv1.3;\n    client_max_body_size 0;\n{servers}}}\n"
    )
}

/// What each server has: the table above.
fn locations(dir: &Path, more: &str) -> String {
    let dir = dir.display();
    let aliases = [
        ("gzip", "gzip on; gzip_types *; gzip_min_length 1;"),
        ("chunked", "ssi on; ssi_types *;"),
        ("whole", "max_ranges 0;"),
        ("slow", "limit_rate 64k;"),
        (
            "basic",
            &*format!("auth_basic \"staff \\\"only\\\"\"; auth_basic_user_file {dir}/passwords;"),
        ),
    ]
    .map(|(name, how)| format!("location /{name}/ {{ alias {dir}/root/; {how} }}\n"))
    .concat();
    format!(
        "server_name localhost;\nroot {dir}/root;\n{aliases}\
         location ~ ^/redirect/(?<wanted>.*)$ {{ return 302 /$wanted; }}\n\
         location = /loop {{ return 302 /loop; }}\n\
         location = /echo {{ return 200 \"$request_method $request_uri $server_protocol $http_user_agent\\n\"; }}\n\
         location /up/ {{ alias {dir}/up/; dav_methods PUT DELETE MKCOL; create_full_put_path on; }}\n{more}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::{self, tests::curl};

    #[test]
    fn nginx_serves_a_file_in_each_of_its_ways() {
        if peers::curl().is_none() {
            return;
        }
        let Some(nginx) = Nginx::start() else { return };
        nginx.put("deep/a.txt", "hello from nginx\n".repeat(100));
        let (http, ca) = (nginx.http(), nginx.ca());
        let text = curl(&[&format!("http://{http}/deep/a.txt"), "-r", "0-4", "-i"]);
        assert!(text.starts_with("HTTP/1.1 206"), "{text}");
        assert!(text.ends_with("\r\n\r\nhello"), "{text}");
        let text = curl(&[
            "-i",
            "--compressed",
            &format!("http://{http}/gzip/deep/a.txt"),
        ]);
        assert!(
            text.contains("Content-Encoding: gzip") && text.ends_with("nginx\n"),
            "{text}"
        );
        let text = curl(&["-i", &format!("http://{http}/chunked/deep/a.txt")]);
        assert!(text.contains("Transfer-Encoding: chunked"), "{text}");
        let text = curl(&["-i", "-L", &format!("http://{http}/redirect/deep/a.txt")]);
        assert!(text.starts_with("HTTP/1.1 302"), "{text}");
        assert!(
            text.contains(&format!("Location: http://{http}/deep/a.txt")),
            "{text}"
        );
        let text = curl(&[
            "-i",
            &format!("http://{http}/whole/deep/a.txt"),
            "-r",
            "0-4",
        ]);
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        let basic = format!("http://{http}/basic/deep/a.txt");
        assert!(curl(&["-i", &basic]).starts_with("HTTP/1.1 401"));
        assert!(curl(&["-i", "-u", "user:secret", &basic]).starts_with("HTTP/1.1 200"));
        let put = format!("http://{http}/up/b/c.txt");
        curl(&["-X", "PUT", "-d", "sent", &put]);
        assert_eq!(nginx.uploaded("b/c.txt").unwrap(), b"sent");

        let ca = ca.to_str().unwrap();
        let (h2, https, h2c) = (nginx.h2(), nginx.https(), nginx.h2c());
        let echo = |flags: &[&str], url: &str| curl(&[flags, &["-A", "me", url]].concat());
        let text = echo(&["--cacert", ca], &format!("https://{h2}/echo"));
        assert_eq!(text, "GET /echo HTTP/2.0 me\n");
        let text = echo(&["--cacert", ca], &format!("https://{https}/echo"));
        assert_eq!(text, "GET /echo HTTP/1.1 me\n");
        let text = echo(
            &["--http2-prior-knowledge"],
            &format!("http://{h2c}/echo?q"),
        );
        assert_eq!(text, "GET /echo?q HTTP/2.0 me\n");
        let log = nginx.log("HTTP/2.0 GET /echo?q 200");
        assert!(log.contains(" HTTP/1.1 GET /deep/a.txt 206 5\n"), "{log}");
    }

    #[test]
    fn nginx_takes_directives_of_the_test() {
        if peers::curl().is_none() {
            return;
        }
        let directives = "location = /teapot { return 418; }";
        let Some(nginx) = Nginx::with(directives) else {
            return;
        };
        let text = curl(&["-i", &format!("http://{}/teapot", nginx.http())]);
        assert!(text.starts_with("HTTP/1.1 418"), "{text}");
    }
}
