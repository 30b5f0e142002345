//! Squid as a forward proxy.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{on_free_port, squid, written};
use crate::Program;

/// Squid, which forwards to everywhere and keeps nothing. It runs until the value is dropped.
#[derive(Debug)]
pub struct Squid {
    dir: tempfile::TempDir,
    addr: SocketAddr,
    program: Program,
}

impl Squid {
    /// Start it for everybody, or `None` after a visible note if Squid is missing.
    ///
    /// # Panics
    ///
    /// If it is there and does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::run("http_access allow all\n")
    }

    /// Start it for the user `user` with the password `secret` only, who has to say so by basic authentication.
    ///
    /// # Panics
    ///
    /// If it is there and does not start.
    #[must_use]
    pub fn with_basic_auth() -> Option<Self> {
        Self::run(
            "auth_param basic program /bin/sh DIR/check\nauth_param basic realm squid\n\
             acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all\n",
        )
    }

    fn run(access: &str) -> Option<Self> {
        let squid = squid()?;
        let dir = crate::temporary_dir();
        let logs = dir.path().join("logs");
        fs::create_dir(&logs).unwrap();
        // Squid that was started by root becomes another user, who reads the directory and writes these logs.
        for (path, mode) in [(dir.path(), 0o755), (&logs, 0o777)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        let check = "while read -r user password rest; do\n    \
             if [ \"$user $password\" = 'user secret' ]; then echo OK; else echo ERR; fi\ndone\n";
        fs::write(dir.path().join("check"), check).unwrap();
        let (program, addr) = on_free_port(|port| {
            let path = dir.path().join("squid.conf");
            fs::write(&path, config(dir.path(), port, access)).unwrap();
            // A name of its own, which its shared memory has too: several run at once.
            let name = format!("sockeye{port}");
            let args = ["-N", "-d", "1", "-n", &name, "-f"].map(PathBuf::from);
            Program::start(&squid, args.iter().chain([&path]))
        });
        Some(Self { dir, addr, program })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its access log once it contains this: for each request a line with the method, the URL (of `CONNECT`: host and
    /// port), the status and the user or `-`.
    ///
    /// # Panics
    ///
    /// If it does not within [`LIMIT`](crate::LIMIT).
    #[track_caller]
    pub fn log(&self, wanted: &str) -> String {
        written(&self.dir.path().join("logs/access.log"), wanted)
    }

    /// The program behind it.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }
}

impl Drop for Squid {
    fn drop(&mut self) {
        // It is killed, and cannot tidy up itself.
        for name in ["metadata", "queues", "readers"] {
            let port = self.addr.port();
            drop(fs::remove_file(format!(
                "/dev/shm/sockeye{port}-cf__{name}.shm"
            )));
        }
    }
}

fn config(dir: &Path, port: u16, access: &str) -> String {
    let access = access.replace("DIR", &dir.display().to_string());
    let dir = dir.display();
    format!(
        "http_port 127.0.0.1:{port}\n{access}cache deny all\ncache_mem 8 MB\nmemory_cache_shared off\n\
         pinger_enable off\nicp_port 0\nhtcp_port 0\nshutdown_lifetime 0 seconds\n\
         pid_filename {dir}/logs/squid.pid\ncoredump_dir {dir}/logs\nnetdb_filename none\n\
         cache_log {dir}/logs/cache.log\nlogformat requests %rm %ru %>Hs %un\n\
         access_log stdio:{dir}/logs/access.log requests\nvisible_hostname localhost\nmax_filedescriptors 1024\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::{self, Nginx, tests::curl};

    #[test]
    fn squid_forwards_requests_and_opens_tunnels() {
        if peers::curl().is_none() {
            return;
        }
        let (Some(squid), Some(nginx)) = (Squid::start(), Nginx::start()) else {
            return;
        };
        nginx.put("a.txt", "through the proxy\n");
        let proxy = format!("http://{}", squid.addr());
        let (http, https, ca) = (nginx.http(), nginx.https(), nginx.ca());
        let plain = format!("http://{http}/a.txt");
        let text = curl(&["--noproxy", "", "-x", &proxy, &plain]);
        assert_eq!(text, "through the proxy\n");
        let ca = ca.to_str().unwrap();
        let tunnelled = format!("https://{https}/a.txt");
        let text = curl(&["--noproxy", "", "-x", &proxy, "--cacert", ca, &tunnelled]);
        assert_eq!(text, "through the proxy\n");
        squid.log(&format!("GET {plain} 200 -\n"));
        squid.log(&format!("CONNECT {https} 200 -\n"));
    }

    #[test]
    fn squid_asks_for_a_password_where_it_should() {
        if peers::curl().is_none() {
            return;
        }
        let (Some(squid), Some(nginx)) = (Squid::with_basic_auth(), Nginx::start()) else {
            return;
        };
        nginx.put("a.txt", "for the user\n");
        let url = format!("http://{}/a.txt", nginx.http());
        let proxy = format!("http://{}", squid.addr());
        let ask =
            |flags: &[&str]| curl(&[&["--noproxy", "", "-i", "-x", &proxy, &url], flags].concat());
        let text = ask(&[]);
        assert!(text.starts_with("HTTP/1.1 407"), "{text}");
        assert!(text.contains("Proxy-Authenticate: Basic"), "{text}");
        assert!(ask(&["-U", "user:wrong"]).starts_with("HTTP/1.1 407"));
        let text = ask(&["-U", "user:secret"]);
        assert!(text.ends_with("for the user\n"), "{text}");
        squid.log(&format!("GET {url} 200 user\n"));
    }
}
