//! Signatures that others accept, theirs that we accept, and what was altered.

use crate::image::pe::authenticode::{Seal, Unsigned, hash, seal};
use crate::image::pe::certificate::Certificate;
use crate::image::pe::samples::{self, Key};
use crate::image::pe::{AMD64, ARM64, Pe, u32_at};
use crate::tool::Tool;

/// What becomes of an image when others look at it.
fn accepted(key: &Key, image: &[u8]) -> [bool; 2] {
    let path = key.path("looked-at.efi");
    fs_err::write(&path, image).unwrap();
    let certificate = key.path("certificate.pem");
    let sbverify = Tool::new("sbverify").arg("--cert").arg(&certificate);
    let theirs = Tool::new("osslsigncode").args(["verify", "-CAfile"]);
    let theirs = theirs.arg(&certificate).arg("-in");
    [sbverify.arg(&path).succeeds(), theirs.arg(&path).succeeds()]
}

#[test]
fn others_accept_what_we_sign_and_refuse_what_was_altered() {
    let (key, other) = (Key::new(2048), Key::new(3072));
    for machine in [AMD64, ARM64] {
        let image = key.sign(&samples::stub(machine));
        assert_eq!(accepted(&key, &image), [true, true]);
        assert_eq!(accepted(&other, &image), [false, false]);
        let mut altered = image.clone();
        altered[0x210] ^= 1;
        assert_eq!(accepted(&key, &altered), [false, false]);
    }
    assert_eq!(
        accepted(&key, &other.sign(&key.sign(&samples::stub(AMD64)))),
        [false, false]
    );
    assert_eq!(accepted(&key, &samples::stub(AMD64)), [false, false]);
}

#[test]
fn equal_images_have_equal_signatures() {
    let (key, stub) = (Key::new(4096), samples::stub(AMD64));
    let image = key.sign(&stub);
    assert_eq!(image, key.sign(&stub));
    assert_eq!(
        image,
        key.sign(&image),
        "a signature takes the place of another"
    );
    assert_eq!(image.len() % 8, 0);
    let pe = Pe::parse(&image).unwrap();
    let place = pe.security_at().unwrap();
    let [at, length] = [place, place + 4].map(|at| u32_at(&image, at).unwrap() as usize);
    assert_eq!(at + length, image.len());
}

#[test]
fn we_accept_what_others_sign() {
    let key = Key::new(2048);
    let path = |name: &str| key.path(name);
    fs_err::write(path("stub.efi"), samples::stub(AMD64)).unwrap();
    let files = |tool: Tool, [private, certificate]: [&str; 2]| {
        tool.arg(private)
            .arg(path("key.pem"))
            .arg(certificate)
            .arg(path("certificate.pem"))
    };
    let sbsign = files(Tool::new("sbsign"), ["--key", "--cert"]);
    let sbsign = sbsign.arg("--output").arg(path("sbsign.efi"));
    sbsign.arg(path("stub.efi")).run().unwrap();
    let theirs = Tool::new("osslsigncode").args(["sign", "-h", "sha256"]);
    let theirs = files(theirs, ["-key", "-certs"]).arg("-in");
    let theirs = theirs.arg(path("stub.efi")).arg("-out");
    theirs.arg(path("osslsigncode.efi")).run().unwrap();
    for name in ["sbsign.efi", "osslsigncode.efi"] {
        let mut image = fs_err::read(path(name)).unwrap();
        let Seal::Signed(certificate) = seal(&image).unwrap() else {
            panic!("{name}: {:?}", seal(&image));
        };
        assert_eq!(*certificate, key.certificate());
        image[0x210] ^= 1;
        assert!(matches!(seal(&image).unwrap(), Seal::Broken(_)), "{name}");
    }
}

