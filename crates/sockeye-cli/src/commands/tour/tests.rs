#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::page::Page;
use super::scene::{Broken, Finished, Scene};
use super::transcript::{Line, Pane, Transcript};
use super::*;

fn finished() -> Finished {
    Finished {
        code: Some(0),
        data: "yes\n".into(),
        talk: "* connected\n".into(),
    }
}

#[test]
fn a_claim_that_holds_is_fine_and_a_false_one_is_not() {
    let program = finished();
    program.exited(0).unwrap();
    program.wrote("yes\n").unwrap();
    program.said("connected").unwrap();
    program.did_not_say("refused").unwrap();

    let broken = program.exited(4).unwrap_err();
    assert_eq!(broken.expected, "exit code 4");
    assert!(broken.seen.starts_with("exit code 0"), "{broken:?}");
    let broken = program.wrote("yes").unwrap_err();
    assert_eq!(
        (&*broken.expected, &*broken.seen),
        (r#"exactly "yes""#, r#""yes\n""#)
    );
    assert_eq!(
        program.said("refused").unwrap_err().expected,
        r#""refused""#
    );
    program.did_not_say("connected").unwrap_err();
}

fn claims_too_much(scene: &mut Scene) -> Playing<'_> {
    Box::pin(async move {
        scene.file("somebody", "a", "what is there\n")?;
        finished().wrote("no\n")
    })
}

#[tokio::test]
async fn a_broken_step_shows_what_was_expected_and_seen() {
    let step = Step {
        title: "A false claim",
        before: "",
        play: claims_too_much,
        after: "Everything went well.",
    };
    let mut scene = Scene::new().unwrap();
    let outcome = (step.play)(&mut scene).await;
    let transcript = scene.close().await;
    let text = Page::new(false).after(&transcript, &step, &outcome);
    assert_eq!(
        text,
        "    somebody\n    │ $ cat a\n    │ what is there\n\n    This step did not do what it says.\n      \
         expected: exactly \"no\\n\"\n      seen:     \"yes\\n\"\n"
    );
    assert_eq!(Outcome::No.code(), 1);
    let farewell = Page::new(false).farewell(3, &[2]);
    assert!(farewell.contains("1 of 3 steps did not do what they say: 2."));
}

#[tokio::test]
async fn a_line_that_never_comes_breaks_the_step_and_nothing_is_left() {
    let mut scene = Scene::new().unwrap();
    scene.set_limit(Duration::from_millis(50));
    // The program is the test binary itself, which names its tests.
    let actor = scene.start("somebody", "sockeye --list").unwrap();
    let broken: Broken = scene.says(actor, "no such line").await.unwrap_err();
    assert_eq!(broken.expected, r#"a line with "no such line""#);
    let directory = scene.directory().to_owned();
    scene.close().await;
    assert!(!directory.exists());
}

#[test]
fn commands_and_output_are_told_apart() {
    let transcript = Transcript {
        panes: vec![Pane {
            who: "somebody",
            lines: vec![
                Line::Command("echo a".into()),
                Line::Typed("b".into()),
                Line::Data("c".into()),
                Line::Talk("d".into()),
            ],
        }],
    };
    assert_eq!(transcript.commands(), ["echo a"]);
    assert_eq!(Page::new(false).plain(&transcript), "b\nc\nd\n");
}

#[test]
fn stages_follow_the_outline_and_every_step_has_its_words() {
    let numerals: Vec<_> = STAGES.iter().map(|stage| stage.numeral).collect();
    assert_eq!(numerals, ["I", "II", "III", "IV", "V", "VI"]);
    for (number, stage, step) in numbered(STAGES) {
        assert!(!stage.about.is_empty());
        assert!(!step.title.is_empty() && step.title.len() < 60, "{number}");
        assert!(
            !step.before.is_empty() && !step.after.is_empty(),
            "{number}"
        );
    }
}
