//! Unified kernel images, and keys that they are signed with.

use super::{GOOD, about, about_files, checkout, said};
use crate::image::pe::samples::Key;
use crate::recipe::Site;

const STUB: &str =
    "[sources.systemd-boot]\nkind = \"debian-binary\"\npackage = \"systemd-boot-efi\"\n";

/// `GOOD`, its kernel an EFI program, with these lines in `[bundle]`, and behind it.
fn recipe(bundle: &str, uki: &str) -> String {
    let efi = "fragments = [\"x86_64/base.config\", \"x86_64/efi.config\"]";
    let good = GOOD.replace("fragments = [\"x86_64/base.config\"]", efi);
    assert_ne!(good, GOOD);
    format!("{good}{bundle}\n[bundle.uki]\n{uki}\n{STUB}")
}

#[test]
fn a_route_that_boots_one_needs_its_stub() {
    let with = recipe("routes = [\"efi-uki\"]", "append = [\"quiet\"]");
    insta::assert_snapshot!(about(&with), @"good");
    let without = with.replace(STUB, "");
    insta::assert_snapshot!(about(&without), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:20:1 «[bundle.uki]» there is no source `systemd-boot`, which `bundle.uki.stub` is by default; add [sources.systemd-boot] with kind = "debian-binary" and package = "systemd-boot-efi", or name another one: there are `busybox`, `linux`, `pxelinux` and `syslinux`
    "#);
    insta::assert_snapshot!(about(&recipe("", "")), @"good");
}

#[test]
fn what_is_signed_needs_a_certificate() {
    let secure = "routes = [\"secure-uki\"]";
    insta::assert_snapshot!(about(&recipe(secure, "")), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:19:10 «["secure-uki"]» the route secure-uki boots only what is signed; name a key: key = "NAME" in [bundle.uki], with its certificate in certificates/NAME.pem
    "#);
    insta::assert_snapshot!(about(&recipe(secure, "key = \"lab\"")), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:21:7 «"lab"» there is no certificate `certificates/lab.pem`; make a key with it, and keep that outside of the checkout: mkdir -p certificates && openssl req -x509 -newkey rsa:2048 -sha256 -days 3650 -nodes -subj '/CN=lab/' -keyout lab.key -out certificates/lab.pem
    "#);
    insta::assert_snapshot!(about(&recipe("", "key = \"a/b\"\nappend = [\"a b\"]")), @r#"
    recipe: the recipe demo has 2 mistakes
    recipes/demo.toml:21:7 «"a/b"» `a/b` is no name; letters, digits, `-`, `_` and `.`, at most 64 of them, the first a letter or digit
    recipes/demo.toml:22:11 «"a b"» `a b` is no kernel argument; one argument each, of visible ASCII characters, without blanks and quotes
    "#);
    insta::assert_snapshot!(about(&recipe("", "certificate = \"x.pem\"")), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:21:15 «"x.pem"» the certificate `x.pem` of no key; name the key, too: key = "NAME"
    "#);
}

#[test]
fn certificates_are_read_while_planning() {
    let key = Key::new(2048);
    let pem = fs_err::read_to_string(key.path("certificate.pem")).unwrap();
    let private = fs_err::read_to_string(key.path("key.pem")).unwrap();
    let about = |uki: &str, certificate: &str| {
        let recipe = recipe("routes = [\"secure-uki\"]", uki);
        let certificate = ("certificates/lab.pem", certificate);
        about_files(&[("recipes/demo.toml", &recipe), certificate])
    };
    insta::assert_snapshot!(about("key = \"lab\"", &pem), @"good");
    let other = "key = \"other\"\ncertificate = \"certificates/lab.pem\"";
    insta::assert_snapshot!(about(other, &pem), @"good");
    insta::assert_snapshot!(about("key = \"lab\"", "hello"), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:21:7 «"lab"» the file `certificates/lab.pem` has no certificate: no line says `-----BEGIN CERTIFICATE-----`
    "#);
    insta::assert_snapshot!(about("key = \"lab\"", &(pem + &private)), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:21:7 «"lab"» the file `certificates/lab.pem` has a private key in it, which has no place beside a certificate
    "#);
}

fn site(text: &str) -> String {
    let (_folder, checkout) = checkout(&[("site.toml", text)]);
    Site::load(&checkout).map_or_else(|failure| said(&failure), |_| "good".to_owned())
}

#[test]
fn private_keys_are_named_by_the_site() {
    let good = "[key.lab]\nprivate = \"/k/lab.key\"\npassphrase = \"/k/pin\"\n[key.token]\nprivate = \"pkcs11:object=lab?pin-source=file:/k/pin\"\n";
    insta::assert_snapshot!(site(good), @"good");
    let bad = "[key.a]\nprivate = \"lab.key\"\npassphrase = \"pin\"\n[key.b]\nprivate = \"pkcs11:object=lab?pin-value=1234\"\n[key.c]\n[key.d]\nprivate = \"pkcs11:object=lab\"\n";
    insta::assert_snapshot!(site(bad), @r#"
    recipe: site.toml has 5 mistakes
    site.toml:2:11 «"lab.key"» `lab.key` is no absolute path; it begins with `/`; `~` and variables are not expanded
    site.toml:3:14 «"pin"» `pin` is no absolute path; it begins with `/`; `~` and variables are not expanded
    site.toml:5:11 «"pkcs11:object=lab?pin-value=1234"» a PIN in the address of a key could be seen by others; put it into a file, and name that: passphrase = "/…"
    site.toml:6:1 «[key.c]» [key.c] lacks `private`; `private`: Absolute path of its file (PEM), or `pkcs11:…` (RFC 7512) for one on a token.
    site.toml:8:11 «"pkcs11:object=lab"» nothing says where the token's PIN is; put it into a file that only you can read: passphrase = "/…"
    "#);
}
