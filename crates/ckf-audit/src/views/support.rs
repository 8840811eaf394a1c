//! Whether versions still get security fixes, by the catalogue's table of ends of support and a day.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::context::Context;
use super::release::minor_version;
use crate::catalog::Support;

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
pub fn supported(table: &Support, product: &str, version: &str, today: Date) -> Supported {
    let Some(ends) = table.ends.get(product) else {
        return Supported::Unknown;
    };
    match ends.get(version) {
        Some(end) if *end >= today => return Supported::Until(*end),
        Some(end) => return Supported::Ended(*end),
        None => {}
    }
    let is = minor_version(version);
    let is_older = |other: &str| is.is_some() && is < minor_version(other);
    let newer = ends.iter().filter(|(other, end)| is_older(other) && **end < today);
    newer.map(|(_, end)| *end).min().map_or(Supported::Unknown, Supported::Ended)
}

/// The last day on which any version of a product got fixes; `None` of one that the table does not
/// know.
pub fn last_day(table: &Support, product: &str) -> Option<Date> {
    table.ends.get(product)?.values().max().copied()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::catalog;

    #[test]
    fn version_is_supported_to_the_last_day_of_its_product() {
        let on = |product: &str, version: &str, day: Date| {
            supported(catalog::support(), product, version, day)
        };
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
    fn version_that_is_no_number_has_no_end() {
        let table = catalog::support();
        assert!(
            table.ends.values().flat_map(|ends| ends.keys()).all(|it| minor_version(it).is_some())
        );
        assert_eq!(supported(table, "Istio", "tip", date(2026, 10, 27)), Supported::Unknown);
    }

    #[test]
    fn table_is_reviewed_before_it_is_relied_on_no_longer() {
        let table = catalog::support();
        assert!(table.reviewed < table.review_by);
    }
}
