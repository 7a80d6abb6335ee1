//! What has to be true of a boot that ended as expected: who asked whom for what, which address, what time. Pure
//! comparisons of the scenario with facts that the judge collected.

use super::happening::Network;
use super::offer;
use super::scenario::{ConfigSearch, Machine, Scenario};
use super::topology::Topology;
use super::verdict::Verdict;
use crate::date;

/// A time that somebody told, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Seconds since QEMU's start.
    pub at: f64,
    /// The time told, in seconds since 1970.
    pub time: i64,
}

/// What is known of one boot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Names in `pxelinux.cfg/` that were asked for, up to the first that was there.
    pub searched: Vec<String>,
    /// Whether one was there.
    pub found: bool,
    /// Addresses that the DHCP server gave: IPv4, MAC.
    pub leases: Vec<(String, String)>,
    /// The address that the guest says it has.
    pub address: Option<String>,
    /// The battery clock when userspace began, by the guest.
    pub rtc: Option<Reading>,
    /// The clock after it was set, by the guest.
    pub clock: Option<Reading>,
    /// The battery clock at the end, seen from outside.
    pub outside: Option<Reading>,
}

/// Fields of the scenario that ask for something which this network does not have: such a boot cannot be made.
#[must_use]
pub fn not_to_be_had(scenario: &Scenario, network: Network) -> Vec<String> {
    let wishes = [
        ("config", scenario.config.is_some()),
        ("ntp", scenario.ntp),
        ("dhcp", !scenario.dhcp),
        ("report", scenario.report),
        ("route", scenario.route.is_some_and(offer::needs_http)),
        ("fault", !scenario.fault.is_empty()),
        ("network", scenario.network != Topology::default()),
    ];
    wished(&wishes, network)
}

/// Fields of the scenario that ask for a look at the servers, which this network hides: the boot can be made, without that
/// look.
#[must_use]
pub fn not_to_be_seen(scenario: &Scenario, network: Network) -> Vec<String> {
    let wishes = [
        ("lease", scenario.lease),
        ("config-search", scenario.config_search != ConfigSearch::Any),
    ];
    wished(&wishes, network)
}

fn wished(wishes: &[(&str, bool)], network: Network) -> Vec<String> {
    let wished = wishes
        .iter()
        .filter(|(_, wished)| *wished && network == Network::User);
    wished.map(|(field, _)| (*field).to_owned()).collect()
}

/// Compares; `boot` counts from 0, `wall` is the host's clock at QEMU's start.
///
/// # Errors
/// The verdict, when something is not as the scenario wants it.
pub fn check(scenario: &Scenario, boot: usize, wall: f64, facts: &Facts) -> Result<(), Verdict> {
    config_search(scenario, facts)?;
    lease(scenario, facts)?;
    clocks(scenario, boot, wall, facts).map_err(|what| Verdict::WrongClock { what })
}

/// The names that the machine's boot loader asks for, in its order. PXELINUX:
/// <https://wiki.syslinux.org/wiki/index.php?title=PXELINUX#Configuration>; U-Boot: `cmd/pxe.c`, where what comes before `default` is made
/// of `CONFIG_SYS_ARCH`, and of the board's name on boards that have one.
#[must_use]
fn standard_order(scenario: &Scenario, ip: &str) -> Vec<String> {
    let hex: String = ip
        .split('.')
        .map(|part| format!("{:02X}", part.parse::<u8>().unwrap_or(0)))
        .collect();
    let (uuid, last): (fn(&str) -> String, &[&str]) = match scenario.machine() {
        Machine::Q35 | Machine::Pc => (swapped, &["default"]),
        Machine::Virt => (str::to_lowercase, &["default-arm", "default"]),
        Machine::Highbank => (str::to_lowercase, &HIGHBANK_DEFAULTS),
        // It asks for one script, and has no configurations.
        Machine::Pseries => (str::to_lowercase, &[]),
    };
    let uuid = scenario.uuid.iter().map(|text| uuid(text));
    let mac = format!(
        "01-{}",
        scenario.mac_of(scenario.network.boot_nic).replace(':', "-")
    );
    let digits = (1..=hex.len()).rev().map(|length| hex[..length].to_owned());
    uuid.chain([mac])
        .chain(digits)
        .chain(last.iter().map(|name| (*name).to_owned()))
        .collect()
}

/// What U-Boot asks for at last: names of the architecture with those of its system on a chip and of the board, with fewer of them, and
/// with none.
const HIGHBANK_DEFAULTS: [&str; 4] = [
    "default-arm-highbank-highbank",
    "default-arm-highbank",
    "default-arm",
    "default",
];

