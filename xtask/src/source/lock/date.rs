//! Days for people, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// The day as `2026-01-31`. Before 1970 it is 1970-01-01.
pub(super) fn day(time: SystemTime) -> String {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Whether this is written as a day is.
pub(super) fn is_day(text: &str) -> bool {
    let pattern = b"0000-00-00";
    let same = |(c, p): (u8, &u8)| {
        if *p == b'0' {
            c.is_ascii_digit()
        } else {
            c == *p
        }
    };
    text.len() == pattern.len() && text.bytes().zip(pattern).all(same)
}

/// Year, month and day of a number of days since 1970-01-01 in the Gregorian calendar: the algorithm
/// `civil_from_days` of <https://howardhinnant.github.io/date_algorithms.html>.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn days_of_the_calendar() {
        let known = [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (4_107_542_399, "2100-02-28"),
            (4_107_542_400, "2100-03-01"),
        ];
        for (seconds, text) in known {
            assert_eq!(day(UNIX_EPOCH + Duration::from_secs(seconds)), text);
            assert!(is_day(text));
        }
        assert_eq!(day(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01");
        assert!(!is_day("2026-1-31") && !is_day("2026-01-31\n") && !is_day(""));
    }
}
