//! What is declared for the image itself: folders, devices, console, servers, settings.

use std::collections::BTreeMap;

use super::Check;
use super::form::{CONSOLE, HOST, IMAGE_PATH, MODE, SETTING, SETTING_VALUE};
use crate::recipe::path::Path;
use crate::recipe::schema::{Console, Image};
use crate::text::{listing, quoted};

/// The speeds that 8250 ports and pxelinux's `SERIAL` both know.
const BAUDS: [u32; 8] = [
    4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800,
];

impl Check<'_> {
    pub(super) fn image(&mut self, image: &Image) {
        let path = Path::of(&["image"]);
        for (name, directory) in &image.directories {
            let path = path.key("directories").key(name);
            self.key(&IMAGE_PATH, &path, name);
            self.text(&MODE, &directory.mode, &path.key("mode"));
        }
        for (name, device) in &image.devices {
            let path = path.key("devices").key(name);
            self.key(&IMAGE_PATH, &path, name);
            self.text(&MODE, &device.mode, &path.key("mode"));
            if image.directories.contains_key(name) {
                let message = format!("{} is a folder already", quoted(name));
                self.wrong_key(
                    &path,
                    message,
                    "leave it out of [image.directories], or here",
                );
            }
        }
        self.console(&image.console, &path.key("console"));
        self.texts(&HOST, &image.ntp, &path.key("ntp"));
    }

    /// Settings of a recipe, a site's too.
    pub(crate) fn settings(&mut self, settings: &BTreeMap<String, String>, path: &Path) {
        for (name, value) in settings {
            let path = path.key(name);
            self.key(&SETTING, &path, name);
            self.text(&SETTING_VALUE, value, &path);
        }
    }

    pub(crate) fn console(&mut self, console: &Console, path: &Path) {
        self.text(&CONSOLE, &console.device, &path.key("device"));
        if !BAUDS.contains(&console.baud) {
            let known = listing(BAUDS.map(|baud| baud.to_string()), "or");
            self.wrong(
                &path.key("baud"),
                format!("{} is no speed of a serial line", console.baud),
                String::new(),
                format!("it has to be {known}"),
            );
        }
    }
}
