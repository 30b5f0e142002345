//! Control groups: which systemd unit and which container a socket or a process belongs to.
//!
//! The kernel tells the control group of any socket, whoever owns it: so this works without privileges. [`unit()`] and
//! [`container`] read the path of a group; finding the path of a group's number needs a walk through the file system of
//! groups, and only version 2 has such numbers.
//!
//! ```
//! use sockeye::host::cgroups::{container, unit};
//!
//! assert_eq!(unit("/system.slice/ssh.service"), Some("ssh.service"));
//! assert_eq!(container("/machine.slice/machine-web.scope").unwrap().id, "web");
//! ```

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::mounts;

/// The most groups that are looked at.
const MAX_GROUPS: usize = 1 << 16;
/// The most levels of groups below each other.
const MAX_DEPTH: usize = 64;

/// The systemd unit that a control group belongs to: `ssh.service`, `session-3.scope`; within the manager of a user
/// that user's unit.
pub fn unit(path: &str) -> Option<&str> {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let system = next_unit(&mut parts)?;
    if system.starts_with("user@")
        && system.ends_with(".service")
        && let Some(of_user) = next_unit(&mut parts)
    {
        return Some(of_user);
    }
    Some(system)
}

/// The first part that is a unit and no slice; slices may only be followed by slices and one unit.
fn next_unit<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const TYPES: [&str; 5] = [".service", ".scope", ".socket", ".mount", ".swap"];
    for part in parts {
        // systemd puts a `_` before names that would read as something of the kernel's.
        let name = part.strip_prefix('_').unwrap_or(part);
        if TYPES
            .iter()
            .any(|end| name.len() > end.len() && name.ends_with(end))
        {
            return Some(name);
        }
        if !name.ends_with(".slice") {
            return None;
        }
    }
    None
}

/// A container, as far as the name of its control group tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Container<'a> {
    /// Who runs it: `docker`, `podman`, `containerd`, `cri-o`, `lxc`, `nspawn`, `machine`, `kubernetes`, or `container`
    /// where that cannot be told.
    pub runtime: &'static str,
    /// Its number (64 hexadecimal digits) or its name, as the runtime chose it.
    pub id: &'a str,
    /// The pod it belongs to, under Kubernetes.
    pub pod: Option<&'a str>,
}

impl Container<'_> {
    /// The id as people write it: the first 12 digits of a long number, or the whole name.
    pub fn short_id(&self) -> &str {
        if is_long_number(self.id) {
            &self.id[..12]
        } else {
            self.id
        }
    }
}

/// What stands before the number of a container in the name of its scope, and who writes that.
const SCOPES: &[(&str, &str)] = &[
    ("docker-", "docker"),
    ("libpod-", "podman"),
    ("cri-containerd-", "containerd"),
    ("cri-containerd:", "containerd"),
    ("containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("crio-", "cri-o"),
];

/// The container that a control group belongs to; the innermost, if there are several within each other.
pub fn container(path: &str) -> Option<Container<'_>> {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .take(MAX_DEPTH)
        .collect();
    let pod = parts.iter().rev().find_map(|part| pod(part));
    (0..parts.len()).rev().find_map(|at| {
        let above = at.checked_sub(1).map(|at| parts[at]);
        let (runtime, id) = from_part(parts[at], above, pod.is_some())?;
        Some(Container { runtime, id, pod })
    })
}

/// The container of one part of a path, knowing the part above it.
fn from_part<'a>(
    part: &'a str,
    above: Option<&str>,
    in_pod: bool,
) -> Option<(&'static str, &'a str)> {
    let name = part.strip_suffix(".scope").unwrap_or(part);
    // containerd writes slice:who:number if it does not use systemd's names.
    let name = match name.split_once(":cri-containerd:") {
        Some((_, number)) => return is_long_number(number).then_some(("containerd", number)),
        None => name,
    };
    for (prefix, runtime) in SCOPES {
        if let Some(number) = name.strip_prefix(prefix)
            && is_long_number(number)
        {
            return Some((runtime, number));
        }
    }
    if let Some(name) = name.strip_prefix("lxc.payload.") {
        return Some(("lxc", name)).filter(|(_, name)| !name.is_empty());
    }
    if let Some(machine) = part.strip_prefix("systemd-nspawn@") {
        return Some(("nspawn", machine.strip_suffix(".service")?));
    }
    if part.ends_with(".scope")
        && let Some(machine) = name.strip_prefix("machine-")
    {
        return Some(("machine", machine));
    }
    if matches!(above, Some("lxc" | "lxc.payload")) {
        return Some(("lxc", part));
    }
    if is_long_number(part) {
        let runtime = match above {
            Some("docker") => "docker",
            Some("libpod_parent") => "podman",
            _ if in_pod => "kubernetes",
            _ => "container",
        };
        return Some((runtime, part));
    }
    None
}

