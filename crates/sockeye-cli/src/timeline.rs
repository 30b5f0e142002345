//! Bars on a common scale of time, and times as people read them.

use std::time::Duration;

/// A scale of so many columns for a span of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) columns: usize,
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

/// What the last column of a bar says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tip {
    /// It came to what it was meant to.
    Done,
    /// It was given up.
    Canceled,
    /// It failed.
    Failed,
    /// Nothing special.
    Plain,
}

impl Scale {
    /// A bar from begin to end, as wide as the scale; whatever happened takes one column at least.
    pub(crate) fn bar(self, began: Duration, ended: Duration, tip: Tip) -> String {
        let (from, to) = (self.column(began), self.column(ended));
        let tip = match tip {
            Tip::Done => '●',
            Tip::Canceled => '╌',
            Tip::Failed => '×',
            Tip::Plain => '━',
        };
        let bar = format!(
            "{}{}{tip}",
            " ".repeat(from),
            "━".repeat(to.saturating_sub(from))
        );
        format!("{bar:<0$}", self.columns)
    }

    fn column(self, time: Duration) -> usize {
        let whole = self.to.saturating_sub(self.from).as_secs_f64().max(1e-9);
        let share = time.saturating_sub(self.from).as_secs_f64() / whole;
        let last = self.columns.saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a few columns, never negative"
        )]
        let column = (share * last as f64).round() as usize;
        column.min(last)
    }
}

/// A time as people read it: `0.3 ms`, `12 ms`, `1.25 s`.
pub(crate) fn took(time: Duration) -> String {
    match time.as_secs_f64() * 1e3 {
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms => format!("{:.2} s", ms / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        let times = [
            (300, "0.3 ms"),
            (12_400, "12 ms"),
            (999_400, "999 ms"),
            (1_250_000, "1.25 s"),
        ];
        for (micros, text) in times {
            assert_eq!(took(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn a_bar_stays_within_its_scale() {
        let ms = Duration::from_millis;
        let scale = Scale {
            columns: 11,
            from: ms(100),
            to: ms(200),
        };
        for (began, ended, tip, bar) in [
            (100, 200, Tip::Done, "━━━━━━━━━━●"),
            (150, 170, Tip::Failed, "     ━━×   "),
            (120, 120, Tip::Plain, "  ━        "),
            (0, 900, Tip::Canceled, "━━━━━━━━━━╌"),
        ] {
            assert_eq!(scale.bar(ms(began), ms(ended), tip), bar);
        }
        let nothing = Scale {
            columns: 3,
            from: ms(5),
            to: ms(5),
        };
        assert_eq!(nothing.bar(ms(5), ms(5), Tip::Plain), "━  ");
    }
}
