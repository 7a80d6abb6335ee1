//! The archives that make up a machine's initramfs: one file each where the boot loader puts them together, one file for
//! all of them where it cannot.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::failure::Result;
use crate::loader::reader::Reader;
use crate::plan::Bundle;
use crate::steps::{Work, segment};

/// One file of the bundle: its name, and the inputs that it is put together from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Archive {
    name: String,
    inputs: Vec<String>,
}

/// The files that a machine with these segments of its own boots, in order.
pub(super) fn names(bundle: &Bundle, segments: &[String]) -> Vec<String> {
    let archives = archives(bundle, segments).into_iter();
    archives.map(|archive| archive.name).collect()
}

fn archives(bundle: &Bundle, of_machine: &[String]) -> Vec<Archive> {
    let stem = format!("{}-{}", bundle.stamps.name, bundle.stamps.version);
    let segments: Vec<&String> = bundle.bundle.segments.iter().chain(of_machine).collect();
    let input = |segment: &&String| format!("segment/{segment}");
    let image = "initramfs".to_owned();
    let readers = Reader::of_all(&bundle.bundle.routes(bundle.arch));
    match readers.iter().all(|reader| reader.joins_archives()) {
        true => {
            let image = Archive {
                name: format!("initramfs-{stem}.img"),
                inputs: vec![image],
            };
            let segment = |segment: &&String| Archive {
                name: format!("segment-{segment}-{stem}.img"),
                inputs: vec![input(segment)],
            };
            [image]
                .into_iter()
                .chain(segments.iter().map(segment))
                .collect()
        }
        false => {
            let also: String = segments
                .iter()
                .map(|segment| format!("+{segment}"))
                .collect();
            vec![Archive {
                name: format!("initramfs-{stem}{also}.img"),
                inputs: [image]
                    .into_iter()
                    .chain(segments.iter().map(input))
                    .collect(),
            }]
        }
    }
}

/// Writes each archive that some machine boots.
pub(super) fn write(work: &Work<'_>, bundle: &Bundle, folder: &Path) -> Result<()> {
    let machines = bundle.nodes.iter().map(|node| &node.segments[..]);
    let all: BTreeSet<Archive> = machines
        .chain([&[][..]])
        .flat_map(|segments| archives(bundle, segments))
        .collect();
    for archive in all {
        let inputs: Vec<PathBuf> = archive
            .inputs
            .iter()
            .map(|input| work.input(input))
            .collect();
        let inputs = inputs.iter().map(PathBuf::as_path);
        segment::concatenate(inputs, &folder.join(&archive.name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::arch::Arch;
    use crate::plan::Stamps;
    use crate::recipe::schema;

    fn bundle(arch: Arch, segments: &[&str]) -> Bundle {
        Bundle {
            arch,
            bundle: serde_json::from_value(json!({ "segments": segments })).unwrap(),
            u_boot: None,
            segments: Vec::new(),
            nodes: Vec::new(),
            console: schema::Console::default(),
            stamps: Stamps {
                name: "demo".to_owned(),
                version: "1".to_owned(),
                build_id: "0".to_owned(),
                date: "1970-01-01T00:00:00Z".to_owned(),
            },
            provenance: json!(null),
        }
    }

    #[test]
    fn pxelinux_puts_archives_together_itself() {
        let bundle = bundle(Arch::Amd64, &["site"]);
        assert_eq!(
            names(&bundle, &["node".to_owned()]),
            [
                "initramfs-demo-1.img",
                "segment-site-demo-1.img",
                "segment-node-demo-1.img"
            ]
        );
    }

    #[test]
    fn u_boot_gets_one_file_for_each_list() {
        let bundle = bundle(Arch::Arm64, &["site"]);
        assert_eq!(names(&bundle, &[]), ["initramfs-demo-1+site.img"]);
        let both = archives(&bundle, &["node".to_owned()]);
        assert_eq!(both[0].name, "initramfs-demo-1+site+node.img");
        assert_eq!(
            both[0].inputs,
            ["initramfs", "segment/site", "segment/node"]
        );
        assert_eq!(both.len(), 1);
    }
}
