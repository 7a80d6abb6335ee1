//! A step in the making: its inputs are digested as they are named. What the inputs are is `assemble`'s to say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Action, Definition, Folders, Input, Location, Plan, Step, tools};
use crate::checkout::Checkout;
use crate::digest::Digest;
use crate::failure::{Failure, Kind, Result};
use crate::image::overlay;
use crate::kconfig::fragment::Fragment;
use crate::recipe::extend::read_text;

/// Up to how many paths in a folder `explain` tells which of them changed.
const TOLD_BY_FILE: usize = 2000;

/// A definition in the making, with where its inputs are found.
pub(super) struct Draft<'a> {
    checkout: &'a Checkout,
    pub(super) definition: Definition,
    locations: BTreeMap<String, Location>,
    folders: Folders,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        checkout: &'a Checkout,
        action: Action,
        outputs: &[&str],
        tools: tools::Tools,
    ) -> Self {
        let mut definition = Definition::new(action, outputs);
        definition.tools = tools;
        Self {
            checkout,
            definition,
            locations: BTreeMap::new(),
            folders: Folders::new(),
        }
    }

    pub(super) fn input(&mut self, name: String, input: Input, location: Location) {
        self.definition.inputs.insert(name.clone(), input);
        self.locations.insert(name, location);
    }

    /// An output of another step.
    pub(super) fn step(&mut self, plan: &Plan, name: &str, step: &str, output: &str) -> Result<()> {
        let (input, location) = plan.output(step, output)?;
        self.input(name.to_owned(), input, location);
        Ok(())
    }

    /// A file of the checkout, by its path there; the path is the input's name too, so that messages name it.
    pub(super) fn file(&mut self, path: &Path) -> Result<()> {
        let (digest, _) = Digest::of_file(&self.checkout.root().join(path))?;
        let name = path.to_string_lossy().into_owned();
        self.input(
            name,
            Input::File { digest },
            Location::Checkout(path.to_owned()),
        );
        Ok(())
    }

    /// Fragments of the checkout. They are read here too, so that mistakes in them are said before anything is built.
    pub(super) fn fragments(&mut self, paths: &[PathBuf]) -> Result<()> {
        let mut mistakes = Vec::new();
        for path in paths {
            let text = read_text(self.checkout, &self.checkout.root().join(path))?;
            if let Err(mut failure) = Fragment::parse(path, &text.text) {
                mistakes.append(&mut failure.diagnostics);
            }
            self.file(path)?;
        }
        if mistakes.is_empty() {
            return Ok(());
        }
        Err(
            Failure::new(Kind::Recipe, "the recipe's fragments have mistakes")
                .diagnostics(mistakes),
        )
    }

    /// A folder of the checkout, by what counts in it.
    pub(super) fn folder(&mut self, name: &str, path: &Path) -> Result<()> {
        let listing = overlay::listing(&self.checkout.root().join(path))?;
        let digest = Digest::of_value(&listing);
        // A whole source tree is not told file by file.
        if listing.len() <= TOLD_BY_FILE {
            let items = listing
                .iter()
                .map(|item| (item.path.clone(), item.kind.to_string()));
            self.folders.insert(name.to_owned(), items.collect());
        }
        self.input(
            name.to_owned(),
            Input::Folder { digest },
            Location::Checkout(path.to_owned()),
        );
        Ok(())
    }

    pub(super) fn environment(&mut self, variables: &[(&str, String)]) {
        let owned = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        self.definition.environment.extend(owned);
    }

    pub(super) fn finish(self, name: &str, title: impl Into<String>) -> Step {
        Step {
            folders: self.folders,
            ..Step::new(name, title, self.definition, self.locations)
        }
    }
}
