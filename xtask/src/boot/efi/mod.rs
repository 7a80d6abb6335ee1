//! UEFI as a machine's firmware: EDK II, as Debian packs it for PCs (OVMF) and ARM (AAVMF). Which files it is, what they are given to QEMU
//! as, and what is prepared for it. `variables` is what it keeps in flash, `disk` a disk that it can boot.

pub mod disk;
pub mod variables;

use std::path::Path;

use super::scenario::{Machine, Scenario};
use crate::arch::Arch;
use crate::failure::{Failure, Kind, Result};
use crate::image::pe::certificate::Certificate;
use crate::loader::route::{Protocol, Route, UKI_CERTIFICATE};
use crate::needs;

/// The flash with its variables, in the lab's folder: each run has its own.
pub const FLASH: &str = "vars.fd";

/// A build of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Efi {
    /// The program.
    pub code: &'static str,
    /// The variables that each run begins with.
    pub variables: &'static str,
    /// Whose signatures it wants to see.
    pub trust: Trust,
}

/// Whose signatures a firmware wants to see on what it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Nobody's: Secure Boot is off.
    Anybody,
    /// Microsoft's, as every machine that is sold.
    Microsoft,
    /// Its owner's: those of the scenario's certificate, otherwise of the one that the bundle has ([`UKI_CERTIFICATE`]), otherwise of the
    /// test key that everybody has ([`TEST_CERTIFICATE`]).
    Owner,
}

/// A key for tests, whose private half is in the same packages, with the passphrase `snakeoil`.
pub const TEST_CERTIFICATE: &str = needs::OVMF_TEST_CERTIFICATE;

/// For PCs.
pub const OVMF: Efi = Efi {
    code: needs::OVMF,
    variables: needs::OVMF_VARIABLES,
    trust: Trust::Anybody,
};
/// For PCs with Secure Boot, trusting Microsoft.
pub const OVMF_MICROSOFT: Efi = Efi {
    code: needs::OVMF_SECURE,
    variables: needs::OVMF_MICROSOFT,
    trust: Trust::Microsoft,
};
/// For PCs with Secure Boot and a key of one's own.
pub const OVMF_OWNER: Efi = Efi {
    code: needs::OVMF_SECURE,
    variables: needs::OVMF_VARIABLES,
    trust: Trust::Owner,
};
/// For ARM with 64 bits.
pub const AAVMF: Efi = Efi {
    code: needs::AAVMF,
    variables: needs::AAVMF_VARIABLES,
    trust: Trust::Anybody,
};
/// For ARM with 64 bits and Secure Boot, trusting Microsoft.
pub const AAVMF_MICROSOFT: Efi = Efi {
    code: needs::AAVMF_SECURE,
    variables: needs::AAVMF_MICROSOFT,
    trust: Trust::Microsoft,
};
/// For ARM with 64 bits, Secure Boot and a key of one's own.
pub const AAVMF_OWNER: Efi = Efi {
    code: needs::AAVMF_SECURE,
    variables: needs::AAVMF_VARIABLES,
    trust: Trust::Owner,
};

impl Efi {
    /// Whether the host has it.
    ///
    /// # Errors
    /// [`Kind::Missing`] when not.
    pub fn require(&self) -> Result<()> {
        let mut files = vec![self.code, self.variables];
        if self.trust == Trust::Owner {
            files.push(TEST_CERTIFICATE);
        }
        let missing = files.into_iter().find(|file| !Path::new(file).is_file());
        missing.map_or(Ok(()), |file| Err(needs::missing(file)))
    }

    /// What QEMU is told besides the machine: options and their values.
    #[must_use]
    pub fn options(&self, scenario: &Scenario) -> Vec<(&'static str, String)> {
        let code = self.code;
        let mut options = vec![
            (
                "-drive",
                format!("if=pflash,unit=0,format=raw,readonly=on,file={code}"),
            ),
            (
                "-drive",
                format!("if=pflash,unit=1,format=raw,file={FLASH}"),
            ),
            // What is not in the list of devices to boot from is not tried: no shell that waits for ever.
            ("-boot", "strict=on".to_owned()),
        ];
        if self.guards(scenario) {
            let guarded = "driver=cfi.pflash01,property=secure,value=on".to_owned();
            options.push(("-global", guarded));
        }
        let http = scenario.route.map(Route::protocol) == Some(Protocol::Http);
        let way = |name: &str, on: bool| {
            let word = if on { 'y' } else { 'n' };
            (
                "-fw_cfg",
                format!("name=opt/org.tianocore/{name},string={word}"),
            )
        };
        options.extend([
            way("IPv4PXESupport", !http),
            // The lab speaks IPv4.
            way("IPv6PXESupport", false),
        ]);
        options
    }

    /// What the kind of machine is followed by: a PC with Secure Boot guards its variables from the system by system management mode.
    #[must_use]
    pub fn machine(&self, scenario: &Scenario) -> &'static str {
        match (self.guards(scenario), self.trust, scenario.machine()) {
            (true, ..) => ",smm=on",
            // Unused, and it takes time.
            (false, Trust::Anybody, Machine::Q35) => ",smm=off",
            (false, ..) => "",
        }
    }

    fn guards(&self, scenario: &Scenario) -> bool {
        self.trust != Trust::Anybody && scenario.machine() == Machine::Q35
    }

    /// The flash that a run of this scenario begins with. `bundle` is the folder that is served.
    ///
    /// # Errors
    /// [`Kind::Usage`] when the bundle does not have the certificate, or it is none; [`Kind::Host`] when the packages' files are not what they
    /// were.
    pub fn flash(&self, scenario: &Scenario, bundle: &Path) -> Result<Vec<u8>> {
        let mut flash = fs_err::read(self.variables)?;
        if self.trust == Trust::Owner {
            let certificate = certificate(scenario, bundle)?;
            variables::enrol(&mut flash, certificate.der()).ok_or_else(|| {
                let file = self.variables;
                let what = format!("{file} is no flash with room for variables");
                Failure::new(Kind::Host, what)
            })?;
        }
        Ok(flash)
    }

    /// The beginning of a disk that says it booted.
    #[must_use]
    pub fn disk(arch: Arch) -> Vec<u8> {
        disk::disk(arch)
    }
}

/// The certificate that the firmware of this scenario trusts.
fn certificate(scenario: &Scenario, bundle: &Path) -> Result<Certificate> {
    let usual = bundle.join(UKI_CERTIFICATE);
    let (name, path) = match &scenario.certificate {
        Some(name) => (name.as_str(), bundle.join(name)),
        None if usual.is_file() => (UKI_CERTIFICATE, usual),
        None => (TEST_CERTIFICATE, TEST_CERTIFICATE.into()),
    };
    let wrong = |why: String| {
        Failure::new(Kind::Usage, format!("the certificate {name} {why}"))
            .hint("it is a file of the bundle, X.509 as PEM or DER")
    };
    if !path.is_file() {
        return Err(wrong("is not there".to_owned()));
    }
    Certificate::read(&fs_err::read(&path)?).map_err(|why| wrong(why.to_string()))
}
