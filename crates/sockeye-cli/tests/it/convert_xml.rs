//! `sockeye convert` with XML.

use sockeye_testkit::{Output, within};

use crate::sockeye;

const FEED: &str = "<feed><title>News</title><item id='1'><title>One</title><tag>a</tag></item>\
    <item id='2'><title>Two</title><tag>a</tag><tag>b</tag></item></feed>";

fn convert(args: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut program = sockeye(["convert"].iter().chain(args));
    program.write(input);
    program.finish()
}

#[test]
fn convert_picks_records_of_xml_by_a_path() {
    within(|| {
        let args = ["-f", "xml", "-c", "--records", "feed/item", "--list", "tag"];
        assert_eq!(
            convert(&args, FEED).stdout_text(),
            "{\"@id\":\"1\",\"title\":\"One\",\"tag\":[\"a\"]}\n{\"@id\":\"2\",\"title\":\"Two\",\"tag\":[\"a\",\"b\"]}\n"
        );
        let args = ["-f", "xml", "-r", "--records", "//item[2]/tag/text()"];
        assert_eq!(convert(&args, FEED).stdout_text(), "a\nb\n");
        let wrong = convert(&["-f", "xml", "--records", "a[last()]"], FEED);
        let said = wrong.stderr_text();
        assert!(said.contains("at character 3 of the path"), "{said}");
    });
}

#[test]
fn convert_brings_xml_through_json_and_back() {
    within(|| {
        let document = "<p a=\"1\">One <b>two</b><!-- three --><![CDATA[<]]><?four?></p>\n";
        let json = convert(&["-f", "xml", "-t", "json", "--lossless"], document);
        let args = ["-f", "json", "-t", "xml", "--no-declaration"];
        assert_eq!(convert(&args, json.stdout).stdout_text(), document);
    });
}

#[test]
fn convert_writes_rows_as_elements_of_given_names() {
    within(|| {
        let args = [
            "-f", "csv", "-t", "xml", "-c", "--root", "people", "--record", "person",
        ];
        assert_eq!(
            convert(&args, "id,name\n1,A&B\n").stdout_text(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<people><person><id>1</id><name>A&amp;B</name></person></people>\n"
        );
        let wrong = convert(&["-f", "json", "-t", "xml"], "{\"a\":{\"b c\":1}}");
        let said = wrong.stderr_text();
        assert!(said.contains("at .a[\"b c\"]"), "{said}");
    });
}

#[test]
fn convert_fetches_nothing_and_bounds_what_xml_costs() {
    within(|| {
        let document = "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>";
        let said = convert(&["-f", "xml"], document).stderr_text();
        assert!(said.contains("never fetched"), "{said}");
        for (args, document) in [
            (["--max-attributes", "1"], "<a b='' c=''/>"),
            (["--max-name", "2"], "<abc/>"),
            (["--max-depth", "1"], "<a><b/></a>"),
            (["--max-record", "10"], "<a><b/><c/><d/></a>"),
        ] {
            let output = convert(&[&["-f", "xml"][..], &args[..]].concat(), document);
            assert_eq!(output.stdout_text(), "", "{args:?}");
            assert!(output.stderr_text().contains("xml: "), "{args:?}");
        }
        let ignored = convert(&["-f", "xml", "-c", "--ignore-namespaces"], "<p:a/>");
        assert_eq!(ignored.stdout_text(), "{\"p:a\":null}\n");
        let kept = convert(&["-f", "xml", "-c", "--keep-space"], "<a> x </a>");
        assert_eq!(kept.stdout_text(), "{\"a\":\" x \"}\n");
    });
}
