//! The plan: a graph of steps, all keys known before anything is built.
//!
//! | enters a step's key | does not |
//! |---|---|
//! | the action with all its settings | the step's name and title |
//! | the digest of each input, or the key of the step it comes from | where the checkout and the store are |
//! | the version of each tool, and of our own code for the step | the number of cores, the job budget |
//! | the environment that the tools see, beyond what every tool sees | the user's own environment |
//! | the names of the outputs | times, users, host names |
//!
//! A key is the SHA-256 of the canonical encoding ([`crate::digest`]) of [`Definition`]. Planning
//! never writes. What an action does is left to `steps`, walking the graph to `engine`.

pub mod assemble;
pub mod board;
pub mod copies;
mod draft;
pub mod explain;
mod image;
pub mod packages;
mod step;
pub mod sysroot;
pub mod tools;
pub mod uki;

pub use step::{
    Action, Bundle, Definition, Folders, Initramfs, Input, Layout, Location, OfHost, Packages,
    Packing, Segment, Stamps, Step, SysrootPackage, System, Uki,
};

use crate::failure::{Failure, Result};
use crate::store::{Root, RootStep};

/// Steps in an order in which each comes after those it takes something from.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    steps: Vec<Step>,
}

impl Plan {
    /// Adds a step, and returns its name for use in later ones. The same definition again is the same step.
    ///
    /// # Errors
    /// A bug, when the name is taken by another step, or an input names a step that is not there.
    pub fn add(&mut self, step: Step) -> Result<String> {
        if let Some(there) = self.get(&step.name) {
            if there.key == step.key {
                return Ok(step.name);
            }
            return Err(Failure::bug(format!("two steps are named {:?}", step.name)));
        }
        for upstream in step.upstream() {
            if self.get(upstream).is_none() {
                return Err(Failure::bug(format!(
                    "{:?} takes from the unknown step {upstream:?}",
                    step.name
                )));
            }
        }
        let name = step.name.clone();
        self.steps.push(step);
        Ok(name)
    }

    /// The steps, each after those it takes something from.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The step of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// An input that is an output of a step of this plan.
    ///
    /// # Errors
    /// A bug, when there is no such step or output.
    pub fn output(&self, step: &str, output: &str) -> Result<(Input, Location)> {
        let from = self
            .get(step)
            .ok_or_else(|| Failure::bug(format!("no step {step:?}")))?;
        if !from.definition.outputs.iter().any(|name| name == output) {
            return Err(Failure::bug(format!(
                "the step {step:?} has no output {output:?}"
            )));
        }
        let input = Input::Output {
            step: from.key,
            output: output.to_owned(),
        };
        Ok((input, Location::Step(step.to_owned())))
    }

    /// What the store keeps of this plan for a recipe.
    #[must_use]
    pub fn root(&self, checkout: &std::path::Path, recipe: &str) -> Root {
        let of = |step: &Step| RootStep {
            key: step.key,
            definition: step.definition.value(),
            folders: step.folders.clone(),
        };
        Root {
            checkout: checkout.to_owned(),
            recipe: recipe.to_owned(),
            steps: self
                .steps
                .iter()
                .map(|step| (step.name.clone(), of(step)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
