//! What a guest says of itself on its console: one line per step, and exactly one verdict per boot.
//!
//! ```text
//! cordwainer: image name=demo version=0.1.0-1 build=… date=… kernel=… busybox=…
//! cordwainer: rtc 2001-01-01T00:00:02Z
//! cordwainer: step dhcp ok 10.77.0.10/24 router 10.77.0.1 server 10.77.0.1
//! cordwainer: step clock failed 50 no answer from 10.77.0.1
//! cordwainer: verdict ready | verdict failed <step> <code> | verdict local-boot
//! ```
//! The words may stand anywhere in a line, since the kernel's messages share the console.

use serde::{Deserialize, Serialize};

use crate::date;

const PREFIX: &str = "cordwainer: ";

/// The boot sector of the lab's disk says this (see `disk`).
pub const LOCAL_BOOT: &str = "cordwainer: verdict local-boot";

/// One line of the guest's, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// The image's version stamp; userspace runs.
    Image,
    /// What the battery clock showed when userspace began, in seconds since 1970.
    Rtc(i64),
    /// A step went well; the rest of the line.
    StepOk(String, String),
    /// A step was not done; why.
    StepSkipped(String, String),
    /// A step failed: code and why. The verdict follows.
    StepFailed(String, u32, String),
    /// How the boot ended.
    Verdict(GuestVerdict),
}

/// How a guest says its boot ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuestVerdict {
    /// All steps went well.
    Ready,
    /// A step failed.
    Failed {
        /// Its name.
        step: String,
        /// Its code.
        code: u32,
    },
    /// The local disk booted.
    LocalBoot,
}

impl std::fmt::Display for GuestVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Failed { step, code } => write!(f, "failed {step} {code}"),
            Self::LocalBoot => f.write_str("local-boot"),
        }
    }
}

/// Understands a line; nothing when it is not the guest's, or cut, or garbled.
#[must_use]
pub fn parse(line: &str) -> Option<Word> {
    let (_, said) = line.rsplit_once(PREFIX)?;
    let said = said.trim_end();
    let (first, rest) = said.split_once(' ')?;
    match first {
        "image" => Some(Word::Image),
        "rtc" => date::parse_rfc3339(rest).ok().map(Word::Rtc),
        "step" => step(rest),
        "verdict" => verdict(rest).map(Word::Verdict),
        _ => None,
    }
}

fn step(said: &str) -> Option<Word> {
    let mut words = said.splitn(3, ' ');
    let name = words.next().filter(|name| !name.is_empty())?.to_owned();
    let how = words.next()?;
    let detail = words.next().unwrap_or("");
    match how {
        "ok" => Some(Word::StepOk(name, detail.to_owned())),
        "skipped" => Some(Word::StepSkipped(name, detail.to_owned())),
        "failed" => {
            let (code, why) = detail.split_once(' ').unwrap_or((detail, ""));
            Some(Word::StepFailed(name, code.parse().ok()?, why.to_owned()))
        }
        _ => None,
    }
}

fn verdict(said: &str) -> Option<GuestVerdict> {
    let words: Vec<&str> = said.split(' ').collect();
    match words[..] {
        ["ready"] => Some(GuestVerdict::Ready),
        ["local-boot"] => Some(GuestVerdict::LocalBoot),
        ["failed", step, code] => Some(GuestVerdict::Failed {
            step: step.to_owned(),
            code: code.parse().ok()?,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_behind_the_kernels_noise() {
        let line = "[    1.234567] random: crng init donecordwainer: verdict ready";
        assert_eq!(parse(line), Some(Word::Verdict(GuestVerdict::Ready)));
        let line = "cordwainer: image name=demo version=0.1.0-1";
        assert_eq!(parse(line), Some(Word::Image));
    }

    #[test]
    fn steps_say_how_they_went() {
        let ok = Word::StepOk("dhcp".into(), "10.77.0.10/24 router none".into());
        assert_eq!(
            parse("cordwainer: step dhcp ok 10.77.0.10/24 router none"),
            Some(ok)
        );
        let ok = Word::StepOk("mounts".into(), String::new());
        assert_eq!(parse("cordwainer: step mounts ok"), Some(ok));
        let failed = Word::StepFailed("clock".into(), 50, "no answer".into());
        assert_eq!(
            parse("cordwainer: step clock failed 50 no answer"),
            Some(failed)
        );
    }

    #[test]
    fn verdicts_are_exact() {
        let failed = GuestVerdict::Failed {
            step: "dhcp".into(),
            code: 40,
        };
        assert_eq!(
            parse("cordwainer: verdict failed dhcp 40"),
            Some(Word::Verdict(failed))
        );
        assert_eq!(
            parse(LOCAL_BOOT),
            Some(Word::Verdict(GuestVerdict::LocalBoot))
        );
        let wrong = [
            "verdict ready",
            "cordwainer: verdict",
            "cordwainer: verdict readyish",
            "cordwainer: verdict ready now",
            "cordwainer: verdict failed dhcp",
            "cordwainer: verdict failed dhcp x",
            "cordwainer: rtc 12:00",
            "cordwainer: ",
        ];
        assert!(wrong.iter().all(|line| parse(line).is_none()));
    }
}
