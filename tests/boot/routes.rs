//! Every way by which PCs boot, with one bundle that has the files of all of them; what firmware must not boot; and what it goes on to when
//! there is nothing to be had from the network.
//!
//! UEFI takes its time under emulation: what tells little that the others do not is for `cargo xtask test --all`.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libtest_mimic::{Failed, Trial};
use xtask::arch::Arch;
use xtask::boot::efi::disk;
use xtask::boot::scenario::{Disk, End, Scenario};
use xtask::boot::verdict::Verdict;
use xtask::loader::route::{Route, UKI, UKI_CERTIFICATE};
use xtask::tool::Tool;

use crate::copy::copy;
use crate::lab;
use crate::project::Project;

/// The fleet's recipe with what it leaves out: routes that want a signature, by a key that everybody has.
const SIGNED: &str = r#"
[bundle]
routes = ["pxelinux", "lpxelinux", "ipxe", "efi-grub", "efi-syslinux", "efi-ipxe", "efi-uki", "efi-http", "secure-uki"]

[bundle.uki]
key = "test"
"#;

/// A kernel that Debian signed, which finds no network card in an image without modules.
const DEBIAN: &str = r#"
[sources.shim]
kind = "debian-binary"
package = "shim-signed"

[bundle]
routes = ["secure-grub"]

[sysroot]
suite = "bookworm"
packages = ["linux-image-amd64"]

[kernel]
package = "linux-image-amd64"
"#;

/// Where Debian's package `ovmf` has the key, and its certificate.
const KEY: &str = "/usr/share/ovmf/PkKek-1-snakeoil";

/// A project with the fleet's recipe and these tables.
struct Fleet {
    _project: Project,
    bundle: PathBuf,
}

impl Fleet {
    fn new(tables: &str) -> Result<Self, Failed> {
        let project = Project::new();
        let mut ours = fs_err::read_to_string(project.path("recipes/fleet.toml"))?;
        if tables.contains("[kernel]") {
            // A kernel that is ready-made has nothing of one that is built.
            let (before, kernel) = ours.split_once("[kernel]").unwrap();
            let (_, after) = kernel.split_once("[busybox]").unwrap();
            ours = format!("{before}[busybox]{after}");
        }
        project.write("recipes/base/fleet.toml", ours);
        let recipe =
            format!("description = \"x\"\nextends = [\"base/fleet\"]\nboot = []\n{tables}");
        project.write("recipes/fleet.toml", recipe);
        project.write("certificates/test.pem", fs_err::read(format!("{KEY}.pem"))?);
        project.write("passphrase", "snakeoil");
        let passphrase = project.path("passphrase");
        fs_err::set_permissions(
            &passphrase,
            std::os::unix::fs::PermissionsExt::from_mode(0o600),
        )?;
        let passphrase = passphrase.display();
        let site = format!("[key.test]\nprivate = \"{KEY}.key\"\npassphrase = \"{passphrase}\"\n");
        project.write("site.toml", site);
        let bundle = project.build("fleet")?;
        Ok(Self {
            _project: project,
            bundle,
        })
    }
}

type Made = LazyLock<Result<Fleet, String>>;

/// The bundle that these boot by a route.
fn fleet(route: Route) -> Result<&'static Fleet, Failed> {
    fn made(tables: &str) -> Result<Fleet, String> {
        Fleet::new(tables).map_err(|failed| failed.message().unwrap_or("").to_owned())
    }
    static OURS: Made = LazyLock::new(|| made(SIGNED));
    static DEBIANS: Made = LazyLock::new(|| made(DEBIAN));
    let of_route = match route {
        Route::SecureGrub => &DEBIANS,
        _ => &OURS,
    };
    of_route.as_ref().map_err(|failed| failed.clone().into())
}

/// When it is tested.
#[derive(Clone, Copy, PartialEq)]
enum When {
    Always,
    All,
}

