//! Composition as a script uses it: run for real, with waits of milliseconds.

use std::time::Duration;

use crate::error::Kind;
use crate::script::testing::{Folder, run, run_virtually};

#[test]
fn retry_returns_the_value_of_the_first_call_that_does_not_fail() {
    let ran = run(
        "let tried = 0;\nlet value = retry(5, 1.ms, || { tried += 1; if tried < 3 { throw \"not yet\"; } `${tried}. time` });\nprint(value);",
    );
    assert_eq!(ran.printed(), "3. time\n");
}

#[test]
fn the_last_error_comes_with_the_number_of_attempts_and_its_own_place() {
    let ran = run("retry(3, 1.ms, || {\n    throw \"the broker is away\"\n});");
    insta::assert_snapshot!(ran.message(), @r#"
    error: 3 attempts failed, the last one with: the broker is away
     --> x.rhai:2:5
      |
    2 |     throw "the broker is away"
      |     ^^^^^
    "#);
    let caught = run("try { retry(2, 1.ms, || { throw \"no\" }); } catch(e) { print(e.message); }");
    assert_eq!(caught.printed(), "2 attempts failed, the last one with: no\n");
}

#[test]
fn a_mistake_of_the_script_is_not_tried_again() {
    let ran = run("let n = 0;\ntry { retry(5, 1.h, || { n += 1; let m = [1]; m[n + 5] }); } catch(e) { print(n); }");
    assert_eq!(ran.printed(), "1\n");
    let wrong = run(
        "let n = 0;\nlet give = |x| x;\ntry { retry(5, 1.h, || { n += 1; sleep(give.call(\"a\")); }); } catch(e) { print(`${n}: ${e.message}`); }",
    );
    assert_eq!(wrong.printed(), "1: sleep: `duration` wants a duration such as `30.s`, not a string (a)\n");
}

#[test]
fn wait_until_tells_how_long_it_took_or_which_condition_did_not_hold() {
    let ran = run(
        "let begin = timestamp();\nlet took = wait_until(10.s, || begin.elapsed >= 30.ms, #{ every: 5.ms });\nprint(took >= 25.ms && took < 9.s);",
    );
    assert_eq!(ran.printed(), "true\n");
    let ran = run("let lag = 12;\nwait_until(20.ms,\n    || lag == 0, #{ every: 5.ms });");
    assert_eq!(ran.error.as_ref().map(|error| error.kind), Some(Kind::Target));
    insta::assert_snapshot!(ran.message(), @r"
    error: the condition did not hold within 0.02 s:
      || lag == 0, #{ every: 5.ms });
     --> x.rhai:2:1
      |
    2 | wait_until(20.ms,
      | ^^^^^^^^^^
    hint: give it more time, or look at what it waits for with `print`
    ");
}

#[test]
fn a_condition_must_be_one() {
    insta::assert_snapshot!(run("wait_until(1.h, || 3);").message(), @r#"
    error: wait_until: the condition gives a whole number (3), not true or false
     --> x.rhai:1:1
      |
    1 | wait_until(1.h, || 3);
      | ^^^^^^^^^^
    hint: compare, as in `|| job.state == "RUNNING"`
    "#);
}

#[test]
fn parallel_closures_run_at_once_and_their_results_come_in_order() {
    let ran = run_virtually(
        "let base = 10;\nlet begin = timestamp();\nlet all = parallel(|| { sleep(3.h); base + 1 }, || { sleep(5.h); base + 2 }, || base + 3);\nprint(all);\nprint(begin.elapsed >= 5.h && begin.elapsed < 5.h + 1.s);\nprint(parallel([|| 1, || [2, base]]));",
    );
    assert_eq!(ran.printed(), "[11, 12, 13]\ntrue\n[1, [2, 10]]\n");
}

#[test]
fn parallel_closures_share_no_variable_and_so_no_lock() {
    // A method holds the lock of what it is called on; with shared captures this is a data race.
    let ran = run(
        "let seen = [0];\nlet work = || { for i in 0..2000 { seen.push(i); seen.len(); } seen.len() };\nprint(parallel(work, work, work, work));\nprint(seen);",
    );
    assert_eq!(ran.printed(), "[2001, 2001, 2001, 2001]\n[0]\n");
    // Nor by a closure that another one holds.
    let nested = run(
        "let seen = [0];\nlet inner = || { seen.push(1); seen.len() };\nlet work = || { for i in 0..2000 { inner.call(); } inner.call() };\nprint(parallel(work, work, work));",
    );
    assert_eq!(nested.printed(), "[2002, 2002, 2002]\n");
}

#[test]
fn the_first_error_of_parallel_is_thrown_after_all_have_ended_at_its_own_place() {
    let ran = run_virtually(
        "let begin = timestamp();\ntry {\n    parallel(|| { sleep(2.h); throw \"slow\" }, || throw \"fast\");\n} catch(e) { print(e); }\nprint(begin.elapsed >= 2.h);",
    );
    assert_eq!(ran.printed(), "slow\ntrue\n");
    let ran = run("let n = 7;\nparallel(|| 1,\n    || [1][n]);");
    assert_eq!(ran.error.and_then(|error| error.position).map(|place| place.line), Some(3));
}

#[test]
fn waits_take_as_long_as_they_say() {
    let ran = run_virtually(
        "let begin = timestamp();\nsleep(90.min);\nlet took = wait_until(2.h, || begin.elapsed >= 100.min, #{ every: 1.s });\nprint(took);\ntry { retry(4, 1.h, || throw \"no\"); } catch { }\nprint((begin.elapsed / 1.min).round());\ntry { wait_until(30.s, || false); } catch { }\nprint((begin.elapsed / 1.s).round());",
    );
    assert_eq!(ran.printed(), "600 s\n280.0\n16830.0\n");
}

#[test]
fn a_number_is_no_duration() {
    for text in ["sleep(5);", "sleep(0.5);"] {
        let error = run(text).error.expect("no unit");
        assert!(error.hint.as_deref().is_some_and(|hint| hint.starts_with("write the unit")), "{error:?}");
    }
    assert!(run("retry(3, 1, || 1);").message().contains("hint: write the unit: `1.s`"));
}

#[test]
fn every_wait_ends_within_200_ms_of_a_signal() {
    for text in [
        "sleep(1.h);",
        "wait_until(1.h, || false);",
        "wait_until(1.h, || false, #{ every: 1.h });",
        "retry(1000, 1.h, || throw \"no\");",
        "parallel(|| sleep(1.h), || { loop { sleep(1.ms); } }, || wait_until(1.h, || false));",
        "loop { sleep(1.ms); }",
        "loop { try { sleep(1.h); } catch { } }",
        "loop { for i in 0..100_000 { } sleep(2.ms); }",
    ] {
        let once = || {
            let folder = Folder::new().with("x.rhai", &format!("print(\"ready\");\n{text}"));
            let (ran, took) = folder.interrupt("x.rhai");
            assert_eq!(ran.error.map(|error| error.kind), Some(Kind::Interrupted), "{text}");
            took
        };
        // A busy machine only adds to it.
        let fastest = (0..5).map(|_| once()).min().expect("five of them");
        assert!(fastest < Duration::from_millis(200), "{text}: {fastest:?}");
    }
}
