//! Variables of UEFI as they lie in flash: a firmware that comes from the factory without keys is given those of its owner. Pure.
//!
//! The flash begins with a firmware volume, which holds a store of authenticated variables (EDK II,
//! `MdeModulePkg/Include/Guid/VariableFormat.h`); lists of signatures are UEFI's (32.4.1, "Signature Database").

/// A GUID as it lies in memory.
type Guid = [u8; 16];

/// `gEfiAuthenticatedVariableGuid`: what a store begins with.
const STORE: Guid = [
    0x78, 0x2c, 0xf3, 0xaa, 0x7b, 0x94, 0x9a, 0x43, 0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92,
];
/// `EFI_GLOBAL_VARIABLE`: the vendor of `PK` and `KEK`.
const GLOBAL: Guid = [
    0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c,
];
/// `EFI_IMAGE_SECURITY_DATABASE_GUID`: the vendor of `db`.
const DATABASE: Guid = [
    0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f,
];
/// `EFI_CERT_X509_GUID`.
const X509: Guid = [
    0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72,
];
/// Whoever puts keys here: the lab, by a number of its own.
const OWNER: Guid = *b"cordwainer's lab";

/// Length of `VARIABLE_STORE_HEADER`.
const STORE_HEADER: usize = 28;
/// Length of `AUTHENTICATED_VARIABLE_HEADER`.
const HEADER: usize = 60;
/// What a variable begins with.
const START: [u8; 2] = 0x55aa_u16.to_le_bytes();
/// `VAR_ADDED`: it is whole and holds.
const ADDED: u8 = 0x3f;
/// Kept, for boot services and for the system, and changed by whoever can sign alone.
const ATTRIBUTES: u32 = 0x27;

/// Makes this certificate the firmware's platform key, key exchange key, and the one whose signatures are trusted; with a platform
/// key, Secure Boot is on. Nothing when this is no flash that has room for it.
pub fn enrol(flash: &mut [u8], certificate: &[u8]) -> Option<()> {
    let store = flash.windows(STORE.len()).position(|it| it == STORE)?;
    let size = usize::try_from(u32_at(flash, store + 16)?).ok()?;
    let store = flash.get_mut(store..store.checked_add(size)?)?;
    let mut at = end(store)?;
    let list = signatures(certificate)?;
    for (name, vendor) in [("db", DATABASE), ("KEK", GLOBAL), ("PK", GLOBAL)] {
        let variable = variable(name, &vendor, &list)?;
        let place = store.get_mut(at..at.checked_add(variable.len())?)?;
        place.copy_from_slice(&variable);
        at = (at + variable.len()).next_multiple_of(4);
    }
    Some(())
}

/// Where the variables of a store end.
fn end(store: &[u8]) -> Option<usize> {
    let mut at = STORE_HEADER;
    while store.get(at..at + 2)? == START {
        let name = usize::try_from(u32_at(store, at + 36)?).ok()?;
        let data = usize::try_from(u32_at(store, at + 40)?).ok()?;
        let length = HEADER.checked_add(name)?.checked_add(data)?;
        at = at.checked_add(length)?.checked_next_multiple_of(4)?;
    }
    Some(at)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

fn variable(name: &str, vendor: &Guid, data: &[u8]) -> Option<Vec<u8>> {
    let name: Vec<u8> = name
        .encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect();
    let length = |bytes: &[u8]| Some(u32::try_from(bytes.len()).ok()?.to_le_bytes());
    // 1 January 2020, 00:00:00.
    let time = [0xe4, 0x07, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    Some(
        [
            &START[..],
            &[ADDED, 0],
            &ATTRIBUTES.to_le_bytes(),
            &[0; 8],
            &time,
            &[0; 4],
            &length(&name)?,
            &length(data)?,
            vendor,
            &name,
            data,
        ]
        .concat(),
    )
}

/// `EFI_SIGNATURE_LIST` with one certificate.
fn signatures(certificate: &[u8]) -> Option<Vec<u8>> {
    let each = u32::try_from(certificate.len()).ok()?.checked_add(16)?;
    let all = each.checked_add(28)?;
    Some(
        [
            &X509[..],
            &all.to_le_bytes(),
            &[0; 4],
            &each.to_le_bytes(),
            &OWNER,
            certificate,
        ]
        .concat(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flash with an empty store.
    fn flash() -> Vec<u8> {
        let mut flash = vec![0; 72];
        flash.extend(STORE);
        flash.extend(4096_u32.to_le_bytes());
        flash.resize(72 + STORE_HEADER, 0);
        flash.resize(72 + 4096, 0xff);
        flash
    }

    #[test]
    fn variables_follow_each_other_at_multiples_of_four() {
        let mut flash = flash();
        enrol(&mut flash, b"\x30\x82odd").unwrap();
        let store = &flash[72..];
        let at: Vec<usize> = (0..store.len())
            .filter(|&at| store[at..].starts_with(&[0xaa, 0x55, ADDED]))
            .collect();
        let length = |name: usize| (HEADER + name + 28 + 16 + 5).next_multiple_of(4);
        let first = STORE_HEADER;
        let second = first + length(6);
        assert_eq!(at, [first, second, second + length(8)]);
        assert_eq!(&store[first + HEADER..first + HEADER + 6], b"d\0b\0\0\0");
        // Those that are enrolled later come behind.
        let before = end(store).unwrap();
        enrol(&mut flash, b"\x30\x82").unwrap();
        assert_eq!(&flash[72 + before..72 + before + 3], &[0xaa, 0x55, ADDED]);
    }

    #[test]
    fn what_is_no_flash_or_too_small_is_refused() {
        let whole = flash();
        for length in [0, 71, 88, 91, 92, 99, 100, 101, 160, whole.len() - 1] {
            assert_eq!(enrol(&mut whole[..length].to_vec(), b"x"), None, "{length}");
        }
        assert_eq!(enrol(&mut flash(), &[0; 4096]), None);
        let mut huge = flash();
        huge[72 + 28..72 + 30].copy_from_slice(&START);
        assert_eq!(enrol(&mut huge, b"x"), None);
    }
}
