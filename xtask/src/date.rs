//! Dates as seconds since 1970-01-01 00:00:00 UTC, and the few forms they are read and written in. Pure:
//! what time it is now is nobody's business here. Reproducible builds take every date from a changelog.
//!
//! The calendar is the proleptic Gregorian one, after the day algorithms of
//! <https://howardhinnant.github.io/date_algorithms.html>.

const DAY: i64 = 86_400;
const WEEK_DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A point in time as a calendar and a clock in UTC show it.
struct Civil {
    year: i64,
    /// From 1.
    month: i64,
    /// From 1.
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

/// Reads an RFC 5322 date (RFC 2822's successor) as Debian changelogs have it: `Fri, 20 Nov 2026 06:30:00 +0100`.
/// The day of the week may be missing and need not be right: dpkg does not look at it either.
///
/// # Errors
/// What is wrong with it, in a few words.
pub fn parse_rfc2822(text: &str) -> Result<i64, String> {
    let date = match text.split_once(',') {
        Some((week_day, _)) if !WEEK_DAYS.contains(&week_day.trim()) => {
            return Err(format!("`{}` is no day of the week", week_day.trim()));
        }
        Some((_, date)) => date,
        None => text,
    };
    let words: Vec<&str> = date.split_ascii_whitespace().collect();
    let [day, month, year, clock, zone] = words[..] else {
        return Err("a date looks like `Fri, 20 Nov 2026 06:30:00 +0000`".to_owned());
    };
    let month = MONTHS
        .iter()
        .zip(1..)
        .find_map(|(name, number)| (*name == month).then_some(number))
        .ok_or_else(|| format!("`{month}` is no month: they are {}", MONTHS.join(" ")))?;
    let (year, day) = (number(year, 4..=4)?, number(day, 1..=2)?);
    let (hour, minute, second) = parse_clock(clock)?;
    let civil = Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    };
    Ok(civil.epoch()? - parse_zone(zone, "")?)
}

/// Reads an RFC 3339 date: `2026-11-20T06:30:00Z`, `2026-11-20 06:30:00.25+01:00`. Fractions of a second are dropped.
///
/// # Errors
/// What is wrong with it, in a few words.
pub fn parse_rfc3339(text: &str) -> Result<i64, String> {
    let form = || "a date looks like `2026-11-20T06:30:00Z`".to_owned();
    let (date, time) = text.split_once(['T', 't', ' ']).ok_or_else(form)?;
    let [year, month, day] = date.split('-').collect::<Vec<_>>()[..] else {
        return Err(form());
    };
    let zone_at = time.find(['Z', 'z', '+', '-']).ok_or_else(form)?;
    let (clock, zone) = time.split_at(zone_at);
    let clock = match clock.split_once('.') {
        Some((_, fraction)) if !digits(fraction) => return Err(form()),
        Some((clock, _)) => clock,
        None => clock,
    };
    let (hour, minute, second) = parse_clock(clock)?;
    let civil = Civil {
        year: number(year, 4..=4)?,
        month: number(month, 2..=2)?,
        day: number(day, 2..=2)?,
        hour,
        minute,
        second,
    };
    let offset = match zone {
        "Z" | "z" => 0,
        zone => parse_zone(zone, ":")?,
    };
    Ok(civil.epoch()? - offset)
}

/// ISO 8601 in UTC: `2026-11-20T06:30:00Z`.
#[must_use]
pub fn iso8601(epoch: i64) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Civil::of(epoch);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// RFC 5322 in UTC, as `date -Ru` writes it and Release files have it: `Fri, 20 Nov 2026 06:30:00 +0000`.
#[must_use]
pub fn rfc2822(epoch: i64) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Civil::of(epoch);
    let week_day = WEEK_DAYS[index(epoch.div_euclid(DAY).rem_euclid(7))];
    let month = MONTHS[index(month - 1)];
    format!("{week_day}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} +0000")
}

/// As date(1) writes it in the C locale and as the kernel's `KBUILD_BUILD_TIMESTAMP` is usually given
/// (Documentation/kbuild/reproducible-builds.rst): `Fri Nov 20 06:30:00 UTC 2026`.
#[must_use]
pub fn kbuild(epoch: i64) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Civil::of(epoch);
    let week_day = WEEK_DAYS[index(epoch.div_euclid(DAY).rem_euclid(7))];
    let month = MONTHS[index(month - 1)];
    format!("{week_day} {month} {day:2} {hour:02}:{minute:02}:{second:02} UTC {year:04}")
}

fn index(small: i64) -> usize {
    usize::try_from(small).unwrap_or(0)
}

impl Civil {
    fn of(epoch: i64) -> Self {
        let (days, clock) = (epoch.div_euclid(DAY), epoch.rem_euclid(DAY));
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = (shifted_month + 2) % 12 + 1;
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
        }
    }

    fn epoch(&self) -> Result<i64, String> {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let length = match self.month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            month => return Err(format!("there is no month {month}")),
        };
        if !(1..=length).contains(&self.day) {
            let month = MONTHS[index(self.month - 1)];
            return Err(format!("{month} {} has no day {}", self.year, self.day));
        }
        let year = self.year - i64::from(self.month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        Ok(days * DAY + self.hour * 3600 + self.minute * 60 + self.second)
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(text: &str, length: std::ops::RangeInclusive<usize>) -> Result<i64, String> {
    let valid = digits(text) && length.contains(&text.len());
    let number = valid.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| format!("`{text}` is not a number of that length"))
}