/// The pod of a part such as `kubepods-burstable-pod1234_5678.slice` or `pod1234-5678`.
fn pod(part: &str) -> Option<&str> {
    let name = part.split(':').next().unwrap_or(part);
    let name = name.strip_suffix(".slice").unwrap_or(name);
    let id = match name.strip_prefix("kubepods") {
        Some(rest) => rest.rsplit_once("-pod")?.1,
        None => name.strip_prefix("pod")?,
    };
    let known = id.len() >= 32
        && id
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || b"-_".contains(&byte));
    known.then_some(id)
}

/// Whether this is a number as container runtimes give them.
fn is_long_number(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The paths of these groups (numbers of version 2), as far as they still exist and can be seen.
pub(crate) fn paths(proc_root: &Path, wanted: HashSet<u64>) -> HashMap<u64, String> {
    let text = mounts::table(proc_root);
    let mount = mounts::parse(&text).find(|mount| mount.kind == b"cgroup2");
    mount.map_or_else(HashMap::new, |mount| paths_below(&mount.point, wanted))
}

/// Walk breadth first: what people look for stands near the root.
fn paths_below(root: &Path, mut wanted: HashSet<u64>) -> HashMap<u64, String> {
    let mut known = HashMap::new();
    let mut level: Vec<(PathBuf, String)> = vec![(root.to_owned(), String::new())];
    let mut seen = 0;
    if let Ok(metadata) = fs::metadata(root)
        && wanted.remove(&metadata.ino())
    {
        known.insert(metadata.ino(), "/".to_owned());
    }
    for _ in 0..MAX_DEPTH {
        let mut below = Vec::new();
        for (dir, path) in &level {
            // A group that has gone meanwhile, or may not be seen, has no groups below it.
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    continue;
                }
                seen += 1;
                let path = format!("{path}/{}", entry.file_name().to_string_lossy());
                // The number of a group is that of its directory.
                if wanted.remove(&entry.ino()) {
                    known.insert(entry.ino(), path.clone());
                }
                if wanted.is_empty() || seen >= MAX_GROUPS {
                    return known;
                }
                below.push((entry.path(), path));
            }
        }
        level = below;
    }
    known
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn units_are_read_as_systemd_does() {
        let cases = [
            ("/", None),
            ("", None),
            ("/init.scope", Some("init.scope")),
            ("/system.slice", None),
            ("/system.slice/ssh.service", Some("ssh.service")),
            ("/system.slice/ssh.service/sub/group", Some("ssh.service")),
            (
                "/system.slice/system-getty.slice/getty@tty1.service",
                Some("getty@tty1.service"),
            ),
            ("/system.slice/docker.socket", Some("docker.socket")),
            (
                "/user.slice/user-1000.slice/session-3.scope",
                Some("session-3.scope"),
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service",
                Some("user@1000.service"),
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/init.scope",
                Some("init.scope"),
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.x-1.scope",
                Some("app-org.x-1.scope"),
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice",
                Some("user@1000.service"),
            ),
            ("/system.slice/_cgroup.service", Some("cgroup.service")),
            ("/docker/abc", None),
            ("/box/ssh.service", None),
            ("/.service", None),
        ];
        for (path, expected) in cases {
            assert_eq!(unit(path), expected, "{path}");
        }
    }

    #[test]
    fn containers_are_read_from_every_runtimes_names() {
        const POD: &str = "1234abcd_0000_4444_8888_0123456789ab";
        const DASHED: &str = "1234abcd-0000-4444-8888-0123456789ab";
        let cases: &[(String, &str, &str, Option<&str>)] = &[
            (format!("/docker/{ID}"), "docker", ID, None),
            (
                format!("/docker/{ID}/system.slice/x.service"),
                "docker",
                ID,
                None,
            ),
            (
                format!("/system.slice/docker-{ID}.scope"),
                "docker",
                ID,
                None,
            ),
            (
                format!("/system.slice/docker-{ID}.scope/init"),
                "docker",
                ID,
                None,
            ),
            (
                format!("/machine.slice/libpod-{ID}.scope/container"),
                "podman",
                ID,
                None,
            ),
            (format!("/libpod_parent/libpod-{ID}"), "podman", ID, None),
            (
                format!(
                    "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope"
                ),
                "podman",
                ID,
                None,
            ),
            (
                format!(
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD}.slice/cri-containerd-{ID}.scope"
                ),
                "containerd",
                ID,
                Some(POD),
            ),
            (
                format!(
                    "/system.slice/containerd.service/kubepods-burstable-pod{POD}.slice:cri-containerd:{ID}"
                ),
                "containerd",
                ID,
                Some(POD),
            ),
            (
                format!("/kubepods/besteffort/pod{DASHED}/{ID}"),
                "kubernetes",
                ID,
                Some(DASHED),
            ),
            (
                format!("/kubepods.slice/kubepods-pod{POD}.slice/crio-{ID}.scope/container"),
                "cri-o",
                ID,
                Some(POD),
            ),
            (
                format!("/system.slice/nerdctl-{ID}.scope"),
                "containerd",
                ID,
                None,
            ),
            (format!("/ecs/task/{ID}"), "container", ID, None),
            ("/lxc/web/init.scope".to_owned(), "lxc", "web", None),
            (
                "/lxc.payload.web/system.slice/x.service".to_owned(),
                "lxc",
                "web",
                None,
            ),
            ("/lxc.payload/web".to_owned(), "lxc", "web", None),
            (
                "/machine.slice/systemd-nspawn@web.service/payload".to_owned(),
                "nspawn",
                "web",
                None,
            ),
            (
                "/machine.slice/machine-qemu\\x2d1.scope".to_owned(),
                "machine",
                "qemu\\x2d1",
                None,
            ),
            // One within the other: the inner one.
            (format!("/docker/{ID}/lxc/inner"), "lxc", "inner", None),
        ];
        for (path, runtime, id, pod) in cases {
            let found = container(path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!(
                (found.runtime, found.id, found.pod),
                (*runtime, *id, *pod),
                "{path}"
            );
        }
    }

    #[test]
    fn what_is_no_container_is_none() {
        let conmon = format!("/machine.slice/libpod-conmon-{ID}.scope");
        let monitor = format!("/crio-conmon-{ID}.scope");
        for path in [
            "/",
            "",
            "/system.slice/docker.service",
            "/docker/short",
            "/system.slice/docker-0123.scope",
            "/lxc.monitor.web",
            "/lxc.payload.",
            "/machine.slice",
            "/kubepods.slice/kubepods-besteffort.slice",
            &conmon,
            &monitor,
        ] {
            assert_eq!(container(path), None, "{path}");
        }
    }

    #[test]
    fn long_numbers_are_shortened_for_people() {
        let path = format!("/docker/{ID}");
        assert_eq!(container(&path).unwrap().short_id(), "0123456789ab");
        assert_eq!(
            container("/lxc/a-name-of-its-own").unwrap().short_id(),
            "a-name-of-its-own"
        );
    }

    #[test]
    fn numbers_become_paths_by_a_walk() {
        let root = sockeye_testkit::temporary_dir();
        fs::create_dir_all(root.path().join("system.slice/ssh.service")).unwrap();
        fs::create_dir_all(root.path().join("init.scope")).unwrap();
        fs::write(root.path().join("cgroup.procs"), "1\n").unwrap();
        let number = |path: &str| fs::metadata(root.path().join(path)).unwrap().ino();
        let (top, ssh) = (number(""), number("system.slice/ssh.service"));
        let file = number("cgroup.procs");
        let found = paths_below(root.path(), HashSet::from([top, ssh, file, u64::MAX]));
        assert_eq!(found.get(&top).map(String::as_str), Some("/"));
        assert_eq!(
            found.get(&ssh).map(String::as_str),
            Some("/system.slice/ssh.service")
        );
        assert_eq!(found.len(), 2);
        assert!(paths_below(Path::new("/no/such/place"), HashSet::from([1])).is_empty());
    }

    proptest! {
        #[test]
        fn any_path_is_read_without_a_panic(path in "[a-z/:._@-]{0,80}", number in "[0-9a-f]{63,65}") {
            let _ = (unit(&path), container(&path).map(|found| found.short_id().len()));
            let _ = container(&format!("{path}{number}{path}"));
        }
    }
}
