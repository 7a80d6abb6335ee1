//! Fixtures are kernels of a few modules, which the tests write themselves: ELF files with the sections that matter, and nothing in them that could be loaded.

mod choosing;
mod elf;
mod firmware;
mod hostile;
mod indexes;
mod kernels;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Chosen, Kernel, Wanted, choose, scan};
use crate::failure::Result;
use elf::Elf;

const RELEASE: &str = "6.1.0-9-test";

/// A root with a kernel in it.
struct Root {
    folder: TempDir,
    modules: PathBuf,
}

impl Root {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let modules = folder.path().join("usr/lib/modules").join(RELEASE);
        fs_err::create_dir_all(&modules).unwrap();
        Self { folder, modules }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.modules.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }

    /// A module that says this of itself.
    fn module(self, path: &str, info: &[&str]) -> Self {
        self.write(path, Elf::new(info).write());
        self
    }

    fn list(self, name: &str, text: &str) -> Self {
        self.write(name, text);
        self
    }

    fn kernel(&self) -> Kernel {
        scan(self.path(), None).unwrap()
    }

    fn choose(&self, take: &[&str], exclude: &[&str]) -> Result<(Kernel, Chosen)> {
        let owned =
            |texts: &[&str]| -> Vec<String> { texts.iter().map(ToString::to_string).collect() };
        let (take, exclude) = (owned(take), owned(exclude));
        let kernel = self.kernel();
        let chosen = choose(
            &kernel,
            Wanted {
                take: &take,
                exclude: &exclude,
            },
        )?;
        Ok((kernel, chosen))
    }

    /// The names of the modules that are chosen, sorted by path.
    fn chosen(&self, take: &[&str], exclude: &[&str]) -> Vec<String> {
        let (kernel, chosen) = self.choose(take, exclude).unwrap();
        let names = chosen
            .modules
            .iter()
            .map(|picked| kernel.modules[picked.module].name.clone());
        names.collect()
    }
}

/// A kernel with a little of everything.
fn sample() -> Root {
    let net = Elf::new(&[
        "alias=pci:v00008086d0000100Esv*sd*bc*sc*i*",
        "depends=mii,libphy",
        "softdep=pre: crc32c post: later",
        "firmware=nic/a.bin",
    ]);
    let net = net.uses(&["mii_check", "phy_start"]);
    let phy = Elf::new(&[
        "depends=mdio-bus",
        "alias=mdio:0000_00[0-9-]1?",
        "weakdep=realtek absent",
    ]);
    let phy = phy.exports(&["phy_start", "phy_stop"]).uses(&["mdio_read"]);
    let root = Root::new();
    root.write("kernel/drivers/net/ethernet/nic.ko", net.write());
    root.write(
        "kernel/drivers/net/mii.ko",
        Elf::new(&[]).exports(&["mii_check"]).write(),
    );
    root.write("kernel/drivers/net/phy/libphy.ko", phy.write());
    root.write(
        "kernel/drivers/net/phy/mdio-bus.ko",
        Elf::new(&[]).exports(&["mdio_read"]).write(),
    );
    let realtek = Elf::new(&["depends=libphy", "alias=mdio:0000_1"]).uses(&["phy_stop"]);
    root.write("kernel/drivers/net/phy/realtek.ko", realtek.write());
    root
        .module("kernel/drivers/net/wireless/radio.ko", &["alias=pci:v1d2", "firmware=radio/*.bin"])
        .module("kernel/drivers/char/tun.ko", &["alias=devname:net/tun", "alias=char-major-10-200", "alias=tun-device"])
        .module("kernel/crypto/crc32c_generic.ko", &["alias=crypto-crc32c", "alias=crc32c"])
        .module("kernel/fs/later.ko", &["alias=fs-later"])
        .module("extra/own-thing.ko", &["alias=pci:v3d4"])
        .list("modules.order", "kernel/fs/later.ko\nkernel/drivers/net/phy/mdio-bus.ko\nkernel/drivers/net/phy/libphy.ko\nkernel/drivers/net/mii.ko\nkernel/drivers/net/ethernet/nic.ko\nkernel/drivers/char/tun.ko\nkernel/drivers/net/phy/realtek.ko\nkernel/drivers/net/wireless/radio.ko\nkernel/crypto/crc32c_generic.ko\n")
        .list("modules.builtin", "kernel/drivers/net/loopback.ko\nkernel/drivers/virtio/virtio-pci.ko\n")
        .list("modules.builtin.modinfo", "virtio_pci.alias=pci:v00001AF4d*\0virtio_pci.firmware=virtio/fw.bin\0loopback.license=GPL\0debugfs.alias=fs-debugfs\0")
}
