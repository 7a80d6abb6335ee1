//! What a step's tools are confined in: no network, and an end with us.

use std::sync::OnceLock;

use super::Tool;
use crate::needs;

/// In front of a step's tools. The kernel kills `unshare` with us (prctl(2), `PR_SET_PDEATHSIG`), `unshare` its child, and with
/// that, as the first process of a namespace, everything it started: what a killed build leaves running could otherwise
/// still write where the next one works.
pub(super) const CONFINED: [&str; 13] = [
    "setpriv",
    "--pdeathsig",
    "KILL",
    "--",
    "unshare",
    "--user",
    "--map-current-user",
    "--net",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--",
];

/// Whether the host lets an unprivileged user make the namespaces that steps are confined in; tried once.
#[must_use]
pub fn namespaces() -> bool {
    static TRIED: OnceLock<bool> = OnceLock::new();
    *TRIED.get_or_init(|| {
        let tools = needs::find(CONFINED[0]).is_some() && needs::find(CONFINED[4]).is_some();
        let trial = Tool::new(CONFINED[0]).args(&CONFINED[1..]).arg("true");
        // Where it cannot be tried, nothing runs unconfined.
        tools && !matches!(trial.answer(), Ok(None))
    })
}
