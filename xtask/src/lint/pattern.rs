//! Patterns of paths: `*` and `?` stay within a component, `**` does not.

/// Whether a path fits a pattern. Takes time in proportion to the product of both lengths at most.
pub(super) fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.as_bytes(), path.as_bytes());
    // reached[i]: the pattern so far fits the first i bytes of the path.
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    let mut rest = pattern;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'*' => {
                let deep = after.first() == Some(&b'*');
                rest = if deep { &after[1..] } else { after };
                for at in 0..path.len() {
                    reached[at + 1] |= reached[at] && (deep || path[at] != b'/');
                }
            }
            _ => {
                for at in (0..path.len()).rev() {
                    let same = path[at] == first || (first == b'?' && path[at] != b'/');
                    reached[at + 1] = reached[at] && same;
                }
                reached[0] = false;
            }
        }
    }
    reached[path.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_within_a_component_unless_doubled() {
        for (pattern, path, fit) in [
            ("/etc/passwd", "/etc/passwd", true),
            ("/etc/passwd", "/etc/passwd2", false),
            ("/etc/*", "/etc/x", true),
            ("/etc/*", "/etc/x/y", false),
            ("/etc/**", "/etc/x/y", true),
            ("/*/x?", "/a/xy", true),
            ("/*/x?", "/a/x/", false),
            ("**", "pxelinux.cfg/default", true),
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
        ] {
            assert_eq!(fits(pattern, path), fit, "{pattern} {path}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!fits(&"*a".repeat(500), &"a".repeat(499)));
    }
}
