//! Taking what a table names: files, whole directories and links, each at its place or at the one that the table gives.

use crate::failure::Result;
use crate::image::path::ImagePath;
use crate::image::tree::Origin;
use crate::tool;

use super::glob::not_utf8;
use super::names::Meant;
use super::process::is_excluded;
use super::root::{Place, Thing, below};
use super::whole::{Job, Whole};

/// One path of a table on its way into the image.
pub(super) struct Order<'t> {
    /// The table, by its index.
    pub(super) table: usize,
    /// Why it is taken.
    pub(super) origin: Origin,
    /// The table's `to`.
    pub(super) to: Option<&'t str>,
}

/// Where the content of a named path goes.
struct Way {
    /// What was named.
    top: String,
    /// Where that goes, unless it stays where it is.
    to: Option<ImagePath>,
}

impl Way {
    /// Where a path goes that was named, or is in what was named.
    fn of(&self, path: &str) -> Result<ImagePath> {
        let Some(to) = &self.to else {
            return path.parse();
        };
        match path
            .strip_prefix(&self.top)
            .unwrap_or(path)
            .trim_start_matches('/')
        {
            "" => Ok(to.clone()),
            rest => to.join(rest),
        }
    }

    /// Whether a link can stay a link: relative, and to something that comes along.
    fn keeps(&self, target: &str, end: &Place) -> bool {
        let inside = end.path.strip_prefix(&self.top);
        !target.starts_with('/') && inside.is_some_and(|rest| rest.starts_with('/'))
    }
}

impl Whole<'_, '_> {
    /// Takes one path that a table names.
    pub(super) fn named(&mut self, order: &Order<'_>, meant: &Meant) -> Result<()> {
        let found = self.search.root.find(&meant.path)?;
        if is_excluded(
            &|path| self.excluded(order.table, path),
            &meant.path,
            &found,
        ) {
            return Ok(());
        }
        let to: Option<ImagePath> = match order.to {
            None => {
                self.gather.follow(&found, &order.origin)?;
                None
            }
            Some(to) if to.ends_with('/') => Some(format!("{to}{}", meant.kept).parse()?),
            Some(to) => Some(to.parse()?),
        };
        let Some(end) = found.place() else {
            return Ok(());
        };
        let way = Way {
            top: end.path.clone(),
            to,
        };
        self.inside(order, &way, end, meant.exactly)
    }

    /// Takes one thing that was named, or is in a directory that was.
    fn inside(&mut self, order: &Order<'_>, way: &Way, place: &Place, exactly: bool) -> Result<()> {
        match &place.kind {
            Thing::Link(target) => return self.link(order, way, place, target),
            // The top of the root is a directory without a path.
            Thing::Directory if place.path.is_empty() && way.to.is_none() => {}
            _ => self
                .gather
                .take(place, way.of(&place.path)?, order.origin.clone()),
        }
        match place.kind {
            Thing::Directory => self.directory(order, way, place),
            Thing::File => {
                let path = way.of(&place.path)?;
                self.push(Job::new(place, path, order.table, exactly));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn directory(&mut self, order: &Order<'_>, way: &Way, folder: &Place) -> Result<()> {
        tool::check_interrupt()?;
        let names = self.search.root.names(&folder.path)?;
        for name in &names.odd {
            let path = below(&folder.path, name);
            if !self.excluded(order.table, &path) {
                return Err(not_utf8(&path));
            }
        }
        for name in &names.names {
            let path = below(&folder.path, name);
            if self.excluded(order.table, &path) {
                continue;
            }
            if let Some(place) = self.search.root.place(&path)? {
                self.inside(order, way, &place, false)?;
            }
        }
        Ok(())
    }

    /// Takes a link in a directory that was named. Where it leads to a file, that comes along; a directory does not.
    fn link(&mut self, order: &Order<'_>, way: &Way, link: &Place, target: &str) -> Result<()> {
        let found = self.search.root.find(&link.path)?;
        let path = way.of(&link.path)?;
        let origin = order.origin.clone();
        let kept = found.place().is_none_or(|end| way.keeps(target, end));
        match found.file() {
            Some(file) if way.to.is_none() => {
                if is_excluded(&|path| self.excluded(order.table, path), &link.path, &found) {
                    return Ok(());
                }
                self.gather.follow(&found, &origin)?;
                let path = file.path.parse()?;
                self.push(Job::new(file, path, order.table, false));
            }
            // From its new place it would lead somewhere else.
            Some(file) if !kept => {
                self.gather.take(file, path.clone(), origin);
                self.push(Job::new(file, path, order.table, false));
            }
            _ => self.gather.take(link, path, origin),
        }
        Ok(())
    }
}
