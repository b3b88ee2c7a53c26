//! Exit codes, and which one counts where several apply.

use crate::analysis::validity::Verdict;
use crate::error::Kind;

pub const HELP: &str = "\
Examples:
  cprun scripts/nyc_intervals.rhai                          the NYC study, profile quick
  cprun scripts/nyc_intervals.rhai --profile paper          as the study ran it
  cprun scripts/nyc_intervals.rhai -P intervals=1s,10s -P faults=1
  cprun eval 'analysis::optimal_interval(#{ c: 0.778, mtbf: 10.min })'
  cprun repl                                                the same primitives, interactive
  cprun analyze results/nyc_intervals/TIME                  all files again, from the journal
  cprun report results/nyc_intervals/TIME --example OUT     a copy for publication
  cprun dataset describe yellow_tripdata_2023-01.parquet
  cprun doc fault::every                                    the reference of the script language
  cprun doctor

Exit codes:
  0 done, verdict pass     1 verdict fail       2 verdict invalid or unknown
  3 some trials failed, the rest done           4 cleanup incomplete
  64 usage                 65 bad script, data or expression
  66 input missing         69 the target lacks or refuses something
  70 a defect of cprun     74 disk full or I/O
  130 SIGINT               143 SIGTERM
  Where several apply: 70, 4, 130/143, 64-74, 2, 3, 1.";

#[must_use]
pub fn of_error(kind: Kind) -> u8 {
    match kind {
        Kind::Usage => 64,
        Kind::Script => 65,
        Kind::InputMissing => 66,
        Kind::Target => 69,
        Kind::Defect => 70,
        Kind::Io => 74,
        Kind::Interrupted => 130,
        Kind::Terminated => 143,
        Kind::Cleanup => 4,
        Kind::Trial => 3,
    }
}

#[must_use]
pub fn of_verdict(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 0,
        Verdict::Fail => 1,
        Verdict::Invalid | Verdict::Unknown => 2,
    }
}

/// The code that counts.
#[must_use]
pub fn worst(codes: &[u8]) -> u8 {
    const ORDER: [u8; 13] = [70, 4, 130, 143, 64, 65, 66, 69, 74, 2, 3, 1, 0];
    ORDER.into_iter().find(|code| codes.contains(code)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_code_counts() {
        assert_eq!(worst(&[]), 0);
        assert_eq!(worst(&[0, 1, 3]), 3);
        assert_eq!(worst(&[2, 3]), 2);
        assert_eq!(worst(&[130, 2, 4]), 4);
        assert_eq!(worst(&[69, 130]), 130);
        assert_eq!(worst(&[70, 4]), 70);
    }
}