/// The firmware hands the first three fields over in the other byte order, and PXELINUX does not turn them back.
fn swapped(uuid: &str) -> String {
    let turn = |field: &str| -> String {
        let bytes: Vec<&str> = field
            .as_bytes()
            .chunks(2)
            .filter_map(|pair| str::from_utf8(pair).ok())
            .collect();
        bytes.into_iter().rev().collect()
    };
    let uuid = uuid.to_lowercase();
    let fields = uuid.split('-').enumerate();
    let fields = fields.map(|(place, field)| {
        if place < 3 {
            turn(field)
        } else {
            field.to_owned()
        }
    });
    fields.collect::<Vec<_>>().join("-")
}

fn config_search(scenario: &Scenario, facts: &Facts) -> Result<(), Verdict> {
    let expected = match &scenario.config_search {
        ConfigSearch::Any => return Ok(()),
        ConfigSearch::Exactly(names) => names.clone(),
        ConfigSearch::Standard => {
            let ip = facts
                .leases
                .iter()
                .find(|(_, mac)| *mac == scenario.mac_of(scenario.network.boot_nic));
            let mut order = standard_order(scenario, ip.map_or("", |(ip, _)| ip));
            // How far it goes depends on what the bundle holds.
            order.truncate(facts.searched.len().max(1));
            order
        }
    };
    if facts.found && facts.searched == expected {
        return Ok(());
    }
    let seen = facts.searched.clone();
    Err(Verdict::WrongConfigSearch { expected, seen })
}

fn lease(scenario: &Scenario, facts: &Facts) -> Result<(), Verdict> {
    if !scenario.lease {
        return Ok(());
    }
    let wrong = |what: String| Err(Verdict::WrongLease { what });
    let Some(address) = &facts.address else {
        return wrong("the guest reported no address".to_owned());
    };
    let cards: Vec<String> = (0..scenario.nics)
        .map(|card| scenario.mac_of(card))
        .collect();
    let given = facts
        .leases
        .iter()
        .any(|(ip, mac)| ip == address && cards.contains(mac));
    if given {
        return Ok(());
    }
    let leases: Vec<&str> = facts.leases.iter().map(|(ip, _)| ip.as_str()).collect();
    wrong(format!(
        "the guest says it has {address}, but was leased {}",
        leases.join(", ")
    ))
}

