//! What the recipe says of its Debian packages: names and fields that dpkg takes, files that are there.

use super::Check;
use super::form::{PACKAGE, URL};
use crate::checkout::Checkout;
use crate::debian::relation;
use crate::recipe::path::Path;
use crate::recipe::schema::Package;

/// The package that brings images to where a server serves them, and is no recipe's own.
const HELPER: &str = "netboot-images";

impl Check<'_> {
    pub(super) fn package(&mut self, recipe: &str, package: &Package, checkout: &Checkout) {
        let table = Path::of(&["package"]);
        for (key, name) in [("image", &package.image), ("server", &package.server)] {
            let Some(name) = name else { continue };
            let path = table.key(key);
            if self.text(&PACKAGE, name, &path) && name == HELPER {
                let message = format!("`{HELPER}` is a package that is made beside these");
                self.wrong(&path, message, String::new(), "choose another name");
            }
        }
        let image = package.image.clone();
        let image = image.unwrap_or_else(|| format!("netboot-image-{recipe}"));
        if package.server.as_ref() == Some(&image) {
            let message = format!("two packages are named `{image}`");
            let help =
                "`image` is the package with the files, `server` the one that sets a server up";
            self.wrong(&table.key("server"), message, String::new(), help);
        }
        if let Some(maintainer) = &package.maintainer
            && let Err(reason) = relation::maintainer(maintainer)
        {
            self.wrong(&table.key("maintainer"), reason, String::new(), "");
        }
        if let Some(homepage) = &package.homepage {
            self.text(&URL, homepage, &table.key("homepage"));
        }
        for (key, list) in [
            ("depends", &package.depends),
            ("recommends", &package.recommends),
        ] {
            for (index, item) in list.iter().enumerate() {
                if let Err(reason) = relation::check("Depends", item) {
                    let help = "such as `ntpsec`, `ntpsec | chrony` or `ntpsec (>= 1.2)`";
                    self.wrong(&table.key(key).index(index), reason, String::new(), help);
                }
            }
        }
        for (key, file) in [
            ("readme", &package.readme),
            ("copyright", &package.copyright),
        ] {
            if let Some(file) = file {
                self.file(checkout, file, &table.key(key));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::recipe::load;
    use crate::recipe::tests::{GOOD, checkout};

    /// What is said of a `[package]`: line of the table, underlined text, message.
    fn said(package: &str) -> Vec<String> {
        let text = format!("{GOOD}[package]\n{package}\n");
        let before = GOOD.lines().count() + 1;
        let files = [("recipes/demo.toml", text.as_str()), ("debian/readme", "x")];
        let (_folder, checkout) = checkout(&files);
        let failure = load(&checkout, "demo").err();
        let found = failure.iter().flat_map(|failure| &failure.diagnostics);
        found
            .map(|d| {
                let line = d.line_column().0 - before;
                format!("{line} {} {}", &d.text[d.span.clone()], d.message)
            })
            .collect()
    }

    #[test]
    fn a_table_that_is_right_passes() {
        let right = "image = \"img\"\nserver = \"srv\"\ndescription = \"\"\"\nOne.\n\nTwo.\n\"\"\"\nmaintainer = \"Jane Doe <jane@example.org>\"\nhomepage = \"https://example.org/\"\ndepends = [\"ntpsec | chrony (>= 4)\"]\nreadme = \"debian/readme\"\ncopyright = \"debian/changelog\"\n";
        assert_eq!(said(right), [""; 0]);
    }

    #[test]
    fn every_mistake_has_its_place() {
        let cases = [
            (
                "image = \"Img\"",
                "1 \"Img\" `Img` is no name of a Debian package",
            ),
            (
                "server = \"netboot-images\"",
                "1 \"netboot-images\" `netboot-images` is a package that is made beside these",
            ),
            (
                "server = \"netboot-image-demo\"",
                "1 \"netboot-image-demo\" two packages are named `netboot-image-demo`",
            ),
            (
                "maintainer = \"Jane\"",
                "1 \"Jane\" `Jane` is not of the form `Name <name@example.org>`",
            ),
            (
                "homepage = \"example.org\"",
                "1 \"example.org\" `example.org` is no address of a download",
            ),
            (
                "depends = [\"aa\", \"bb (> 1)\"]",
                "1 \"bb (> 1)\" `bb (> 1)`: `>` is no relation here; there is <<, <=, =, >=, >>",
            ),
            (
                "recommends = [\"B B\"]",
                "1 \"B B\" `B B` is no name of a package: two or more of a-z, 0-9, `+`, `-` and `.`, the first a letter or digit",
            ),
            (
                "readme = \"debian/README\"",
                "1 \"debian/README\" there is no file debian/README",
            ),
            (
                "copyright = \"/etc/passwd\"",
                "1 \"/etc/passwd\" `/etc/passwd` is no path inside the checkout",
            ),
        ];
        for (package, expected) in cases {
            let found = said(package);
            assert!(
                found.len() == 1 && found[0].starts_with(expected),
                "{found:#?}"
            );
        }
    }
}
