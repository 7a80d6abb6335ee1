//! The ways by which machines boot the bundle: whether they have them, whether the kernel can be started so, and whether the bundle has
//! those that its scenarios boot by.

use super::Check;
use crate::checkout::Checkout;
use crate::kconfig::config::{Tristate, Value};
use crate::kconfig::fragment::{Fragment, merged};
use crate::loader::route::Route;
use crate::recipe::extend::read_text;
use crate::recipe::path::Path;
use crate::recipe::schema::Recipe;
use crate::text::{listing, nearest};

/// Where a kernel's configuration has nothing that its fragments do not ask for.
const SMALL_BASES: [&str; 2] = ["allnoconfig", "tinyconfig"];
/// What makes a kernel an EFI program (Documentation/admin-guide/efi-stub.rst).
const STUB: &str = "EFI_STUB";

impl Check<'_> {
    pub(super) fn routes(&mut self, recipe: &Recipe, checkout: &Checkout) {
        let (arch, routes) = (recipe.arch, &recipe.bundle.routes);
        let list = Path::of(&["bundle", "routes"]);
        let stub = lacks_stub(recipe, checkout);
        for (index, &route) in routes.iter().enumerate() {
            let path = list.index(index);
            if !route.fits(arch) {
                let fitting = Route::ALL.iter().filter(|route| route.fits(arch));
                let help = format!(
                    "it has {}",
                    listing(fitting.map(|route| route.name()), "and")
                );
                self.wrong(
                    &path,
                    format!("{arch} has no route `{route}`"),
                    String::new(),
                    help,
                );
            } else if routes[..index].contains(&route) {
                let message = format!("`{route}` is in this list twice");
                self.wrong(&path, message, String::new(), "");
            } else if route == Route::SecureGrub {
                self.signed_kernel(recipe, &path);
            } else if route.is_efi() && stub {
                let message = format!(
                    "`{route}` needs a kernel that is an EFI program, and no fragment has CONFIG_{STUB}=y"
                );
                let help = format!(
                    "add \"{}/efi.config\" to the kernel's `fragments`",
                    folder(recipe)
                );
                self.wrong(&path, message, String::new(), help);
            }
        }
        self.routes_of_scenarios(recipe);
    }

    fn signed_kernel(&mut self, recipe: &Recipe, path: &Path) {
        let why = match &recipe.kernel.package {
            None => "and this one is built here".to_owned(),
            Some(package) if package.contains("unsigned") => format!("and {package} is none"),
            Some(_) => return,
        };
        let message = format!(
            "`{}` boots a kernel that Debian signed, {why}",
            Route::SecureGrub
        );
        let help = format!(
            "take a package, such as package = \"linux-image-{}\" in [kernel]; or `{}`, signed with a key of your own",
            recipe.arch,
            Route::SecureUki
        );
        self.wrong(path, message, String::new(), help);
    }

    fn routes_of_scenarios(&mut self, recipe: &Recipe) {
        let routes = recipe.bundle.routes(recipe.arch);
        let names = || routes.iter().map(|route| route.name());
        for (index, scenario) in recipe.boot.iter().enumerate() {
            let route = scenario.route(recipe.arch);
            if routes.contains(&route) || !route.fits(recipe.arch) {
                continue;
            }
            let path = Path::of(&["boot"]).index(index).key("route");
            let message = match scenario.route {
                Some(_) => format!("the bundle has no route `{route}`"),
                None => format!(
                    "the bundle has no route `{route}`, by which it boots unless something else is said"
                ),
            };
            let meant = nearest(route.name(), names()).filter(|_| scenario.route.is_some());
            let label = meant.map_or_else(String::new, |meant| format!("did you mean `{meant}`?"));
            let help = format!(
                "add it to `routes` in [bundle], or take another one: there are {}",
                listing(names(), "and")
            );
            self.wrong(&path, message, label, help);
        }
    }
}

/// Whether a kernel that is built here is surely no EFI program. What cannot be read is complained about elsewhere.
fn lacks_stub(recipe: &Recipe, checkout: &Checkout) -> bool {
    let kernel = &recipe.kernel;
    if kernel.package.is_some() || !SMALL_BASES.contains(&kernel.base.as_str()) {
        return false;
    }
    let mut fragments = Vec::new();
    for name in &kernel.fragments {
        let path = checkout.kernel_configs().join(name);
        let text = read_text(checkout, &path).ok();
        let Some(fragment) = text.and_then(|text| Fragment::parse(&path, &text.text).ok()) else {
            return false;
        };
        fragments.push(fragment);
    }
    let wanted = merged(&fragments);
    let mut stubs = wanted.iter().filter(|wanted| wanted.symbol == STUB);
    !stubs.any(|wanted| wanted.value == Value::Tristate(Tristate::Yes))
}

/// The folder of the kernel's fragments for these machines.
fn folder(recipe: &Recipe) -> String {
    let first = recipe.kernel.fragments.first();
    let folder = first
        .and_then(|name| name.split_once('/'))
        .map(|(folder, _)| folder);
    folder.unwrap_or_else(|| recipe.arch.debian()).to_owned()
}
