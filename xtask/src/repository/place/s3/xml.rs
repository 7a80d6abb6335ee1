//! What object stores answer, as far as it is read here: texts of elements without attributes, by name. It comes from the network: whatever
//! it is, reading it ends, and takes no more memory than the text itself.

/// The texts of every element of this name, outermost ones only, as they stand.
pub(super) fn elements<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(&open) {
        let Some((inside, after)) = after.split_once(&close) else {
            break;
        };
        found.push(inside);
        rest = after;
    }
    found
}

/// The text of the first element of this name, with what stands for other characters replaced. Nothing when there is none, or when it has
/// elements in it.
pub(super) fn text(xml: &str, name: &str) -> Option<String> {
    elements(xml, name).first().and_then(|inside| plain(inside))
}

/// Character data as it is meant (XML 1.0, sections 4.1 and 4.6).
fn plain(data: &str) -> Option<String> {
    if data.contains('<') {
        return None;
    }
    let mut pieces = data.split('&');
    let mut text = pieces.next()?.to_owned();
    for piece in pieces {
        let (name, after) = piece.split_once(';')?;
        text.push(character(name)?);
        text.push_str(after);
    }
    Some(text)
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

/// Text whose bytes are written as in addresses (`encoding-type=url` of a listing).
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                let digit = |byte: u8| char::from(byte).to_digit(16);
                u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()?
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_listing_is_read() {
        let xml = "<?xml version=\"1.0\"?><L xmlns=\"x\"><IsTruncated>false</IsTruncated>\
            <Contents><Key>a&amp;&#x41;&#66;</Key><Size>3</Size></Contents><Contents><Key>b</Key></Contents></L>";
        assert_eq!(text(xml, "IsTruncated").unwrap(), "false");
        let contents = elements(xml, "Contents");
        assert_eq!(contents.len(), 2);
        assert_eq!(text(contents[0], "Key").unwrap(), "a&AB");
        assert_eq!(text(contents[1], "Size"), None);
        assert_eq!(unescape("a%20b+c%C3%BC").unwrap(), "a b cü");
    }

    #[test]
    fn what_is_broken_is_nothing() {
        for bad in [
            "<Key>",
            "<Key>&nbsp;</Key>",
            "<Key>&amp</Key>",
            "<Key>&#xD800;</Key>",
            "<Key><b/></Key>",
        ] {
            assert_eq!(text(bad, "Key"), None, "{bad}");
        }
        for bad in ["%", "%2", "%zz", "%ff", "%+1"] {
            assert_eq!(unescape(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[<>/&;#x%a-fK]{0,200}") {
            super::text(&text, "a");
            unescape(&text);
        }
    }
}
