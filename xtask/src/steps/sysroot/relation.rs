//! Relations between packages, as fields of `control` files have them (Debian Policy 7.1): `a, b (<< 2)`. Pure.

use crate::debian::version::Version;

/// Whether a field names this package in this version.
pub(super) fn names(field: &str, package: &str, version: &str) -> bool {
    let fits = |relation: &str| -> Option<bool> {
        let (name, condition) = match relation.split_once('(') {
            Some((name, rest)) => (name, Some(rest.split(')').next()?.trim())),
            None => (relation, None),
        };
        // `name:any`
        if name.trim().split(':').next()? != package {
            return Some(false);
        }
        condition.map_or(Some(true), |condition| holds(condition, version))
    };
    field
        .split([',', '|'])
        .any(|relation| fits(relation).unwrap_or(false))
}

/// Whether a condition such as `<< 2.0-1` holds; nothing, when it cannot be understood.
fn holds(condition: &str, version: &str) -> Option<bool> {
    let number = condition.trim_start_matches(['<', '>', '=']);
    let operator = &condition[..condition.len() - number.len()];
    let order = version
        .parse::<Version>()
        .ok()?
        .cmp(&number.trim().parse().ok()?);
    match operator {
        "<<" => Some(order.is_lt()),
        "<=" | "<" => Some(order.is_le()),
        "=" => Some(order.is_eq()),
        ">=" | ">" => Some(order.is_ge()),
        ">>" => Some(order.is_gt()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relation_holds_for_the_versions_it_names() {
        let field = "other, one (<< 2.0~), two:any (= 1:3-1)|three";
        for (package, version, expected) in [
            ("one", "1.9", true),
            ("one", "2.0~", false),
            ("two", "1:3-1", true),
            ("two", "3-1", false),
            ("three", "9", true),
            ("on", "1", false),
        ] {
            assert_eq!(
                names(field, package, version),
                expected,
                "{package} {version}"
            );
        }
    }

    #[test]
    fn what_cannot_be_understood_names_nothing() {
        for field in [
            "",
            "one (",
            "one (<< )",
            "one (!! 1)",
            "one (<< 1",
            "(",
            "one (<< é)",
            ",,|",
        ] {
            assert!(!names(field, "one", "1"), "{field}");
        }
    }
}
