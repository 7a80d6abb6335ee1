//! What came of boots before: a small file beside the records, and what a boot is compared with. Times differ from boot to boot; so a
//! boot is called slower only when it is so by more than earlier ones differ among each other.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Result};
use crate::files;
use crate::text::counted;

use super::case::Case;

/// The file, in the folder that holds the records.
pub const FILE: &str = "history.json";
/// Boots that are remembered of each scenario.
const KEPT: usize = 10;
/// A time has to differ by so much of the usual one to be worth a word, and by so many seconds.
const NOISE: (f64, f64) = (0.15, 0.25);

/// One earlier boot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// When, in seconds since 1970.
    pub at: i64,
    /// The bundle's version.
    pub version: String,
    /// The verdict's name, as records have it.
    pub verdict: String,
    /// Seconds from QEMU's start to the last stage of the first boot.
    pub seconds: Option<f64>,
    /// QEMU's word for the accelerator.
    pub accel: String,
}

impl Past {
    fn passed(&self) -> bool {
        self.verdict == "passed"
    }
}

/// Earlier boots by `RECIPE/SCENARIO`, the latest last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History(BTreeMap<String, Vec<Past>>);

impl History {
    /// What is remembered in a folder. A file that cannot be understood is one of somebody else's version: there is nothing to
    /// compare with then.
    #[must_use]
    pub fn read(folder: &Path) -> Self {
        let text = fs_err::read(folder.join(FILE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// The earlier boots of a scenario.
    #[must_use]
    pub fn of(&self, name: &str) -> Vec<Past> {
        self.0.get(name).cloned().unwrap_or_default()
    }

    /// Takes in what came of a scenario.
    pub fn add(&mut self, name: String, past: Past) {
        let all = self.0.entry(name).or_default();
        all.push(past);
        let old = all.len().saturating_sub(KEPT);
        all.drain(..old);
    }

    /// Remembers cases in a folder, beside what others remember there at the same time.
    ///
    /// # Errors
    /// When the folder cannot be written to; on Ctrl-C while somebody else writes.
    pub fn remember<'a>(
        folder: &Path,
        cases: impl IntoIterator<Item = &'a Case>,
        wall: i64,
    ) -> Result<()> {
        let _guard = files::Guard::exclusive(folder)?;
        let mut history = Self::read(folder);
        for case in cases {
            if let Some(past) = case.past(wall) {
                history.add(case.name(), past);
            }
        }
        let text =
            serde_json::to_vec_pretty(&history).map_err(|error| Failure::bug(error.to_string()))?;
        files::replace(&folder.join(FILE), &text)
    }
}

/// How a verdict stands to the one before.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// There is none before.
    First,
    /// It is the same.
    Same,
    /// It passed before.
    Broke {
        /// The version that passed.
        version: String,
    },
    /// It did not pass before.
    Mended {
        /// The verdict then.
        was: String,
    },
    /// It failed before, otherwise.
    Otherwise {
        /// The verdict then.
        was: String,
    },
}

/// How a time stands to those before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pace {
    /// Seconds more than usual; negative when it was faster.
    pub more: f64,
    /// The usual time: the median of the earlier ones.
    pub usual: f64,
    /// The least and the most of the earlier ones.
    pub range: (f64, f64),
    /// How many earlier ones there are.
    pub boots: usize,
    /// Whether the difference is more than what is between any two boots.
    pub notable: bool,
}

/// Both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The verdict.
    #[serde(flatten)]
    pub change: Change,
    /// The time, where there is something to compare it with: boots that passed, with the same accelerator.
    pub pace: Option<Pace>,
}

impl Comparison {
    /// Compares a boot with those before, of which the latest is last.
    #[must_use]
    pub fn of(now: &Past, before: &[Past]) -> Self {
        let change = match before.last() {
            None => Change::First,
            Some(last) if last.verdict == now.verdict => Change::Same,
            Some(last) if last.passed() => Change::Broke {
                version: last.version.clone(),
            },
            Some(last) => {
                let was = last.verdict.clone();
                if now.passed() {
                    Change::Mended { was }
                } else {
                    Change::Otherwise { was }
                }
            }
        };
        let alike = |past: &&Past| past.passed() && past.accel == now.accel;
        let times = before.iter().filter(alike).filter_map(|past| past.seconds);
        let pace = now.seconds.filter(|_| now.passed());
        let pace = pace.and_then(|seconds| Pace::of(seconds, times.collect()));
        Self { change, pace }
    }

