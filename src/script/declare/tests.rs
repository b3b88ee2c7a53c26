//! What a wrong call is told when it is made; most of it `check` tells before, where the values can be seen.

use rhai::{Dynamic, Engine};

use crate::host::Host;
use crate::runtime::Runtime;
use crate::script::session::{Datasets, Options, Purpose, Session};
use crate::script::source::Source;
use crate::script::{bind, errors, units};

#[test]
fn a_wrong_call_is_told_what_is_wanted() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let source = Source { name: "x.rhai".into(), text: String::new(), folder: None };
    let session = Session::new(
        &Host::real(),
        Runtime::real(runtime.handle().clone()),
        source,
        Options::default(),
        Purpose::Evaluate,
        Datasets::default(),
    );
    let mut engine = Engine::new();
    units::register(&mut engine);
    bind::register(&mut engine, &session);
    let calls = [
        "dataset::nyc()",
        "dataset::nyc(\"\", 2023)",
        "dataset::nyc(\"\", #{}, #{})",
        "dataset::nyc([1.s])",
        "kafka::create_topic(\"x\", #{ partitions: -1 })",
        "kafka::create_topic(\"x\", #{ partitions: 8.0, zzz: 1 })",
        "kafka::create_topic(\"x\", #{ zzz: 1 })",
        "fault::every(25, 3, |i| i)",
        "fault::every(25.s, 3, 4)",
        "fault::every(25.s, 3)",
        "replay::start(dataset::nyc(\"\"), #{ speed: 1.0 })",
        "fault::kill(dataset::nyc(\"\"))",
        "fault::kill([])",
        "cluster::instances(\"taskmanger\")",
        "cluster::needs(#{ taskmanager_memory: 1728 })",
        "cluster::needs(#{ rest_port: 70000 })",
        "cluster::needs(2)",
        "analysis::utilization(#{ T: 30.s, c: 0.778 })",
        "analysis::utilization(30.s)",
        "analysis::utilization(#{ T: 30.s, c: 1.0, R: 1.0, mtbf: 600, model: \"poison\" })",
        "analysis::optimal_interval(#{ c: 1.0, mtbf: 600, lambda: 0.1 })",
        "sim::utilization(#{ T: 30.s, c: 1.0, R: 1.0 })",
        "sim::utilization(#{ T: 30.s, c: 1.0, R: 1.0, lambda: 0.0 })",
        "sim::utilization(#{ T: 30.s, c: 1.0, R: 1.0, mtbf: 600, n: 0 })",
        "sim::utilization(#{ T: 30.s, c: 1.0, R: 1.0, law: \"trace\" })",
        "sim::utilization(#{ T: 30.s, c: 1.0, R: 1.0, law: \"trace\", times: [0.s, 9.s, 4.s] })",
        "sim::utilization(#{ T: 30.s, c: 1.0, R: 1.0, law: \"trace\", times: [0.s, 9.s], mtbf: 600 })",
        "sim::utilization(#{ T: 30.s, c: 1.0, R: 1.0, law: \"weibull\", mtbf: 600 })",
        "sim::utilization(#{ T: 30.s, c: 1.0, R: 1.0, mtbf: 600, shape: 0.7 })",
        "sim::utilization(#{ T: [5.s, 30.s], c: 1.0, R: 1.0, mtbf: 600, policy: \"young\" })",
        "sim::utilization(#{ T: 30.s, c: [1.0, 2.0], R: 1.0, mtbf: 600, c_cv: 0.3 })",
        "sim::utilization(#{ T: 30.s, c: 1.0, R: 1.0, mtbf: 600, R_law: \"exponential\", R_cv: 0.3 })",
        "sim::utilization(#{ T: 30.s, c: 1.0, R: 1.0, mtbf: 600, c_law: \"lognormal\" })",
        "report::table(\"x\", \"faults\")",
        "report::plot(run::study(\"x\"), \"bugdet\")",
        "report::text(run::study(\"x\"))",
        "report::text(\"x\")",
        "params(#{ a: 1 }, 2)",
    ];
    let mut shown = String::new();
    for call in calls {
        let failure = engine.eval::<Dynamic>(call).map(|value| value.to_string()).expect_err(call);
        let error = errors::summary(&failure);
        let hint = error.hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
        shown.push_str(&format!("{call}\n{}\n{hint}\n", error.message));
    }
    insta::assert_snapshot!(shown);
}
