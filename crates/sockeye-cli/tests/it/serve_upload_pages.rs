//! The form for uploads in a browser.

use std::fs;

use sockeye_testkit::peers::Chromium;
use sockeye_testkit::{Program, deadline, temporary_dir};

/// Starting a browser takes a while beside other tests.
const SLOW: std::time::Duration = std::time::Duration::from_secs(30);

#[test]
fn files_and_folders_are_uploaded_from_the_page() {
    deadline(SLOW, || {
        let Some(browser) = Chromium::shared() else {
            return;
        };
        let (dir, source) = (temporary_dir(), temporary_dir());
        fs::create_dir_all(source.path().join("tree/sub")).unwrap();
        for name in ["one.txt", "a ä%#?.txt", "tree/sub/deep.txt"] {
            fs::write(source.path().join(name), name).unwrap();
        }
        let from = |name: &str| source.path().join(name);
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        let path = dir.path().to_str().unwrap();
        let server = Program::start(
            crate::serving::SOCKEYE,
            ["serve", path, "--port", "0", "--upload"],
        );
        let url = server.listening();
        let shows = |name: &str| {
            let found = format!(
                "[...document.querySelectorAll('a')].some(a => a.textContent.includes('{name}'))"
            );
            format!("document.readyState == 'complete' && {found}")
        };

        let page = browser.open(&url);
        page.choose_files(
            "#upload form input",
            &[&from("one.txt"), &from("a ä%#?.txt")],
        );
        page.click("#upload form button");
        page.wait(&shows("one.txt"));
        assert_eq!(
            (read("one.txt"), read("a ä%#?.txt")),
            ("one.txt".into(), "a ä%#?.txt".into())
        );

        page.drop_files("#upload", &[&from("tree")]);
        page.wait(&shows("tree"));
        assert_eq!(read("tree/sub/deep.txt"), "tree/sub/deep.txt");

        // What is there already is told, and the page stays.
        page.choose_files("#upload form input", &[&from("one.txt")]);
        page.click("#upload form button");
        page.wait("document.querySelector('#upload .failed')?.textContent.includes('already')");
    });
}
