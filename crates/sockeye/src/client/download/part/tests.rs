//! Files on their way, in a folder of their own.

use sockeye_testkit::temporary_dir;

use super::*;

fn sidecar() -> Sidecar {
    Sidecar::new("http://h/x".into(), Version::default(), None)
}

fn claim(dir: &std::path::Path, name: &str, existing: Existing) -> Claim {
    let folder = Arc::new(Folder::open(dir, false).unwrap());
    let is_ours = |it: &Sidecar| it.url == "http://h/x";
    Part::claim(&folder, name, existing, Some(&sidecar()), is_ours)
        .unwrap()
        .unwrap()
}

fn fresh(dir: &std::path::Path, name: &str, existing: Existing) -> Part {
    match claim(dir, name, existing) {
        Claim::Fresh(part) => part,
        _ => panic!("not fresh"),
    }
}

fn names(dir: &std::path::Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn numbers_stand_before_the_ending() {
    for (name, expected) in [
        ("a", "a (1)"),
        ("a.txt", "a (1).txt"),
        ("a.tar.gz", "a (1).tar.gz"),
        (".a", ".a (1)"),
        ("a.", "a (1)."),
    ] {
        assert_eq!(numbered(name, 1), expected);
        assert_eq!(numbered(name, 0), name);
    }
}

#[test]
fn nothing_is_overwritten_unless_told() {
    let dir = temporary_dir();
    std::fs::write(dir.path().join("x"), "old").unwrap();
    let part = fresh(dir.path(), "x", Existing::Number);
    part.write_at(b"new", 0).unwrap();
    let path = part.finish(3, Some(1_000_000_000)).unwrap();
    assert_eq!(names(dir.path()), ["x", "x (1)"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    let changed = std::fs::metadata(&path).unwrap().modified().unwrap();
    let since = changed.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(since.as_secs(), 1_000_000_000);
    assert!(matches!(
        claim(dir.path(), "x", Existing::Skip),
        Claim::Exists(_)
    ));
    let part = fresh(dir.path(), "x", Existing::Overwrite);
    part.write_at(b"newer", 0).unwrap();
    assert_eq!(std::fs::read(dir.path().join("x")).unwrap(), b"old");
    part.finish(5, None).unwrap();
    assert_eq!(std::fs::read(dir.path().join("x")).unwrap(), b"newer");
    assert_eq!(names(dir.path()), ["x", "x (1)"]);
}

#[test]
fn a_name_that_is_taken_meanwhile_is_not_taken_back() {
    let dir = temporary_dir();
    let part = fresh(dir.path(), "x", Existing::Number);
    std::fs::write(dir.path().join("x"), "other").unwrap();
    let path = part.finish(0, None).unwrap();
    assert!(path.ends_with("x (1)"), "{}", path.display());
    assert_eq!(std::fs::read(dir.path().join("x")).unwrap(), b"other");
}

#[test]
fn what_is_there_is_gone_on_with_and_two_at_once_stay_apart() {
    let dir = temporary_dir();
    let mut first = fresh(dir.path(), "x", Existing::Number);
    let second = fresh(dir.path(), "x", Existing::Number);
    assert!(second.path().ends_with("x (1)"));
    second.discard();
    first.write_at(b"abc", 0).unwrap();
    first.sidecar.done.add(0..3);
    first.save().unwrap();
    drop(first);
    assert_eq!(names(dir.path()), ["x.part", "x.part.json"]);
    let Claim::Begun(part) = claim(dir.path(), "x", Existing::Number) else {
        panic!()
    };
    assert_eq!((part.begun(), part.sidecar.done.prefix()), (3, 3));
    drop(part);
    // It is for something else, so it stays as it is.
    let folder = Arc::new(Folder::open(dir.path(), false).unwrap());
    let other = Part::claim(&folder, "x", Existing::Number, Some(&sidecar()), |_| false).unwrap();
    let Some(Claim::Fresh(other)) = other else {
        panic!()
    };
    assert!(other.path().ends_with("x (1)"));
    other.discard();
    assert_eq!(names(dir.path()), ["x.part", "x.part.json"]);
}

#[test]
fn links_are_not_followed() {
    let dir = temporary_dir();
    let victim = dir.path().join("victim");
    std::fs::write(&victim, "").unwrap();
    std::os::unix::fs::symlink(&victim, dir.path().join("x.part")).unwrap();
    std::fs::hard_link(&victim, dir.path().join("x (1).part")).unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("x (2)")).unwrap();
    let part = fresh(dir.path(), "x", Existing::Number);
    assert!(part.path().ends_with("x (3)"), "{}", part.path().display());
    part.write_at(b"new", 0).unwrap();
    assert_eq!(std::fs::read(&victim).unwrap(), b"");
    let folder = Arc::new(Folder::open(dir.path(), false).unwrap());
    let two_names = Part::claim(&folder, "victim", Existing::Continue, None, |_| true);
    assert!(two_names.is_err());
}

#[test]
fn a_file_of_another_program_is_taken_over_and_given_its_name_back() {
    let dir = temporary_dir();
    std::fs::write(dir.path().join("x"), "abc").unwrap();
    let Claim::Foreign(mut part) = claim(dir.path(), "x", Existing::Continue) else {
        panic!()
    };
    assert_eq!(part.sidecar.done, Spans::up_to(3));
    assert_eq!(names(dir.path()), ["x"]);
    part.take_over().unwrap();
    assert_eq!(names(dir.path()), ["x.part", "x.part.json"]);
    part.write_at(b"def", 3).unwrap();
    part.finish(6, None).unwrap();
    assert_eq!(names(dir.path()), ["x"]);
    assert_eq!(std::fs::read(dir.path().join("x")).unwrap(), b"abcdef");
}

impl Part {
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }
}
