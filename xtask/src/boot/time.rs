//! Points in time as seconds since 1970-01-01T00:00:00Z, and their text in RFC 3339, in UTC. Just what clocks of
//! guests need; no time zones, no leap seconds.

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar
/// (`days_from_civil` of <https://howardhinnant.github.io/date_algorithms.html>).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The seconds of a date and a time of day, as `struct tm` counts them but with the full year and months from 1;
/// nothing when that day or time does not exist.
#[must_use]
pub fn seconds(date: [i64; 3], time: [i64; 3]) -> Option<i64> {
    let [year, month, day] = date;
    let [hour, minute, second] = time;
    let (next_year, next_month) = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    let real = (0..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days(next_year, next_month, 1) - days(year, month, 1)).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    real.then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Reads `2001-01-01T00:00:00Z`; other offsets and fractions are not understood.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, by: char, widths: [usize; 3]| -> Option<[i64; 3]> {
        let mut parts = text.split(by);
        let mut next = |width: usize| {
            let part = parts.next()?;
            let plain = part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| part.parse().ok()).flatten()
        };
        let three = [next(widths[0])?, next(widths[1])?, next(widths[2])?];
        parts.next().is_none().then_some(three)
    };
    seconds(
        numbers(date, '-', [4, 2, 2])?,
        numbers(time, ':', [2, 2, 2])?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points_in_time() {
        assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse("2001-01-01T00:00:02Z"), Some(978_307_202));
        assert_eq!(parse("2024-02-29T12:34:56Z"), Some(1_709_210_096));
        assert_eq!(parse("2038-01-19T03:14:08Z"), Some(1 << 31));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let wrong = [
            "",
            "Z",
            "2001-01-01",
            "2001-02-29T00:00:00Z",
            "2001-13-01T00:00:00Z",
            "2001-01-01T24:00:00Z",
            "2001-01-01T00:00:00+01:00",
            "2001-1-1T0:0:0Z",
            "2001-01-01T00:00:00:00Z",
            "+001-01-01T00:00:00Z",
        ];
        assert!(wrong.iter().all(|text| parse(text).is_none()));
    }
}
