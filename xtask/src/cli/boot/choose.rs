//! Which boots: recipes and scenarios by name, all of them, those that a filter fits, a part of them.

use serde_json::{Value, json};

use super::Args;
use crate::arch::Arch;
use crate::boot::history::History;
use crate::boot::runner::Cost;
use crate::boot::scenario::Scenario;
use crate::boot::shard;
use crate::cli::Context;
use crate::failure::{Failure, Kind, Result};
use crate::image::pattern::{self, Pattern};
use crate::recipe::{self, Loaded};
use crate::report::{Answer, Table};
use crate::text::{counted, nearest};

/// Which of a recipe's scenarios.
pub(in crate::cli) enum Which<'a> {
    /// The first one.
    First,
    /// All of them.
    All,
    /// Those of these names.
    Named(&'a [String]),
}

/// A scenario of a recipe.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    /// The recipe as it was named.
    pub(super) recipe: String,
    pub(super) arch: Arch,
    pub(super) scenario: Scenario,
}

impl Chosen {
    /// By what filters know it, and shards deal it.
    fn name(&self) -> String {
        format!("{}/{}", self.recipe, self.scenario.name)
    }

    fn route(&self) -> &'static str {
        self.scenario.route(self.arch).name()
    }
}

/// What the command line chooses, recipe by recipe.
pub(super) fn chosen(context: &Context<'_>, args: &Args) -> Result<Vec<Chosen>> {
    let all = everything(context, args)?;
    let filters = args.filter.iter().map(|text| Filter::new(text));
    let filters: Vec<Filter> = filters.collect::<Result<_>>()?;
    let fits = |it: &Chosen| filters.is_empty() || filters.iter().any(|filter| filter.fits(it));
    let left: Vec<Chosen> = all.iter().filter(|it| fits(it)).cloned().collect();
    if left.is_empty() && !filters.is_empty() {
        let what = format!("no boot fits {}", args.filter.join(", "));
        let names: Vec<String> = all.iter().map(Chosen::name).collect();
        return Err(Failure::new(Kind::Usage, what)
            .note(format!("there are: {}", names.join(", ")))
            .hint("`--list` shows them with their routes"));
    }
    let Some(shard) = args.shard else {
        return Ok(left);
    };
    let weight = |it: &Chosen| shard::weight(&it.scenario, it.scenario.route(it.arch));
    let weights: Vec<(String, u32)> = left.iter().map(|it| (it.name(), weight(it))).collect();
    let dealt = shard::deal(&weights, shard.of);
    let ours = left.into_iter().zip(dealt);
    let ours = ours.filter(|(_, part)| *part == shard.number);
    Ok(ours.map(|(it, _)| it).collect())
}

/// Before filters: the scenarios of these names, or all, of the recipes that are named, or of all.
fn everything(context: &Context<'_>, args: &Args) -> Result<Vec<Chosen>> {
    let names = if args.all {
        recipe::names(&context.workshop.checkout)
    } else {
        args.recipe.clone()
    };
    let several = args.all || names.len() > 1;
    let mut all = Vec::new();
    for name in &names {
        let loaded = context.workshop.recipe(name)?;
        let there = &loaded.recipe.boot;
        let named = |it: &&Scenario| args.scenario.contains(&it.name);
        let scenarios = match (several, args.scenario.as_slice()) {
            (true, []) if args.all => there.iter().collect(),
            (true, [_, ..]) => there.iter().filter(named).collect(),
            (_, []) => of(&loaded, &Which::All)?,
            (false, names) => of(&loaded, &Which::Named(names))?,
        };
        all.extend(scenarios.into_iter().map(|scenario| Chosen {
            recipe: name.clone(),
            arch: loaded.recipe.arch,
            scenario: scenario.clone(),
        }));
    }
    let missing = |name: &&String| all.iter().all(|it| it.scenario.name != **name);
    match args.scenario.iter().find(missing) {
        Some(name) => {
            let what = format!("no recipe has a scenario {name:?}");
            Err(Failure::new(Kind::Usage, what).hint("`--list` shows what there is"))
        }
        None => Ok(all),
    }
}

/// The boots of each recipe.
pub(super) fn by_recipe(chosen: &[Chosen]) -> impl Iterator<Item = &[Chosen]> {
    chosen.chunk_by(|a, b| a.recipe == b.recipe)
}

/// Those of one recipe.
pub(super) fn of_recipe(
    context: &Context<'_>,
    recipe: &str,
    which: &Which<'_>,
) -> Result<Vec<Scenario>> {
    // A name that is misspelt is found before anything is built.
    let loaded = context.workshop.recipe(recipe)?;
    Ok(of(&loaded, which)?.into_iter().cloned().collect())
}

