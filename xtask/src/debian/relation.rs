//! Names of packages, their maintainers and relations between them, as control files write them (Debian Policy 5.6.7 and 7.1). Pure; what satisfies a relation is apt's to say.

use super::version::Version;

/// The fields of a binary package that are relations.
pub const FIELDS: [&str; 11] = [
    "Pre-Depends",
    "Depends",
    "Recommends",
    "Suggests",
    "Enhances",
    "Conflicts",
    "Breaks",
    "Replaces",
    "Provides",
    "Built-Using",
    "Static-Built-Using",
];

/// The fields that may name alternatives.
const ALTERNATIVES: [&str; 4] = ["Pre-Depends", "Depends", "Recommends", "Suggests"];

/// The fields in which a version can only be an exact one.
const EXACT: [&str; 3] = ["Provides", "Built-Using", "Static-Built-Using"];

const OPERATORS: [&str; 5] = ["<<", "<=", "=", ">=", ">>"];

/// Whether this can be a package's name: two or more of `a-z0-9+-.`, the first a letter or digit.
///
/// # Errors
/// What is wrong, in a sentence.
pub fn package(name: &str) -> Result<(), String> {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = name.as_bytes();
    let fits = bytes.len() >= 2
        && bytes.first().is_some_and(|&first| plain(first))
        && bytes.iter().all(|&c| plain(c) || b"+-.".contains(&c));
    if fits {
        Ok(())
    } else {
        Err(format!(
            "`{name}` is no name of a package: two or more of a-z, 0-9, `+`, `-` and `.`, the first a letter or digit"
        ))
    }
}

/// Whether this is `Name <address>` (Debian Policy 5.6.2).
///
/// # Errors
/// What is wrong, in a sentence.
pub fn maintainer(value: &str) -> Result<(), String> {
    let parts = value
        .strip_suffix('>')
        .and_then(|rest| rest.split_once(" <"));
    let fits = parts.is_some_and(|(name, address)| {
        let mut parts = address.split('@');
        let two = parts
            .by_ref()
            .take(2)
            .filter(|part| !part.is_empty())
            .count()
            == 2;
        two && parts.next().is_none()
            && !name.trim().is_empty()
            && !name.contains(['<', '>', '\n', ','])
            && !address.contains(|c: char| c.is_whitespace() || "<>,".contains(c))
    });
    if fits {
        Ok(())
    } else {
        Err(format!(
            "`{value}` is not of the form `Name <name@example.org>`"
        ))
    }
}

/// Whether a field's value is of the form `a (>= 1), b | c:any`, with what this field allows for.
///
/// # Errors
/// What is wrong, in a sentence.
pub fn check(field: &str, value: &str) -> Result<(), String> {
    for group in value.split(',') {
        let mut alternatives = group.split('|');
        let first = alternatives.next().unwrap_or_default();
        for relation in std::iter::once(first).chain(alternatives) {
            if group.contains('|') && !ALTERNATIVES.contains(&field) {
                return Err(format!(
                    "`{}`: this field knows no alternatives",
                    group.trim()
                ));
            }
            single(field, relation.trim())?;
        }
    }
    Ok(())
}

/// Whether this is one relation as `Depends` has it.
///
/// # Errors
/// What is wrong, in a sentence.
fn single(field: &str, relation: &str) -> Result<(), String> {
    let (name, condition) = match relation.split_once('(') {
        Some((name, rest)) => {
            let condition = rest.strip_suffix(')');
            let wrong = || format!("`{relation}` has no `)` at its end");
            (name.trim(), Some(condition.ok_or_else(wrong)?.trim()))
        }
        None => (relation, None),
    };
    let (name, architecture) = name.split_once(':').unwrap_or((name, "any"));
    package(name)?;
    if architecture.is_empty()
        || !architecture
            .bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
    {
        return Err(format!("`{relation}`: `{architecture}` is no architecture"));
    }
    let exact = EXACT.contains(&field);
    match condition {
        None if exact && field != "Provides" => Err(format!(
            "`{relation}` needs an exact version, such as `(= 1.0-1)`"
        )),
        None => Ok(()),
        Some(condition) => version(relation, condition, exact),
    }
}

fn version(relation: &str, condition: &str, exact: bool) -> Result<(), String> {
    let number = condition.trim_start_matches(['<', '>', '=']);
    let operator = &condition[..condition.len() - number.len()];
    if !OPERATORS.contains(&operator) || exact && operator != "=" {
        let known = if exact {
            "=".to_owned()
        } else {
            OPERATORS.join(", ")
        };
        return Err(format!(
            "`{relation}`: `{operator}` is no relation here; there is {known}"
        ));
    }
    let version = number.trim().parse::<Version>();
    version.map(drop).map_err(|failure| failure.what.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dpkg_takes_is_taken() {
        for (field, value) in [
            ("Depends", "a1"),
            (
                "Depends",
                "dnsmasq | isc-dhcp-server (>= 4.4~),kea-dhcp4-server, xx:any (<< 1:2-3)",
            ),
            ("Depends", "a1,\n bb"),
            ("Built-Using", "linux (= 6.1.1-1), busybox (= 1:1.35.0-4)"),
            ("Provides", "aa, bb (= 1)"),
            ("Conflicts", "g++(>>4)"),
        ] {
            check(field, value).unwrap();
        }
    }

    #[test]
    fn a_maintainer_has_a_name_and_an_address() {
        assert_eq!(maintainer("Jane Q. Doe <jane@example.org>"), Ok(()));
        for wrong in [
            "",
            "jane@example.org",
            "<jane@example.org>",
            "Jane <jane>",
            "Jane <a@b@c>",
            "Jane <a b@c>",
            "Jane <a@b>, Joe <a@b>",
            "Jane <@b>",
        ] {
            assert!(maintainer(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (field, value, part) in [
            ("Depends", "", "`` is no name"),
            ("Depends", "aa,", "`` is no name"),
            ("Depends", "aa,,bb", "`` is no name"),
            ("Depends", "Aa", "`Aa` is no name"),
            ("Depends", "-aa", "`-aa` is no name"),
            ("Depends", "aa bb", "`aa bb` is no name"),
            ("Depends", "aa (> 1)", "`>` is no relation"),
            ("Depends", "aa (>= 1", "no `)`"),
            ("Depends", "aa (>= _)", "no Debian version"),
            ("Depends", "aa: (>= 1)", "no architecture"),
            ("Depends", "${misc:Depends}", "is no name"),
            ("Conflicts", "aa | bb", "no alternatives"),
            ("Built-Using", "linux", "needs an exact version"),
            ("Built-Using", "linux (>= 1)", "`>=` is no relation"),
        ] {
            let said = check(field, value).unwrap_err();
            assert!(said.contains(part), "{field}: {value}: {said}");
        }
    }
}
