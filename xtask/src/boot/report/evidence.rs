//! What a record has to show beside its verdict, read for a report. What cannot be read is not shown: a report is made of what there is.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::boot::record;

/// Lines at the end that are shown at once.
const TAIL: usize = 15;
/// Lines of a transcript that a page holds: so many of its beginning, and so many of its end.
const BEGINNING: usize = 400;
const END: usize = 1600;
/// A line is no longer, in characters.
const LINE: usize = 2000;
/// Bytes of a screenshot that a page holds.
const SCREENSHOT: usize = 4 << 20;

/// What there is to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The last lines of the transcript.
    pub tail: Vec<String>,
    /// The transcript, with a marker where lines are left out.
    pub transcript: Vec<String>,
    /// Lines that are left out.
    pub left_out: usize,
    /// The display, as a PNG image in base 64; empty where there is none.
    pub screenshot: String,
    /// The files of the record with their lengths, by name.
    pub files: Vec<(String, u64)>,
    /// QEMU's command line.
    pub command: String,
}

impl Evidence {
    /// Reads a record.
    #[must_use]
    pub fn read(folder: &Path) -> Self {
        let text = |name: &str| {
            let bytes = fs_err::read(folder.join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let image = fs_err::read(folder.join(record::SCREENSHOT)).unwrap_or_default();
        let fits = image.len() <= SCREENSHOT && image.starts_with(b"\x89PNG");
        let screenshot = if fits {
            STANDARD.encode(image)
        } else {
            String::new()
        };
        Self {
            screenshot,
            files: files(folder),
            command: text("command").trim_end().to_owned(),
            ..Self::of_transcript(&text("transcript.log"))
        }
    }

    fn of_transcript(text: &str) -> Self {
        let lines: Vec<String> = text
            .lines()
            .map(|line| line.chars().take(LINE).collect())
            .collect();
        let tail = lines[lines.len().saturating_sub(TAIL)..].to_vec();
        let left_out = lines.len().saturating_sub(BEGINNING + END);
        let mut transcript = lines;
        if left_out > 0 {
            let marker = format!("[… {left_out} lines are left out here; transcript.log has them]");
            transcript.splice(BEGINNING..BEGINNING + left_out, [marker]);
        }
        Self {
            tail,
            transcript,
            left_out,
            ..Self::default()
        }
    }
}

fn files(folder: &Path) -> Vec<(String, u64)> {
    let Ok(entries) = fs_err::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<(String, u64)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let length = entry
                .metadata()
                .ok()
                .filter(std::fs::Metadata::is_file)?
                .len();
            Some((entry.file_name().into_string().ok()?, length))
        })
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_transcript_is_cut_in_the_middle_and_says_so() {
        let text: String = (0..3000).map(|n| format!("{n}\n")).collect();
        let evidence = Evidence::of_transcript(&text);
        assert_eq!(evidence.left_out, 1000);
        assert_eq!(evidence.transcript.len(), BEGINNING + 1 + END);
        assert_eq!(evidence.transcript[BEGINNING - 1], "399");
        assert!(evidence.transcript[BEGINNING].contains("1000 lines"));
        assert_eq!(evidence.transcript[BEGINNING + 1], "1400");
        assert_eq!(evidence.tail.last().unwrap(), "2999");
    }

    #[test]
    fn what_is_not_there_or_no_image_is_not_shown() {
        assert_eq!(
            Evidence::read(Path::new("/no/such/record")),
            Evidence::default()
        );
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join(record::SCREENSHOT), "<script>").unwrap();
        let evidence = Evidence::read(folder.path());
        assert_eq!(evidence.screenshot, "");
        assert_eq!(evidence.files, [("screen.png".to_owned(), 8)]);
    }
}
