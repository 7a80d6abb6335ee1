//! The `control` file of a package: which fields it has to have, in which order they stand, and what is wrong with them.

use std::collections::BTreeMap;

use crate::debian::deb822::Stanza;
use crate::debian::relation;
use crate::debian::version::Version;
use crate::failure::{Failure, Kind, Result};
use crate::image::tree::{FileTree, Node};

/// dpkg's order of fields (`Dpkg::Control::FieldsCore`, for `.deb`s); others follow.
const ORDER: [&str; 29] = [
    "Package",
    "Package-Type",
    "Source",
    "Version",
    "Architecture",
    "Build-Essential",
    "Essential",
    "Protected",
    "Origin",
    "Bugs",
    "Maintainer",
    "Installed-Size",
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
    "Section",
    "Priority",
    "Multi-Arch",
    "Homepage",
    "Description",
    "Tag",
];

/// What every package has to have (Debian Policy 5.3, and what lintian takes for an error).
const REQUIRED: [&str; 5] = [
    "Package",
    "Version",
    "Architecture",
    "Maintainer",
    "Description",
];

/// What dpkg runs (Debian Policy 6; `config` is debconf's).
pub(super) const SCRIPTS: [&str; 5] = ["config", "postinst", "postrm", "preinst", "prerm"];

/// What can lie beside `control`: maintainer scripts, and what dpkg and debconf read. (md5sums is written by us.)
pub const MEMBERS: [&str; 10] = [
    "conffiles",
    "config",
    "postinst",
    "postrm",
    "preinst",
    "prerm",
    "shlibs",
    "symbols",
    "templates",
    "triggers",
];

/// The fields in dpkg's order.
pub(super) fn ordered(control: &Stanza) -> Stanza {
    let mut ordered = Stanza::default();
    let known = ORDER
        .iter()
        .filter_map(|name| Some((*name, control.get(name)?)));
    for (name, value) in known.chain(control.fields()) {
        if ordered.get(name).is_some() {
            continue;
        }
        ordered = if relation::FIELDS.contains(&name) {
            // One line, however long: so dpkg-gencontrol has it.
            ordered.with(name, value.split_whitespace().collect::<Vec<_>>().join(" "))
        } else {
            ordered.with(name, value)
        };
    }
    ordered
}

/// `NAME_VERSION_ARCHITECTURE.deb`.
pub(super) fn file_name(control: &Stanza) -> Result<String> {
    check(control)?;
    let field = |name| control.get(name).unwrap_or_default();
    let version: Version = field("Version").parse()?;
    Ok(format!(
        "{}_{}_{}.deb",
        field("Package"),
        version.file_name_safe(),
        field("Architecture")
    ))
}

/// Looks for mistakes in the fields.
pub(super) fn check(control: &Stanza) -> Result<()> {
    let mut wrong = Vec::new();
    for name in REQUIRED {
        if control.get(name).unwrap_or_default().is_empty() {
            wrong.push(format!("it has no {name}"));
        }
    }
    for (name, value) in control.fields() {
        if let Err(reason) = field(name, value) {
            wrong.push(format!("{name}: {reason}"));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let name = control.get("Package").unwrap_or("a package");
    let failure = Failure::new(
        Kind::Recipe,
        format!("the control fields of {name} are wrong"),
    )
    .hint("deb-control(5) describes them");
    Err(wrong.into_iter().fold(failure, Failure::note))
}

/// What is wrong with a field's value.
fn field(name: &str, value: &str) -> Result<(), String> {
    if !["Description", "Tag"].contains(&name)
        && value.contains('\n')
        && !relation::FIELDS.contains(&name)
    {
        return Err("it has more than one line".to_owned());
    }
    match name {
        "Package" => relation::package(value),
        "Source" => source(value),
        "Version" => value
            .parse::<Version>()
            .map(drop)
            .map_err(|failure| failure.what.clone()),
        "Architecture" => architecture(value),
        "Maintainer" => relation::maintainer(value),
        _ if relation::FIELDS.contains(&name) => relation::check(name, value),
        _ => Ok(()),
    }
}

fn source(value: &str) -> Result<(), String> {
    match value.split_once(' ') {
        None => relation::package(value),
        Some((name, version)) => {
            relation::package(name)?;
            let version = version
                .strip_prefix('(')
                .and_then(|rest| rest.strip_suffix(')'));
            let version =
                version.ok_or_else(|| format!("`{value}` is not of the form `name (version)`"))?;
            version
                .parse::<Version>()
                .map(drop)
                .map_err(|failure| failure.what.clone())
        }
    }
}

fn architecture(value: &str) -> Result<(), String> {
    let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if !value.is_empty() && value.bytes().all(fits) && value != "any" {
        Ok(())
    } else {
        Err(format!(
            "`{value}` is no architecture of a package: `all`, or one such as `amd64`"
        ))
    }
}

/// Looks for mistakes in what lies beside `control`.
pub(super) fn check_members(members: &BTreeMap<String, String>, files: &FileTree) -> Result<()> {
    let mut wrong = Vec::new();
    for (name, text) in members {
        if SCRIPTS.contains(&name.as_str()) {
            if !text.starts_with("#!/") {
                wrong.push(format!("{name} does not begin with `#!/`"));
            }
        } else if !MEMBERS.contains(&name.as_str()) {
            wrong.push(format!(
                "dpkg knows nothing called {name} beside a control file"
            ));
        }
    }
    for line in members.get("conffiles").map_or("", String::as_str).lines() {
        let path = line.strip_prefix('/');
        let entry = path.and_then(|path| files.get(&path.parse().ok()?));
        if !entry.is_some_and(|entry| matches!(entry.node, Node::File(_))) {
            wrong.push(format!(
                "conffiles names {line:?}, which is no file of the package"
            ));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let failure = Failure::new(Kind::Recipe, "a package's maintainer scripts are wrong");
    Err(wrong.into_iter().fold(failure, Failure::note))
}
