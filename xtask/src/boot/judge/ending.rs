//! What a boot adds up to when nothing more came. What comes is taken in by the judge itself.

use super::{Judge, Order};
use crate::boot::checks;
use crate::boot::protocol::GuestVerdict;
use crate::boot::state::State;
use crate::boot::verdict::Verdict;

impl Judge {
    /// Whether the machine is still to reset itself, as after an installation that went well, and to come to another end then.
    pub(super) fn goes_on_after(&self, said: &GuestVerdict) -> bool {
        let well = !matches!(said, GuestVerdict::Failed { .. });
        let other = !self.scenario.end.take(&State::from(said));
        self.ordeal.awaits_reset() && well && other
    }

    /// With the files that the TFTP server could not send, where that is the cause.
    pub(super) fn with_missing(&mut self, cause: Verdict) -> Verdict {
        match cause {
            Verdict::LoadFailed { line, .. } => {
                let first = self.missing.len().saturating_sub(3);
                let missing = self.missing.split_off(first);
                Verdict::LoadFailed { line, missing }
            }
            cause => cause,
        }
    }

    /// Nothing more came: what does it add up to?
    pub(super) fn conclude(&mut self) -> Vec<Order> {
        match self.sum_up() {
            Err(verdict) => {
                self.verdict = Some(verdict);
                Vec::new()
            }
            Ok(()) if self.resets < self.scenario.reboots => {
                self.reset_ordered = true;
                // Until the reset is done, the limit of this boot stands.
                self.settled_at = None;
                vec![Order::Reset]
            }
            Ok(()) => {
                self.verdict = Some(Verdict::Passed);
                Vec::new()
            }
        }
    }

    fn sum_up(&mut self) -> Result<(), Verdict> {
        let boot = self.timeline.boots.len() - 1;
        self.cause()?;
        let faults = self.ordeal.plan.unmet();
        if !faults.is_empty() {
            return Err(Verdict::FaultNotMet { faults });
        }
        self.reports.judge(&self.scenario, self.came.as_ref())?;
        self.scenario.end.judge(self.came.as_ref(), &self.why)?;
        checks::check(&self.scenario, boot, self.wall, &self.facts)?;
        // Where lines are one of several ends, another may come before them.
        let other = self.scenario.end.take_lines() && self.came != Some(State::Expected);
        if self.resets < self.scenario.reboots || other {
            return Ok(());
        }
        let patterns = self.lookout.missed();
        if patterns.is_empty() {
            Ok(())
        } else {
            Err(Verdict::ExpectationMissed { patterns })
        }
    }

    /// What went wrong, unless it is the state that is waited for, and the first that came.
    fn cause(&mut self) -> Result<(), Verdict> {
        let Some(cause) = self.cause.take() else {
            return Ok(());
        };
        let state = State::of(&cause).filter(|state| self.came.as_ref() == Some(state));
        match cause {
            _ if state.is_some_and(|state| self.scenario.end.take(&state)) => Ok(()),
            cause => Err(self.with_missing(cause)),
        }
    }
}
