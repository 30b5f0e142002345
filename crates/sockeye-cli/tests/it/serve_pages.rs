//! The pages of folders in a browser: what it shows, that nothing runs, what clicks do, and how they look.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sockeye_testkit::peers::{Chromium, Look};
use sockeye_testkit::{Program, deadline};

/// Starting a browser takes a while beside other tests.
const SLOW: std::time::Duration = std::time::Duration::from_secs(30);

fn serve(dir: &Path) -> (Program, String) {
    let args = ["serve", dir.to_str().unwrap(), "--port", "0"];
    let server = Program::start(crate::serving::SOCKEYE, args);
    let url = format!("http://127.0.0.1:{}/", server.port());
    (server, url)
}

/// The texts of all that this selector finds, a line each.
fn texts(selector: &str) -> String {
    format!("[...document.querySelectorAll({selector:?})].map(it => it.textContent).join('\\n')")
}

#[test]
fn odd_names_are_text_in_a_browser_and_can_be_fetched() {
    deadline(SLOW, || {
        let Some(browser) = Chromium::shared() else {
            return;
        };
        let dir = sockeye_testkit::temporary_dir();
        let names: [&[u8]; 8] = [
            b"<img src=x onerror=alert(1)>\"'&amp;#.txt",
            b"<script>alert(2)<",
            b"javascript:alert(3)",
            b"100%.txt",
            b"a?b#c.txt",
            b"a\nb.txt",
            b"a b.txt",
            b"\xff.txt",
        ];
        for name in names {
            fs::write(dir.path().join(OsStr::from_bytes(name)), "found").unwrap();
        }
        let readme = "# Read me\n<img src=x onerror=alert(4)><script>alert(5)</script>\n[x](javascript:alert(6))";
        fs::write(dir.path().join("README.md"), readme).unwrap();
        let (_server, url) = serve(dir.path());
        let page = browser.open(&url);
        let shown = page.evaluate(&texts("tbody .t"));
        for name in [
            "<img src=x onerror=alert(1)>\"'&amp;#.txt",
            "<script>alert(2)<",
            "javascript:alert(3)",
            "100%.txt",
            "a?b#c.txt",
            r"a\nb.txt",
            "a b.txt",
            r"\xff.txt",
        ] {
            assert!(shown.lines().any(|line| line == name), "{name} in {shown}");
        }
        assert_eq!(
            page.evaluate("document.querySelectorAll('script, .prose img, .prose a').length"),
            "0"
        );
        assert_eq!(page.evaluate(&texts(".prose h2")), "Read me");
        // Every link of the table leads to its file.
        let links = page
            .evaluate("[...document.querySelectorAll('tbody a')].map(it => it.href).join('\\n')");
        for link in links.lines().filter(|link| !link.ends_with(".md")) {
            let path = link.strip_prefix(&url).unwrap();
            let answer = fetch(&url, path);
            assert!(
                answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nfound"),
                "{path}: {answer}"
            );
        }
        assert_eq!(page.console(), [""; 0]);
    });
}

/// One answer, as it comes.
fn fetch(url: &str, path: &str) -> String {
    let place = url.strip_prefix("http://").unwrap().trim_end_matches('/');
    let mut stream = crate::serving::client(place.parse().unwrap());
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    crate::serving::rest(stream)
}

#[test]
fn clicks_sort_search_and_lead_into_folders() {
    deadline(SLOW, || {
        let Some(browser) = Chromium::shared() else {
            return;
        };
        let dir = sockeye_testkit::temporary_dir();
        fs::create_dir(dir.path().join("sub folder")).unwrap();
        fs::write(dir.path().join("sub folder/deep.txt"), "").unwrap();
        for (name, size) in [("v2", 30), ("v10", 10), ("b", 20)] {
            fs::write(dir.path().join(name), "x".repeat(size)).unwrap();
        }
        let (_server, url) = serve(dir.path());
        let look = Look {
            scripts: false,
            ..Look::default()
        };
        let page = browser.open_as(&url, look);
        let names = texts("tbody .t");
        assert_eq!(page.evaluate(&names), "sub folder\nb\nv2\nv10");
        page.click("th.s a");
        page.wait("location.search == '?sort=size&order=desc'");
        page.wait("document.querySelector('th.s[aria-sort=descending]')");
        assert_eq!(page.evaluate(&names), "sub folder\nv2\nb\nv10");
        page.click("input[type=search]");
        page.type_text("v");
        page.press("Enter");
        page.wait("location.search.includes('q=v')");
        page.wait("document.querySelector('.sum')");
        assert_eq!(page.evaluate(&names), "v2\nv10");
        assert_eq!(page.evaluate(&texts(".sum")), "2 of 4 entries found");
        page.go(&url);
        page.click("tbody a");
        page.wait("document.title == 'sub folder · Files'");
        assert_eq!(page.evaluate(&names), "Parent folder\ndeep.txt");
        page.click("tr.up a");
        page.wait("document.title == 'Files'");
        assert_eq!(page.console(), [""; 0]);
    });
}

#[test]
fn pages_look_well_in_light_in_dark_and_on_a_telephone() {
    deadline(SLOW, || {
        let Some(browser) = Chromium::shared() else {
            return;
        };
        let dir = sockeye_testkit::temporary_dir();
        fs::write(dir.path().join("README.md"), "# Read me\n\nA *text*.").unwrap();
        let long = "a name that is far too long for the screen of a telephone, even if it is held the other way.txt";
        fs::write(dir.path().join(long), "").unwrap();
        let (_server, url) = serve(dir.path());
        let dark = Look {
            dark: true,
            ..Look::default()
        };
        let telephone = Look {
            width: 390,
            height: 844,
            ..Look::default()
        };
        let mut pictures = Vec::new();
        for look in [Look::default(), dark, telephone] {
            let page = browser.open_as(&url, look);
            // Nothing is wider than the window, and text stands out from what is behind it.
            assert_eq!(
                page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
                "true"
            );
            for element in ["h1", ".sum", ".n a", ".m", ".prose p"] {
                let contrast = page.evaluate(&contrast(element));
                assert!(
                    contrast.parse::<f64>().unwrap() >= 4.5,
                    "{element} {look:?}: {contrast}"
                );
            }
            assert_eq!(page.console(), [""; 0]);
            pictures.push(page.screenshot());
        }
        assert!(
            pictures.iter().all(|picture| picture.len() > 8000),
            "there is nothing on it"
        );
        assert_ne!(pictures[0], pictures[1]);
    });
}

/// The contrast of an element's text (WCAG 2.2, 1.4.3), as an expression.
fn contrast(selector: &str) -> String {
    format!(
        "(() => {{
            const parts = color => color.match(/[\\d.]+/g).map(Number);
            const light = color => {{
                const [r, g, b] = parts(color).slice(0, 3).map(it => it / 255)
                    .map(it => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            }};
            let element = document.querySelector({selector:?});
            const ink = light(getComputedStyle(element).color);
            const color = it => getComputedStyle(it).backgroundColor;
            while (parts(color(element))[3] === 0) element = element.parentElement;
            const paper = light(color(element));
            return String((Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05));
        }})()"
    )
}
