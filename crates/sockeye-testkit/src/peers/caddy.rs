//! Caddy: a web server of another family, with HTTP/2 in the clear on its ordinary port.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::certificate::certificate;
use super::{caddy, on_free_ports, openssl, put};
use crate::Program;

/// Caddy over a directory of its own, which the test fills. It runs until the value is dropped.
///
/// A file is at `/NAME`, and at `/encoded/NAME` compressed with zstd or gzip, as the client likes it.
#[derive(Debug)]
pub struct Caddy {
    dir: tempfile::TempDir,
    addrs: [SocketAddr; 2],
    program: Program,
}

impl Caddy {
    /// Start it, or `None` after a visible note if Caddy or openssl is missing.
    ///
    /// # Panics
    ///
    /// If it is there and does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        let (caddy, openssl) = (caddy()?, openssl()?);
        let dir = crate::temporary_dir();
        fs::create_dir(dir.path().join("root")).unwrap();
        certificate(&openssl, dir.path());
        let (program, addrs) = on_free_ports(|ports| {
            let path = dir.path().join("Caddyfile");
            fs::write(&path, config(dir.path(), ports)).unwrap();
            let mut command = Command::new(&caddy);
            command
                .args(["run", "--adapter", "caddyfile", "--config"])
                .arg(path);
            // Nothing of it is left in the home of whoever runs the tests.
            for name in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
                command.env(name, dir.path());
            }
            Program::start_command(command)
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

    /// Where it speaks HTTP/1.1, and HTTP/2 with prior knowledge, in the clear.
    pub fn http(&self) -> SocketAddr {
        self.addrs[0]
    }

    /// Where it speaks HTTP/2 and HTTP/1.1 over TLS, as `localhost` and 127.0.0.1.
    pub fn https(&self) -> SocketAddr {
        self.addrs[1]
    }

    /// The PEM file of the root that its certificate leads to.
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// The program behind it.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }
}

fn config(dir: &Path, [http, https]: [u16; 2]) -> String {
    let dir = dir.display();
    let site = format!(
        "  bind 127.0.0.1\n  root * {dir}/root\n  handle_path /encoded/* {{\n    root * {dir}/root\n    \
         encode zstd gzip {{\n      minimum_length 1\n      match {{\n        header Content-Type *\n      }}\n    }}\n    \
         file_server\n  }}\n  file_server\n"
    );
    format!(
        "{{\n  admin off\n  auto_https off\n  skip_install_trust\n  \
         storage file_system {dir}/storage\n  servers {{\n    protocols h1 h2 h2c\n  }}\n}}\n\
         http://:{http} {{\n{site}}}\nhttps://:{https} {{\n  tls {dir}/cert.pem {dir}/key.pem\n{site}}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::{self, tests::curl};

    #[test]
    fn caddy_serves_http1_and_2_with_and_without_tls() {
        if peers::curl().is_none() {
            return;
        }
        let Some(caddy) = Caddy::start() else { return };
        caddy.put("a.txt", "hello from Caddy\n".repeat(50));
        let (http, https, ca) = (caddy.http(), caddy.https(), caddy.ca());
        let text = curl(&["-i", &format!("http://{http}/a.txt")]);
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        assert!(text.ends_with("hello from Caddy\n"), "{text}");
        let text = curl(&[
            "-i",
            "--http2-prior-knowledge",
            &format!("http://{http}/a.txt"),
        ]);
        assert!(text.starts_with("HTTP/2 200"), "{text}");
        let ca = ca.to_str().unwrap();
        let tls = format!("https://{https}/encoded/a.txt");
        let text = curl(&["-i", "--cacert", ca, "-H", "Accept-Encoding: zstd", &tls]);
        assert!(text.starts_with("HTTP/2 200"), "{text}");
        assert!(text.contains("content-encoding: zstd"), "{text}");
    }
}
