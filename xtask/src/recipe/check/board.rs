//! A board's own firmware, and the boots that begin with it.

use super::Check;
use super::form::NAME;
use crate::arch::Arch;
use crate::loader::route::Route;
use crate::recipe::path::Path;
use crate::recipe::schema::Recipe;

/// The board that the lab has a machine for, and whose firmware QEMU does not bring.
const HIGHBANK: &str = "highbank";

impl Check<'_> {
    pub(super) fn board(&mut self, recipe: &Recipe) {
        self.highbank(recipe);
        let table = Path::of(&["u-boot"]);
        let Some(uboot) = &recipe.u_boot else { return };
        self.text(&NAME, &uboot.board, &table.key("board"));
        if !matches!(recipe.arch, Arch::Arm64 | Arch::Armhf) {
            let message = format!("U-Boot is not built for {}", recipe.arch);
            let help = "leave the table out: it is for boards with ARM processors";
            self.wrong_key(&table, message, help);
        }
        if uboot.device_tree && recipe.kernel.package.is_none() {
            let message = "the kernel does not come from a package".to_owned();
            let help = "device trees are taken from there: leave this out, or name a `package` in [kernel]";
            self.wrong(&table.key("device-tree"), message, String::new(), help);
        }
    }

    /// A scenario on this board needs its firmware.
    fn highbank(&mut self, recipe: &Recipe) {
        let there = (recipe.u_boot.as_ref())
            .is_some_and(|uboot| uboot.board == HIGHBANK && uboot.device_tree);
        for (index, boot) in recipe.boot.iter().enumerate() {
            if boot.route(recipe.arch) == Route::Highbank && !there {
                let path = Path::of(&["boot"]).index(index).key("route");
                let message = "the bundle has no firmware for this board".to_owned();
                let help =
                    "have it built: [u-boot] with board = \"highbank\" and device-tree = true";
                self.wrong(&path, message, String::new(), help);
            }
        }
    }
}
