//! Order of Debian versions, to decide whether an installed version has a fix.
//!
//! Debian policy, section 5.6.12. Written by hand: the available libraries pull in a regular
//! expression engine or a time library. The tests compare it with one of them and with dpkg.

use std::cmp::Ordering;

/// Compares two versions like `dpkg --compare-versions`.
pub fn compare(a: &str, b: &str) -> Ordering {
    let ((epoch_a, upstream_a, revision_a), (epoch_b, upstream_b, revision_b)) =
        (parts(a.trim()), parts(b.trim()));
    epoch_a
        .cmp(&epoch_b)
        .then_with(|| order(upstream_a.as_bytes(), upstream_b.as_bytes()))
        .then_with(|| order(revision_a.as_bytes(), revision_b.as_bytes()))
}

/// Epoch, upstream version and Debian revision.
fn parts(version: &str) -> (u64, &str, &str) {
    let (epoch, rest) = match version.split_once(':') {
        Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
        None => (0, version),
    };
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch, upstream, revision)
}

fn order(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        // Non-digits, character by character.
        while a.first().is_some_and(|c| !c.is_ascii_digit())
            || b.first().is_some_and(|c| !c.is_ascii_digit())
        {
            let ordered = rank(a.first()).cmp(&rank(b.first()));
            if ordered != Ordering::Equal {
                return ordered;
            }
            (a, b) = (rest(a), rest(b));
        }
        // Then a number.
        let (digits_a, digits_b) = (number(&mut a), number(&mut b));
        let ordered = digits_a.len().cmp(&digits_b.len()).then_with(|| digits_a.cmp(digits_b));
        if ordered != Ordering::Equal {
            return ordered;
        }
    }
    Ordering::Equal
}

fn rest(text: &[u8]) -> &[u8] {
    text.get(1..).unwrap_or_default()
}

/// Weight of a character: tilde before the end, the end before letters, letters before the rest.
fn rank(c: Option<&u8>) -> i32 {
    match c {
        Some(b'~') => -1,
        None => 0,
        Some(c) if c.is_ascii_digit() => 0,
        Some(c) if c.is_ascii_alphabetic() => i32::from(*c),
        Some(c) => i32::from(*c) + 256,
    }
}

/// Takes the digits at the start, without leading zeros.
fn number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|c| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let zeros = digits.iter().take_while(|c| **c == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use debversion::Version;
    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "dpkg is the yardstick")]
    fn by_dpkg(a: &str, b: &str) -> Ordering {
        let holds = |operator: &str| {
            let mut dpkg = Command::new("dpkg");
            let status = dpkg.args(["--compare-versions", a, operator, b]).status();
            status.expect("dpkg is installed").success()
        };
        match (holds("lt"), holds("gt")) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }

    const VERSION: &str = "([0-9]{1,2}:)?[0-9][0-9a-c.+~]{0,6}(-[0-9a-c.+~]{1,5})?";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn versions_compare_like_dpkg(a in VERSION, b in VERSION) {
            prop_assert_eq!(compare(&a, &b), by_dpkg(&a, &b), "{} {}", a, b);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn versions_compare_like_debversion(a in VERSION, b in VERSION) {
            let (parsed_a, parsed_b): (Version, Version) = (a.parse().unwrap(), b.parse().unwrap());
            let ours = compare(&a, &b);
            // The library holds `4~0` to be above `4~`, dpkg does not: where it differs, dpkg decides.
            if ours != parsed_a.cmp(&parsed_b) {
                prop_assert_eq!(ours, by_dpkg(&a, &b), "{} {}", a, b);
            }
        }

        #[test]
        fn arbitrary_texts_compare_antisymmetrically(a: String, b: String) {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        }
    }

    #[test]
    fn versions_with_special_rules_compare_correctly() {
        for (less, greater) in [
            ("1.0~rc1", "1.0"),
            ("1.0", "1.0-0ubuntu1"),
            ("2.35-0ubuntu3.8", "2.35-0ubuntu3.10"),
            ("9", "1:1"),
            ("1.0a", "1.0+"),
        ] {
            assert_eq!(compare(less, greater), Ordering::Less, "{less} {greater}");
            assert_eq!(by_dpkg(less, greater), Ordering::Less, "{less} {greater}");
        }
        for (same, other) in [("1.00", "1.0"), ("4~0", "4~")] {
            assert_eq!(compare(same, other), Ordering::Equal, "{same} {other}");
            assert_eq!(by_dpkg(same, other), Ordering::Equal, "{same} {other}");
        }
    }
}
