//! Every scenario of every recipe.

use libtest_mimic::{Failed, Trial};
use xtask::arch::Arch;
use xtask::boot::happening::Network;
use xtask::boot::scenario::Scenario;
use xtask::recipe;

use crate::lab;

/// One trial for each scenario, those first that take the least, and one in the network of hosts that allow no namespaces. A recipe
/// that cannot be read is a trial that fails.
pub(crate) fn all() -> Vec<Trial> {
    let workshop = lab::workshop();
    // Every route is booted by `routes`, which says what it leaves out.
    let thorough = std::env::var("CORDWAINER_TESTS").is_ok_and(|much| much == "all");
    let mut scenarios = Vec::new();
    let mut trials = Vec::new();
    for name in recipe::names(&workshop.checkout) {
        match workshop.recipe(&name) {
            Ok(loaded) => {
                let (arch, boots) = (loaded.recipe.arch, loaded.recipe.boot);
                let boots = boots
                    .into_iter()
                    .filter(|boot| boot.route.is_none() || thorough);
                scenarios.extend(boots.map(|boot| (name.clone(), arch, boot)));
            }
            Err(failure) => {
                let said = format!("{failure:#?}");
                trials.push(Trial::test(format!("{name}::recipe"), || Err(said.into())));
            }
        }
    }
    scenarios.sort_by_key(|(_, arch, boot)| (Some(*arch) != Arch::host(), boot.memory));
    trials.extend(scenarios.into_iter().map(trial));
    trials.push(without_namespaces());
    trials
}

fn trial((recipe, arch, scenario): (String, Arch, Scenario)) -> Trial {
    let name = format!("{recipe}::{}", scenario.name);
    Trial::test(name, move || passes(&recipe, arch, scenario, None))
}

fn without_namespaces() -> Trial {
    Trial::test("demo::without_namespaces", || {
        let user = Some(Network::User);
        passes("demo", Arch::Amd64, Scenario::named("user"), user)
    })
}

fn passes(
    recipe: &str,
    arch: Arch,
    scenario: Scenario,
    network: Option<Network>,
) -> Result<(), Failed> {
    lab::passes(&lab::bundle(recipe)?, arch, scenario, network)
}
