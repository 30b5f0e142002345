//! The table of verdicts, and the same as JSON Lines.

use serde::Serialize;

use super::verdict::{Judged, Verdict, shown, told};
use crate::output::{Level, Output};
use crate::sheet::{Column, Layout, Sheet, Tint};

/// How much of what was sent and of what came is shown in a table.
const SHOWN: usize = 120;

/// One case.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "case")]
struct CaseEvent<'a> {
    case: &'a str,
    section: &'a str,
    sent: String,
    expected: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    came: String,
    verdict: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

/// The whole check.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "checked")]
struct Checked<'a> {
    server: &'a str,
    protocol: &'a str,
    ok: usize,
    violations: usize,
    not_applicable: usize,
}

/// Print it all. False if a rule is broken.
pub(super) fn print(judged: &[Judged], server: &str, protocol: &str, output: &Output) -> bool {
    let count = |word: &str| {
        judged
            .iter()
            .filter(|one| one.verdict.word() == word)
            .count()
    };
    let checked = Checked {
        server,
        protocol,
        ok: count("ok"),
        violations: count("violation"),
        not_applicable: count("not-applicable"),
    };
    if output.json() {
        for one in judged {
            output.json_line(&event(one));
        }
        output.json_line(&checked);
    } else {
        output.text(&table(judged, output));
        let line = format!(
            "{server}, {protocol}: {} ok, {}, {} not applicable",
            checked.ok,
            match checked.violations {
                1 => "1 violation".to_owned(),
                count => format!("{count} violations"),
            },
            checked.not_applicable
        );
        output.say(Level::Normal, line);
    }
    checked.violations == 0
}

fn event(one: &Judged) -> CaseEvent<'_> {
    let Judged {
        case,
        reply,
        verdict,
    } = one;
    CaseEvent {
        case: case.name,
        section: case.section,
        sent: String::from_utf8_lossy(&case.sent).into_owned(),
        expected: &case.expected,
        status: reply.status,
        came: String::from_utf8_lossy(&reply.body).into_owned(),
        verdict: verdict.word(),
        note: verdict.note(),
    }
}

fn table(judged: &[Judged], output: &Output) -> String {
    let mut columns = ["VERDICT", "CASE", "SECTION", "EXPECTED", "CAME", "SENT"].map(Column::new);
    columns[4].missable = 2;
    let mut sheet = Sheet::new(columns.to_vec(), judged.len());
    for one in judged {
        let tint = match &one.verdict {
            Verdict::Ok | Verdict::Noted(_) => Tint::Good,
            Verdict::Violation(_) => Tint::Bad,
            Verdict::NotApplicable(_) => Tint::Faint,
        };
        sheet.text().push_str(one.verdict.word());
        sheet.end_cell(tint);
        let came = match one.verdict.note() {
            Some(note) => format!("{} ({note})", told(&one.reply, SHOWN)),
            None => told(&one.reply, SHOWN),
        };
        let cells = [
            one.case.name.to_owned(),
            one.case.section.to_owned(),
            one.case.expected.clone(),
            came,
            shown(&one.case.sent, SHOWN),
        ];
        for cell in cells {
            sheet.text().push_str(&cell);
            sheet.end_cell(Tint::Plain);
        }
    }
    let layout = Layout {
        width: output.text_width(),
        color: output.text_color(),
        header: true,
    };
    let mut out = String::new();
    sheet.write(layout, &mut out);
    out
}
