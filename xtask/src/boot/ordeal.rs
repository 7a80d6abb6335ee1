//! What a machine may go through before its boot has failed: attempts of the firmware that come to nothing while something else is left to
//! boot, and resets of its own that are meant to be. Pure; `judge` asks.

use super::fault::Plan;
use super::scenario::{Disk, Scenario};
use super::state::State;
use super::timeline::Stage;
use super::verdict::Verdict;

/// What a scenario lets a machine go through, and what it went through so far.
#[derive(Clone, Debug)]
pub struct Ordeal {
    /// The faults.
    pub plan: Plan,
    /// Whether the firmware goes on when an attempt comes to nothing.
    goes_on: bool,
    /// Whether it begins anew when nothing is left to boot.
    retries: bool,
    /// How often the machine may reset itself, and how often it has.
    allowed: u32,
    resets: u32,
    /// The first attempt that came to nothing.
    trouble: Option<Verdict>,
}

impl Ordeal {
    /// That of this scenario.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let retries = scenario.firmware_retry.is_some();
        let end = &scenario.end;
        let waited_for = end.take(&State::NoDhcp) || end.take(&State::LoadFailed);
        let may = scenario.disk == Disk::Bootable || !scenario.dhcp;
        let to_disk = may && end.take(&State::LocalBoot) && !waited_for;
        Self {
            plan: Plan::new(&scenario.fault),
            goes_on: retries
                || to_disk
                || !scenario.fault.is_empty()
                || scenario.network.tries_all_nics,
            retries,
            allowed: scenario.own_resets,
            resets: 0,
            trouble: None,
        }
    }

    /// What is decided by this, if anything is: nothing as long as something is left to boot, and then what went wrong first.
    pub fn endures(&mut self, cause: Verdict) -> Option<Verdict> {
        let endures = match cause {
            Verdict::NoDhcp { .. } | Verdict::LoadFailed { .. } => self.goes_on,
            Verdict::NothingToBoot { .. } => self.retries,
            _ => false,
        };
        if endures {
            self.trouble.get_or_insert(cause);
            return None;
        }
        Some(match cause {
            Verdict::NothingToBoot { .. } => self.trouble.take().unwrap_or(cause),
            cause => cause,
        })
    }

    /// What is decided by time running out. Once Linux runs, the machine has come through what went wrong before.
    pub fn out_of_time(&mut self, linux_runs: bool, timed_out: Verdict) -> Verdict {
        let trouble = self.trouble.take().filter(|_| !linux_runs);
        trouble.unwrap_or(timed_out)
    }

    /// Whether the machine is still to reset itself, as after an installation.
    #[must_use]
    pub const fn awaits_reset(&self) -> bool {
        self.resets < self.allowed
    }

    /// The machine reset itself after it had come to this stage.
    ///
    /// # Errors
    /// The verdict, when that was not meant to be.
    pub fn reset(&mut self, stage: Option<Stage>, last_line: String) -> Result<(), Verdict> {
        let linux_ran = stage >= Some(Stage::Linux);
        if self.retries && !linux_ran {
            return Ok(());
        }
        if !linux_ran || self.allowed == 0 {
            return Err(Verdict::ResetItself { stage, last_line });
        }
        self.resets += 1;
        let boots = self.resets;
        if boots > self.allowed {
            return Err(Verdict::Loop { boots, last_line });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordeal(text: &str) -> Ordeal {
        Ordeal::new(&toml::from_str(&format!("name = 'x'\n{text}")).unwrap())
    }

    fn no_dhcp() -> Verdict {
        Verdict::NoDhcp { line: "a".into() }
    }

    fn nothing() -> Verdict {
        Verdict::NothingToBoot { line: "b".into() }
    }

    #[test]
    fn without_faults_the_first_thing_that_goes_wrong_is_the_end() {
        assert_eq!(ordeal("").endures(no_dhcp()), Some(no_dhcp()));
    }

    #[test]
    fn with_faults_the_end_is_when_nothing_is_left_to_boot_and_says_what_led_to_it() {
        let mut faulty = ordeal("fault = [{ what = 'server-stop' }]");
        assert_eq!(faulty.endures(no_dhcp()), None);
        assert_eq!(faulty.endures(nothing()), Some(no_dhcp()));
        assert_eq!(faulty.endures(nothing()), Some(nothing()));
        let panic = Verdict::Panic { line: "c".into() };
        assert_eq!(faulty.endures(panic.clone()), Some(panic));
    }

    #[test]
    fn firmware_that_begins_anew_is_waited_for_until_time_runs_out() {
        let mut retries = ordeal("firmware-retry = 1");
        assert_eq!(retries.endures(no_dhcp()), None);
        assert_eq!(retries.endures(nothing()), None);
        assert_eq!(retries.reset(Some(Stage::Loader), String::new()), Ok(()));
        let late = retries.clone().out_of_time(true, Verdict::PoweredOff);
        assert_eq!(late, Verdict::PoweredOff);
        let early = retries.out_of_time(false, Verdict::PoweredOff);
        assert_eq!(early, no_dhcp());
    }

    #[test]
    fn a_reset_more_than_is_meant_is_a_loop() {
        let mut installs = ordeal("own-resets = 2");
        let reset = |ordeal: &mut Ordeal, stage| ordeal.reset(Some(stage), "x".into());
        for _ in 0..2 {
            assert!(installs.awaits_reset());
            assert_eq!(reset(&mut installs, Stage::Linux), Ok(()));
        }
        assert!(!installs.awaits_reset());
        let verdict = reset(&mut installs, Stage::Userspace);
        assert!(matches!(verdict, Err(Verdict::Loop { boots: 3, .. })));
        for (text, stage) in [("own-resets = 2", Stage::Config), ("", Stage::Verdict)] {
            let verdict = reset(&mut ordeal(text), stage);
            assert!(
                matches!(verdict, Err(Verdict::ResetItself { .. })),
                "{text}"
            );
        }
    }
}
