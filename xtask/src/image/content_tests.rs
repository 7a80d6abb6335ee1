use super::*;
use crate::digest::{later, write_anew};

#[test]
fn bytes_are_equal_wherever_they_are() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "same").unwrap();
    let on_disk = Content::of_file(file.path()).unwrap();
    assert_eq!(on_disk, Content::from("same"));
    assert_ne!(on_disk, Content::from("sama"));
    assert_eq!(on_disk.head(2).unwrap(), b"sa");
}

#[test]
fn a_part_is_what_lies_there() {
    let whole = Arc::new(b"the same thing".to_vec());
    let part = Content::part(&whole, 4..8).unwrap();
    assert_eq!(part, Content::from("same"));
    assert_eq!(part.digest().unwrap(), Digest::of("same"));
    assert_eq!((part.size(), part.head(9).unwrap()), (4, b"same".to_vec()));
    assert!(Content::part(&whole, 4..15).is_none());
}

#[test]
fn stretches_make_the_whole() {
    for size in [0, 1, STRETCH - 1, STRETCH, STRETCH + 1, 3 * STRETCH] {
        let bytes: Vec<u8> = (0..size).map(|at| at as u8).collect();
        let mut copied = Vec::new();
        assert!(!copy(&mut &bytes[..], size as u64, &mut copied).unwrap());
        assert!(copied == bytes, "{size}");
        let short = size.saturating_sub(1) as u64;
        assert_eq!(
            copy(&mut &bytes[..], short, &mut Vec::new()).unwrap(),
            size > 0
        );
    }
}

#[test]
fn a_file_that_changed_is_not_copied_silently() {
    for changed in ["sama", "sam", "same and more", ""] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "same").unwrap();
        let content = Content::of_file(file.path()).unwrap();
        content.copy_to(&mut Vec::new()).unwrap();
        std::fs::write(file.path(), changed).unwrap();
        let failure = content.copy_to(&mut Vec::new()).unwrap_err();
        assert!(failure.what.contains("changed"), "{failure}");
    }
}

/// Contents of a file whose digest was handed on.
fn seen(path: &Path, text: &str) -> Content {
    std::fs::write(path, text).unwrap();
    let seen = Seen::default();
    seen.read_at(path, later()).unwrap();
    let mut content = Content::unread(path.to_owned(), text.len() as u64);
    content.recall(&seen).unwrap();
    assert!(matches!(content, Content::Seen { .. }));
    content
}

#[test]
fn a_digest_that_was_handed_on_holds_for_what_it_was_of() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let content = seen(file.path(), "same");
    for _ in 0..2 {
        assert_eq!(content.digest().unwrap(), Digest::of("same"));
        assert_eq!(content, Content::from("same"));
        let mut copied = Vec::new();
        content.copy_to(&mut copied).unwrap();
        assert_eq!(copied, b"same");
        // Written again, it is another file with the same bytes.
        write_anew(file.path(), "same");
    }
}

#[test]
fn a_stale_digest_gets_nowhere() {
    for changed in ["sama", "sam", "same and more", ""] {
        let file = tempfile::NamedTempFile::new().unwrap();
        let content = seen(file.path(), "same");
        write_anew(file.path(), changed);
        let failure = content.digest().unwrap_err();
        assert!(failure.what.contains("changed"), "{failure}");
        let failure = content.copy_to(&mut Vec::new()).unwrap_err();
        assert!(failure.what.contains("changed"), "{failure}");
        assert!(serde_json::to_string(&content).is_err());
        let past = std::fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
        file.as_file().set_times(past).unwrap();
        assert!(content.digest().is_err(), "its times do not matter");
    }
}

#[test]
fn a_file_that_changes_while_it_is_copied_is_refused() {
    struct Meddler<'a>(&'a Path);
    impl Write for Meddler<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            write_anew(self.0, "sama");
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let content = seen(file.path(), "same");
    let failure = content.copy_to(&mut Meddler(file.path())).unwrap_err();
    assert!(failure.what.contains("changed"), "{failure}");
}

#[test]
fn only_the_very_file_that_was_seen_is_recalled() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "same").unwrap();
    let seen = Seen::default();
    seen.read_at(file.path(), later()).unwrap();
    let mut other_size = Content::unread(file.path().to_owned(), 5);
    other_size.recall(&seen).unwrap();
    assert!(matches!(other_size, Content::File { .. }));
    let copy = tempfile::NamedTempFile::new().unwrap();
    std::fs::copy(file.path(), copy.path()).unwrap();
    let mut copied = Content::unread(copy.path().to_owned(), 4);
    copied.recall(&seen).unwrap();
    assert!(matches!(copied, Content::File { .. }));
}
