//! What somebody waits to see: the scenario's expectations, prompts that want an answer, iPXE's banner. No I/O.

use regex::Regex;

use crate::failure::{Failure, Kind, Result};

use super::happening::Port;
use super::judge::Order;
use super::scenario::Scenario;

/// iPXE waits two seconds at its banner for a key; a space is no command to it, and ends the wait.
pub const BANNER: &str = "Press Ctrl-B for the iPXE command line";

/// A pattern, and whether it has matched.
struct Pattern {
    regex: Regex,
    seen: bool,
}

impl Pattern {
    fn new(text: &str) -> Result<Self> {
        let regex = Regex::new(text);
        let regex = regex.map_err(|error| Failure::new(Kind::Recipe, error.to_string()))?;
        Ok(Self { regex, seen: false })
    }

    fn wants(&self, text: &str) -> bool {
        !self.seen && self.regex.is_match(text)
    }
}

/// Everything that is waited for.
pub struct Lookout {
    expected: Vec<Pattern>,
    answers: Vec<(Pattern, String)>,
    banner_answered: bool,
    /// Whether what is seen counts as expected.
    counts: bool,
}

impl Lookout {
    /// What this scenario waits for.
    ///
    /// # Errors
    /// [`Kind::Recipe`] when a pattern is none.
    pub fn new(scenario: &Scenario) -> Result<Self> {
        let expected = scenario.expect.iter().map(|text| Pattern::new(text));
        let answers = scenario.answer.iter();
        let answers =
            answers.map(|answer| Ok((Pattern::new(&answer.when)?, answer.r#type.clone())));
        Ok(Self {
            expected: expected.collect::<Result<_>>()?,
            answers: answers.collect::<Result<_>>()?,
            banner_answered: false,
            // Of a bundle that says nothing of itself, the firmware's own words prove nothing.
            counts: !scenario.end.take_lines(),
        })
    }

    /// Whether a line that has no end yet should be reported as it stands.
    #[must_use]
    pub fn wants(&self, text: &str) -> bool {
        (!self.banner_answered && text.contains(BANNER))
            || self.expected.iter().any(|pattern| pattern.wants(text))
            || self.answers.iter().any(|(pattern, _)| pattern.wants(text))
    }

    /// From now on what is seen counts as expected: the bundle's own boot loader was sent.
    pub fn count(&mut self) {
        self.counts = true;
    }

    /// Sees a finished line.
    pub fn line(&mut self, port: Port, text: &str) -> Vec<Order> {
        // Each attempt of iPXE begins with the banner anew.
        self.banner_answered &= !text.contains(BANNER);
        self.see(port, text)
    }

    /// Sees a line that has no end yet.
    pub fn unfinished(&mut self, port: Port, text: &str) -> Vec<Order> {
        let banner = !self.banner_answered && text.contains(BANNER);
        self.banner_answered |= banner;
        let key = banner.then(|| Order::Type(port, " ".to_owned()));
        key.into_iter().chain(self.see(port, text)).collect()
    }

    fn see(&mut self, port: Port, text: &str) -> Vec<Order> {
        for pattern in self.expected.iter_mut().filter(|_| self.counts) {
            pattern.seen |= pattern.regex.is_match(text);
        }
        let mut orders = Vec::new();
        for (pattern, keys) in &mut self.answers {
            if pattern.wants(text) {
                pattern.seen = true;
                orders.push(Order::Type(port, keys.clone()));
            }
        }
        orders
    }

    /// Expectations that were not seen yet.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        let missed = self.expected.iter().filter(|pattern| !pattern.seen);
        missed.map(|pattern| pattern.regex.to_string()).collect()
    }

    /// After a reset all prompts come again. What was expected once was seen.
    pub fn again(&mut self) {
        self.banner_answered = false;
        for (pattern, _) in &mut self.answers {
            pattern.seen = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenario::Answer;
    use super::*;

    fn typed(keys: &str) -> Vec<Order> {
        vec![Order::Type(Port::Screen, keys.to_owned())]
    }

    #[test]
    fn the_banner_of_ipxe_is_answered_each_time_it_waits() {
        let mut lookout = Lookout::new(&Scenario::named("x")).unwrap();
        assert_eq!(lookout.unfinished(Port::Screen, BANNER), typed(" "));
        assert_eq!(lookout.unfinished(Port::Screen, BANNER), []);
        assert_eq!(lookout.line(Port::Screen, BANNER), []);
        assert_eq!(lookout.unfinished(Port::Screen, BANNER), typed(" "));
    }

    #[test]
    fn answers_do_not_wait_for_each_other_and_keep_their_order_on_one_line() {
        let answer = |when: &str, keys: &str| Answer {
            when: when.to_owned(),
            r#type: keys.to_owned(),
        };
        let scenario = Scenario {
            answer: vec![answer("never", "1"), answer("a", "2"), answer("a|b", "3")],
            ..Scenario::named("x")
        };
        let mut lookout = Lookout::new(&scenario).unwrap();
        assert_eq!(
            lookout.line(Port::Screen, "a"),
            [typed("2"), typed("3")].concat()
        );
        assert_eq!(lookout.line(Port::Screen, "b"), []);
    }

    #[test]
    fn a_prompt_is_answered_once_a_boot() {
        let answer = Answer {
            when: "^boot:".to_owned(),
            r#type: "x\r".to_owned(),
        };
        let scenario = Scenario {
            answer: vec![answer],
            ..Scenario::named("x")
        };
        let mut lookout = Lookout::new(&scenario).unwrap();
        assert!(lookout.wants("boot: "));
        assert_eq!(lookout.unfinished(Port::Screen, "boot: "), typed("x\r"));
        assert!(!lookout.wants("boot: x"));
        assert_eq!(lookout.line(Port::Screen, "boot: x"), []);
        lookout.again();
        assert_eq!(lookout.unfinished(Port::Screen, "boot: "), typed("x\r"));
    }
}
