//! Recipes as text in, everything that is said about them out.

mod bases;
mod loaders;
mod mistakes;
mod names;
mod sysroot;
mod uki;
mod whole;

use crate::checkout::Checkout;
use crate::failure::Failure;
use crate::recipe::load;

/// A recipe that is as it should be.
pub(crate) const GOOD: &str = r#"
description = "a test"
[sources.linux]
kind = "debian-binary"
package = "linux-source-6.1"
member = "usr/src/linux-source-6.1.tar.xz"
[sources]
busybox = { kind = "debian-source", package = "busybox" }
pxelinux = { kind = "debian-binary", package = "pxelinux" }
syslinux = { kind = "debian-binary", package = "syslinux-common" }
[kernel]
fragments = ["x86_64/base.config"]
[busybox]
fragments = ["demo.config"]
[image]
overlays = ["base"]
[bundle]
append = ["quiet"]
"#;

/// A checkout with these files beside what `GOOD` names.
pub(crate) fn checkout(files: &[(&str, &str)]) -> (tempfile::TempDir, Checkout) {
    let folder = tempfile::tempdir().unwrap();
    let usual = [
        ("kernel-configs/x86_64/base.config", ""),
        ("kernel-configs/x86_64/efi.config", "CONFIG_EFI_STUB=y\n"),
        ("kernel-configs/x86_64/net.config", ""),
        ("kernel-configs/x86_64/pc.config", ""),
        ("kernel-configs/x86_64/initramfs.config", ""),
        ("kernel-configs/x86_64/virtio.config", ""),
        ("kernel-configs/x86_64/kvm-guest.config", ""),
        ("busybox-configs/demo.config", ""),
        ("overlays/base/etc/rc", ""),
        ("debian/changelog", ""),
        ("recipes/sources.lock", ""),
    ];
    for (path, text) in usual.iter().chain(files) {
        let path = folder.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    let checkout = Checkout::find(Some(folder.path())).unwrap();
    (folder, checkout)
}

/// Everything that a failure says, a diagnostic a line: `file:line:column «text» message; label; help`.
pub(crate) fn said(failure: &Failure) -> String {
    let mut lines = vec![format!("{}: {failure}", failure.kind.name())];
    for d in &failure.diagnostics {
        let (line, column) = d.line_column();
        let help = d.help.clone().unwrap_or_default();
        let parts = [d.message.clone(), d.label.clone(), help];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let text = &d.text[d.span.clone()];
        lines.push(format!(
            "{}:{line}:{column} «{text}» {}",
            d.file.display(),
            parts.join("; ")
        ));
    }
    lines.join("\n")
}

/// What is said about a recipe `demo` of this text.
fn about(text: &str) -> String {
    about_files(&[("recipes/demo.toml", text)])
}

fn about_files(files: &[(&str, &str)]) -> String {
    let (_folder, checkout) = checkout(files);
    load(&checkout, "demo").map_or_else(|failure| said(&failure), |_| "good".to_owned())
}
