//! Damage: every file of a store flipped, cut, extended, emptied, removed, one at a time, under builds that read it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{EXPECTED, Files, build, published};
use crate::support::{Tiny, copy, fingerprint};

/// What a bad disk or a bad hand does to a file's bytes; nothing is left of one that is removed.
type Damage = fn(Vec<u8>, usize) -> Option<Vec<u8>>;

const DAMAGES: &[(&str, Damage)] = &[
    ("a flipped bit", |mut bytes, at| {
        let length = bytes.len();
        *bytes.get_mut(at % length.max(1))? ^= 1 << (at % 7);
        Some(bytes)
    }),
    ("a lost half", |bytes, _| {
        Some(bytes[..bytes.len() / 2].to_vec())
    }),
    ("a further byte", |mut bytes, _| {
        bytes.push(b'\n');
        Some(bytes)
    }),
    ("no file", |_, _| None),
];

/// A checkout that was built, to be damaged over and over: its cache as it was is kept beside it.
struct Patient {
    tiny: Tiny,
    whole: PathBuf,
    healthy: Files,
}

impl Patient {
    fn new() -> Self {
        let tiny = Tiny::quick();
        tiny.ok("build tiny");
        let whole = tiny.cache().with_file_name("whole");
        copy(&tiny.cache(), &whole);
        let healthy = fingerprint(&whole);
        Self {
            tiny,
            whole,
            healthy,
        }
    }

    /// Puts the cache back as it was, but for one file.
    fn damage(&self, path: &Path, damage: Damage, at: usize) {
        let cache = self.tiny.cache();
        fs_err::remove_dir_all(&cache).unwrap();
        copy(&self.whole, &cache);
        let file = cache.join(path);
        let mode = fs_err::metadata(&file).unwrap().permissions();
        let bytes = fs_err::read(&file).unwrap();
        fs_err::remove_file(&file).unwrap();
        if let Some(bytes) = damage(bytes, at) {
            fs_err::write(&file, bytes).unwrap();
            fs_err::set_permissions(&file, PermissionsExt::from_mode(mode.mode())).unwrap();
        }
    }

    /// Asserts that what is built now has the right bytes, and that verifying leaves a store that is whole.
    fn recovers(&self, expected: &Files, what: &str) {
        let ran = self.tiny.run("build tiny");
        assert_eq!(ran.code, Some(0), "{what}: {ran:#?}");
        published(&self.tiny);
        let bundle = fingerprint(&self.tiny.path("out/tiny/current/"));
        assert_eq!(bundle, *expected, "{what}");
        let ran = self.tiny.run("store verify");
        assert!([Some(0), Some(8)].contains(&ran.code), "{what}: {ran:#?}");
        let ran = self.tiny.run("store verify");
        assert_eq!(ran.code, Some(0), "{what}: {ran:#?}");
    }
}

/// Does every damage to every file of the cache, and looks what comes of it after `before`.
fn damage_everything(damages: &[(&str, Damage)], expected: &Files, before: impl Fn(&Tiny) + Sync) {
    std::thread::scope(|scope| {
        for (name, damage) in damages {
            let before = &before;
            scope.spawn(move || {
                let patient = Patient::new();
                for (at, (path, _)) in patient.healthy.iter().enumerate() {
                    patient.damage(path, *damage, at * 37);
                    before(&patient.tiny);
                    patient.recovers(expected, &format!("{name}: {}", path.display()));
                }
            });
        }
    });
}

#[test]
fn no_damaged_byte_gets_into_a_bundle_that_is_made_again() {
    let touch = |tiny: &Tiny| tiny.write("overlays/base/etc/motd", "hello\n");
    let clean = Tiny::quick();
    touch(&clean);
    damage_everything(DAMAGES, &build(&clean), touch);
}

#[test]
fn no_damaged_byte_gets_into_a_bundle_that_is_put_back() {
    // Lengths are what records are held against when they are read: of those, the other test is proof enough.
    let silent = [DAMAGES[0], DAMAGES[3]];
    damage_everything(&silent, &EXPECTED, |tiny| {
        fs_err::remove_dir_all(tiny.path("out")).unwrap();
    });
}