#[test]
fn a_chain_leads_to_the_certificate_that_firmware_trusts() {
    let (root, key) = (Key::new(2048), Key::new(2048));
    let request = Tool::new("openssl").args(["req", "-new", "-subj", "/CN=leaf", "-key"]);
    let request = request.arg(key.path("key.pem")).bytes().unwrap();
    let issue = Tool::new("openssl").args(["x509", "-req", "-days", "3650", "-CAcreateserial"]);
    let issue = issue.arg("-CA").arg(root.path("certificate.pem"));
    let issue = issue.arg("-CAkey").arg(root.path("key.pem")).stdin(request);
    let root_pem = fs_err::read(root.path("certificate.pem")).unwrap();
    let chain = [issue.bytes().unwrap(), root_pem].concat();
    let chain = Certificate::chain(&chain).unwrap();
    let leaf = chain[0].clone();
    let unsigned = Unsigned::new(&samples::stub(AMD64), chain).unwrap();
    let signature = key.signature(unsigned.to_be_signed());
    let image = unsigned.sign(&signature).unwrap();
    assert_eq!(accepted(&root, &image), [true, true]);
    assert_eq!(seal(&image).unwrap(), Seal::Signed(Box::new(leaf)));
}

#[test]
fn every_altered_byte_is_found() {
    let key = Key::new(2048);
    let image = key.sign(&samples::stub(AMD64));
    assert_eq!(
        seal(&image).unwrap(),
        Seal::Signed(Box::new(key.certificate()))
    );
    let pe = Pe::parse(&image).unwrap();
    let checksum = pe.checksum_at()..pe.checksum_at() + 4;
    let end = pe.signatures().unwrap().start;
    for at in (0..end).filter(|at| !checksum.contains(at)) {
        let mut altered = image.clone();
        altered[at] ^= 0x40;
        let seal = seal(&altered);
        assert!(
            !matches!(seal, Ok(Seal::Signed(_))),
            "byte {at:#x}: {seal:?}"
        );
    }
    // In the signature, what is not signed itself may differ: names of algorithms, and the like.
    for at in end..image.len() {
        let mut altered = image.clone();
        altered[at] ^= 0x40;
        drop(seal(&altered));
    }
}

#[test]
fn what_is_unsigned_is_said_to_be() {
    assert_eq!(seal(&samples::stub(AMD64)).unwrap(), Seal::Unsigned);
}

#[test]
fn a_key_that_is_not_the_certificates_is_refused() {
    let (key, other) = (Key::new(2048), Key::new(2048));
    let unsigned = Unsigned::new(&samples::stub(AMD64), vec![key.certificate()]).unwrap();
    let signature = other.signature(unsigned.to_be_signed());
    let said = unsigned.sign(&signature).unwrap_err().to_string();
    assert!(
        said.contains("another key than that of its certificate"),
        "{said}"
    );
}

#[test]
fn certificates_are_read_from_pem_and_der() {
    let key = Key::new(2048);
    let pem = fs_err::read(key.path("certificate.pem")).unwrap();
    let certificate = Certificate::read(&pem).unwrap();
    assert_eq!(certificate.subject(), "a key");
    assert_eq!(Certificate::read(certificate.der()).unwrap(), certificate);
    assert_eq!(
        Certificate::chain(&[&pem[..], &pem].concat())
            .unwrap()
            .len(),
        2
    );
    let openssl = Tool::new("openssl").args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]);
    let shown = openssl.arg(key.path("certificate.pem")).read().unwrap();
    let hex: Vec<String> = certificate
        .fingerprint()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    assert!(shown.trim().ends_with(&hex.join(":")), "{shown}");
    for cut in 0..certificate.der().len() {
        assert!(Certificate::parse(&certificate.der()[..cut]).is_err());
    }
    let weak = fs_err::read(Key::new(1024).path("certificate.pem")).unwrap();
    let said = Certificate::read(&weak).unwrap_err().to_string();
    assert!(said.contains("an RSA key of 1024 bits"), "{said}");
}

#[test]
fn a_key_of_another_kind_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let openssl = Tool::new("openssl").folder(folder.path());
    let make = [
        "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=x",
    ];
    let files = ["-keyout", "key.pem", "-out", "certificate.pem"];
    openssl.args(make).args(files).run().unwrap();
    let file = fs_err::read(folder.path().join("certificate.pem")).unwrap();
    let said = Certificate::read(&file).unwrap_err().to_string();
    assert!(said.contains("another kind than RSA"), "{said}");
}

#[test]
fn the_hash_leaves_out_what_signing_changes() {
    let key = Key::new(2048);
    let image = key.sign(&samples::stub(AMD64));
    let of = |image: &[u8]| hash(&Pe::parse(image).unwrap()).unwrap();
    let mut padded = samples::stub(AMD64);
    padded.resize(padded.len().next_multiple_of(8), 0);
    assert_eq!(of(&image), of(&padded));
}
