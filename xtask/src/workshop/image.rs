//! A recipe's image with what every machine gets on top of it, made where it is not there. Reading it is left to `inspect`.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::{Planned, Workshop};
use crate::event::{Event, Listen};
use crate::failure::{Failure, Kind, Result};
use crate::image::tree::FileTree;
use crate::plan::assemble::{self, INITRAMFS};
use crate::recipe::schema::Recipe;

/// An image that is there, as a machine without a configuration of its own gets it.
pub struct Image {
    /// The recipe, and what the image was made by.
    pub planned: Planned,
    /// The archives that the boot loader puts together: the image, and the segments that every machine gets.
    pub archives: Vec<PathBuf>,
    /// What is in each, and why.
    pub listings: Vec<FileTree>,
    /// The packages that something in it was taken from: name → versions.
    pub packages: serde_json::Value,
}

impl Workshop {
    /// A recipe's image with the segments that every machine gets, made where it is not there; no bundle of it.
    ///
    /// # Errors
    /// As [`Workshop::build`].
    pub fn image(&self, name: &str, listen: &dyn Listen) -> Result<Image> {
        let _share = self
            .store
            .share(|who| listen.hear(Event::waiting(who, "the store")))?;
        let steps = |recipe: &Recipe| {
            let segments = recipe.bundle.segments.iter();
            let segments = segments.map(|name| assemble::segment_step(name));
            [INITRAMFS.to_owned()].into_iter().chain(segments).collect()
        };
        let (planned, built) = self.make_all(name, &steps, listen)?;
        let mut archives = Vec::new();
        let mut listings = Vec::new();
        let mut packages = serde_json::Value::Null;
        for built in built {
            let artifact = built.artifact;
            listings.push(read(&artifact.path("listing")?)?);
            if artifact.outputs().contains_key("initramfs") {
                archives.push(artifact.path("initramfs")?);
                packages = read(&artifact.path("packages")?)?;
            } else {
                archives.push(artifact.path("archive")?);
            }
        }
        Ok(Image {
            planned,
            archives,
            listings,
            packages,
        })
    }
}

/// Reads a result that is JSON.
fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_slice(&fs_err::read(path)?).map_err(|error| {
        let what = format!("{} cannot be read: {error}", path.display());
        Failure::new(Kind::Store, what).hint("`cargo xtask store verify` finds what is damaged")
    })
}
