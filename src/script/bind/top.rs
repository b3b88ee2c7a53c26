//! Primitives without a prefix.

use rhai::Dynamic;

use crate::error::Error;
use crate::script::declare::{Argument, Belongs, Call, Effect, Handle, Kind, Outcome, Primitive};
use crate::script::params::Params;

pub const PRIMITIVES: &[Primitive] = &[Primitive {
    module: "",
    name: "params",
    doc: "Declares what of the script can be set from outside, and returns the values in force.\n\n\
        The first map holds the names and their defaults, which are profile `paper`; the second names other profiles \
        as changes to it. `-P name=value` wins over the profile. A parameter has the type of its default, and the \
        comment on its line is its help. The result is read-only: `p.name`. A script calls it once.",
    arguments: &[
        Argument::required("defaults", Kind::Map, "names and default values"),
        Argument::optional("profiles", Kind::Map, "for each further profile a map of the values it changes"),
    ],
    options: None,
    returns: Kind::Handle("params"),
    effect: Effect::Reads,
    belongs: Belongs::Top,
    example: "let p = params(#{\n    intervals: [5.s, 30.s],  // checkpoint intervals compared\n    repeats: 3,\n}, #{ quick: #{ repeats: 1 } });\nprint(p.intervals);",
    run: params,
}];

fn params(call: &Call<'_>) -> Outcome {
    let session = call.session;
    if session.state().params.is_some() {
        return Err(Error::script("params is called twice")
            .hint("a script has one set of parameters: put all of them into one map")
            .into());
    }
    let defaults = call.required("defaults", call.map("defaults"))?;
    let profiles = call.map("profiles").unwrap_or_default();
    let options = &session.options;
    let params = Params::resolve(defaults, profiles, &options.parameters, options.profile.as_deref(), &session.source)?;
    session.state().params = Some(params.clone());
    Ok(Dynamic::from(params))
}

pub fn handles() -> Vec<Handle> {
    vec![Handle::of::<Params>(
        "params",
        "The parameters of the script; each is a property of its name, and none can be set.",
        &[],
        |params| {
            let shown = |one: &crate::script::params::Parameter| {
                format!("{}: {}", one.name, crate::script::value::text(&one.value))
            };
            format!("#{{ {} }}", params.all.iter().map(shown).collect::<Vec<_>>().join(", "))
        },
    )]
}
