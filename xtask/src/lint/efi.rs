//! EFI programs of a bundle: whether their signatures, if they have any, are of them. Whose signatures a machine's firmware trusts is nobody's to know here.

use super::Finding;
use super::facts::{Facts, bytes};
use super::rules::{ALTERED, UNSIGNED};
use crate::image::pe::authenticode::{Seal, seal};
use crate::loader::route::UKI;

pub(super) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for (name, content) in facts.subject.bundle.into_iter().flatten() {
        if !name.ends_with(".efi") {
            continue;
        }
        // What cannot be read was told with its digest.
        let Ok(content) = bytes(content) else {
            continue;
        };
        match seal(&content) {
            Ok(Seal::Signed(_)) => {}
            Ok(Seal::Unsigned) if name == UKI => {
                findings.push(UNSIGNED.at(name.as_str(), format!("{name} is not signed")));
            }
            Ok(Seal::Unsigned) => {}
            Ok(Seal::Broken(wrong)) | Err(wrong) => {
                findings.push(ALTERED.at(name.as_str(), format!("{name} {wrong}")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{image, with_bundle};
    use super::super::{Bundle, Content};
    use crate::image::pe::AMD64;
    use crate::image::pe::samples::{Key, stub};

    fn found(name: &str, program: &[u8]) -> Vec<&'static str> {
        let bundle = Bundle::from([(name.to_owned(), Content::from(program.to_vec()))]);
        let found = with_bundle(&image(&[]), &bundle).into_iter();
        found.map(|finding| finding.id).collect()
    }

    #[test]
    fn signatures_have_to_be_of_what_is_there() {
        let signed = Key::new(2048).sign(&stub(AMD64));
        assert_eq!(found("image.efi", &signed), [""; 0]);
        let mut altered = signed.clone();
        altered[0x210] ^= 1;
        assert_eq!(found("image.efi", &altered), ["efi-altered"]);
        assert_eq!(found("shimx64.efi", &signed[..0x300]), ["efi-altered"]);
    }

    #[test]
    fn only_of_our_own_it_is_worth_knowing_that_it_is_unsigned() {
        assert_eq!(found("image.efi", &stub(AMD64)), ["efi-unsigned"]);
        assert_eq!(found("snponly.efi", &stub(AMD64)), [""; 0]);
    }
}