/// Hours, minutes, seconds; 60 seconds is a leap second.
fn parse_clock(text: &str) -> Result<(i64, i64, i64), String> {
    let wrong = || format!("`{text}` is no time of day");
    let [hour, minute, second] = text.split(':').collect::<Vec<_>>()[..] else {
        return Err(wrong());
    };
    let part = |text, length| number(text, length).map_err(|_| wrong());
    let clock = (
        part(hour, 1..=2)?,
        part(minute, 2..=2)?,
        part(second, 2..=2)?,
    );
    match clock {
        (0..=23, 0..=59, 0..=60) => Ok(clock),
        _ => Err(wrong()),
    }
}

/// Seconds east of UTC, of `+hhmm` with `separator` between hours and minutes.
fn parse_zone(text: &str, separator: &str) -> Result<i64, String> {
    let parse = || {
        let (sign, rest) = match text.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, rest) = rest.split_at_checked(2)?;
        let hours = number(hours, 2..=2).ok()?;
        let minutes = number(rest.strip_prefix(separator)?, 2..=2).ok()?;
        (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
    };
    parse().ok_or_else(|| format!("`{text}` is no offset from UTC such as `+01{separator}00`"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;
    use crate::tool::Tool;

    #[test]
    fn forms_that_are_read() {
        assert_eq!(
            parse_rfc2822("Fri, 20 Nov 2026 06:30:00 +0000"),
            Ok(1_795_156_200)
        );
        assert_eq!(
            parse_rfc2822("20 Nov 2026 7:30:00 +0100"),
            Ok(1_795_156_200)
        );
        assert_eq!(
            parse_rfc2822("Thu, 19 Nov 2026 23:00:00 -0730"),
            Ok(1_795_156_200)
        );
        assert_eq!(parse_rfc3339("2026-11-20T06:30:00Z"), Ok(1_795_156_200));
        assert_eq!(
            parse_rfc3339("2026-11-20 12:00:00.999+05:30"),
            Ok(1_795_156_200)
        );
        assert_eq!(parse_rfc3339("1969-12-31T23:59:59Z"), Ok(-1));
    }

    #[test]
    fn what_is_no_date_is_refused_in_words() {
        for (text, why) in [
            ("Fri, 31 Feb 2026 06:30:00 +0000", "Feb 2026 has no day 31"),
            ("Fri, 29 Feb 2100 06:30:00 +0000", "Feb 2100 has no day 29"),
            (
                "Foo, 20 Nov 2026 06:30:00 +0000",
                "`Foo` is no day of the week",
            ),
            (
                "Fri, 20 November 2026 06:30:00 +0000",
                "`November` is no month",
            ),
            (
                "Fri, 20 Nov 2026 24:30:00 +0000",
                "`24:30:00` is no time of day",
            ),
            ("Fri, 20 Nov 2026 06:30:00 UTC", "`UTC` is no offset"),
            ("Fri, 20 Nov 2026 06:30:00 +9900", "`+9900` is no offset"),
            ("Fri, 20 Nov 2026 06:30:00", "a date looks like"),
            ("", "a date looks like"),
        ] {
            let found = parse_rfc2822(text).unwrap_err();
            assert!(found.starts_with(why), "{text}: {found}");
        }
        for text in [
            "2026-11-20",
            "2026-13-20T06:30:00Z",
            "2026-11-20T06:30:00",
            "20261120T063000Z",
            "2026-11-20T06:30:00.xZ",
            "2026-11-20T06:30:00+é0",
        ] {
            assert!(parse_rfc3339(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_are_written_as_the_host_writes_them() {
        for epoch in [
            0,
            1_795_156_200,
            951_782_400,
            4_107_542_399,
            -62_135_596_800,
        ] {
            let date = |form: &str| {
                let tool = Tool::new("date").args(["-u", "-d", &format!("@{epoch}"), form]);
                tool.read().unwrap().trim().to_owned()
            };
            assert_eq!(iso8601(epoch), date("+%Y-%m-%dT%H:%M:%SZ"));
            assert_eq!(kbuild(epoch), date("+%a %b %e %H:%M:%S UTC %Y"));
            assert_eq!(rfc2822(epoch), date("+%a, %d %b %Y %H:%M:%S +0000"));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(epoch in -62_167_219_200_i64..253_402_300_800) {
            prop_assert_eq!(parse_rfc3339(&iso8601(epoch)), Ok(epoch));
        }

        #[test]
        fn nothing_panics(epoch in any::<i32>(), text in "[0-9A-Za-zé:, +-]{0,40}") {
            assert!(kbuild(i64::from(epoch)).contains(" UTC "));
            parse_rfc2822(&text).ok();
            parse_rfc3339(&text).ok();
        }
    }
}
