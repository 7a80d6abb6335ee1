//! The unified kernel image, where a route boots one: its stub, arguments, and the certificate it is signed with.

use super::Check;
use super::form::{ARGUMENT, NAME};
use super::sources::Use;
use crate::checkout::Checkout;
use crate::image::pe::certificate::Certificate;
use crate::loader::route::Route;
use crate::recipe::path::Path;
use crate::recipe::schema::Recipe;
use crate::text::quoted;

/// How a key and its certificate are made.
fn make(key: &str, certificate: &str) -> String {
    let folder = certificate
        .rsplit_once('/')
        .map_or(".", |(folder, _)| folder);
    format!(
        "make a key with it, and keep that outside of the checkout: mkdir -p {folder} && openssl req -x509 -newkey rsa:2048 -sha256 -days 3650 -nodes -subj '/CN={key}/' -keyout {key}.key -out {certificate}"
    )
}

impl Check<'_> {
    pub(super) fn uki(&mut self, recipe: &Recipe, checkout: &Checkout) {
        let uki = &recipe.bundle.uki;
        let path = Path::of(&["bundle", "uki"]);
        if let Some(append) = &uki.append {
            for (index, argument) in append.iter().enumerate() {
                self.text(&ARGUMENT, argument, &path.key("append").index(index));
            }
        }
        if recipe.bundle.has_uki(recipe.arch) {
            self.used_source(
                recipe,
                &path.key("stub"),
                &uki.stub,
                Use::Files("systemd-boot-efi"),
            );
        }
        let routes = recipe.bundle.routes(recipe.arch);
        let Some((key, certificate)) = uki.signer() else {
            if routes.contains(&Route::SecureUki) {
                let message = format!("the route {} boots only what is signed", Route::SecureUki);
                let help = "name a key: key = \"NAME\" in [bundle.uki], with its certificate in certificates/NAME.pem";
                self.wrong(
                    &Path::of(&["bundle", "routes"]),
                    message,
                    String::new(),
                    help,
                );
            }
            if let Some(certificate) = &uki.certificate {
                let message = format!("the certificate {} of no key", quoted(certificate));
                let help = "name the key, too: key = \"NAME\"";
                self.wrong(&path.key("certificate"), message, String::new(), help);
            }
            return;
        };
        if self.text(&NAME, key, &path.key("key")) {
            self.certificate(checkout, key, &certificate, &path);
        }
    }

    fn certificate(&mut self, checkout: &Checkout, key: &str, certificate: &str, path: &Path) {
        let place = match self.root.at(&path.key("certificate")) {
            Some(_) => path.key("certificate"),
            None => path.key("key"),
        };
        if !checkout.root().join(certificate).exists() {
            let message = format!("there is no certificate {}", quoted(certificate));
            self.wrong(&place, message, String::new(), make(key, certificate));
            return;
        }
        let before = self.problems.len();
        self.file(checkout, certificate, &place);
        if self.problems.len() > before {
            return;
        }
        let file = fs_err::read(checkout.root().join(certificate));
        let read = file.map_err(|error| error.to_string());
        let read =
            read.and_then(|file| Certificate::read(&file).map_err(|wrong| wrong.to_string()));
        if let Err(wrong) = read {
            let message = format!("the file {} {wrong}", quoted(certificate));
            self.wrong(&place, message, String::new(), "");
        }
    }
}
