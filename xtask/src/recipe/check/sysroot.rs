//! Debian packages that a recipe takes as they are, the kernel among them.

use super::Check;
use super::form::{COMPONENT, PACKAGE, SUITE};
use crate::recipe::path::Path;
use crate::recipe::schema::{Recipe, Sysroot};
use crate::text::quoted;

/// What a kernel from a package leaves no room for.
const BUILT: [&str; 3] = ["source", "base", "fragments"];

impl Check<'_> {
    pub(super) fn sysroot(&mut self, recipe: &Recipe) {
        let path = Path::of(&["sysroot"]);
        if let Some(sysroot) = &recipe.sysroot {
            self.packages(sysroot, &path);
            if sysroot.packages.is_empty() && recipe.kernel.package.is_none() {
                let help = "name packages (packages = [\"parted\"]), or leave [sysroot] out";
                self.wrong(
                    &path,
                    "a sysroot without packages is of no use".to_owned(),
                    String::new(),
                    help,
                );
            }
        }
        if let Some(package) = &recipe.kernel.package {
            self.packaged_kernel(recipe, package);
        }
    }

    fn packages(&mut self, sysroot: &Sysroot, path: &Path) {
        self.text(&SUITE, &sysroot.suite, &path.key("suite"));
        self.texts(&COMPONENT, &sysroot.components, &path.key("components"));
        if sysroot.components.is_empty() {
            self.wrong(
                &path.key("components"),
                "no component is named to take packages from".to_owned(),
                String::new(),
                "write components = [\"main\"], or leave it out",
            );
        }
        self.texts(&PACKAGE, &sysroot.packages, &path.key("packages"));
        self.texts(&PACKAGE, &sysroot.without, &path.key("without"));
        for (index, package) in sysroot.without.iter().enumerate() {
            if sysroot.packages.contains(package) {
                self.contradiction(package, &path.key("without").index(index));
            }
        }
    }

    fn packaged_kernel(&mut self, recipe: &Recipe, package: &str) {
        let kernel = Path::of(&["kernel"]);
        let path = kernel.key("package");
        self.text(&PACKAGE, package, &path);
        match &recipe.sysroot {
            None => self.wrong(
                &path,
                format!(
                    "nothing says where the package {} is taken from",
                    quoted(package)
                ),
                String::new(),
                "add the table [sysroot]: it names the suite, \"bookworm\" where it says nothing",
            ),
            Some(sysroot) => {
                let index = sysroot.without.iter().position(|name| name == package);
                if let Some(index) = index {
                    let path = Path::of(&["sysroot", "without"]).index(index);
                    self.contradiction(package, &path);
                }
            }
        }
        for key in BUILT {
            let empty = key == "fragments" && recipe.kernel.fragments.is_empty();
            let path = kernel.key(key);
            if self.root.at(&path).is_some() && !empty {
                self.wrong_key(
                    &path,
                    format!("`{key}` is for a kernel that is built, and this one comes from the package {}", quoted(package)),
                    "leave it out, or leave out `package`",
                );
            }
        }
    }

    fn contradiction(&mut self, package: &str, path: &Path) {
        self.wrong(
            path,
            format!("{} is asked for, and is to be left out", quoted(package)),
            String::new(),
            "leave it out of one of the two lists",
        );
    }
}
