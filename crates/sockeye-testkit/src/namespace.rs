//! A network namespace for one test: its own ports, addresses and sockets, which nobody else's get into.

use std::ffi::OsStr;
use std::path::PathBuf;

use crate::{Program, peers};

/// A network namespace whose loopback device is up. It lives as long as this value, and as programs inside.
#[derive(Debug)]
pub struct NetworkNamespace {
    /// Waits inside.
    keeper: Program,
}

impl NetworkNamespace {
    /// A new one, or `None` after a visible note: where it is not allowed (it needs root), or without `unshare` and `ip`.
    ///
    /// # Panics
    ///
    /// If it is allowed and fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye_testkit::NetworkNamespace;
    ///
    /// if let Some(namespace) = NetworkNamespace::new() {
    ///     let listing = namespace.start("ip", ["-brief", "address"]);
    ///     assert!(listing.wait().stdout_text().contains("127.0.0.1/8"));
    /// }
    /// ```
    #[must_use]
    pub fn new() -> Option<Self> {
        let (unshare, _) = (peers::unshare()?, peers::ip()?);
        if Program::start(&unshare, ["--net", "true"]).wait().code != Some(0) {
            peers::note("SKIPPED", "network namespaces, which need root");
            return None;
        }
        let inside = "PATH=$PATH:/usr/sbin:/sbin ip link set lo up && echo up && exec cat";
        let keeper = Program::start(unshare, ["--net", "sh", "-c", inside]);
        keeper.stdout_until("up\n");
        Some(Self { keeper })
    }

    /// A process inside.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.keeper.pid()
    }

    /// The file that stands for it.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.pid()).into()
    }

    /// Start a program inside.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[track_caller]
    pub fn start<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = A>,
    ) -> Program {
        let enter = format!("--net={}", self.file().display());
        let mut all = vec![enter.into(), program.as_ref().to_owned()];
        all.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        Program::start("nsenter", all)
    }
}
