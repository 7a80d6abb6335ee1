//! Tables of a recipe, as tests write them.

use crate::closure::{Closure, Settings, Wanted, closure};
use crate::failure::Result;

use super::lab::{Lab, paths};

/// One table.
pub(super) struct Table<'t> {
    pub(super) files: &'t [&'t str],
    pub(super) exclude: &'t [&'t str],
    pub(super) to: Option<&'t str>,
}

impl Table<'_> {
    pub(super) fn closure(&self, lab: &Lab, settings: &Settings) -> Result<Closure> {
        let owned = |texts: &[&str]| {
            texts
                .iter()
                .map(|&text| text.to_owned())
                .collect::<Vec<_>>()
        };
        let (files, exclude) = (owned(self.files), owned(self.exclude));
        let wanted = Wanted {
            table: "copy.tools".to_owned(),
            files: &files,
            exclude: &exclude,
            to: self.to,
        };
        closure(&lab.root(), &[wanted], settings)
    }

    pub(super) fn paths(&self, lab: &Lab) -> Vec<String> {
        paths(&self.closure(lab, &Settings::default()).unwrap())
    }
}

pub(super) fn files<'t>(files: &'t [&'t str]) -> Table<'t> {
    Table {
        files,
        exclude: &[],
        to: None,
    }
}
