//! What versions of nats-server are known for.

use super::{Finding, Verdict};

/// What it takes that something known is felt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    InCluster,
    WithUsers,
}

/// Something that versions are known for.
struct Known {
    /// From this version on ...
    from: [u32; 3],
    /// ... to before this one.
    before: [u32; 3],
    when: When,
    verdict: Verdict,
    why: &'static str,
}

const KNOWN: &[Known] = &[
    Known {
        from: [0, 0, 0],
        before: [2, 9, 0],
        when: When::Always,
        verdict: Verdict::Unfit,
        why: "it cannot refuse a second result for a job (discard-new-per-subject came with 2.9.0)",
    },
    Known {
        from: [2, 9, 0],
        before: [2, 10, 0],
        when: When::Always,
        verdict: Verdict::Warning,
        why: "it writes to disk every 2 minutes and cannot be told to do it always (sync_interval came with 2.10.0)",
    },
    Known {
        from: [2, 9, 0],
        before: [2, 10, 23],
        when: When::InCluster,
        verdict: Verdict::Unfit,
        why: "in a cluster, a server that is killed may lose a whole stream (nats-server#6888, mended in 2.10.23)",
    },
    Known {
        from: [2, 9, 0],
        before: [2, 11, 16],
        when: When::WithUsers,
        verdict: Verdict::Warning,
        why: "its permissions can be got around (advisories of 2026: routes, queue subscriptions; mended in 2.11.16 and 2.12.7)",
    },
    Known {
        from: [2, 12, 0],
        before: [2, 12, 7],
        when: When::WithUsers,
        verdict: Verdict::Warning,
        why: "its permissions can be got around (advisories of 2026: routes, queue subscriptions; mended in 2.12.7)",
    },
];

/// What is thought of this version.
pub(super) fn judge(text: &str, numbers: [u32; 3], in_cluster: bool, with_users: bool) -> Finding {
    if numbers == [0; 3] {
        let text = format!("it calls itself {text:?}, which says nothing");
        return Finding::new("version", Verdict::Unknown, text);
    }
    let is_felt = |known: &&Known| {
        let holds = match known.when {
            When::Always => true,
            When::InCluster => in_cluster,
            When::WithUsers => with_users,
        };
        holds && known.from <= numbers && numbers < known.before
    };
    let felt: Vec<&Known> = KNOWN.iter().filter(is_felt).collect();
    let name = format!("nats-server {text}");
    let Some(worst) = felt.iter().map(|known| known.verdict).max() else {
        return Finding::new("version", Verdict::Good, name);
    };
    let why: Vec<&str> = felt.iter().map(|known| known.why).collect();
    Finding::new("version", worst, format!("{name}: {}", why.join("; ")))
        .advise("nothing is known against 2.12.7 and newer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_judged_by_where_they_stand() {
        let verdict =
            |numbers, in_cluster, with_users| judge("x", numbers, in_cluster, with_users).verdict;
        assert_eq!(verdict([2, 8, 4], false, false), Verdict::Unfit);
        assert_eq!(verdict([2, 9, 10], false, false), Verdict::Warning);
        assert_eq!(verdict([2, 9, 10], true, false), Verdict::Unfit);
        assert_eq!(verdict([2, 10, 22], false, false), Verdict::Good);
        assert_eq!(verdict([2, 10, 22], true, false), Verdict::Unfit);
        assert_eq!(verdict([2, 10, 23], true, false), Verdict::Good);
        assert_eq!(verdict([2, 11, 15], false, true), Verdict::Warning);
        assert_eq!(verdict([2, 11, 16], false, true), Verdict::Good);
        assert_eq!(verdict([2, 12, 6], false, true), Verdict::Warning);
        assert_eq!(verdict([2, 12, 6], false, false), Verdict::Good);
        assert_eq!(verdict([2, 15, 1], true, true), Verdict::Good);
        assert_eq!(verdict([0, 0, 0], false, false), Verdict::Unknown);
    }

    #[test]
    fn all_reasons_are_told() {
        let finding = judge("2.9.10", [2, 9, 10], true, true);
        for part in ["nats-server 2.9.10: ", "sync_interval", "#6888", "2.12.7"] {
            assert!(finding.text.contains(part), "{part}: {}", finding.text);
        }
    }
}
