//! Whether a scenario can be meant: by itself, and for a bundle's architecture. Complaining about recipes is `recipe`'s.

use regex::Regex;

use super::{Disk, Machine, Problem, Retry, Scenario};
use crate::arch::Arch;
use crate::date;
use crate::loader::route::Route;

const MAC: &str = "^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$";
const UUID: &str = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";

impl Scenario {
    /// Everything in it that cannot be meant for a bundle of this architecture, beside [`Self::problems`].
    #[must_use]
    pub fn misfits(&self, arch: Arch) -> Vec<Problem> {
        let scenario = self.clone().on(arch);
        let (machine, nic) = (scenario.machine(), scenario.nic());
        let misfit =
            |wrong: bool, field, message: String| wrong.then_some(Problem { field, message });
        let route = scenario.route(arch);
        let told = matches!(
            route,
            Route::Pxelinux | Route::Lpxelinux | Route::EfiSyslinux
        );
        [
            misfit(
                !route.fits(arch),
                "route",
                format!("{arch} has no route `{route}`"),
            ),
            misfit(
                !machine.runs(arch),
                "machine",
                format!("`{machine}` is no machine for {arch}"),
            ),
            misfit(
                machine.runs(arch) && !machine.boots_by(route),
                "machine",
                format!("`{machine}` has no route `{route}`"),
            ),
            misfit(
                self.nics > machine.most_nics(),
                "nics",
                format!("`{machine}` has {}", machine.most_nics()),
            ),
            misfit(
                machine.runs(arch) && !nic.fits(machine),
                "nic",
                format!("`{machine}` cannot boot from a `{nic}`"),
            ),
            misfit(
                machine == Machine::Virt && self.firmware_retry.is_some(),
                "firmware-retry",
                "U-Boot is not told when to begin anew".to_owned(),
            ),
            misfit(
                machine == Machine::Pseries && self.firmware_retry.is_some(),
                "firmware-retry",
                "Open Firmware is not told when to begin anew".to_owned(),
            ),
            misfit(
                machine == Machine::Virt && self.network.tries_all_nics,
                "network.tries-all-nics",
                "U-Boot boots from its first card".to_owned(),
            ),
            misfit(
                machine == Machine::Virt && self.network.boot_nic != 0,
                "network.boot-nic",
                "U-Boot boots from its first card".to_owned(),
            ),
            misfit(
                !told && self.config.is_some(),
                "config",
                format!("who boots by `{route}` is not told by DHCP which configuration to read"),
            ),
            misfit(
                route.is_efi() && machine == Machine::Pc,
                "machine",
                format!("`{machine}` is older than UEFI: `q35` is not"),
            ),
            misfit(
                self.certificate.is_some() && route != Route::SecureUki,
                "certificate",
                format!("machines that boot by `{route}` trust no certificate of yours"),
            ),
            misfit(
                route.is_secure() && self.disk == Disk::Bootable,
                "disk",
                "what is on the disk is not signed, and Secure Boot is on".to_owned(),
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Everything in it that cannot be meant.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let ranges = [
            ("cpus", self.cpus, 1, 64),
            ("memory", self.memory, 32, 1 << 20),
            ("nics", self.nics, 1, 8),
            ("timeout", self.timeout, 1, 86_400),
            ("reboots", self.reboots, 0, 100),
            ("own-resets", self.own_resets, 0, 100),
            ("firmware-retry", self.firmware_retry.unwrap_or(1), 1, 3600),
        ];
        let ranges = ranges.into_iter().filter_map(|(field, value, low, high)| {
            let message = format!("{value} is not within {low} and {high}");
            (!(low..=high).contains(&value)).then_some(Problem { field, message })
        });
        let words = [
            ("name", r"^[A-Za-z0-9][A-Za-z0-9._-]*$", Some(&self.name)),
            ("mac", MAC, Some(&self.mac)),
            ("uuid", UUID, self.uuid.as_ref()),
            (
                "config",
                r"^[A-Za-z0-9._+-][A-Za-z0-9._+/-]*$",
                self.config.as_ref(),
            ),
            (
                "certificate",
                r"^[A-Za-z0-9._+-][A-Za-z0-9._+/-]*$",
                self.certificate.as_ref(),
            ),
        ];
        let words = words.into_iter().filter_map(|(field, shape, word)| {
            let word = word?;
            let fits = Regex::new(shape).is_ok_and(|shape| shape.is_match(word));
            let message = format!("`{word}` does not have the right form");
            (!fits).then_some(Problem { field, message })
        });
        let answers = self.answer.iter().map(|answer| ("answer", &answer.when));
        let patterns = self.expect.iter().map(|pattern| ("expect", pattern));
        let patterns = patterns.chain(answers).filter_map(|(field, pattern)| {
            let message = Regex::new(pattern).err()?.to_string();
            Some(Problem { field, message })
        });
        let clock = self.clock.iter().filter_map(|clock| {
            let message = format!("`{}` is not like 2001-01-01T00:00:00Z", clock.power_on);
            let field = "clock.power-on";
            date::parse_rfc3339(&clock.power_on)
                .is_err()
                .then_some(Problem { field, message })
        });
        let end = (self.end.take_lines() && self.expect.is_empty()).then(|| Problem {
            field: "end",
            message: "`expected` needs something in `expect`".to_owned(),
        });
        let faults = self.fault.iter().filter_map(|fault| {
            let (field, message) = ("fault", fault.problem()?);
            Some(Problem { field, message })
        });
        let network = self.network.problem(self.nics);
        let network = network.map(|(field, message)| Problem { field, message });
        let retry = self.retry.iter().flat_map(Retry::problems);
        ranges
            .chain(faults)
            .chain(network)
            .chain(words)
            .chain(patterns)
            .chain(clock)
            .chain(end)
            .chain(retry)
            .collect()
    }
}
