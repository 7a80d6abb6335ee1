//! A new description of a repository: whole, commented, and working as it is.

use std::io::Write;
use std::path::{Path as FilePath, PathBuf};

use super::{full_fingerprint, load, no_fingerprint};
use crate::checkout::Checkout;
use crate::failure::{Failure, Kind, Result};
use crate::recipe::check::form::PACKAGE;
use crate::text::quoted;

/// The description that a new one begins as. `NAME`, `= KEY` and `= FOLDER` stand for what the user says.
const TEMPLATE: &str = include_str!("new.toml");

/// Writes `debian/repositories/<name>.toml` for a repository in a folder of this machine, and says where it is.
///
/// # Errors
/// [`Kind::Usage`] when the name or the key is none, or there is such a repository already (which stays as it is); [`Kind::Recipe`] with
/// diagnostics when the folder will not do, and [`Kind::Host`] when it cannot be written: then nothing stays.
pub fn create(checkout: &Checkout, name: &str, key: &str, folder: &FilePath) -> Result<PathBuf> {
    if !(PACKAGE.fits)(name) {
        let what = format!(
            "{} cannot be the name of a repository: its keyring package has the same",
            quoted(name)
        );
        return Err(Failure::new(Kind::Usage, what).hint(PACKAGE.help));
    }
    let key = full_fingerprint(key).ok_or_else(|| no_fingerprint(key))?;
    let path = checkout.repositories().join(format!("{name}.toml"));
    fs_err::create_dir_all(checkout.repositories())?;
    let mut file = fs_err::File::create_new(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            let there = checkout.relative(&path).display();
            let what = format!("there is a repository {name} already: {there}");
            Failure::new(Kind::Usage, what).hint("choose another name; nothing was changed")
        }
        _ => error.into(),
    })?;
    let string = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let text = TEMPLATE
        .replace("NAME", name)
        .replace("= KEY\n", &format!("= {}\n", string(&key)))
        .replace(
            "= FOLDER\n",
            &format!("= {}\n", string(&folder.to_string_lossy())),
        );
    let written = file.write_all(text.as_bytes()).map_err(Failure::from);
    if let Err(failure) = written.and_then(|()| load(checkout, name).map(drop)) {
        fs_err::remove_file(&path)?;
        return Err(failure);
    }
    Ok(path)
}
