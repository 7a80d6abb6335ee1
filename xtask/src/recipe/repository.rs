//! `debian/repositories/NAME.toml`: the descriptions of apt repositories, read with everything that is wrong said at once. What they describe
//! is `repository`'s.

mod form;
mod new;
#[cfg(test)]
mod tests;

use std::path::{Component, Path as FilePath, PathBuf};

pub use new::create;
use serde::Serialize;

use crate::checkout::Checkout;
use crate::failure::{Diagnostic, Failure, Kind, Result};
use crate::recipe::check::Check;
use crate::recipe::check::form::PACKAGE;
use crate::recipe::document::Node;
use crate::recipe::load::load_whole;
use crate::recipe::path::Path;
use crate::repository::spec::{Repository, Where};
use crate::text::{listing, nearest, quoted};

/// The fewest hours that what left the index stays: a client that read an index may fetch what it names for as long as it keeps it.
const GRACE: u32 = 24;

/// The most days for which clients may be told to believe a Release file.
const VALID: u32 = 3650;

/// Digits of a full fingerprint of a version 4 key, and of a version 5 or 6 key (RFC 9580, section 5.5.4).
const FINGERPRINTS: [usize; 2] = [40, 64];

/// A line of [`list`].
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// The repository's name.
    pub name: String,
    /// What it describes; nothing if it has mistakes.
    pub repository: Option<Repository>,
    /// What is wrong with it, in a sentence.
    pub problem: Option<String>,
}

/// The repository of this name, its fingerprint without blanks and in upper case, and a relative folder made absolute.
///
/// # Errors
/// [`Kind::Usage`] when there is none; [`Kind::Recipe`] with all diagnostics; [`Kind::Host`] when its file cannot be read.
pub fn load(checkout: &Checkout, name: &str) -> Result<Repository> {
    let path = find(checkout, name)?;
    let mut repository = load_whole(checkout, &path, check)?;
    repository.key = fingerprint(&repository.key);
    for key in &mut repository.former_keys {
        *key = fingerprint(key);
    }
    if let Where::Directory { path } = &mut repository.place {
        *path = checkout.root().join(&*path);
    }
    Ok(repository)
}

/// The names of all repositories, sorted.
#[must_use]
pub fn names(checkout: &Checkout) -> Vec<String> {
    let files = walkdir::WalkDir::new(checkout.repositories())
        .min_depth(1)
        .max_depth(1)
        .sort_by_file_name();
    files
        .into_iter()
        .filter_map(std::result::Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().to_str()?.strip_suffix(".toml")?;
            Some(name.to_owned())
        })
        .filter(|name| (PACKAGE.fits)(name))
        .collect()
}

/// All repositories. One that is broken says so in its place.
#[must_use]
pub fn list(checkout: &Checkout) -> Vec<Listed> {
    let describe = |name: String| {
        let (repository, problem) = match load(checkout, &name) {
            Ok(repository) => (Some(repository), None),
            Err(failure) => (None, Some(failure.to_string())),
        };
        Listed {
            name,
            repository,
            problem,
        }
    };
    names(checkout).into_iter().map(describe).collect()
}

/// The JSON schema of these files, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Repository).to_value()
}

fn find(checkout: &Checkout, name: &str) -> Result<PathBuf> {
    let known = names(checkout);
    if known.iter().any(|known| known == name) {
        return Ok(checkout.repositories().join(format!("{name}.toml")));
    }
    let what = format!("there is no repository {}", quoted(name));
    let failure = Failure::new(Kind::Usage, what);
    let failure = match listing(&known, "and") {
        none if none.is_empty() => failure,
        known => failure.note(format!("there are {known}")),
    };
    Err(match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
        None => failure.hint(
            "`cargo xtask repo new NAME --key FINGERPRINT --directory FOLDER` describes one in debian/repositories/NAME.toml",
        ),
    })
}

