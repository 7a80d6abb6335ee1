//! Configuration of kernel and busybox: fragments that people write, the final `.config` that came of them, and
//! why the two differ. Running `make` is left to the steps.
//!
//! The formats are the kernel's: Documentation/kbuild/kconfig-language.rst and kconfig.rst; busybox
//! uses an older dialect of the same.

pub mod config;
pub mod depends;
pub mod expr;
pub mod fragment;
pub mod language;
pub mod requested;
pub mod tree;
pub mod update;

use crate::failure::{Failure, Kind, Result};
use config::Config;
use fragment::Fragment;
use language::Tree;

/// Checks that everything the fragments request (a later one wins) is in the final configuration. `tree` is only asked for
/// when something is not, to say why.
///
/// # Errors
/// [`Kind::Recipe`] with a diagnostic for each request that was not met: the fragment's line, and
/// what the symbol depends on. What `tree` fails with.
pub fn check(
    fragments: &[Fragment],
    config: &Config,
    tree: impl FnOnce() -> Result<Tree>,
) -> Result<()> {
    let unmet = requested::unmet(fragments, config);
    if unmet.is_empty() {
        return Ok(());
    }
    let tree = tree()?;
    let diagnostics = unmet.iter().map(|unmet| {
        let why = depends::explain(&tree, config, &unmet.wanted);
        unmet.diagnostic(why)
    });
    let count = unmet.len();
    let symbols = if count == 1 {
        "symbol is"
    } else {
        "symbols are"
    };
    Err(Failure::new(
        Kind::Recipe,
        format!("{count} requested {symbols} not in the final configuration"),
    )
    .hint("request what they depend on too, or take the lines out of the fragments")
    .diagnostics(diagnostics.collect()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_tree_is_read_only_when_a_request_was_not_met() {
        let fragments =
            [Fragment::parse(Path::new("net.config"), "# why\nCONFIG_E1000=y\n").unwrap()];
        let met = Config::parse("CONFIG_E1000=y\n");
        check(&fragments, &met, || panic!("nobody needs the tree")).unwrap();

        let failure = check(&fragments, &Config::default(), || Ok(Tree::default())).unwrap_err();
        assert_eq!(failure.kind, Kind::Recipe);
        let [one] = &failure.diagnostics[..] else {
            panic!("{failure:?}")
        };
        assert_eq!(one.line_column(), (2, 1));
        let why = "there is no symbol E1000 in this source tree";
        assert_eq!(one.help.as_deref(), Some(why));
    }
}
