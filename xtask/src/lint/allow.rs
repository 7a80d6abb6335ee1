//! Allowances: findings that are all right, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Finding, rules};
use crate::image::pattern::Pattern;

/// A finding that is all right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Allow {
    /// The finding's id; `lint --list` prints all of them.
    pub id: String,
    /// A pattern of the paths it is all right for; every path otherwise. Paths in the image begin with `/`, those of the bundle do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Why.
    pub reason: String,
}

impl Allow {
    fn fits(&self, finding: &Finding) -> bool {
        let path = || finding.path.as_ref().map(ToString::to_string);
        self.id == finding.id
            && self.path.as_ref().is_none_or(|pattern| {
                path().is_some_and(|path| {
                    Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(&path))
                })
            })
    }
}

/// A finding that is all right, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Allowed {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// Why it is all right.
    pub reason: String,
}

/// Findings, apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sorted {
    /// Those that nobody allowed, the worst first.
    pub findings: Vec<Finding>,
    /// Those that are all right.
    pub allowed: Vec<Allowed>,
}

/// Sorts findings by whether they are allowed. An allowance that fits none is a finding itself, which nothing can allow.
#[must_use]
pub fn sort(findings: Vec<Finding>, allowances: &[Allow]) -> Sorted {
    let mut sorted = Sorted::default();
    let mut used = vec![false; allowances.len()];
    for finding in findings {
        let mut reason = None;
        for (allow, used) in allowances.iter().zip(&mut used) {
            if allow.fits(&finding) {
                *used = true;
                reason.get_or_insert(&allow.reason);
            }
        }
        match reason {
            Some(reason) => sorted.allowed.push(Allowed {
                finding,
                reason: reason.clone(),
            }),
            None => sorted.findings.push(finding),
        }
    }
    let unused = allowances.iter().zip(used).filter(|(_, used)| !used);
    sorted.findings.extend(unused.map(|(allow, _)| {
        let at = allow.path.as_ref().map(|path| format!(" at {path}"));
        rules::UNUSED_ALLOWANCE.everywhere(format!(
            "the recipe allows `{}`{}, and there is no such finding",
            allow.id,
            at.unwrap_or_default()
        ))
    }));
    sorted.findings.sort();
    sorted.allowed.sort_by(|a, b| a.finding.cmp(&b.finding));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::path::ImagePath;

    fn allow(id: &str, path: Option<&str>) -> Allow {
        Allow {
            id: id.to_owned(),
            path: path.map(str::to_owned),
            reason: "because".to_owned(),
        }
    }

    fn finding(path: &str) -> Finding {
        rules::SET_ID.at(path.parse::<ImagePath>().unwrap(), "x")
    }

    #[test]
    fn what_is_allowed_is_listed_with_its_reason() {
        let sorted = sort(
            vec![finding("/bin/su"), finding("/usr/bin/x")],
            &[allow("set-id", Some("/bin/*"))],
        );
        assert_eq!(sorted.findings, [finding("/usr/bin/x")]);
        assert_eq!(sorted.allowed[0].finding, finding("/bin/su"));
        assert_eq!(sorted.allowed[0].reason, "because");
    }

    #[test]
    fn an_allowance_that_fits_nothing_is_a_finding_that_cannot_be_allowed() {
        let allowances = [
            allow("set-id", None),
            allow("owner", Some("/x")),
            allow("unused-allowance", None),
        ];
        let sorted = sort(vec![finding("/bin/su")], &allowances);
        let ids: Vec<&str> = sorted.findings.iter().map(|f| f.id).collect();
        assert_eq!(ids, ["unused-allowance", "unused-allowance"]);
        assert!(
            sorted.findings[0].what.contains("`owner` at /x"),
            "{sorted:?}"
        );
    }
}