/// A fingerprint as gpg prints it, in groups, in the form that it is compared in.
fn fingerprint(text: &str) -> String {
    let digits = text.chars().filter(|c| *c != ' ');
    digits.map(|c| c.to_ascii_uppercase()).collect()
}

/// A key's full fingerprint in the form that it is compared in; nothing for what is none, such as a key id or a name.
#[must_use]
pub fn full_fingerprint(text: &str) -> Option<String> {
    let digits = fingerprint(text);
    let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hexadecimal && FINGERPRINTS.contains(&digits.len())).then_some(digits)
}

/// The failure that something else than a full fingerprint is on a command line.
#[must_use]
pub fn no_fingerprint(text: &str) -> Failure {
    let what = format!("{} is no full fingerprint of a key", quoted(text));
    Failure::new(Kind::Usage, what).hint(
        "40 hexadecimal digits (64 of a key of version 5 or 6): `gpg --list-secret-keys --with-fingerprint` shows those of your keys",
    )
}

/// Refuses an address on a command line that could not be `url` in a repository's file either.
///
/// # Errors
/// [`Kind::Usage`] with what would be one.
pub fn check_address(text: &str) -> Result<()> {
    if (form::ADDRESS.fits)(text) {
        return Ok(());
    }
    let what = format!("{} is no {}", quoted(text), form::ADDRESS.what);
    Err(Failure::new(Kind::Usage, what).hint(form::ADDRESS.help))
}

fn check(repository: &Repository, root: &Node, broken: Vec<Path>) -> Vec<Diagnostic> {
    let mut check = Check::new(root, broken);
    check.no_control_characters(root, &Path::root());
    let reader = "one line for those who add it to their sources";
    check.one_line("description", &repository.description, reader);
    if repository.description.len() > 200 || repository.description.contains('\u{2028}') {
        let message = "`description` is no single short line".to_owned();
        check.wrong(&Path::of(&["description"]), message, String::new(), reader);
    }
    check.text(&form::ORIGIN, &repository.origin, &Path::of(&["origin"]));
    check.text(&form::SUITE, &repository.suite, &Path::of(&["suite"]));
    check.text(
        &form::COMPONENT,
        &repository.component,
        &Path::of(&["component"]),
    );
    let architectures = Path::of(&["architectures"]);
    check.texts(
        &form::ARCHITECTURE,
        &repository.architectures,
        &architectures,
    );
    if repository.architectures.is_empty() {
        let message = "a repository without architectures has no clients".to_owned();
        check.wrong(
            &architectures,
            message,
            String::new(),
            form::ARCHITECTURE.help,
        );
    }
    keys(&mut check, repository);
    if let Some(url) = &repository.url {
        check.text(&form::ADDRESS, url, &Path::of(&["url"]));
    }
    numbers(&mut check, repository);
    place(&mut check, &repository.place, &Path::of(&["where"]));
    check.problems
}

fn keys(check: &mut Check<'_>, repository: &Repository) {
    key(check, &repository.key, &Path::of(&["key"]));
    let mut known = vec![fingerprint(&repository.key)];
    for (index, former) in repository.former_keys.iter().enumerate() {
        let path = Path::of(&["former-keys"]).index(index);
        key(check, former, &path);
        let digits = fingerprint(former);
        if known.contains(&digits) {
            let message = format!("{} is named already", quoted(former));
            let help = "`key` signs, and what it signed is believed; `former-keys` are others, that signed before";
            check.wrong(&path, message, String::new(), help);
        }
        known.push(digits);
    }
}

