//! Servers of FTP: vsftpd, and pyftpdlib under Python.

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::certificate::certificate;
use super::{is_required, missing, on_free_port, openssl, python_with, vsftpd};
use crate::Program;

/// How a server of FTP speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FtpTls {
    /// Not at all.
    None,
    /// After `AUTH TLS`, which it demands.
    Explicit,
    /// From the first byte on.
    Implicit,
}

/// A server of FTP over a directory of its own, to be filled by the test. Its user is `anonymous`, who may do anything in the
/// directory `/pub`. The root itself can be written by nobody: vsftpd refuses such ones.
#[derive(Debug)]
pub struct FtpServer {
    dir: tempfile::TempDir,
    addr: SocketAddr,
    program: Program,
}

impl FtpServer {
    /// vsftpd, or `None` after a visible note; it has no MLSD. Over TLS it takes no connection for files that does not resume the
    /// session (`require_ssl_reuse`). Lines of `more` are added to its settings.
    ///
    /// # Panics
    ///
    /// If vsftpd is there and does not start.
    #[must_use]
    pub fn vsftpd(tls: FtpTls, more: &str) -> Option<Self> {
        let vsftpd = vsftpd()?;
        // It drops its rights by itself, and has to have some.
        if !nix::unistd::Uid::effective().is_root() {
            missing("vsftpd (root)", is_required());
            return None;
        }
        let dir = prepared(tls)?;
        fs::create_dir(dir.path().join("empty")).unwrap();
        let (program, addr) = on_free_port(|port| {
            let config = dir.path().join("vsftpd.conf");
            let text = vsftpd_config(dir.path(), port, tls) + more;
            fs::write(&config, text).unwrap();
            Program::start(&vsftpd, [config])
        });
        Some(Self { dir, addr, program })
    }

    /// pyftpdlib, or `None` after a visible note; it has MLSD, MFMT and UTF8, and knows the user `me` with the password `s3cret` too.
    ///
    /// # Panics
    ///
    /// If it is there and does not start.
    #[must_use]
    pub fn python(tls: FtpTls) -> Option<Self> {
        let modules: &[&str] = match tls {
            FtpTls::None => &["pyftpdlib"],
            FtpTls::Explicit | FtpTls::Implicit => &["pyftpdlib", "OpenSSL"],
        };
        let python = python_with(modules)?;
        let dir = prepared(tls)?;
        let mode = match tls {
            FtpTls::None => "none",
            FtpTls::Explicit => "explicit",
            FtpTls::Implicit => "implicit",
        };
        let args = [
            Path::new("-u"),
            Path::new("-c"),
            Path::new(SERVER),
            dir.path(),
            Path::new(mode),
        ];
        let program = Program::start(python, args);
        let said = program.stdout_until("\n");
        let port = String::from_utf8_lossy(&said).trim().parse::<u16>();
        let port = port.unwrap_or_else(|_| panic!("no port in {said:?}"));
        let addr = (Ipv4Addr::LOCALHOST, port).into();
        Some(Self { dir, addr, program })
    }

    /// Put a file, and the directories that lead to it, under `/pub`.
    pub fn put(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.folder().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).unwrap();
            open_to_all(parent);
        }
        fs::write(path, contents).unwrap();
    }

    /// The directory that it serves as `/pub`.
    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("root/pub")
    }

    /// What a client has to trust: the certificate itself, for `localhost` and 127.0.0.1.
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The program behind it.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }
}

fn prepared(tls: FtpTls) -> Option<tempfile::TempDir> {
    let dir = crate::temporary_dir();
    let folder = dir.path().join("root/pub");
    fs::create_dir_all(&folder).unwrap();
    open_to_all(&folder);
    if tls != FtpTls::None {
        certificate(&openssl()?, dir.path());
    }
    Some(dir)
}

/// The server is another user.
fn open_to_all(dir: &Path) {
    fs::set_permissions(dir, Permissions::from_mode(0o777)).unwrap();
}

fn vsftpd_config(dir: &Path, port: u16, tls: FtpTls) -> String {
    let dir = dir.display();
    let mut text = format!(
        "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\nseccomp_sandbox=NO\n\
         anonymous_enable=YES\nlocal_enable=NO\nwrite_enable=YES\nanon_upload_enable=YES\n\
         anon_mkdir_write_enable=YES\nanon_other_write_enable=YES\nanon_world_readable_only=NO\nanon_umask=022\n\
         mdtm_write=YES\nxferlog_enable=NO\nuse_localtime=NO\n\
         anon_root={dir}/root\nsecure_chroot_dir={dir}/empty\n"
    );
    if tls != FtpTls::None {
        text += &format!(
            "ssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_logins_ssl=YES\nforce_anon_data_ssl=YES\n\
             require_ssl_reuse=YES\nssl_ciphers=HIGH\nrsa_cert_file={dir}/cert.pem\nrsa_private_key_file={dir}/key.pem\n"
        );
    }
    if tls == FtpTls::Implicit {
        text += "implicit_ssl=YES\n";
    }
    text
}

/// The port is printed before anybody is served.
const SERVER: &str = r#"
import sys, os, logging
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.servers import FTPServer
logging.disable(logging.CRITICAL)
folder, mode = sys.argv[1:3]
root, everything = os.path.join(folder, "root"), "elradfmwMT"
users = DummyAuthorizer()
users.add_anonymous(root, perm=everything)
users.add_user("me", "s3cret", root, perm=everything)
if mode == "none":
    from pyftpdlib.handlers import FTPHandler as handler
else:
    from pyftpdlib.handlers import TLS_FTPHandler as handler
    handler.certfile = os.path.join(folder, "cert.pem")
    handler.keyfile = os.path.join(folder, "key.pem")
    handler.tls_control_required = handler.tls_data_required = mode == "explicit"
if mode == "implicit":
    class handler(handler):
        def handle(self):
            self.secure_connection(self.ssl_context)
        def handle_ssl_established(self):
            super().handle()
handler.authorizer = users
handler.use_sendfile = False
server = FTPServer(("127.0.0.1", 0), handler)
print(server.address[1], flush=True)
server.serve_forever()
"#;
