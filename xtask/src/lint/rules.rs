//! The rules: one row each. `lint --list` prints this table, and recipes name its ids in `[[lint.allow]]`.

use serde::{Deserialize, Serialize};

use super::{Finding, Place};

/// How bad a finding is. Errors make `lint` fail; with `--strict` warnings do, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It does not work, or everybody can take the machine over.
    Error,
    /// It is wrong more often than not.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Note];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing that is looked for.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its stable name, in kebab-case.
    pub id: &'static str,
    /// How bad its findings are.
    pub severity: Severity,
    /// What it looks for, in half a line.
    pub about: &'static str,
    /// What to do about a finding, in one sentence without a final stop.
    pub fix: &'static str,
}

impl Rule {
    /// A finding of this rule; `what` is one sentence without a final stop.
    pub(super) fn at(&self, place: impl Into<Place>, what: impl Into<String>) -> Finding {
        Finding {
            path: Some(place.into()),
            ..self.everywhere(what)
        }
    }

    /// A finding that has no place of its own.
    pub(super) fn everywhere(&self, what: impl Into<String>) -> Finding {
        Finding {
            id: self.id,
            severity: self.severity,
            path: None,
            what: what.into(),
            fix: self.fix.to_owned(),
        }
    }
}

/// The rule of this id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

macro_rules! rules {
    ($($name:ident = $id:literal $severity:ident: $about:literal, $fix:literal;)*) => {
        $(pub(super) const $name: Rule = Rule {
            id: $id,
            severity: Severity::$severity,
            about: $about,
            fix: $fix,
        };)*
        /// Every rule there is.
        pub const RULES: &[Rule] = &[$($name),*];
    };
}

rules! {
    SET_ID = "set-id" Warning: "programs that run with their owner's or group's rights",
        "take the bit away, unless somebody without root's rights logs in there and needs it";
    WORLD_WRITABLE = "world-writable" Warning: "files and folders (without the sticky bit) that everybody may write to",
        "take the right to write away from others, or give the folder mode 1777";
    OWNER = "owner" Warning: "files that do not belong to root",
        "let them belong to 0:0: the image has nobody else, or somebody else of that number";
    SHADOW_MODE = "shadow-mode" Warning: "password hashes that everybody may read",
        "give the file mode 0600";
    DEVICE = "device" Warning: "device nodes at an odd place, with other numbers than Linux gives them, or that nobody asked for",
        "leave it to devtmpfs, or name it in [image.devices] with the numbers of the kernel's devices.txt";
    DANGLING_LINK = "dangling-link" Warning: "links that lead nowhere, or in circles (what is filled at run time aside)",
        "bring along what it points to, or leave the link out";
    NO_INIT = "no-init" Error: "nothing that the kernel could start",
        "put an executable or a link to one at /init, or name another path with rdinit=";
    MISSING_LIBRARY = "missing-library" Error: "libraries that a program or library needs and the image lacks",
        "bring the library along, or leave out what needs it";
    MISSING_INTERPRETER = "missing-interpreter" Error: "loaders of programs and interpreters of scripts that the image lacks",
        "bring the interpreter along, or leave out what needs it";
    WRONG_MACHINE = "wrong-machine" Error: "programs and libraries for another machine than the image's",
        "take it from a sysroot of the image's architecture";
    DAMAGED_PROGRAM = "damaged-program" Warning: "ELF files that cannot be read",
        "bring a whole one along";
    INITTAB_PROGRAM = "inittab-program" Error: "programs that inittab starts and the image lacks",
        "bring the program (or busybox's applet) along, or leave the line out";
    EMPTY_PASSWORD = "empty-password" Error: "accounts that anybody can log in to without a password",
        "put `*` or a hash into the second field";
    WEAK_HASH = "weak-hash" Warning: "passwords hashed with DES or MD5",
        "hash the password anew, with yescrypt or SHA-512 (`mkpasswd -m sha-512`)";
    KNOWN_PASSWORD = "known-password" Error: "passwords that are tried first, where they are hashed with SHA-256 or SHA-512",
        "choose another password, or put `*` into the second field";
    PRIVATE_KEY = "private-key" Error: "private keys: whoever can fetch the image has them",
        "make keys at the first boot, or hand them out over a channel that asks who is there";
    LISTENER = "listener" Warning: "servers that are started at boot and listen on the network",
        "leave it out, bind it to 127.0.0.1, or allow it with the reason why its network is safe";
    OPEN_CONSOLE = "open-console" Warning: "consoles that give a shell to whoever sits there",
        "start getty or login there, or allow it with the reason why only the right people reach the console";
    LOGIN_SHELL = "login-shell" Warning: "accounts whose shell the image lacks",
        "bring the shell along, or let the account have /bin/false";
    BUILD_PATH = "build-path" Warning: "paths of the building host in files of the image",
        "map the path away (`-ffile-prefix-map`), or strip what carries it";
    BAUD = "baud" Error: "rates of serial lines on which boot loader, kernel and inittab disagree",
        "let all of them say the same rate: [image.console] sets it, and templates know it as `baud`";
    LOADER_FILE = "loader-file" Error: "files that a boot loader's configuration names and the bundle lacks",
        "put the file into the bundle, or leave what names it out";
    LOADER_LABEL = "loader-label" Error: "entries of a boot menu that are booted by default and are not there",
        "write a LABEL of that name, or name another one";
    KERNEL_OPTION = "kernel-option" Error: "options that the kernel lacks and the image or its command line needs",
        "add the option to a fragment under kernel-configs/, or do without what needs it";
    MODULE_VERSION = "module-version" Error: "modules that are for another kernel than the bundle's",
        "take kernel and modules from one build or one package";
    SEGMENT = "segment" Error: "segments of the image that the kernel would not unpack",
        "write the segment again: aligned, whole, and microcode first";
    CHECKSUM = "checksum" Error: "files of the bundle that are not those that SHA256SUMS lists",
        "build the bundle again, and let nothing write into it";
    ALTERED = "efi-altered" Error: "EFI programs that are damaged, or were altered after they were signed",
        "build the bundle again, or take the program from its package again";
    UNSIGNED = "efi-unsigned" Note: "a unified kernel image without a signature, which machines with Secure Boot refuse",
        "name a key in [bundle.uki] of the recipe";
    SIZE = "size" Error: "an image that is larger, compressed, than `[lint] size` allows",
        "`cargo xtask size` shows what takes the room: leave something out, compress better, or raise the budget";
    UNUSED_ALLOWANCE = "unused-allowance" Warning: "allowances of the recipe that no finding needs any more",
        "take it out of [[lint.allow]]: it would hide the next such finding";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kebab_case_and_each_is_there_once() {
        let mut ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        assert!(
            ids.iter()
                .all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        );
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), RULES.len());
        assert_eq!(rule("set-id"), Some(&SET_ID));
    }
}
