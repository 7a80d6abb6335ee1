//! Images of several archives, in every compression, unpacked by a real kernel: all that is in them arrives, and a file that is put together
//! wrongly fails the boot with the kernel's own words.

use std::io::Write as _;

use libtest_mimic::{Failed, Trial};
use xtask::arch::Arch;
use xtask::boot::scenario::Scenario;
use xtask::boot::verdict::Verdict;
use xtask::image::compress::{Compression, Filter, Shape};
use xtask::image::newc;
use xtask::image::tree::{Entry, FileTree, Origin};

use crate::lab::{Copy, PROMPT, passes, told, typed};
use crate::project::Project;

/// A program with a library of its own makes the segment of what is ready-made; the demo's own files are in the second one, and this
/// in a file of its own.
const TABLES: &str = r#"
[copy.program]
from = ["host"]
files = ["/usr/bin/xz"]

[segment.extra]
overlays = ["extra"]

[bundle]
segments = ["extra"]
"#;

/// Early microcode in front of it all.
const MICROCODE: &str = r#"
[sysroot]
suite = "bookworm"
components = ["main", "non-free-firmware"]
packages = ["amd64-microcode"]
"#;

const KEYS: &str = "cat /etc/extra; xz --version; image-info; ls /kernel/x86/microcode";

/// One line of each segment.
const EXPECT: &[&str] = &[r"^a file of its own", r"^liblzma \d", r"^name +demo"];

pub(crate) fn all() -> Vec<Trial> {
    let compressions = Compression::ALL.iter().map(|compression| {
        let name = compression.name();
        let image = format!("[image]\ncompression = \"{name}\"\n{TABLES}");
        let test = move || arrives(&image, EXPECT);
        Trial::test(format!("segments::{name}"), test)
    });
    let microcode = Trial::test("segments::microcode", || {
        let image = format!("[image]\nmicrocode = [\"amd\"]\n{TABLES}{MICROCODE}");
        arrives(&image, &[EXPECT, &[r"^AuthenticAMD\.bin"]].concat())
    });
    let damages = DAMAGES.iter().map(|damage| {
        let name = format!("segments::{}", damage.name.replace(' ', "_"));
        Trial::test(name, || fails(damage))
    });
    compressions.chain([microcode]).chain(damages).collect()
}

/// What the kernel does not unpack fails a boot by itself.
fn arrives(tables: &str, expect: &[&str]) -> Result<(), Failed> {
    let project = Project::demo(tables);
    project.write("overlays/extra/etc/extra", "a file of its own\n");
    let bundle = project.build("demo")?;
    let menu = fs_err::read_to_string(bundle.join("pxelinux.cfg/default"))?;
    assert!(menu.contains(",segment-extra"), "{menu}");
    passes(&bundle, Arch::Amd64, typed(PROMPT, KEYS, expect), None)
}

/// What somebody puts behind an image, and what is said of it.
struct Damage {
    name: &'static str,
    /// What follows an image of this length.
    behind: fn(usize) -> Vec<u8>,
    /// By the kernel.
    kernel: &'static str,
    /// By `ls` and `lint`.
    ours: &'static str,
}

const DAMAGES: &[Damage] = &[
    Damage {
        name: "a plain archive off its step",
        behind: |length| {
            let zeros = length.next_multiple_of(4) + 5 - length;
            [vec![0; zeros], archive()].concat()
        },
        kernel: "Initramfs unpacking failed: invalid magic at start of compressed archive",
        ours: "which is no multiple of 4: the kernel stops there",
    },
    Damage {
        name: "junk in a compressed archive",
        behind: |_| gzip(&[archive(), b"junk".to_vec()].concat()),
        kernel: "Initramfs unpacking failed: junk within compressed archive",
        ours: "of what is unpacked follows no archive: the kernel stops there",
    },
    Damage {
        name: "junk behind a compressed archive",
        behind: |_| b"junk".to_vec(),
        kernel: "Initramfs unpacking failed: invalid magic at start of compressed archive",
        ours: "are no archive: the kernel stops there",
    },
];

/// An archive with one file.
fn archive() -> Vec<u8> {
    let mut tree = FileTree::default();
    let what = "a test".to_owned();
    let file = Entry::file(b"lost".to_vec(), false, Origin::Generated { what });
    tree.add("lost".parse().unwrap(), file).unwrap();
    let mut bytes = Vec::new();
    newc::write(&tree, 0, &mut bytes).unwrap();
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let shape = Shape {
        length: bytes.len() as u64,
        filter: Filter::None,
        level: None,
    };
    let mut encoder = Compression::Gzip.encoder(shape, Vec::new()).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn fails(damage: &Damage) -> Result<(), Failed> {
    let copy = Copy::new()?;
    let initramfs = copy.file("initramfs-");
    let length = fs_err::metadata(&initramfs)?.len() as usize;
    let mut file = fs_err::OpenOptions::new().append(true).open(&initramfs)?;
    file.write_all(&(damage.behind)(length))?;
    let outcome = copy.boot(Scenario::named("damaged"));
    let said =
        matches!(&outcome.verdict, Verdict::NotUnpacked { line } if line.contains(damage.kernel));
    if !said {
        return Err(told(&outcome));
    }
    let project = Project::new();
    let path = initramfs.display();
    for (words, succeeds) in [
        (format!("ls {path} --segments"), true),
        (format!("lint {path}"), false),
    ] {
        let (succeeded, said) = project.says(&words)?;
        assert!(said.contains(damage.ours), "{said}");
        assert_eq!(succeeded, succeeds, "{words}: {said}");
    }
    Ok(())
}