fn of<'a>(loaded: &'a Loaded, which: &Which<'_>) -> Result<Vec<&'a Scenario>> {
    let there = &loaded.recipe.boot;
    if there.is_empty() {
        return Err(Failure::new(
            Kind::Usage,
            format!("{} has no scenario to boot", loaded.name),
        )
        .hint("a table [[boot]] in the recipe is one; `recipes/demo.toml` shows some"));
    }
    match which {
        Which::First => Ok(there.iter().take(1).collect()),
        Which::All => Ok(there.iter().collect()),
        Which::Named(names) => names
            .iter()
            .map(|name| find(there, &loaded.name, name))
            .collect(),
    }
}

fn find<'a>(there: &'a [Scenario], recipe: &str, name: &str) -> Result<&'a Scenario> {
    let names = || there.iter().map(|scenario| scenario.name.as_str());
    there
        .iter()
        .find(|scenario| scenario.name == name)
        .ok_or_else(|| {
            let failure =
                Failure::new(Kind::Usage, format!("{recipe} has no scenario {name:?}")).note(
                    format!("its scenarios: {}", names().collect::<Vec<_>>().join(", ")),
                );
            match nearest(name, names()) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure,
            }
        })
}

/// What a boot has to have in its name or route.
enum Filter {
    Part(String),
    Pattern(Pattern),
}

impl Filter {
    fn new(text: &str) -> Result<Self> {
        if pattern::is_pattern(text) {
            let pattern = Pattern::new(text).map_err(|failure| failure.kind(Kind::Usage))?;
            return Ok(Self::Pattern(pattern));
        }
        Ok(Self::Part(text.to_owned()))
    }

    fn fits(&self, chosen: &Chosen) -> bool {
        let name = chosen.name();
        let words = [&name, chosen.recipe.as_str(), chosen.route()];
        match self {
            Self::Part(part) => words.iter().any(|word| word.contains(part.as_str())),
            Self::Pattern(pattern) => words.iter().any(|word| pattern.matches(word)),
        }
    }
}

/// What would be booted.
pub(super) fn list(context: &Context<'_>, chosen: &[Chosen]) -> Answer {
    let mut table = Table::default();
    table.row(["boot", "route", "machine", "memory", "last time"]);
    let mut values: Vec<Value> = Vec::new();
    for recipe in by_recipe(chosen) {
        let Some(first) = recipe.first() else {
            continue;
        };
        let history = History::read(&context.workshop.shelf(&first.recipe).boots(""));
        for it in recipe {
            let last = history.of(&it.name()).pop();
            let scenario = it.scenario.clone().on(it.arch);
            let seconds = last.as_ref().and_then(|last| last.seconds);
            let time = seconds.map_or_else(String::new, |seconds| format!(" in {seconds:.1} s"));
            let told = last.as_ref().map_or_else(
                || "never booted here".to_owned(),
                |last| format!("{}{time}", last.verdict),
            );
            let machine = format!("{} {}", it.arch, scenario.machine());
            let memory = Cost::of(&scenario).memory;
            let cells = [
                it.name(),
                it.route().to_owned(),
                machine,
                format!("{memory} MiB"),
                told,
            ];
            table.row(cells);
            values.push(json!({
                "recipe": it.recipe, "scenario": it.scenario.name, "route": it.route(), "arch": it.arch,
                "machine": scenario.machine().to_string(), "memory_mib": memory, "last": last,
            }));
        }
    }
    let count = counted(chosen.len(), "boot");
    Answer::new(&values, format!("{}{count}\n", table.render()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_look_at_names_and_routes() {
        let chosen = Chosen {
            recipe: "lava-master".to_owned(),
            arch: Arch::Amd64,
            scenario: Scenario::named("plain"),
        };
        let fits = |text: &str| Filter::new(text).unwrap().fits(&chosen);
        for text in [
            "master",
            "plain",
            "r/p",
            "pxelinux",
            "lava-*",
            "pl?in",
            "lava-*/*",
            "{efi-*,pxe*}",
            "*/plain",
        ] {
            assert!(fits(text), "{text}");
        }
        for text in ["demo", "efi", "efi-*", "lava", "lava-*/[!p]*"]
            .iter()
            .skip(1)
        {
            if *text != "lava" {
                assert!(!fits(text), "{text}");
            }
        }
        assert_eq!(Filter::new("[a").err().map(|it| it.kind), Some(Kind::Usage));
    }
}
