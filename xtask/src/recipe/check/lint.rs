//! What the recipe lets `lint` pass: rules that there are, and a reason for each.

use super::Check;
use crate::image::pattern::Pattern;
use crate::lint::{RULES, rule};
use crate::recipe::path::Path;
use crate::recipe::schema::Lint;
use crate::text::{nearest, quoted};

impl Check<'_> {
    pub(super) fn lint(&mut self, lint: &Lint) {
        let list = Path::of(&["lint", "allow"]);
        for (index, allow) in lint.allow.iter().enumerate() {
            let path = list.index(index);
            if rule(&allow.id).is_none() {
                let message = format!("{} is no rule of lint", quoted(&allow.id));
                let near = nearest(&allow.id, RULES.iter().map(|rule| rule.id));
                let help = near.map_or_else(
                    || "`cargo xtask lint --list` prints all of them".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                self.wrong(&path.key("id"), message, String::new(), help);
            }
            if allow.reason.trim().is_empty() {
                let message = "an allowance without a reason".to_owned();
                let help = "say why it is all right: lint repeats it, and whoever reads it later can judge";
                self.wrong(&path.key("reason"), message, String::new(), help);
            }
            let pattern = allow.path.as_deref().map(Pattern::new);
            if let Some(Err(failure)) = pattern {
                let message = failure.what.clone();
                let help = "`/etc/*`, `/lib/**`, `pxelinux.cfg/default`; without `path` it is all right everywhere";
                self.wrong(&path.key("path"), message, String::new(), help);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::recipe::load;
    use crate::recipe::tests::{GOOD, checkout};

    fn messages(allow: &str) -> Vec<String> {
        let text = format!("{GOOD}[[lint.allow]]\n{allow}\n");
        let (_folder, checkout) = checkout(&[("recipes/demo.toml", &text)]);
        let failure = load(&checkout, "demo").err();
        let found = failure
            .into_iter()
            .flat_map(|failure| failure.diagnostics.clone());
        found
            .map(|d| format!("{}; {}", d.message, d.help.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn rules_have_to_be_there_and_reasons_to_be_given() {
        assert!(messages("id = \"set-id\"\nreason = \"x\"").is_empty());
        let unknown = messages("id = \"setid\"\nreason = \"x\"");
        assert_eq!(
            unknown,
            ["`setid` is no rule of lint; did you mean `set-id`?"]
        );
        let listed = messages("id = \"nonsense\"\nreason = \"x\"");
        assert!(listed[0].contains("lint --list"), "{listed:?}");
        assert_eq!(
            messages("id = \"set-id\"\nreason = \" \"\npath = \"\"").len(),
            2
        );
    }
}
