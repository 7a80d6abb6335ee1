//! Boot menus that wait for somebody: what they show, and whether one is still waiting. No I/O and no clock of its own.

use super::happening::What;

/// A menu that counts its time down shows so every second: after so many seconds without a word it waits for ever.
const SILENCE: f64 = 5.0;

/// What one line of a menu says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Menu {
    /// One whose countdown would be seen.
    CountsDown,
    /// A prompt, which may go on by itself without having said that it would.
    Silent,
}

/// What only menus show. Sources: syslinux (`com32/menu/menumain.c`, `core/elflink/cli.c`), GRUB (`grub-core/normal/menu_text.c`),
/// U-Boot (`common/menu.c`).
const MENUS: &[(&str, Menu)] = &[
    ("Press [Tab] to edit options", Menu::CountsDown),
    (
        "keys to select which entry is highlighted",
        Menu::CountsDown,
    ),
];

/// Prompts: nothing else stands in their line.
const PROMPTS: &[&str] = &["boot:", "Enter choice:"];

/// What is said when something was chosen: it is loaded then, and how long that takes, nobody knows. GRUB says so in the line where its menu
/// stands (`grub-core/normal/menu.c`), syslinux for each file (`com32/elflink/ldlinux/kernel.c`), U-Boot with the entry's number (`boot/pxe_utils.c`).
const CHOSEN: &[&str] = &[
    "Booting `",
    "Booting a command list",
    "Loading ",
    "Retrieving file: ",
];

/// The menu that shows this line.
#[must_use]
pub fn menu(line: &str) -> Option<Menu> {
    if goes_on(line) {
        return None;
    }
    let shown = MENUS.iter().find(|(words, _)| line.contains(words));
    let prompt = || PROMPTS.contains(&line.trim_end()).then_some(Menu::Silent);
    shown.map(|(_, menu)| *menu).or_else(prompt)
}

/// Whether this line says that something was chosen.
fn goes_on(line: &str) -> bool {
    CHOSEN.iter().any(|words| line.contains(words))
}

/// Whether a machine waits at a menu.
#[derive(Debug, Default)]
pub struct Waiting {
    since: Option<(f64, Menu)>,
}

impl Waiting {
    /// Takes in what happened at a time, in seconds since QEMU's start; returns whether a menu has just shown.
    pub fn observe(&mut self, at: f64, what: &What) -> bool {
        match what {
            What::Line { text, .. } | What::Unfinished { text, .. } => {
                let shown = menu(text);
                match (shown, &mut self.since) {
                    (Some(menu), _) => self.since = Some((at, menu)),
                    (None, _) if goes_on(text) => self.since = None,
                    // It is still being drawn, or counts.
                    (None, Some((since, _))) => *since = at,
                    (None, None) => {}
                }
                shown.is_some()
            }
            What::Deadline | What::Rtc { .. } => false,
            // A key was pressed, a file was asked for: it goes on.
            _ => {
                self.since = None;
                false
            }
        }
    }

    /// Whether a menu was the last that was seen.
    #[must_use]
    pub const fn is(&self) -> bool {
        self.since.is_some()
    }

    /// When it is certain that the menu waits for ever, if nothing happens before; `slowness` is by how much this host is slower than
    /// usual.
    #[must_use]
    pub fn until(&self, slowness: f64) -> Option<f64> {
        let (since, menu) = self.since?;
        (menu == Menu::CountsDown).then_some(since + SILENCE * slowness)
    }
}

#[cfg(test)]
mod tests {
    use super::super::happening::Port;
    use super::*;

    fn line(text: &str) -> What {
        What::Line {
            port: Port::Screen,
            text: text.to_owned(),
        }
    }

    #[test]
    fn menus_are_told_from_what_is_only_like_them() {
        let menus = [
            ("Press [Tab] to edit options", Some(Menu::CountsDown)),
            (
                "      Use the ^ and v keys to select which entry is highlighted.",
                Some(Menu::CountsDown),
            ),
            ("boot: ", Some(Menu::Silent)),
            ("Enter choice: ", Some(Menu::Silent)),
            (
                "      Use the ^ and v keys to select which entry is highlighted.     Booting `demo 1'",
                None,
            ),
            ("boot: linux", None),
            ("Enter choice: 2", None),
            ("reboot: Power down", None),
            ("Press any key to continue.", None),
        ];
        for (text, expected) in menus {
            assert_eq!(menu(text), expected, "{text}");
        }
    }

    #[test]
    fn a_menu_waits_until_something_goes_on() {
        let mut waiting = Waiting::default();
        assert!(!waiting.observe(1.0, &line("PXELINUX 6.04")));
        assert!(waiting.observe(2.0, &line("Press [Tab] to edit options")));
        assert_eq!(waiting.until(2.0), Some(12.0));
        assert!(!waiting.observe(3.0, &line("Automatic boot in 4 seconds...")));
        assert_eq!(waiting.until(1.0), Some(8.0));
        let (port, text) = (Port::Screen, "\r".to_owned());
        waiting.observe(4.0, &What::Typed { port, text });
        assert_eq!((waiting.is(), waiting.until(1.0)), (false, None));
    }

    #[test]
    fn what_was_chosen_may_take_its_time() {
        let shown = "      Use the ^ and v keys to select which entry is highlighted.";
        for said in [
            &format!("{shown}  Booting `demo 1'"),
            "Loading vmlinuz-demo-1...",
        ] {
            let mut waiting = Waiting::default();
            assert!(waiting.observe(1.0, &line(shown)));
            assert!(!waiting.observe(3.0, &line(said)));
            assert_eq!((waiting.is(), waiting.until(1.0)), (false, None), "{said}");
        }
    }

    #[test]
    fn a_silent_prompt_may_go_on_at_any_time() {
        let mut waiting = Waiting::default();
        assert!(waiting.observe(2.0, &line("boot:")));
        assert_eq!((waiting.is(), waiting.until(1.0)), (true, None));
    }
}
