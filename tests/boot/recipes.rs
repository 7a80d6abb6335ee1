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
    let mut scenarios = Vec::new();
    let mut trials = Vec::new();
    for name in recipe::names(&workshop.checkout) {
        match workshop.recipe(&name) {
            Ok(loaded) => {
                let (arch, boots) = (loaded.recipe.arch, loaded.recipe.boot);
                // Every route of PCs is booted by `routes`, which says what it leaves out.
                let of_routes = |boot: &Scenario| boot.route.is_some() && !boot.slow;
                let boots = boots
                    .into_iter()
                    .filter(|boot| thorough() || !of_routes(boot));
                scenarios.extend(boots.map(|boot| (name.clone(), arch, boot)));
            }
            Err(failure) => {
                let said = format!("{failure:#?}");
                trials.push(Trial::test(format!("{name}::recipe"), || Err(said.into())));
            }
        }
    }
    let (wanted, left_out): (Vec<_>, Vec<_>) = (scenarios.into_iter())
        .partition(|(_, _, boot): &(String, Arch, Scenario)| thorough() || !boot.slow);
    let mut scenarios = wanted;
    say(&left_out);
    scenarios.sort_by_key(|(_, arch, boot)| (Some(*arch) != Arch::host(), boot.memory));
    trials.extend(scenarios.into_iter().map(trial));
    trials.push(without_namespaces());
    trials
}

/// Whether all is to be tested (`cargo xtask test --all`).
fn thorough() -> bool {
    std::env::var("CORDWAINER_TESTS").is_ok_and(|much| much == "all")
}

#[expect(
    clippy::print_stderr,
    reason = "a test that is not run has to be heard of"
)]
fn say(left_out: &[(String, Arch, Scenario)]) {
    let names = left_out.iter();
    let names = names.map(|(recipe, _, boot)| format!("{recipe}::{}", boot.name));
    let names: Vec<String> = names.collect();
    if !names.is_empty() {
        let names = names.join(", ");
        eprintln!(
            "\n*** NOT TESTED, as they are slow: {names}. `cargo xtask test --all` boots them. ***\n"
        );
    }
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
