//! Images that were made to trip up whoever reads them: an error, never a panic, and in bounded time and memory.

use proptest::prelude::{any, proptest};

use crate::image::pe::append::{Addition, DATA, append};
use crate::image::pe::authenticode::seal;
use crate::image::pe::certificate::Certificate;
use crate::image::pe::samples::{self, Key, PE, TABLE};
use crate::image::pe::{AMD64, Pe, put};

/// Everything that can be done with an image.
fn handle(image: &[u8]) {
    drop(seal(image));
    let more = [Addition {
        name: ".more",
        content: b"x",
        memory: 0,
        flags: DATA,
    }];
    drop(append(image, &more));
    if let Ok(pe) = Pe::parse(image) {
        assert!(
            pe.content(".text")
                .is_none_or(|text| text.len() <= image.len())
        );
    }
}

fn said(fields: &[(usize, u32)]) -> String {
    let mut image = samples::stub(AMD64);
    for (at, number) in fields {
        put(&mut image, *at, *number).unwrap();
    }
    handle(&image);
    match Pe::parse(&image) {
        Ok(_) => "good".to_owned(),
        Err(wrong) => wrong.to_string(),
    }
}

#[test]
fn what_is_wrong_is_said() {
    let optional = PE + 24;
    for (fields, why) in [
        (&[][..], "good"),
        (&[(0, 0)], "does not begin with `MZ`"),
        (&[(0x3c, u32::MAX)], "has no signature `PE`"),
        (&[(0x3c, 0)], "has no signature `PE`"),
        (&[(optional, 0x10b)], "for 32-bit machines"),
        (&[(optional, 0x107)], "of the unknown kind 0x107"),
        (
            &[(optional + 108, u32::MAX)],
            "has 4294967295 data directories",
        ),
        (
            &[(PE + 4, 0xffff_8664)],
            "has 65535 sections; 96 are the most",
        ),
        (&[(PE + 4, 0x005f_8664)], "is cut off: its section"),
        (&[(optional + 60, 0)], "its headers have 0 bytes"),
        (
            &[(optional + 60, u32::MAX)],
            "its headers have 4294967295 bytes",
        ),
        (
            &[(TABLE + 20, 0x100)],
            "a section `.text` that overlaps its headers",
        ),
        (&[(TABLE + 20, 0x400)], "that overlaps its .text"),
        (
            &[(TABLE + 16, u32::MAX)],
            "its section `.text` ends at 4294967807",
        ),
        (&[(TABLE + 16, 0), (TABLE + 20, u32::MAX)], "good"),
    ] {
        let said = said(fields);
        assert!(said.contains(why), "{fields:x?}: {said}");
    }
}

#[test]
fn every_way_to_be_cut_off_is_an_error() {
    let image = samples::stub(AMD64);
    for length in 0..samples::END {
        assert!(Pe::parse(&image[..length]).is_err(), "{length}");
        handle(&image[..length]);
    }
}

#[test]
fn signatures_elsewhere_than_at_the_end_are_refused() {
    let security = PE + 24 + 112 + 4 * 8;
    let length = samples::stub(AMD64).len() as u32;
    for (at, size) in [
        (0x200, 0x10),
        (length, 8),
        (u32::MAX, u32::MAX),
        (0, length),
        (length - 8, 4),
    ] {
        let mut image = samples::stub(AMD64);
        put(&mut image, security, at).unwrap();
        put(&mut image, security + 4, size).unwrap();
        let said = seal(&image).unwrap_err().to_string();
        assert_eq!(said, "has signatures that are not at its end", "{at:#x}");
    }
}

#[test]
fn damaged_signatures_and_certificates_do_no_harm() {
    let key = Key::new(2048);
    let image = key.sign(&samples::stub(AMD64));
    let place = Pe::parse(&image).unwrap().signatures().unwrap();
    for at in place {
        for byte in [0x80, 0xff] {
            let mut damaged = image.clone();
            damaged[at] = byte;
            handle(&damaged);
        }
    }
    let der = key.certificate().der().to_vec();
    for at in 0..der.len() {
        for byte in [0, 0x30, 0x80, 0xff] {
            let mut damaged = der.clone();
            damaged[at] = byte;
            drop(Certificate::chain(&damaged));
        }
    }
}

proptest! {
    #[test]
    fn no_header_is_too_strange(changes in proptest::collection::vec((0_usize..samples::END, any::<u8>()), 1..12)) {
        let mut image = samples::stub(AMD64);
        for (at, byte) in changes {
            image[at % (TABLE + 80)] = byte;
        }
        handle(&image);
    }

    #[test]
    fn no_file_is_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        handle(&bytes);
        drop(Certificate::chain(&bytes));
    }
}
