//! Rates of serial lines: what the boot loader sets, what the kernel is told, what inittab's gettys set. A line that two of them drive at
//! different rates shows rubbish from one moment on.

use super::Finding;
use super::facts::Facts;
use super::inittab::Line;
use super::pxelinux::Configuration;
use super::rules::BAUD;
use super::shell::base;

/// What Syslinux (`SERIAL` without a rate) and the kernel's 8250 driver (`console=ttyS0` alone) take.
const DEFAULT: u32 = 9600;

/// Somebody who says at what rate a port runs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    port: String,
    rates: Vec<u32>,
    who: String,
}

pub(super) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let gettys: Vec<Said> = facts
        .inittab
        .iter()
        .flat_map(|(_, lines)| lines)
        .filter_map(getty)
        .collect();
    for (name, configuration) in &facts.configurations {
        let said: Vec<Said> = loader(configuration)
            .into_iter()
            .chain(kernel(configuration))
            .chain(gettys.iter().cloned())
            .collect();
        for (index, one) in said.iter().enumerate() {
            let others = said[index + 1..]
                .iter()
                .filter(|other| other.port == one.port);
            for other in
                others.filter(|other| !other.rates.iter().any(|rate| one.rates.contains(rate)))
            {
                let what = format!(
                    "{} drives {} at {} baud, and {} at {}",
                    one.who,
                    one.port,
                    rates(one),
                    other.who,
                    rates(other)
                );
                findings.push(BAUD.at(name.as_str(), what));
            }
        }
    }
}

fn rates(said: &Said) -> String {
    let rates: Vec<String> = said.rates.iter().map(u32::to_string).collect();
    rates.join(" or ")
}

/// `SERIAL port [baud [flow]]`; a port above 3 is an address.
fn loader(configuration: &Configuration) -> Vec<Said> {
    let lines = configuration.values("SERIAL");
    lines
        .filter_map(|(_, value)| {
            let mut words = value.split_whitespace();
            let port: u32 = words.next()?.parse().ok().filter(|port| *port < 4)?;
            let rate = words
                .next()
                .map_or(Some(DEFAULT), |rate| rate.parse().ok())?;
            Some(Said {
                port: format!("ttyS{port}"),
                rates: vec![rate],
                who: "the boot loader".to_owned(),
            })
        })
        .collect()
}

/// `console=ttyS0,115200n8` (Documentation/admin-guide/serial-console.rst). Of other drivers it is not known what they do without a rate.
fn kernel(configuration: &Configuration) -> Vec<Said> {
    let words = configuration.words("console=").into_iter();
    words
        .filter_map(|(_, console)| {
            let (port, options) = console.split_once(',').unwrap_or((&console, ""));
            let digits: String = options.chars().take_while(char::is_ascii_digit).collect();
            let rate = match digits.parse() {
                Ok(rate) => rate,
                Err(_) if options.is_empty() && port.starts_with("ttyS") => DEFAULT,
                Err(_) => return None,
            };
            Some(Said {
                port: port.to_owned(),
                rates: vec![rate],
                who: format!("the kernel (console={console})"),
            })
        })
        .collect()
}

/// `getty [options] BAUD[,BAUD] TTY` and `agetty TTY BAUD`; with `0`, or without a rate, the line stays as it is.
fn getty(line: &Line) -> Option<Said> {
    let (name, arguments) = line.command.split_first()?;
    if !matches!(base(name), "getty" | "agetty") {
        return None;
    }
    let port = arguments
        .iter()
        .map(|word| word.strip_prefix("/dev/").unwrap_or(word))
        .find(|word| word.starts_with("tty") && word.ends_with(|c: char| c.is_ascii_digit()))?;
    let rates = arguments.iter().find_map(|word| {
        let rates: Result<Vec<u32>, _> = word.split(',').map(str::parse).collect();
        // `-t 60` is a time, not a rate.
        rates
            .ok()
            .filter(|rates| rates.iter().all(|&rate| rate >= 110))
    })?;
    Some(Said {
        port: port.to_owned(),
        rates,
        who: format!("inittab's {}", base(name)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bundle, image, with_bundle};

    fn found(configuration: &str, inittab: &str) -> usize {
        let tree = image(&[("/etc/inittab", inittab), ("/sbin/getty", "x!")]);
        let files = bundle(&[("pxelinux.cfg/default", configuration)]);
        let found = with_bundle(&tree, &files);
        found.iter().filter(|finding| finding.id == "baud").count()
    }

    #[test]
    fn rates_that_disagree_are_found() {
        let getty = "::respawn:/sbin/getty -L ttyS0 9600 vt100";
        for (configuration, inittab, count) in [
            ("SERIAL 0 9600\nAPPEND console=ttyS0,115200n8", "", 1),
            ("SERIAL 0 115200\nAPPEND console=ttyS0", "", 1),
            ("SERIAL 0\nAPPEND console=ttyS0,115200", "", 1),
            ("APPEND console=ttyS0,115200", getty, 1),
            ("SERIAL 0 19200\nAPPEND console=ttyS0,115200", getty, 3),
        ] {
            assert_eq!(
                found(configuration, inittab),
                count,
                "{configuration} {inittab}"
            );
        }
    }

    #[test]
    fn rates_that_agree_or_are_left_alone_are_not() {
        for (configuration, inittab) in [
            (
                "SERIAL 0 115200\nAPPEND console=ttyS0,115200n8 console=tty0",
                "::respawn:/sbin/getty -t 60 115200 ttyS0",
            ),
            ("SERIAL 1 9600\nAPPEND console=ttyS0,115200n8", ""),
            ("SERIAL 0x3f8 9600\nAPPEND console=ttyS0,115200n8", ""),
            (
                "APPEND console=ttyS0,115200",
                "::respawn:/sbin/getty 115200,9600 ttyS0",
            ),
            (
                "APPEND console=ttyS0,115200",
                "::respawn:/sbin/getty -L 0 ttyS0",
            ),
            (
                "APPEND console=ttyAMA0",
                "::respawn:/sbin/getty 9600 ttyAMA0",
            ),
        ] {
            assert_eq!(
                found(configuration, inittab),
                0,
                "{configuration} {inittab}"
            );
        }
    }
}