    /// What is to be said of the verdict; nothing where it is as before.
    #[must_use]
    pub fn of_verdict(&self) -> Option<String> {
        match &self.change {
            Change::First | Change::Same => None,
            Change::Broke { version } if version.is_empty() => {
                Some("it passed the last time".to_owned())
            }
            Change::Broke { version } => Some(format!("it passed the last time, as {version}")),
            Change::Mended { was } => Some(format!("it passes again: the last time it was {was}")),
            Change::Otherwise { was } => Some(format!("the last time it failed as {was}")),
        }
    }

    /// What is to be said of the time.
    #[must_use]
    pub fn of_time(&self) -> Option<String> {
        self.pace.as_ref().map(Pace::sentence)
    }
}

impl Pace {
    fn of(seconds: f64, mut before: Vec<f64>) -> Option<Self> {
        before.sort_by(f64::total_cmp);
        let (least, most) = (*before.first()?, *before.last()?);
        let usual = before[before.len() / 2];
        let more = seconds - usual;
        let (part, least_seconds) = NOISE;
        let threshold = (usual * part).max(least_seconds).max(most - least);
        Some(Self {
            more,
            usual,
            range: (least, most),
            boots: before.len(),
            notable: more.abs() > threshold,
        })
    }

    fn sentence(&self) -> String {
        let Self {
            more,
            usual,
            range: (least, most),
            boots,
            notable,
        } = self;
        let earlier = counted(*boots, "earlier boot");
        let usually = if least == most {
            format!("{usual:.1} s in {earlier}")
        } else {
            format!("usually {usual:.1} s, {least:.1} to {most:.1} s in {earlier}")
        };
        if !notable {
            return format!("as fast as before: {usually}");
        }
        let word = if *more > 0.0 { "slower" } else { "faster" };
        let percent = (more / usual * 100.0).abs();
        let doubt = match boots {
            1 | 2 => "; that few boots may be chance",
            _ => "",
        };
        format!(
            "{word} by {:.1} s ({percent:.0} %): {usually}{doubt}",
            more.abs()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(verdict: &str, seconds: f64) -> Past {
        Past {
            at: 0,
            version: "1.0".to_owned(),
            verdict: verdict.to_owned(),
            seconds: Some(seconds),
            accel: "tcg".to_owned(),
        }
    }

    fn told(now: &Past, before: &[Past]) -> String {
        let comparison = Comparison::of(now, before);
        let told = [comparison.of_verdict(), comparison.of_time()];
        told.into_iter().flatten().collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn what_differs_no_more_than_usual_is_not_called_slower() {
        let before = [past("passed", 1.5), past("passed", 2.5)];
        let text = told(&past("passed", 3.2), &before);
        assert_eq!(
            text,
            "as fast as before: usually 2.5 s, 1.5 to 2.5 s in 2 earlier boots"
        );
    }

    #[test]
    fn what_is_slower_is_told_with_how_sure_that_is() {
        let one = [past("passed", 2.0)];
        assert_eq!(
            told(&past("passed", 4.0), &one),
            "slower by 2.0 s (100 %): 2.0 s in 1 earlier boot; that few boots may be chance"
        );
        let many = [2.0, 2.1, 1.9, 2.0].map(|seconds| past("passed", seconds));
        assert_eq!(
            told(&past("passed", 1.0), &many),
            "faster by 1.0 s (50 %): usually 2.0 s, 1.9 to 2.1 s in 4 earlier boots"
        );
    }

    #[test]
    fn changes_of_the_verdict_are_told() {
        let passed = [past("passed", 2.0)];
        let failed = [past("panic", 2.0)];
        assert_eq!(
            told(&past("panic", 9.0), &passed),
            "it passed the last time, as 1.0"
        );
        assert_eq!(
            told(&past("passed", 2.0), &failed),
            "it passes again: the last time it was panic"
        );
        assert_eq!(
            told(&past("timed-out", 2.0), &failed),
            "the last time it failed as panic"
        );
        assert_eq!(told(&past("passed", 2.0), &[]), "");
    }

    #[test]
    fn boots_with_another_accelerator_are_no_measure() {
        let kvm = Past {
            accel: "kvm".to_owned(),
            ..past("passed", 0.5)
        };
        assert_eq!(told(&past("passed", 2.0), &[kvm]), "");
    }

    #[test]
    fn only_so_many_are_remembered_and_what_is_no_history_is_none() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join(FILE), "{\"x\": 1").unwrap();
        let mut history = History::read(folder.path());
        assert_eq!(history, History::default());
        for number in 0..20 {
            history.add("demo/plain".to_owned(), past("passed", f64::from(number)));
        }
        let seconds: Vec<_> = history
            .of("demo/plain")
            .iter()
            .map(|it| it.seconds)
            .collect();
        assert_eq!(seconds.len(), KEPT);
        assert_eq!(seconds.last(), Some(&Some(19.0)));
    }
}
