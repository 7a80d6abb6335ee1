//! Whether a need is met: there, it runs, and it is new enough.

use std::fmt;

use super::Tool;
use crate::arch::Arch;
use crate::failure::{Failure, Kind, Result};
use crate::needs::{NEEDS, Need, Purpose, What};

/// How a need stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is there, with its version where that matters.
    Met(Option<String>),
    /// It is not there.
    Missing,
    /// It is there, and does not run.
    Broken,
    /// It is there, in this version, which is too old.
    TooOld(String),
}

impl Standing {
    /// Whether the work can be done with it.
    #[must_use]
    const fn is_met(&self) -> bool {
        matches!(self, Self::Met(_))
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Met(version) => f.write_str(version.as_deref().unwrap_or("there")),
            Self::Missing => f.write_str("not installed"),
            Self::Broken => f.write_str("does not run"),
            Self::TooOld(version) => write!(f, "version {version}, which is too old"),
        }
    }
}

/// Looks at one need; starts the program when its version matters.
///
/// # Errors
/// When it cannot be tried.
pub fn standing(need: &Need) -> Result<Standing> {
    if !need.present() {
        return Ok(Standing::Missing);
    }
    let (What::Program(program), Some((argument, minimum))) = (need.what, need.minimum) else {
        return Ok(Standing::Met(None));
    };
    let Some(said) = Tool::new(program).arg(argument).answer()? else {
        return Ok(Standing::Broken);
    };
    Ok(match version_in(&said) {
        Some(version) if older(&version, minimum) => Standing::TooOld(version),
        version => Standing::Met(version),
    })
}

/// Fails when something is missing or too old for this purpose and images of these architectures, as far as it is `wanted` and one cannot do without it. For what takes
/// long: it had better not begin.
///
/// # Errors
/// [`Kind::Missing`] naming everything that is not as it should be, and what to install.
pub fn require(purpose: Purpose, arches: &[Arch], wanted: impl Fn(&Need) -> bool) -> Result<()> {
    let needs = NEEDS.iter().filter(|need| {
        need.purpose == purpose && need.concerns(arches) && !need.optional && wanted(need)
    });
    let unmet: Vec<(&Need, Standing)> = needs
        .map(|need| Ok((need, standing(need)?)))
        .filter(|looked| !looked.as_ref().is_ok_and(|(_, standing)| standing.is_met()))
        .collect::<Result<_>>()?;
    let Some((first, how)) = unmet.first() else {
        return Ok(());
    };
    let mut packages: Vec<&str> = unmet.iter().map(|(need, _)| need.package).collect();
    packages.dedup();
    let mut failure = Failure::new(
        Kind::Missing,
        format!("{} is {how}", first.name()).replace("is does", "does"),
    );
    for (need, standing) in &unmet {
        let at_least = need.minimum.map_or_else(String::new, |(_, minimum)| {
            format!("; at least {minimum} is needed")
        });
        failure = failure.note(format!(
            "{} (package {}): {standing}{at_least}",
            need.name(),
            need.package
        ));
    }
    Err(failure.hint(format!(
        "run: sudo apt-get install --no-install-recommends {}",
        packages.join(" ")
    )))
}

/// The first word of a program's version line that looks like a version.
fn version_in(said: &str) -> Option<String> {
    let mut words = said.lines().next()?.split([' ', '(', ')', ',']);
    let version =
        words.find(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()));
    version.map(str::to_owned)
}

/// Compares number by number; whatever follows them does not count.
fn older(version: &str, minimum: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        text.split(['.', '-', '+', '~'])
            .map_while(|part| part.parse().ok())
            .collect()
    };
    numbers(version) < numbers(minimum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_and_compared() {
        let gcc = "gcc (Debian 12.2.0-14+deb12u1) 12.2.0\nCopyright";
        assert_eq!(version_in(gcc).as_deref(), Some("12.2.0-14+deb12u1"));
        assert_eq!(version_in("GNU Make 4.3\n").as_deref(), Some("4.3"));
        assert_eq!(version_in("no version"), None);
        assert!(
            older("4.1", "4.2")
                && older("3.99", "4.2")
                && !older("4.10", "4.2")
                && !older("12.2.0-14", "8.0")
        );
    }

    #[test]
    fn what_is_missing_and_what_is_there_are_told_apart() {
        let need = |name| Need {
            what: What::Program(name),
            package: "p",
            purpose: Purpose::Build,
            arch: None,
            optional: false,
            minimum: None,
        };
        assert_eq!(
            standing(&need("no-such-program")).unwrap(),
            Standing::Missing
        );
        assert_eq!(standing(&need("ls")).unwrap(), Standing::Met(None));
        let never = Need {
            minimum: Some(("--version", "999")),
            ..need("ls")
        };
        assert!(matches!(standing(&never).unwrap(), Standing::TooOld(_)));
        let broken = Need {
            minimum: Some(("--no-such-option", "1")),
            ..need("ls")
        };
        assert_eq!(standing(&broken).unwrap(), Standing::Broken);
    }
}
