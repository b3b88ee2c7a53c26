//! Primitives without a prefix.

use rhai::Dynamic;

use crate::error::Error;
use crate::script::declare::{Argument, Belongs, Call, Effect, Handle, Kind, Outcome, Primitive};
use crate::script::params::Params;
use crate::script::session::Purpose;

pub const PRIMITIVES: &[Primitive] = &[Primitive {
    module: "",
    name: "params",
    doc: "Declares the parameters of the script and returns their values.\n\nThe first map holds names and \
            defaults, which are profile `paper`; the second names other profiles as changes to it. Without \
            `--profile` it is `quick` where the script has one. `-P name=value` wins over the profile.\n\nA \
            parameter has the type of its default, and the comment on its line is its help. The result is read \
            as `p.name` and cannot be changed; a misspelt name is an error. A script calls `params` once.",
    arguments: &[
        Argument::required("defaults", Kind::Map, "names and default values"),
        Argument::optional("profiles", Kind::Map, "for each further profile a map of the values it changes"),
    ],
    options: None,
    returns: Kind::Handle("params"),
    effect: Effect::Reads,
    belongs: Belongs::Top,
    example: r#"
            let p = params(#{
                intervals: [5.s, 30.s],  // checkpoint intervals compared
                repeats: 3,
            }, #{ quick: #{ repeats: 1 } });
            print(`${p.intervals}, ${p.repeats} times`);
        "#,
    run: params,
}];

fn params(call: &Call<'_>) -> Outcome {
    let session = call.session;
    // At a prompt a set of parameters can be typed anew.
    if session.state().params.is_some() && session.purpose != Purpose::Prompt {
        return Err(Error::script("params is called twice")
            .hint("a script has one set of parameters: put all of them into one map")
            .into());
    }
    let defaults = call.required("defaults", call.map("defaults"))?;
    let profiles = call.map("profiles").unwrap_or_default();
    let options = &session.options;
    let params =
        Params::resolve(defaults, profiles, &options.parameters, options.profile.as_deref(), &session.source())?;
    session.state().params = Some(params.clone());
    Ok(Dynamic::from(params))
}

pub fn handles() -> Vec<Handle> {
    vec![Handle::of::<Params>(
        "params",
        "The parameters of the script, each a property that cannot be set.",
        &[],
        |params| {
            let shown = |one: &crate::script::params::Parameter| {
                format!("{}: {}", one.name, crate::script::value::text(&one.value))
            };
            format!("#{{ {} }}", params.all.iter().map(shown).collect::<Vec<_>>().join(", "))
        },
    )]
}
