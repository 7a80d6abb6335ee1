//! Text that may stand in HTML. Templates escape nothing, so the page's data holds no other text than this.

use std::borrow::Cow;
use std::fmt::Display;
use std::path::Path;

use serde::Serialize;

/// Text in which nothing is markup any more, in an element as in an attribute in quotation marks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Html(String);

impl Html {
    /// Text, whoever wrote it. What would not be seen, or would turn around what is, becomes U+FFFD.
    pub(super) fn text(text: impl Display) -> Self {
        let text = text.to_string();
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '&' => out += "&amp;",
                '<' => out += "&lt;",
                '>' => out += "&gt;",
                '"' => out += "&quot;",
                '\'' => out += "&#39;",
                // A template never sees braces of a guest's: they are no part of it anyway, but cost nothing.
                '{' => out += "&#123;",
                '}' => out += "&#125;",
                '\n' | '\t' => out.push(c),
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => {
                    out.push('\u{fffd}');
                }
                c if c.is_control() => out.push('\u{fffd}'),
                c => out.push(c),
            }
        }
        Self(out)
    }

    /// The link from a page in a folder to a file, both absolute: relative, so that the two can be moved together.
    pub(super) fn link(folder: &Path, file: &Path) -> Self {
        let (from, to): (Vec<_>, Vec<_>) =
            (folder.components().collect(), file.components().collect());
        let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let up = from[common..].iter().map(|_| "..".into());
        let down = to[common..]
            .iter()
            .map(|part| part.as_os_str().to_string_lossy());
        let parts: Vec<Cow<'_, str>> = up.chain(down).collect();
        Self::reference(&parts.join("/"))
    }

    /// A path as the reference of a link: relative, with all but plain characters as percent signs and digits (RFC 3986).
    fn reference(path: &str) -> Self {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
        let mut out = String::new();
        for byte in path.bytes() {
            if plain(byte) {
                out.push(char::from(byte));
            } else {
                out += &format!("%{byte:02X}");
            }
        }
        Self(out)
    }

    /// What may be an element's `id`, and the link to it.
    pub(super) fn id(text: &str) -> Self {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        Self(
            text.chars()
                .map(|c| if plain(c) { c } else { '-' })
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_guest_is_markup() {
        let hostile = "</pre><script>alert('1')</script> \"{{x}}\" &amp; \u{1b}[2J\u{202e}x";
        assert_eq!(
            Html::text(hostile).0,
            "&lt;/pre&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; \
             &quot;&#123;&#123;x&#125;&#125;&quot; &amp;amp; \u{fffd}[2J\u{fffd}x"
        );
        assert_eq!(Html::reference("a b/\"<é.log").0, "a%20b/%22%3C%C3%A9.log");
        let link = |file: &str| Html::link(Path::new("/out/+boots"), Path::new(file)).0;
        assert_eq!(link("/out/+boots/x/a.log"), "x/a.log");
        assert_eq!(link("/out/demo/a.log"), "../demo/a.log");
        assert_eq!(Html::id("demo/a \"b\"").0, "demo-a--b-");
    }
}
