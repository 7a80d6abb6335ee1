//! busybox: the image's programs in one static binary, and the list of its applets.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::Work;
use super::kbuild::Kbuild;
use super::kernel::makefile_version;
use crate::arch::Arch;
use crate::failure::Result;
use crate::kconfig::tree;
use crate::needs::{Need, Purpose};
use crate::recipe::schema::Libc;
use crate::tool::version;

/// The compiler for musl.
pub(super) const MUSL: &str = "musl-gcc";

/// Folders of kernel headers that busybox includes and musl does not bring.
const KERNEL_HEADERS: [(&str, &str); 4] = [
    ("linux", "/usr/include/linux"),
    ("asm-generic", "/usr/include/asm-generic"),
    ("mtd", "/usr/include/mtd"),
    ("asm", "/usr/include/x86_64-linux-gnu/asm"),
];

/// `oldconfig` asks about symbols that a fragment made visible: an empty line takes the default. As many as there could be questions.
const DEFAULTS: [u8; 4096] = [b'\n'; 4096];

pub(super) fn run(work: &Work<'_>, arch: Arch, libc: Libc, fragments: &[String]) -> Result<()> {
    let wanted = |need: &Need| match need.name() {
        MUSL => libc == Libc::Musl,
        name => {
            need.arch.is_some() || ["gcc", "ld", "make"].contains(&name) || name.starts_with('/')
        }
    };
    version::require(Purpose::Build, &[arch], wanted)?;
    let mut kbuild = Kbuild::new(work, fragments)?;
    let compiler = kbuild.target(arch);
    let mut flags = kbuild.prefix_map();
    let compiler = match libc {
        Libc::Glibc => kbuild.compiler(&compiler),
        Libc::Musl => {
            flags = format!(
                "{flags} -isystem {}",
                kernel_headers(work.slot.folder())?.display()
            );
            kbuild.compiler(MUSL)
        }
    };
    kbuild.argument(format!("CC={compiler}"));
    kbuild.argument(format!("HOSTCC={}", kbuild.compiler("gcc")));
    kbuild.argument(format!("CONFIG_EXTRA_CFLAGS={flags}"));

    // busybox's kconfig is older than KCONFIG_ALLCONFIG: the fragments are spliced in by hand.
    kbuild.make(&["allnoconfig"]).run()?;
    kbuild.splice()?;
    kbuild.make(&["oldconfig"]).stdin(DEFAULTS).run()?;
    kbuild.check(tree::busybox)?;

    kbuild.make(&["busybox", "busybox.links"]).run()?;
    for (built, output) in [
        ("busybox", "busybox"),
        ("busybox.links", "links"),
        (".config", "config"),
    ] {
        fs_err::copy(kbuild.build().join(built), work.output(output))?;
    }
    fs_err::write(work.output("version"), makefile_version(kbuild.source())?)?;
    Ok(())
}

/// A folder with the kernel's headers alone: musl must not see glibc's, which are beside them.
fn kernel_headers(folder: &Path) -> Result<PathBuf> {
    let headers = folder.join("kernel-headers");
    fs_err::create_dir_all(&headers)?;
    for (name, target) in KERNEL_HEADERS {
        symlink(target, headers.join(name))?;
    }
    Ok(headers)
}