const ROUTES: &[(Route, When)] = &[
    (Route::Pxelinux, When::Always),
    (Route::Lpxelinux, When::Always),
    (Route::Ipxe, When::Always),
    (Route::EfiUki, When::Always),
    (Route::SecureUki, When::Always),
    (Route::EfiHttp, When::All),
    (Route::EfiIpxe, When::All),
    (Route::EfiGrub, When::All),
    (Route::EfiSyslinux, When::All),
];

/// By UEFI on ARM.
const ARM: &[(Route, When)] = &[(Route::EfiUki, When::Always), (Route::EfiHttp, When::All)];

/// What is done to a bundle, and how that must end.
struct Control {
    name: &'static str,
    when: When,
    route: Route,
    injure: fn(&Copy) -> Result<(), Failed>,
    expect: fn(&Verdict) -> bool,
}

const CONTROLS: &[Control] = &[
    Control {
        name: "an image that nobody signed",
        when: When::All,
        route: Route::SecureUki,
        injure: |copy| {
            let mut image = copy.image()?;
            // The directory entry of the certificates (PE, "Optional Header Data Directories").
            let header = u32::from_le_bytes(image[0x3c..0x40].try_into()?) as usize;
            image[header + 24 + 144..][..8].fill(0);
            copy.replace(&image)
        },
        expect: |verdict| refused(verdict, "Access Denied"),
    },
    Control {
        name: "an image that was altered",
        when: When::Always,
        route: Route::SecureUki,
        injure: |copy| {
            let mut image = copy.image()?;
            let middle = image.len() / 2;
            image[middle] ^= 1;
            copy.replace(&image)
        },
        expect: |verdict| refused(verdict, "Access Denied"),
    },
    Control {
        name: "an image that somebody else signed",
        when: When::All,
        route: Route::SecureUki,
        injure: Copy::trust_another,
        expect: |verdict| refused(verdict, "Access Denied"),
    },
    Control {
        name: "a kernel that nobody signed",
        when: When::All,
        route: Route::SecureGrub,
        injure: Copy::unsign_kernel,
        expect: |verdict| refused(verdict, "bad shim signature"),
    },
    Control {
        name: "an image that is no program",
        when: When::All,
        route: Route::EfiUki,
        injure: |copy| copy.replace(b"no program"),
        expect: |verdict| refused(verdict, "BdsDxe: failed to load"),
    },
    Control {
        name: "no GRUB behind shim",
        when: When::All,
        route: Route::SecureGrub,
        injure: |copy| Ok(fs_err::remove_file(copy.bundle().join("grubx64.efi"))?),
        expect: |verdict| matches!(verdict, Verdict::LoadFailed { missing, .. } if missing.contains(&"grubx64.efi".to_owned())),
    },
];

fn refused(verdict: &Verdict, word: &str) -> bool {
    matches!(verdict, Verdict::LoadFailed { line, .. } if line.contains(word))
}

/// A copy of the bundle, removed with the test.
struct Copy(tempfile::TempDir);

impl Copy {
    fn new(route: Route) -> Result<Self, Failed> {
        let it = Self(tempfile::tempdir()?);
        copy(&fleet(route)?.bundle, &it.bundle());
        Ok(it)
    }

    fn bundle(&self) -> PathBuf {
        self.0.path().join("bundle")
    }

    /// Puts the kernel that is built here in the place of Debian's.
    fn unsign_kernel(&self) -> Result<(), Failed> {
        let ours = kernel(&fleet(Route::EfiGrub)?.bundle)?;
        Ok(fs_err::write(kernel(&self.bundle())?, fs_err::read(ours)?)?)
    }

    /// The firmware is given the certificate of a key that signed nothing.
    fn trust_another(&self) -> Result<(), Failed> {
        let certificate = self.bundle().join(UKI_CERTIFICATE);
        Tool::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-batch"])
            .args(["-subj", "/CN=Another", "-keyout", "/dev/null", "-out"])
            .arg(certificate)
            .run()?;
        Ok(())
    }

    fn image(&self) -> Result<Vec<u8>, Failed> {
        Ok(fs_err::read(self.bundle().join(UKI))?)
    }

    fn replace(&self, image: &[u8]) -> Result<(), Failed> {
        Ok(fs_err::write(self.bundle().join(UKI), image)?)
    }
}

