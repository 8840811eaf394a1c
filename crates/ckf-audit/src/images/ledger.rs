//! The inventory, as it is compared with the record of digests.

use ckf_model::image_record::Observed;

use super::Inventory;

impl Inventory {
    /// Its images as the record takes them.
    pub fn observed(&self) -> impl Iterator<Item = Observed<'_>> {
        self.rows.iter().map(|row| Observed {
            key: row.key(),
            digest: row.digest(),
            mark: row.mark.as_deref(),
        })
    }
}

#[cfg(test)]
mod tests {
    use ckf_model::image_record::Ledger;
    use jiff::Timestamp;

    use super::super::{Place, Row};
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn running(digest: &str, mark: Option<&str>) -> Inventory {
        Inventory {
            rows: vec![Row {
                application: "dex-auth".into(),
                place: Some(Place::Container("dex".into())),
                running: vec![digest.to_owned()],
                mark: mark.map(str::to_owned),
                ..Row::default()
            }],
        }
    }

    #[test]
    fn digest_changed_without_a_refresh_contradicts_until_accepted() {
        let (first, second) = (at("2026-11-01T00:00:00Z"), at("2026-11-02T00:00:00Z"));
        let ledger = Ledger::default().after(running("a", Some("612")).observed(), false, first);
        let swapped = running("b", Some("612"));
        assert!(ledger.contradicts("dex-auth/dex", "b", Some("612")).is_some());
        // It is reported until an operator accepts it.
        let later = ledger.after(swapped.observed(), false, second);
        assert_eq!(later, ledger);
        let accepted = ledger.after(swapped.observed(), true, second);
        assert_eq!(accepted.get("dex-auth/dex").unwrap().digest, "b");
        assert_eq!(accepted.get("dex-auth/dex").unwrap().since, second);
        // Juju reports the refresh.
        let refreshed = ledger.after(running("b", Some("650")).observed(), false, second);
        assert_eq!(refreshed.get("dex-auth/dex").unwrap().digest, "b");
    }

    #[test]
    fn digest_without_a_mark_contradicts_nothing() {
        let first = at("2026-11-01T00:00:00Z");
        let ledger = Ledger::default().after(running("a", None).observed(), false, first);
        assert!(ledger.contradicts("dex-auth/dex", "b", None).is_none());
        assert!(ledger.contradicts("dex-auth/dex", "b", Some("612")).is_none());
        // A login that is configured later adds the mark to the record.
        let marked = ledger.after(running("a", Some("612")).observed(), false, first);
        assert!(marked.contradicts("dex-auth/dex", "b", Some("612")).is_some());
        assert!(marked.after(Inventory::default().observed(), false, first).is_empty());
    }

    #[test]
    fn digest_swapped_while_juju_is_unreadable_contradicts_afterwards() {
        let (first, second) = (at("2026-11-01T00:00:00Z"), at("2026-11-02T00:00:00Z"));
        let ledger = Ledger::default().after(running("a", Some("612")).observed(), false, first);
        let meanwhile = ledger.after(running("b", None).observed(), false, second);
        let contradicted = meanwhile.contradicts("dex-auth/dex", "b", Some("612"));
        assert_eq!(contradicted.map(|seen| seen.digest.as_str()), Some("a"));
    }
}
