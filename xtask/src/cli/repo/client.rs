//! `repo client`: what machines need that are to install from a repository.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::Context;
use crate::debian::changelog;
use crate::failure::{Failure, Kind, Result};
use crate::files;
use crate::recipe::repository;
use crate::report::Answer;
use crate::repository::client::keyring::{self, Keyring};
use crate::repository::client::sources;
use crate::repository::clock::{Clock, SystemClock};
use crate::repository::sign::gpg::Gpg;

/// Where the maintainer of the package is found.
const CHANGELOG: &str = "debian/changelog";

#[derive(Debug, clap::Args)]
#[command(after_help = "\
On a client, either of them will do:
  sudo cp NAME.sources /etc/apt/sources.list.d/
  sudo apt-get install ./NAME-archive-keyring_VERSION_all.deb
The package can be published, too (`repo add`): upgrading it brings a client the newest key. So that no client notices a change of keys:
  1. Publish a package with both keys, and wait until the clients have upgraded it:
       cargo xtask repo client NAME --next-key FINGERPRINT --to out
       cargo xtask repo add NAME out/NAME-archive-keyring_VERSION_all.deb
  2. In debian/repositories/NAME.toml, set `key` to the new one and `former-keys` to the old one, then sign by it:
       cargo xtask repo refresh NAME
  3. Publish a package without the old key: as in 1, without --next-key.")]
pub(super) struct Args {
    /// The repository
    name: String,
    /// The folder they are written to
    #[arg(long, value_name = "DIR", default_value = ".")]
    to: PathBuf,
    /// Full fingerprint of another key that clients shall believe, too: the one that will sign after a change of keys
    #[arg(long, value_name = "FINGERPRINT")]
    next_key: Option<String>,
    /// Where clients find the repository [default: `url` in its file]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    let opened = context.workshop.repository(&args.name)?;
    args.url
        .as_deref()
        .map_or(Ok(()), repository::check_address)?;
    let address = args.url.as_ref().or(opened.repository.url.as_ref());
    let address = address.ok_or_else(|| {
        let what = format!("nothing says where clients find the repository {}", args.name);
        Failure::new(Kind::Usage, what)
            .hint("set `url` in its file, or name one with --url (a folder of this machine: file:///srv/apt)")
    })?;
    let key = opened.key()?;
    let next = args.next_key.as_deref().map(next).transpose()?;
    let public_key = key.public_key(next.as_deref())?;
    let status = opened.publisher(&key, context.report.listener()).status()?;
    let checkout = &context.workshop.checkout;
    let entry = changelog::latest_in(Path::new(CHANGELOG), &checkout.root().join(CHANGELOG))?;
    let date = status.date.unwrap_or_else(|| SystemClock.now());
    let package = keyring::package(
        checkout,
        &Keyring {
            name: &args.name,
            repository: &opened.repository,
            next_key: next.as_deref(),
            public_key: &public_key,
            public_keyring: &key.public_keyring(next.as_deref())?,
            address,
            maintainer: &entry.maintainer,
            epoch: u32::try_from(date).unwrap_or_default(),
        },
    )?;
    let list = args.to.join(format!("{}.sources", args.name));
    let deb = args.to.join(package.file_name()?);
    files::replace(
        &list,
        sources(&opened.repository, &public_key, address).as_bytes(),
    )?;
    package.write(&deb)?;
    let text = format!("{}\n{}\n", list.display(), deb.display());
    let value = json!({ "repository": args.name, "sources": list, "package": deb });
    Ok(Answer::new(&value, text))
}

/// The next key's fingerprint, when gpg has that key.
fn next(fingerprint: &str) -> Result<String> {
    let key = repository::full_fingerprint(fingerprint);
    let key = key.ok_or_else(|| repository::no_fingerprint(fingerprint))?;
    Gpg::open(&key, None).map(|_| key)
}
