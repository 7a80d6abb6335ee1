//! An apt repository as its file in `debian/repositories/` describes it: plain data. Complaining about it is `recipe`'s (which reads all of our
//! TOML), where it is kept is `place`'s, what is in it is found by reading it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A repository: one suite with one component (deb822's `Suites:` and `Components:`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Repository {
    /// What it is for, in one line: the `Description` of its Release file.
    pub description: String,
    /// Who publishes it: the `Origin` of its Release file. Clients refuse a repository whose origin changes.
    #[serde(default = "default_origin")]
    pub origin: String,
    /// The suite that clients ask for, such as `stable`; `Suite` and `Codename` of its Release file.
    #[serde(default = "default_suite")]
    pub suite: String,
    /// The part of the suite that packages go to.
    #[serde(default = "default_component")]
    pub component: String,
    /// Debian's names of the architectures that clients have. Packages for `all` are in the index of each.
    #[serde(default = "default_architectures")]
    pub architectures: Vec<String>,
    /// The signing key's full fingerprint, 40 hexadecimal digits (64 of a version 5 or 6 key). `gpg --list-keys --with-fingerprint` shows it.
    pub key: String,
    /// Full fingerprints of the keys that signed it before `key` did. What they signed is believed when it is read, and nothing is signed by them.
    #[serde(default)]
    pub former_keys: Vec<String>,
    /// Where it is kept.
    #[serde(rename = "where")]
    pub place: Where,
    /// Its address for clients, such as `https://apt.example.org/netboot`: what the `.sources` file says.
    pub url: Option<String>,
    /// How many versions of each source package stay in the index; all when it is not said. Their files stay a while longer: `grace-hours`.
    pub retain: Option<u32>,
    /// Hours for which indexes and packages that are in no index any more stay on the server, for clients that have read an older index.
    #[serde(default = "default_grace")]
    pub grace_hours: u32,
    /// Days for which clients believe the Release file, counted from each publishing; `repo refresh` begins anew. For ever when it is not said.
    pub valid_days: Option<u32>,
}

fn default_origin() -> String {
    "Cordwainer".to_owned()
}

fn default_suite() -> String {
    "stable".to_owned()
}

fn default_component() -> String {
    "main".to_owned()
}

fn default_architectures() -> Vec<String> {
    vec!["amd64".to_owned(), "arm64".to_owned()]
}

const fn default_grace() -> u32 {
    24
}

/// Where a repository is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Where {
    /// A folder on this machine, which a server serves.
    Directory {
        /// Its path; relative to the checkout, unless it is absolute.
        path: PathBuf,
    },
    /// A folder on another machine, by `rsync` over `ssh`.
    Ssh {
        /// The machine, as `ssh` takes it: `user@host` or a name in its configuration.
        host: String,
        /// The folder's absolute path there.
        path: String,
        /// Words of a command that is run there afterwards, such as `["sudo", "/srv/repository/rebuild.sh"]`.
        #[serde(default)]
        after: Vec<String>,
        /// Options for `ssh`, such as `["-p", "2222"]`.
        #[serde(default)]
        options: Vec<String>,
    },
    /// A bucket of an object store that speaks S3. The keys are taken from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, and
    /// written nowhere.
    S3 {
        /// The store's address, such as `https://s3.eu-central-1.example.com`.
        endpoint: String,
        /// The bucket.
        bucket: String,
        /// What stands before every name in the bucket; nothing, or a path without slashes at its ends.
        #[serde(default)]
        prefix: String,
        /// The region that requests are signed for.
        #[serde(default = "default_region")]
        region: String,
    },
}

fn default_region() -> String {
    "us-east-1".to_owned()
}
