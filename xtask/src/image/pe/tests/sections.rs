//! Sections are added where every reader finds them.

use crate::image::pe::append::{Addition, CODE, DATA, append};
use crate::image::pe::samples::{self, END, PE, TABLE};
use crate::image::pe::{AMD64, Pe, put, u32_at};
use crate::needs::EFI_STUB as STUB;
use crate::tool::Tool;

fn additions<'a>(names: &'a [&'a str], content: &'a [u8]) -> Vec<Addition<'a>> {
    let addition = |name: &&'a str| Addition {
        name,
        content,
        memory: 0,
        flags: if *name == ".linux" { CODE } else { DATA },
    };
    names.iter().map(addition).collect()
}

#[test]
fn sections_follow_those_that_are_there() {
    let stub = samples::stub(AMD64);
    let out = append(&stub, &additions(&[".one", ".linux"], &[7; 5000])).unwrap();
    let pe = Pe::parse(&out).unwrap();
    let shown: Vec<_> = pe
        .sections()
        .iter()
        .map(|it| (it.name.as_str(), it.address, it.size, it.file.clone()))
        .collect();
    assert_eq!(
        shown,
        [
            (".text", 0x4000, 0x180, 0x200..0x400),
            (".sdmagic", 0x5000, 0x33, 0x400..0x600),
            (".one", 0x6000, 5000, 0x600..0x600 + 5120),
            (".linux", 0x8000, 5000, 0x600 + 5120..0x600 + 2 * 5120),
        ]
    );
    assert_eq!(pe.size_of_image(), 0xa000);
    assert_eq!(out.len(), 0x600 + 2 * 5120, "symbols are dropped");
    assert_eq!(u32_at(&out, PE + 12).unwrap(), 0);
    assert_eq!(pe.content(".text").unwrap(), &stub[0x200..0x380]);
    assert_eq!(pe.content(".one").unwrap(), &[7; 5000]);
}

#[test]
fn headers_grow_where_there_is_room_in_memory() {
    let names = [".a", ".b", ".c", ".d", ".e", ".f", ".g"];
    let out = append(&samples::stub(AMD64), &additions(&names, b"x")).unwrap();
    let pe = Pe::parse(&out).unwrap();
    assert_eq!(pe.size_of_headers().unwrap(), 0x400);
    assert_eq!(pe.sections()[0].file, 0x400..0x600);
    assert_eq!(pe.content(".g").unwrap(), b"x");
    let mut tight = samples::stub(AMD64);
    put(&mut tight, TABLE + 12, 0x200).unwrap();
    let said = append(&tight, &additions(&names, b"x")).unwrap_err();
    assert_eq!(
        said.to_string(),
        "has no room for 9 sections in its headers"
    );
}

#[test]
fn what_cannot_be_added_is_refused() {
    let stub = samples::stub(AMD64);
    for (name, why) in [
        (".sdmagic", "has a section `.sdmagic` already"),
        (".too-long", "names have 1 to 8 bytes"),
        ("", "names have 1 to 8 bytes"),
    ] {
        let said = append(&stub, &additions(&[name], b"")).unwrap_err();
        assert!(said.to_string().contains(why), "{said}");
    }
    let mut huge = additions(&[".a"], b"");
    huge[0].memory = u32::MAX;
    let said = append(&stub, &huge).unwrap_err().to_string();
    assert_eq!(said, "would be larger than 4 GiB");
    let mut odd = stub.clone();
    put(&mut odd, PE + 24 + 36, 3).unwrap();
    assert!(append(&odd, &additions(&[".a"], b"")).is_err());
    put(&mut odd, PE + 24 + 36, 0).unwrap();
    assert!(append(&odd, &additions(&[".a"], b"")).is_err());
}

/// The name, size, address and offset of each section, as objdump lists them.
fn listed(image: &[u8]) -> Vec<[String; 4]> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.efi");
    fs_err::write(&path, image).unwrap();
    let said = Tool::new("objdump").arg("-h").arg(&path).read().unwrap();
    let rows = said
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let rows = rows.filter(|row| row.len() == 7 && row[0].parse::<u8>().is_ok());
    rows.map(|row| [1, 2, 3, 5].map(|at| row[at].to_owned()))
        .collect()
}

#[test]
fn binutils_read_the_same_sections() {
    for stub in [fs_err::read(STUB).unwrap(), samples::stub(AMD64)] {
        let out = append(
            &stub,
            &additions(&[".osrel", ".linux", ".initrd"], &[9; 70_000]),
        )
        .unwrap();
        let pe = Pe::parse(&out).unwrap();
        let base = u64::from(u32_at(&out, pe.optional_at(24)).unwrap())
            | u64::from(u32_at(&out, pe.optional_at(28)).unwrap()) << 32;
        let ours = pe.sections().iter().map(|it| {
            let size = it.file.len().min(it.size as usize);
            let address = base + u64::from(it.address);
            [
                it.name.clone(),
                format!("{size:08x}"),
                format!("{address:016x}"),
                format!("{:08x}", it.file.start),
            ]
        });
        assert_eq!(listed(&out), ours.collect::<Vec<_>>());
    }
}

#[test]
fn binutils_write_the_same_sections() {
    let stub = fs_err::read(STUB).unwrap();
    let ours = append(&stub, &additions(&[".osrel", ".initrd"], &[9; 7_000])).unwrap();
    let ours = Pe::parse(&ours).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs_err::write(path("content"), [9; 7_000]).unwrap();
    let mut objcopy = Tool::new("objcopy");
    for section in &ours.sections()[ours.sections().len() - 2..] {
        let (name, address) = (&section.name, section.address);
        objcopy = objcopy
            .arg("--add-section")
            .arg(format!("{name}={}", path("content")));
        objcopy = objcopy.args(["--change-section-vma", &format!("{name}={address:#x}")]);
    }
    objcopy.args([STUB, &path("out")]).run().unwrap();
    let theirs = fs_err::read(path("out")).unwrap();
    let theirs = Pe::parse(&theirs).unwrap();
    for section in theirs.sections() {
        let (name, address) = (&section.name, section.address);
        assert_eq!(ours.content(name), theirs.content(name), "{name}");
        assert!(
            ours.sections()
                .iter()
                .any(|it| it.name == *name && it.address == address)
        );
    }
    assert_eq!(ours.sections().len(), theirs.sections().len());
}

#[test]
fn the_checksum_is_that_of_the_whole_file() {
    let out = append(&samples::stub(AMD64), &additions(&[".one"], b"odd")).unwrap();
    let at = Pe::parse(&out).unwrap().checksum_at();
    let mut sum = 0_u32;
    for (place, word) in out.chunks(2).enumerate() {
        let word = u32::from(u16::from_le_bytes([word[0], word[1]]));
        let own = place * 2 == at || place * 2 == at + 2;
        sum += if own { 0 } else { word };
        sum = (sum & 0xffff) + (sum >> 16);
    }
    assert_eq!(u32_at(&out, at).unwrap(), sum + out.len() as u32);
    assert!(out.len() > END);
}
