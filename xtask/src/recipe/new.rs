//! A new recipe to begin with: whole, commented, and building as it is.

use std::io::Write;
use std::path::PathBuf;

use crate::checkout::Checkout;
use crate::failure::{Failure, Kind, Result};
use crate::recipe::check::form::PACKAGE;
use crate::text::quoted;

/// The recipe that a new one begins as; `NAME` stands for its name. Its comments are short: `recipes/demo.toml` explains more.
const TEMPLATE: &str = include_str!("new.toml");

/// Writes `recipes/<name>.toml` and says where it is.
///
/// # Errors
/// [`Kind::Usage`] when the name is none, or there is such a recipe already (which stays as it is);
/// [`Kind::Host`] when it cannot be written.
pub fn create(checkout: &Checkout, name: &str) -> Result<PathBuf> {
    if !(PACKAGE.fits)(name) {
        return Err(Failure::new(
            Kind::Usage,
            format!(
                "{} cannot be the name of a recipe, as it is no {}",
                quoted(name),
                PACKAGE.what
            ),
        )
        .hint(PACKAGE.help));
    }
    let path = checkout.recipes().join(format!("{name}.toml"));
    let mut file = fs_err::File::create_new(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::new(
            Kind::Usage,
            format!(
                "there is a recipe {name} already: {}",
                checkout.relative(&path).display()
            ),
        )
        .hint("choose another name; nothing was changed"),
        _ => error.into(),
    })?;
    file.write_all(TEMPLATE.replace("NAME", name).as_bytes())?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::tests::checkout;

    #[test]
    fn a_new_recipe_is_good_as_it_is() {
        let (_folder, checkout) = checkout(&[]);
        for name in ["lab", "c++.0"] {
            let path = create(&checkout, name).unwrap();
            let loaded = crate::recipe::load(&checkout, path.to_str().unwrap()).unwrap();
            assert_eq!(loaded.name, name);
        }
    }

    #[test]
    fn a_new_recipe_is_never_written_over_another() {
        let (_folder, checkout) = checkout(&[("recipes/demo.toml", "mine")]);
        let failure = create(&checkout, "demo").unwrap_err();
        assert_eq!(failure.kind, Kind::Usage);
        let text = fs_err::read_to_string(checkout.recipes().join("demo.toml")).unwrap();
        assert_eq!(text, "mine");
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let (_folder, checkout) = checkout(&[]);
        for name in ["", "x", "Demo", "../x", "a/b", "a b", "a\0b", "-x", "a\nb"] {
            assert_eq!(
                create(&checkout, name).unwrap_err().kind,
                Kind::Usage,
                "{name:?}"
            );
        }
        assert!(crate::recipe::names(&checkout).is_empty());
    }
}
