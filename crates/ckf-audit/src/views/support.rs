//! Whether versions still get security fixes, by the catalogue's table of ends of support and a day.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::context::Context;
use crate::catalog::{self, Fix};

/// Support of a version on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supported {
    /// It gets fixes until this day.
    Until(Date),
    /// It got fixes until this day, or one before.
    Ended(Date),
    /// The table does not know the version.
    Unknown,
}

/// The day of an audit: when the facts were read.
pub fn today(context: &Context<'_>) -> Date {
    context.now().to_zoned(TimeZone::UTC).date()
}

/// Support of a product's version, `major.minor`. What is older than a version past its end is past
/// its own, unless the product keeps some versions longer than others.
pub fn supported(product: &str, version: &str, today: Date) -> Supported {
    let Some(ends) = catalog::support().ends.get(product) else {
        return Supported::Unknown;
    };
    match ends.get(version) {
        Some(end) if *end >= today => return Supported::Until(*end),
        Some(end) => return Supported::Ended(*end),
        None => {}
    }
    let is_older = |other: &str| numbers(version).is_some_and(|it| Some(it) < numbers(other));
    let newer = ends.iter().filter(|(other, end)| is_older(other) && **end < today);
    newer.map(|(_, end)| *end).min().map_or(Supported::Unknown, Supported::Ended)
}

/// Numbers of a version, for comparison.
pub fn numbers(version: &str) -> Option<Vec<u64>> {
    let numeric = version.split(['-', '+']).next()?;
    numeric.trim_start_matches('v').split('.').map(|part| part.parse().ok()).collect()
}

/// Patch releases that fix what a version of Juju still has; `None` if the table does not know
/// its minor version.
pub fn missing_fixes(version: &str) -> Option<Vec<&'static Fix>> {
    let running = numbers(version)?;
    let minor = running.iter().take(2).map(u64::to_string).collect::<Vec<_>>().join(".");
    let fixes = catalog::support().fixes.get(&minor)?;
    let missing = fixes.iter().filter(|fix| numbers(&fix.version).is_some_and(|it| running < it));
    Some(missing.collect())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn version_is_supported_to_the_last_day_of_its_product() {
        let on = |product: &str, version: &str, day: Date| supported(product, version, day);
        let last = date(2026, 10, 27);
        assert_eq!(on("Kubernetes", "1.34", last), Supported::Until(last));
        assert_eq!(on("Kubernetes", "1.34", date(2026, 10, 28)), Supported::Ended(last));
        // Older than all that the table knows, and newer.
        assert!(matches!(on("Kubernetes", "1.21", last), Supported::Ended(_)));
        assert_eq!(on("Kubernetes", "1.99", last), Supported::Unknown);
        assert!(matches!(on("Canonical Kubernetes", "1.32", last), Supported::Until(_)));
        assert_eq!(on("Canonical Kubernetes", "1.33", last), Supported::Unknown);
        assert!(matches!(on("Istio", "1.26", last), Supported::Ended(_)));
    }

    #[test]
    fn patch_release_lacks_the_fixes_of_later_ones() {
        let of = |version: &str| {
            let missing = missing_fixes(version)?.into_iter();
            Some(missing.map(|fix| fix.version.as_str()).collect::<Vec<_>>())
        };
        assert_eq!(of("3.6.0").unwrap(), ["3.6.8", "3.6.19", "3.6.20", "3.6.21"]);
        assert_eq!(of("3.6.20").unwrap(), ["3.6.21"]);
        assert_eq!(of("3.6.21-genericlinux-amd64").unwrap(), [""; 0]);
        assert_eq!(of("4.0.1").unwrap(), ["4.0.5"]);
        assert_eq!(of("2.9.50"), None);
        assert_eq!(of("edge"), None);
    }

    #[test]
    fn table_is_reviewed_before_it_is_relied_on_no_longer() {
        let table = catalog::support();
        assert!(table.reviewed < table.review_by);
        for fixes in table.fixes.values() {
            assert!(fixes.is_sorted_by_key(|fix| numbers(&fix.version)), "{fixes:?}");
        }
    }
}