/// A bundle's kernel.
fn kernel(bundle: &Path) -> Result<PathBuf, Failed> {
    for entry in fs_err::read_dir(bundle)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("vmlinuz-") {
            return Ok(entry.path());
        }
    }
    Err("the bundle has no kernel".into())
}

pub(crate) fn all() -> Vec<Trial> {
    let routes = ROUTES.iter().map(|&(route, when)| {
        let test = move || lab::passes(&fleet(route)?.bundle, Arch::Amd64, by(route), None);
        (when, Trial::test(format!("routes::{route}"), test))
    });
    let controls = CONTROLS.iter().map(|control| {
        let name = format!("routes::{}", control.name.replace(' ', "_"));
        (control.when, Trial::test(name, || run(control)))
    });
    let others = [
        Trial::test("routes::secure-grub", signed_by_debian),
        Trial::test("routes::a_disk_to_fall_back_to", falls_back),
    ];
    let others = others.into_iter().map(|trial| (When::All, trial));
    let arms = ARM.iter().map(|&(route, when)| {
        let test = move || says_ready(route);
        (when, Trial::test(format!("routes::arm64_{route}"), test))
    });
    let thorough = std::env::var("CORDWAINER_TESTS").is_ok_and(|much| much == "all");
    let (wanted, left_out): (Vec<_>, Vec<_>) = routes
        .chain(controls)
        .chain(others)
        .chain(arms)
        .partition(|(when, _)| thorough || *when == When::Always);
    say(&left_out);
    wanted.into_iter().map(|(_, trial)| trial).collect()
}

#[expect(
    clippy::print_stderr,
    reason = "a test that is not run has to be heard of"
)]
fn say(left_out: &[(When, Trial)]) {
    let names: Vec<&str> = left_out.iter().map(|(_, trial)| trial.name()).collect();
    if !names.is_empty() {
        let names = names.join(", ");
        eprintln!(
            "\n*** NOT TESTED, as they are slow: {names}. `cargo xtask test --all` boots them. ***\n"
        );
    }
}

/// The plain scenario of a route.
fn by(route: Route) -> Scenario {
    Scenario {
        route: Some(route),
        timeout: 90,
        ..Scenario::named("route")
    }
}

fn run(control: &Control) -> Result<(), Failed> {
    let copy = Copy::new(control.route)?;
    (control.injure)(&copy)?;
    let record = copy.0.path().join("record");
    let outcome = lab::boot(
        &copy.bundle(),
        Arch::Amd64,
        by(control.route),
        &record,
        None,
    );
    if (control.expect)(&outcome.verdict) {
        return Ok(());
    }
    Err(lab::told(&outcome))
}

/// shim, GRUB and a kernel, each of which wants a signature of the next.
fn signed_by_debian() -> Result<(), Failed> {
    let fleet = fleet(Route::SecureGrub)?;
    let scenario = Scenario {
        memory: 1024,
        timeout: 180,
        end: End::Expected.into(),
        expect: vec![
            "EFI stub: UEFI Secure Boot is enabled".to_owned(),
            "cordwainer: image name=fleet".to_owned(),
        ],
        ..by(Route::SecureGrub)
    };
    lab::passes(&fleet.bundle, Arch::Amd64, scenario, None)
}

/// Firmware on ARM starts what it is sent, which is a program of 1 KiB that says what a guest says.
fn says_ready(route: Route) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let program = disk::program(Arch::Arm64, "\r\ncordwainer: verdict ready\r\n");
    fs_err::write(folder.path().join(UKI), program)?;
    lab::passes(folder.path(), Arch::Arm64, by(route), None)
}

/// The firmware tries every way that it has before the disk, and waits minutes for some.
fn falls_back() -> Result<(), Failed> {
    let scenario = Scenario {
        dhcp: false,
        disk: Disk::Bootable,
        end: End::LocalBoot.into(),
        timeout: 600,
        ..by(Route::EfiUki)
    };
    lab::passes(&fleet(Route::EfiUki)?.bundle, Arch::Amd64, scenario, None)
}
