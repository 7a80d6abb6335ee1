//! What fragments request and the final configuration does not have.

use std::collections::BTreeMap;

use super::config::{Assignment, Config, PREFIX, Value};
use super::fragment::{Fragment, Request};
use crate::failure::Diagnostic;

/// A request that was not met.
#[derive(Clone, Debug)]
pub struct Unmet<'a> {
    /// The symbol and the value that was asked for.
    pub wanted: Assignment,
    /// The value it has; nothing when the final configuration does not mention it.
    pub got: Option<Value>,
    fragment: &'a Fragment,
    request: &'a Request,
}

impl Unmet<'_> {
    /// The fragment's line, underlined; `why` becomes the help.
    #[must_use]
    pub fn diagnostic(&self, why: String) -> Diagnostic {
        let Assignment { symbol, value } = &self.wanted;
        let label = match &self.got {
            Some(got) => format!("it is {got}"),
            None => "it is not there at all".to_owned(),
        };
        let message = format!("{PREFIX}{symbol}={value} is not in the final configuration");
        let text = &self.fragment.text;
        text.wrong(self.request.span.clone(), message, label, why)
    }
}

/// The requests that `config` does not meet, in the fragments' order. Of a symbol that several fragments name,
/// only the last request counts. A symbol that is not mentioned is as good as `n`.
#[must_use]
pub fn unmet<'a>(fragments: &'a [Fragment], config: &Config) -> Vec<Unmet<'a>> {
    let all = || {
        let of = |fragment: &'a Fragment| {
            fragment
                .requests
                .iter()
                .map(move |request| (fragment, request))
        };
        fragments.iter().flat_map(of).enumerate()
    };
    let last: BTreeMap<&str, usize> = all()
        .map(|(at, (_, request))| (&*request.assignment.symbol, at))
        .collect();
    all()
        .filter(|(at, (_, request))| last.get(&*request.assignment.symbol) == Some(at))
        .filter_map(|(_, (fragment, request))| {
            let wanted = request.assignment.clone();
            let got = config.get(&wanted.symbol).cloned();
            let met = got.as_ref().unwrap_or(&Value::NO) == &wanted.value;
            (!met).then_some(Unmet {
                wanted,
                got,
                fragment,
                request,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn only_the_last_request_counts_and_absent_is_n() {
        let fragments = [
            "CONFIG_A=y\nCONFIG_B=y\nCONFIG_N=n\n",
            "# CONFIG_A is not set\nCONFIG_C=m\nCONFIG_D=\"x\"\n",
        ]
        .map(|text| Fragment::parse(Path::new("a"), text).unwrap());
        let config = Config::parse("CONFIG_C=y\nCONFIG_D=\"x\"\n");
        let unmet = unmet(&fragments, &config);
        let found: Vec<String> = unmet
            .iter()
            .map(|unmet| {
                let diagnostic = unmet.diagnostic("because".to_owned());
                format!(
                    "{:?} {} ({})",
                    diagnostic.line_column(),
                    diagnostic.message,
                    diagnostic.label
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                "(2, 1) CONFIG_B=y is not in the final configuration (it is not there at all)",
                "(2, 1) CONFIG_C=m is not in the final configuration (it is y)",
            ]
        );
    }
}