fn clocks(scenario: &Scenario, boot: usize, wall: f64, facts: &Facts) -> Result<(), String> {
    let power_on = scenario
        .clock
        .as_ref()
        .and_then(|clock| date::parse_rfc3339(&clock.power_on).ok());
    let tolerance = scenario.clock.as_ref().map_or(5, |clock| clock.tolerance);
    let near = |name: &str, reading: Option<Reading>, from: f64| {
        let Some(reading) = reading else {
            return Err(format!("nobody told the time of {name}"));
        };
        let off = reading.time as f64 - (from + reading.at);
        if off.abs() <= f64::from(tolerance) {
            return Ok(());
        }
        Err(format!(
            "{name} is {off:.0} s off what it should be, more than {tolerance} s"
        ))
    };
    // Until NTP has set it for the first time, the battery clock goes on from power-on.
    let (start, already_set) = match power_on {
        Some(power_on) if !(scenario.ntp && boot > 0) => (power_on as f64, false),
        _ => (wall, true),
    };
    let battery = if already_set && boot > 0 {
        "the battery clock after the reboot"
    } else {
        "the battery clock at first"
    };
    if scenario.clock.is_some() || scenario.ntp {
        near(battery, facts.rtc, start)?;
    }
    if scenario.ntp {
        near("the guest's clock after NTP", facts.clock, wall)?;
        if scenario.machine().tells_rtc() {
            near("the battery clock at the end", facts.outside, wall)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::scenario::Clock;
    use super::*;
    use crate::arch::Arch;
    use crate::loader::route::Route;

    const WALL: f64 = 1_800_000_000.0;

    fn clock_scenario() -> Scenario {
        let clock = Clock {
            power_on: "2001-01-01T00:00:00Z".into(),
            tolerance: 5,
        };
        Scenario {
            ntp: true,
            clock: Some(clock),
            ..Scenario::named("clock")
        }
    }

    fn clock_facts(rtc: i64, clock: i64) -> Facts {
        let reading = |time| Some(Reading { at: 2.0, time });
        let outside = reading(1_800_000_002);
        Facts {
            rtc: reading(rtc),
            clock: reading(clock),
            outside,
            ..Facts::default()
        }
    }

    #[test]
    fn the_order_of_pxelinux() {
        let scenario = Scenario {
            uuid: Some("00112233-4455-6677-8899-AABBCCDDEEFF".into()),
            ..Scenario::named("x")
        };
        let order = standard_order(&scenario, "10.77.0.10");
        let expected = [
            "33221100-5544-7766-8899-aabbccddeeff",
            "01-52-54-00-12-34-56",
            "0A4D000A",
            "0A4D000",
            "0A4D00",
            "0A4D0",
            "0A4D",
            "0A4",
            "0A",
            "0",
            "default",
        ];
        assert_eq!(order, expected);
    }

    #[test]
    fn the_order_of_u_boot() {
        let scenario = Scenario {
            uuid: Some("00112233-4455-6677-8899-AABBCCDDEEFF".into()),
            ..Scenario::named("x").on(Arch::Arm64)
        };
        let order = standard_order(&scenario, "10.77.0.10");
        assert_eq!(order[0], "00112233-4455-6677-8899-aabbccddeeff");
        assert_eq!(order[1..3], ["01-52-54-00-12-34-56", "0A4D000A"]);
        assert_eq!(order[9..], ["0", "default-arm", "default"]);
    }

    #[test]
    fn the_order_of_highbank() {
        let scenario = Scenario {
            route: Some(Route::Highbank),
            ..Scenario::named("x")
        };
        let order = standard_order(&scenario.on(Arch::Armhf), "10.77.0.10");
        assert_eq!(order[..2], ["01-52-54-00-12-34-56", "0A4D000A"]);
        assert_eq!(order[9..], HIGHBANK_DEFAULTS);
    }

    #[test]
    fn another_order_is_not_accepted() {
        let scenario = Scenario {
            config_search: ConfigSearch::Standard,
            ..Scenario::named("x")
        };
        let lease = ("10.77.0.10".to_owned(), scenario.mac_of(0));
        let mut facts = Facts {
            searched: vec!["01-52-54-00-12-34-56".into(), "0A4D000A".into()],
            found: true,
            leases: vec![lease],
            ..Facts::default()
        };
        assert_eq!(check(&scenario, 0, WALL, &facts), Ok(()));
        facts.searched.swap(0, 1);
        assert!(matches!(
            check(&scenario, 0, WALL, &facts),
            Err(Verdict::WrongConfigSearch { .. })
        ));
        facts.searched.clear();
        assert!(check(&scenario, 0, WALL, &facts).is_err());
    }

    #[test]
    fn clocks_are_right_before_and_after() {
        let (then, now) = (978_307_202, 1_800_000_002);
        let cases = [
            (0, then, now, true),
            (0, now, now, false),
            (0, then, now - 60, false),
            (1, now, now, true),
            (1, then, now, false),
        ];
        for (boot, rtc, clock, right) in cases {
            let verdict = check(&clock_scenario(), boot, WALL, &clock_facts(rtc, clock));
            assert_eq!(verdict.is_ok(), right, "boot {boot}: {verdict:?}");
        }
        let unsaid = Facts {
            clock: None,
            ..clock_facts(then, now)
        };
        assert!(check(&clock_scenario(), 0, WALL, &unsaid).is_err());
    }

    #[test]
    fn an_address_nobody_gave_is_wrong() {
        let scenario = Scenario {
            lease: true,
            ..Scenario::named("x")
        };
        let lease = |ip: &str, mac: &str| (ip.to_owned(), mac.to_owned());
        let mut facts = Facts {
            address: Some("10.77.0.10".into()),
            ..Facts::default()
        };
        assert!(check(&scenario, 0, WALL, &facts).is_err());
        facts.leases = vec![
            lease("10.77.0.10", "52:54:00:99:99:99"),
            lease("10.77.0.11", "52:54:00:12:34:56"),
        ];
        assert!(check(&scenario, 0, WALL, &facts).is_err());
        facts.leases.push(lease("10.77.0.10", "52:54:00:12:34:56"));
        assert_eq!(check(&scenario, 0, WALL, &facts), Ok(()));
    }

    #[test]
    fn what_qemus_own_network_hides_is_named() {
        assert_eq!(not_to_be_had(&clock_scenario(), Network::User), ["ntp"]);
        assert!(not_to_be_had(&clock_scenario(), Network::Lab).is_empty());
    }
}