fn key(check: &mut Check<'_>, key: &str, path: &Path) {
    if full_fingerprint(key).is_some() {
        return;
    }
    let digits = fingerprint(key);
    let id = digits.strip_prefix("0X").unwrap_or(&digits);
    let short = matches!(id.len(), 8 | 16) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let message = match short {
        true => format!(
            "{} is the short id of a key, which others can make, too",
            quoted(key)
        ),
        false => format!("{} is no full fingerprint of a key", quoted(key)),
    };
    let shown = if key.is_empty() || key.contains(['\'', '\\']) {
        "NAME"
    } else {
        key
    };
    let help = format!(
        "40 hexadecimal digits (64 of a key of version 5 or 6), blanks between them aside: `gpg --list-secret-keys --with-fingerprint '{shown}'` shows them"
    );
    check.wrong(path, message, String::new(), help);
}

/// What numbers may be: key, value, least, most, and what that is good for.
fn numbers(check: &mut Check<'_>, repository: &Repository) {
    let table = [
        (
            "retain",
            repository.retain,
            1..=u32::MAX,
            "at least the newest version stays; without this key, all do",
        ),
        (
            "grace-hours",
            Some(repository.grace_hours),
            GRACE..=VALID * 24,
            "a client that has read an index fetches what it names until it reads the next: a day later is common",
        ),
        (
            "valid-days",
            repository.valid_days,
            1..=VALID,
            "publish, or run `cargo xtask repo refresh`, more often than that; without this key, clients believe it for ever",
        ),
    ];
    for (name, number, range, help) in table {
        let Some(number) = number.filter(|number| !range.contains(number)) else {
            continue;
        };
        let message = match number < *range.start() {
            true => format!(
                "`{name}` is {number}, and has to be at least {}",
                range.start()
            ),
            false => format!(
                "`{name}` is {number}, and has to be at most {}",
                range.end()
            ),
        };
        check.wrong(&Path::of(&[name]), message, String::new(), help);
    }
}

fn place(check: &mut Check<'_>, place: &Where, path: &Path) {
    match place {
        Where::Directory { path: folder } => {
            check.text(
                &form::DIRECTORY,
                &folder.to_string_lossy(),
                &path.key("path"),
            );
            if reserved(folder) {
                let message = format!(
                    "{} is a folder of the sources",
                    quoted(&folder.to_string_lossy())
                );
                let help = "a folder of its own, such as `out/repository`, or one outside";
                check.wrong(&path.key("path"), message, String::new(), help);
            }
        }
        Where::Ssh {
            host,
            path: folder,
            after,
            options,
        } => {
            check.text(&form::MACHINE, host, &path.key("host"));
            check.text(&form::REMOTE, folder, &path.key("path"));
            words(check, after, &path.key("after"));
            words(check, options, &path.key("options"));
            if options.first().is_some_and(|first| !first.starts_with('-')) {
                let message = format!("{} is no option of ssh", quoted(&options[0]));
                let help = "options begin with `-`, their values follow: [\"-p\", \"2222\"]";
                check.wrong(&path.key("options").index(0), message, String::new(), help);
            }
        }
        Where::S3 {
            endpoint,
            bucket,
            prefix,
            region,
        } => {
            check.text(&form::ENDPOINT, endpoint, &path.key("endpoint"));
            check.text(&form::BUCKET, bucket, &path.key("bucket"));
            check.text(&form::PREFIX, prefix, &path.key("prefix"));
            check.text(&form::REGION, region, &path.key("region"));
        }
    }
}

/// Words may well be there twice.
fn words(check: &mut Check<'_>, words: &[String], path: &Path) {
    for (index, word) in words.iter().enumerate() {
        check.text(&form::WORD, word, &path.index(index));
    }
}

/// Whether a folder of the checkout is one that is in git: repositories grow, and are nobody's source.
fn reserved(folder: &FilePath) -> bool {
    const OURS: [&str; 9] = [
        "recipes",
        "debian",
        "overlays",
        "kernel-configs",
        "busybox-configs",
        "tests",
        "xtask",
        "target",
        ".git",
    ];
    let first = folder.components().next();
    matches!(first, Some(Component::Normal(first)) if OURS.iter().any(|ours| *ours == first))
}
