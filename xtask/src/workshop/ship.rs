//! What leaves the checkout: the repository that packages go to, opened with its place and its key.

use super::Workshop;
use crate::event::Listen;
use crate::failure::Result;
use crate::needs::Purpose;
use crate::recipe::repository;
use crate::repository::Publisher;
use crate::repository::clock::SystemClock;
use crate::repository::place::{self, Place};
use crate::repository::sign::Signer;
use crate::repository::sign::gpg::Gpg;
use crate::repository::spec::Repository;
use crate::tool::version;

/// A repository that can be published to.
pub struct Opened {
    /// The name of its file.
    pub name: String,
    /// What it is.
    pub repository: Repository,
    place: Box<dyn Place>,
}

impl Workshop {
    /// A repository, by the name of its file in `debian/repositories/`. Nothing is connected to yet.
    ///
    /// # Errors
    /// When there is none of this name, or it has mistakes: every one at once.
    pub fn repository(&self, name: &str) -> Result<Opened> {
        let repository = repository::load(&self.checkout, name)?;
        let place = place::open(&repository.place, self.checkout.root())?;
        Ok(Opened {
            name: name.to_owned(),
            repository,
            place,
        })
    }
}

impl Opened {
    /// Its key, with those before it, to check what is published.
    ///
    /// # Errors
    /// When gpg does not have it, or is not there.
    pub fn key(&self) -> Result<Gpg> {
        version::require(Purpose::Publish, &[], |_| true)?;
        version::require(Purpose::Sources, &[], |need| need.name() == "gpgv")?;
        Gpg::open(&self.repository.key, None)?.after(&self.repository.former_keys)
    }

    /// Its key, when it can sign now.
    ///
    /// # Errors
    /// When gpg has no such key, or it cannot sign.
    pub fn ready(&self) -> Result<Gpg> {
        let key = self.key()?;
        key.ready()?;
        Ok(key)
    }

    /// What publishes to it.
    #[must_use]
    pub fn publisher<'a>(&'a self, signer: &'a Gpg, listen: &'a dyn Listen) -> Publisher<'a> {
        Publisher {
            repository: &self.repository,
            place: &*self.place,
            signer,
            listen,
            clock: &SystemClock,
        }
    }

    /// Where it is, as a person knows it.
    #[must_use]
    pub fn describe(&self) -> String {
        self.place.describe()
    }
}
