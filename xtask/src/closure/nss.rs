//! glibc's name services: which modules a database takes, by `nsswitch.conf` or by glibc's own defaults.
//!
//! nsswitch.conf(5), and `nss/nss_database.c` of glibc.

use std::collections::BTreeMap;

/// The databases, each with its services in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    databases: BTreeMap<String, Vec<String>>,
}

/// What glibc does for a database that `nsswitch.conf` is silent about; where a version of it differs, all that any takes.
const DEFAULTS: &[(&str, &[&str])] = &[
    ("hosts", &["files", "dns"]),
    ("networks", &["files", "dns"]),
];
/// And for the others.
const DEFAULT: &[&str] = &["files"];
/// What glibc 2.34 and later does itself.
const BUILT_IN: &[&str] = &["files", "dns"];

impl Services {
    /// Reads `nsswitch.conf`. Lines that are no database are ignored, as glibc does.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut databases = BTreeMap::new();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or("");
            let Some((name, services)) = line.split_once(':') else {
                continue;
            };
            databases.insert(name.trim().to_owned(), services_in(services));
        }
        Self { databases }
    }

    /// The services of a database.
    #[must_use]
    pub fn of(&self, database: &str) -> Vec<String> {
        if let Some(services) = self.databases.get(database) {
            return services.clone();
        }
        // What is said of `passwd` and `group` holds for their likes.
        let like = match database {
            "initgroups" => "group",
            "shadow" => "passwd",
            "gshadow" => "shadow",
            _ => "",
        };
        if let Some(services) = self.databases.get(like) {
            return services.clone();
        }
        let defaults = DEFAULTS.iter().find(|(name, _)| *name == database);
        let services = defaults.map_or(DEFAULT, |(_, services)| services);
        services.iter().map(|&service| service.to_owned()).collect()
    }
}

/// Whether a C library that has NSS built in does a service itself.
#[must_use]
pub fn is_built_in(service: &str) -> bool {
    BUILT_IN.contains(&service)
}

/// The library of a service.
#[must_use]
pub fn module(service: &str) -> String {
    format!("libnss_{service}.so.2")
}

/// The names of services on a line, without what is to be done when one fails: `[NOTFOUND=return]`.
fn services_in(text: &str) -> Vec<String> {
    let mut services = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (before, after) = rest.split_once('[').unwrap_or((rest, ""));
        services.extend(before.split_whitespace().map(str::to_owned));
        rest = after.split_once(']').map_or("", |(_, after)| after);
    }
    // A service is a part of a file name.
    services.retain(|service| !service.contains('/'));
    services
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_stand_without_actions() {
        let services = Services::parse(
            "# hosts: nis\npasswd: files systemd # more\nhosts:  files mdns4_minimal [NOTFOUND=return]dns [!UNAVAIL=x] myhostname\nbad: ../../x\nopen: a [b",
        );
        assert_eq!(services.of("passwd"), ["files", "systemd"]);
        assert_eq!(
            services.of("hosts"),
            ["files", "mdns4_minimal", "dns", "myhostname"]
        );
        assert_eq!(services.of("open"), ["a"]);
        assert!(services.of("bad").is_empty());
    }

    #[test]
    fn without_a_word_glibc_has_defaults() {
        let services = Services::parse("group: files ldap");
        assert_eq!(services.of("initgroups"), ["files", "ldap"]);
        assert_eq!(services.of("passwd"), ["files"]);
        assert_eq!(services.of("hosts"), ["files", "dns"]);
    }
}
