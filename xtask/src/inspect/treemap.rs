//! A page that shows what takes the room as nested rectangles (a squarified treemap, Bruls and others 2000). All that is drawn is in the page; its
//! script lays the rectangles out, so that a click can go into one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::size::Sizes;
use crate::failure::{Failure, Result};
use crate::template;
use crate::text::bytes;

const PAGE: &str = include_str!("treemap.html");

/// Every page has this near its beginning.
const MARK: &str = "<meta name=\"generator\" content=\"cordwainer size\">";

/// So near.
const NEAR: usize = 1024;

/// Whether these bytes are such a page.
pub(super) fn is_page(bytes: &[u8]) -> bool {
    let beginning = &bytes[..bytes.len().min(NEAR)];
    String::from_utf8_lossy(beginning).contains(MARK)
}

/// A directory or file on the page.
#[derive(Default)]
struct Box<'a> {
    bytes: u64,
    packed: u64,
    about: String,
    inside: BTreeMap<&'a str, Box<'a>>,
}

/// The page.
pub(super) fn page(sizes: &Sizes, title: &str) -> Result<String> {
    let mut top = Box::default();
    for item in sizes.items.iter().filter(|item| item.bytes > 0) {
        let mut here = &mut top;
        here.add(item.bytes, item.packed);
        for part in item.path.as_str().split('/') {
            here = here.inside.entry(part).or_default();
            here.add(item.bytes, item.packed);
        }
        let package = item.package.as_ref().map(|package| format!(", {package}"));
        here.about = format!("{}{}", item.reason, package.unwrap_or_default());
    }
    let data = serde_json::to_string(&top.value(""))
        .map_err(|error| Failure::bug(format!("a page cannot be written: {error}")))?;
    let figures = format!(
        "{} of contents in {} files; {} as a file",
        bytes(sizes.bytes),
        sizes.items.iter().filter(|item| item.bytes > 0).count(),
        bytes(sizes.packed)
    );
    let page = json!({
        "title": escaped(title),
        "figures": figures,
        // Nothing in it may end the script that it stands in.
        "data": data.replace('<', "\\u003c"),
    });
    template::render("treemap.html".as_ref(), PAGE, &page)
}

impl<'a> Box<'a> {
    fn add(&mut self, bytes: u64, packed: u64) {
        self.bytes += bytes;
        self.packed += packed;
    }

    /// Short keys: there may be thousands.
    fn value(&self, name: &str) -> Value {
        let mut value = json!({ "n": name, "b": self.bytes, "p": self.packed });
        if self.inside.is_empty() {
            value["a"] = self.about.clone().into();
        } else {
            let mut inside: Vec<(&&str, &Box<'a>)> = self.inside.iter().collect();
            inside.sort_by_key(|(_, there)| std::cmp::Reverse(there.bytes));
            value["c"] = inside
                .into_iter()
                .map(|(name, there)| there.value(name))
                .collect();
        }
        value
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use crate::inspect::samples::image;
    use crate::inspect::size::measure;

    #[test]
    fn the_page_holds_everything_and_nothing_from_elsewhere() {
        let image = image(&[("a/</script><b>", "12345"), ("{{x}}", "1")]);
        let page = measure(&image).page("<demo> & more").unwrap();
        assert!(page.contains("<title>&lt;demo&gt; &amp; more"), "{page}");
        assert!(page.contains(r#""n":"\u003c""#), "{page}");
        assert!(page.contains(r#""n":"{{x}}""#), "{page}");
        assert_eq!(page.matches("</script>").count(), 1);
        assert!(
            !page.contains("http://")
                || page.matches("http").count()
                    == page.matches("http://www.w3.org/2000/svg").count()
        );
    }
}
