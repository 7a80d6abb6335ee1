//! Dealing boots to the machines of a CI farm: every machine deals for itself, and all come to the same. So it is decided by what
//! recipes say alone, never by what a machine has seen.

use std::str::FromStr;

use crate::failure::{Failure, Kind};
use crate::loader::route::Route;

use super::scenario::Scenario;
use super::state::State;

/// One of several equal parts, such as `2/5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, counted from 1.
    pub number: usize,
    /// Of how many.
    pub of: usize,
}

impl FromStr for Shard {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let parts = text.split_once('/');
        let parts = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((number, of)) if (1..=of).contains(&number) && of <= 1000 => {
                Ok(Self { number, of })
            }
            _ => {
                let what = match parts {
                    Some((number, of)) if number > of && of > 0 => {
                        format!("there is no shard {number} of {of}: they count from 1 to {of}")
                    }
                    _ => format!("{text:?} is no shard: the second of five is `2/5`"),
                };
                Err(Failure::new(Kind::Usage, what))
            }
        }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// What a boot by a route usually takes without KVM, in seconds.
const fn usual(route: Route) -> u32 {
    match route {
        Route::Pxelinux | Route::Lpxelinux | Route::Ipxe => 3,
        Route::EfiUki | Route::EfiHttp | Route::EfiIpxe => 10,
        Route::EfiSyslinux | Route::EfiGrub | Route::SecureUki => 15,
        Route::SecureGrub => 60,
        Route::UBoot => 6,
        Route::Highbank => 13,
        Route::Petitboot | Route::OpenFirmware => 30,
    }
}

/// What a scenario is likely to take, in seconds.
#[must_use]
pub fn weight(scenario: &Scenario, route: Route) -> u32 {
    let boots = usual(route) * (1 + scenario.reboots);
    // What has to happen first, before it comes to the disk, is mostly waiting.
    let waits = u32::from(scenario.end.take(&State::LocalBoot) || !scenario.dhcp) * 20;
    (boots + waits).min(scenario.timeout.max(1) * (1 + scenario.reboots))
}

/// Which part each boot is in, counted from 1: the heaviest first, each to the part that has the least so far. `boots` are names,
/// each its own, and weights.
#[must_use]
pub fn deal(boots: &[(String, u32)], parts: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..boots.len()).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (&boots[a], &boots[b]);
        b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0))
    });
    let mut loads = vec![0_u64; parts.max(1)];
    let mut dealt = vec![1; boots.len()];
    for boot in order {
        let lightest = (0..loads.len()).min_by_key(|&part| loads[part]);
        let part = lightest.unwrap_or(0);
        loads[part] += u64::from(boots[boot].1.max(1));
        dealt[boot] = part + 1;
    }
    dealt
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boots(weights: &[u32]) -> Vec<(String, u32)> {
        let named = weights.iter().enumerate();
        named.map(|(n, &w)| (format!("demo/{n}"), w)).collect()
    }

    #[test]
    fn shards_are_read() {
        let read = |text: &str| text.parse::<Shard>().ok().map(|it| (it.number, it.of));
        assert_eq!(read("2/5"), Some((2, 5)));
        for wrong in ["", "2", "0/5", "6/5", "1/0", "a/b", "1/99999999", "-1/2"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn parts_are_about_as_heavy_as_each_other() {
        let dealt = deal(&boots(&[60, 3, 3, 30, 30, 3]), 2);
        assert_eq!(dealt, [1, 1, 2, 2, 2, 1]);
    }

    #[test]
    fn the_order_in_which_boots_are_named_changes_nothing() {
        let all = boots(&[5, 5, 5, 9, 1, 5, 7]);
        let mut turned = all.clone();
        turned.reverse();
        let mut dealt = deal(&turned, 3);
        dealt.reverse();
        assert_eq!(deal(&all, 3), dealt);
    }

    #[test]
    fn every_boot_is_in_one_part_though_there_are_more_parts_than_boots() {
        let dealt = deal(&boots(&[1, 1]), 5);
        assert_eq!(dealt, [1, 2]);
        assert!(deal(&[], 5).is_empty());
    }

    #[test]
    fn what_waits_or_boots_twice_weighs_more() {
        let plain = Scenario::named("x");
        let twice = Scenario {
            reboots: 1,
            ..Scenario::named("x")
        };
        let dead = Scenario {
            dhcp: false,
            ..Scenario::named("x")
        };
        let weigh = |scenario: &Scenario| weight(scenario, Route::Pxelinux);
        assert!(weigh(&plain) < weigh(&twice) && weigh(&twice) < weigh(&dead));
    }
}
