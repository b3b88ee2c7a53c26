//! `experiment` and `flink::submit`, whose maps mean more than their declarations say: axes, and a job's arguments.

use std::rc::Rc;

use rhai::Expr;

use super::calls::field;
use super::types::{Field, Record, Type};
use super::walk::{Walker, start};
use super::{Place, Severity};
use crate::error::Error;
use crate::flink::{ArgumentKind, JobSpec};
use crate::run::JobPackage;
use crate::script::declare::Kind;
use crate::script::value::{nearest, unknown};

/// What `experiment` hands its arguments to.
const TRIALS: &str = "run::trials";
/// Arguments of a job that cprun adds where the script gives none.
const ADDED: [&str; 1] = [crate::run::COLUMNS];

impl<'a> Walker<'a> {
    /// `experiment(name, options, body)` with values of these types.
    pub fn experiment(&mut self, arguments: &'a [Expr], types: &[Type], place: Place) {
        if self.branches == 0 {
            self.started = true;
        }
        let Some(trials) = self.known.primitives.get(TRIALS).copied() else { return };
        for ((argument, of), expression) in trials.arguments.iter().zip(types).zip(arguments) {
            if !of.fits(argument.kind) {
                let message =
                    format!("experiment: `{}` wants {}, not {}", argument.name, argument.kind.wanted(), of.described());
                let hint = "it is `experiment(\"name\", #{ interval: [1.s, 10.s] }, |v| { … })`";
                self.error("wrong-kind", start(expression), Error::script(message).hint(hint));
            }
        }
        self.options(trials, types.get(1), place);
        self.parameters_of_body(types.get(2), place);
        self.nearly_options(types.get(1));
    }

    fn parameters_of_body(&mut self, body: Option<&Type>, place: Place) {
        let Some(Type::Closure(lambda)) = body else { return };
        if lambda.parameters.len() != 1 {
            let message = format!(
                "the body of an experiment is called with 1 value, and this one takes {}",
                lambda.parameters.len()
            );
            let error = Error::script(message).hint("write it as `|v| { … }`; `v` holds one value of each axis");
            self.tell(Severity::Error, "wrong-number-of-arguments", place, error);
        }
    }

    /// `repeat: 3` makes an axis of that name, which is hardly meant.
    fn nearly_options(&mut self, options: Option<&Type>) {
        let (Some(Type::Map(record)), Some(trials)) = (options, self.known.primitives.get(TRIALS)) else { return };
        let names: Vec<&str> =
            trials.options.iter().flat_map(|options| options.known).map(|option| option.name).collect();
        for (key, field) in record.fields.clone() {
            let near = nearest(&key, &names).filter(|near| **near != key && strsim::jaro_winkler(&key, near) > 0.93);
            if let Some(near) = near {
                let error = Error::script(format!("`{key}` becomes an axis of the experiment"));
                let hint = format!("did you mean the option `{near}`?");
                self.warning("axis-like-option", field.key, error.hint(hint));
            }
        }
    }

    /// What the body of an experiment is called with: one value of each axis.
    pub fn axes(&self, options: Option<&Type>) -> Type {
        let Some(Type::Map(record)) = options else { return Type::Unknown };
        let known = self.known.primitives.get(TRIALS).and_then(|trials| trials.options);
        let is_option = |key: &str| known.is_some_and(|options| options.known.iter().any(|option| option.name == key));
        let axis = |field: &Field| Field {
            of: match &field.of {
                Type::List(element) => (**element).clone().widened(),
                // What is not known may be a list.
                Type::Unknown => Type::Unknown,
                other => other.clone().widened(),
            },
            ..field.clone()
        };
        let axes = record.fields.iter().filter(|(key, _)| !is_option(key));
        let fields = axes.map(|(key, field)| (key.clone(), axis(field))).collect();
        Type::Map(Rc::new(Record { fields, closed: record.closed, key: "axis" }))
    }

    // --- flink::submit ---

    pub fn submit(&mut self, arguments: &'a [Expr], types: &[Type], place: Place) {
        let Some(name) = types.first().and_then(Type::word).map(str::to_owned) else { return };
        // A path to a jar of the user's own has no description.
        if name.ends_with(".jar") || name.contains('/') {
            return;
        }
        let spec = match JobPackage::find(&name, &self.surroundings.folders) {
            Ok(package) => package.spec,
            Err(error) => return self.error("unknown-job", start(&arguments[0]), error),
        };
        let options = types.get(1);
        // What makes its load itself reads no topic; a map that is not closed may hold that too.
        let saturated = options.is_some_and(|of| of.record().is_none_or(|record| !record.closed))
            || field(options, "saturate").is_some();
        let needless = if saturated { spec.source.topic.clone() } else { String::new() };
        match field(options, "args") {
            Some(Field { of: Type::Map(args), .. }) => self.job_arguments(&spec, args, place, &needless),
            Some(_) => {}
            None if options.is_none_or(|of| of.record().is_some_and(|record| record.closed)) => {
                self.job_arguments(&spec, &Record { closed: true, ..Record::default() }, place, &needless);
            }
            None => {}
        }
    }

    fn job_arguments(&mut self, spec: &JobSpec, given: &Record, place: Place, needless: &str) {
        let known: Vec<&str> = spec.args.keys().map(String::as_str).collect();
        let mut strangers = false;
        for (name, field) in &given.fields {
            match spec.args.get(name) {
                Some(argument) => self.job_argument(spec, name, argument, field),
                None => {
                    strangers = true;
                    let message = format!("job {} has no argument `{name}`", spec.name);
                    self.error("unknown-job-argument", field.key, unknown("argument", &message, name, &known));
                }
            }
        }
        if !given.closed || strangers {
            return;
        }
        for (name, argument) in &spec.args {
            let lacking = argument.default.is_none() && !given.fields.contains_key(name);
            if lacking && name != needless && !ADDED.contains(&name.as_str()) {
                let message = format!("job {} needs the argument `{name}`: {}", spec.name, argument.doc);
                let error = Error::script(message).hint(format!("add it: `args: #{{ {name}: … }}`"));
                self.tell(Severity::Error, "missing-job-argument", place, error);
            }
        }
    }

    fn job_argument(&mut self, spec: &JobSpec, name: &str, argument: &crate::flink::Argument, field: &Field) {
        let string = [Kind::Text, Kind::Handle("topic"), Kind::Handle("secret")];
        let (fits, wanted, hint) = match argument.kind {
            ArgumentKind::String => {
                (string.iter().any(|kind| field.of.fits(*kind)), "a string", "give a string or a topic")
            }
            ArgumentKind::Int => (field.of.fits(Kind::Int), "a whole number", "write it without a fraction"),
            ArgumentKind::Duration => {
                (field.of.fits(Kind::Duration), "a duration such as `2.h`", "write the unit, as in `2.h`")
            }
            ArgumentKind::Choice => {
                let choices: Vec<&str> = argument.choices.iter().map(String::as_str).collect();
                if let Some(word) = field.of.word().filter(|word| !choices.contains(word)) {
                    let message = format!(
                        "argument `{name}` of job {} cannot be `{word}`; it is one of {}",
                        spec.name,
                        choices.join(", ")
                    );
                    return self.error("unknown-word", field.value, unknown("value", &message, word, &choices));
                }
                (field.of.fits(Kind::Text), "a string", "give one of the words in double quotes")
            }
        };
        if !fits {
            let message =
                format!("argument `{name}` of job {} wants {wanted}, not {}", spec.name, field.of.described());
            self.error("wrong-kind", field.value, Error::script(message).hint(hint));
        }
    }
}
