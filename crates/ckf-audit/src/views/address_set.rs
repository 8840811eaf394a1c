//! Sets of addresses.

use std::net::IpAddr;

use super::authorization::AddressRange;

/// A set of addresses of both families, as ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSet(Vec<AddressRange>);

/// Networks from which pods and other clients come, whatever the cluster's own are: those that
/// are private, those that carriers share, and the internet.
const NETWORKS: &[&str] = &[
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "11.0.0.0/8",
    "fc00::/7",
    "2000::/3",
];

impl AddressSet {
    /// Its ranges, in order.
    pub fn ranges(&self) -> impl Iterator<Item = AddressRange> {
        self.0.iter().copied()
    }

    /// Whether there is no address in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it contains an address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(address))
    }

    /// Whether it contains a range.
    pub fn covers(&self, range: AddressRange) -> bool {
        let (first, last) = range.bounds();
        self.0.iter().any(|own| {
            let (own_first, own_last) = own.bounds();
            own.is_v6() == range.is_v6() && own_first <= first && last <= own_last
        })
    }

    /// Whether it shares an address with a range.
    pub fn meets(&self, range: AddressRange) -> bool {
        let (first, last) = range.bounds();
        self.0.iter().any(|own| {
            let (own_first, own_last) = own.bounds();
            own.is_v6() == range.is_v6() && own_first <= last && first <= own_last
        })
    }

    /// The first network of many clients that it covers.
    pub fn network(&self) -> Option<&'static str> {
        let mut all = NETWORKS.iter();
        let covered = all
            .find(|network| AddressRange::parse(network).is_some_and(|range| self.covers(range)));
        covered.copied()
    }

    /// Adds a range.
    pub fn add(&mut self, range: AddressRange) {
        let is_v6 = range.is_v6();
        let (mut first, mut last) = range.bounds();
        self.0.retain(|own| {
            let (own_first, own_last) = own.bounds();
            let is_apart = own.is_v6() != is_v6
                || own_last.saturating_add(1) < first
                || last.saturating_add(1) < own_first;
            if !is_apart {
                (first, last) = (first.min(own_first), last.max(own_last));
            }
            is_apart
        });
        self.0.push(AddressRange::between(is_v6, first, last));
        self.0.sort_unstable();
    }

    /// Removes a range.
    pub fn remove(&mut self, range: AddressRange) {
        let (first, last) = range.bounds();
        let parts = self.0.drain(..).flat_map(|own| {
            let (own_first, own_last) = own.bounds();
            if own.is_v6() != range.is_v6() || own_last < first || last < own_first {
                return vec![own];
            }
            let mut parts = Vec::new();
            if own_first < first {
                parts.push(AddressRange::between(own.is_v6(), own_first, first - 1));
            }
            if last < own_last {
                parts.push(AddressRange::between(own.is_v6(), last + 1, own_last));
            }
            parts
        });
        self.0 = parts.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[&str]) -> AddressSet {
        let mut set = AddressSet::default();
        ranges.iter().for_each(|range| set.add(AddressRange::parse(range).unwrap()));
        set
    }

    #[test]
    fn address_parts_merge_into_the_whole() {
        let halves = set(&["128.0.0.0/1", "0.0.0.0/1"]);
        assert!(halves.covers(AddressRange::all(false)));
        assert!(!halves.covers(AddressRange::all(true)));
        assert_eq!(halves.network(), Some("10.0.0.0/8"));
        assert_eq!(set(&["10.0.0.0/9", "10.128.0.0/9"]).network(), Some("10.0.0.0/8"));
        assert_eq!(set(&["10.0.0.0/9", "10.128.0.0/10"]).network(), None);
        assert_eq!(set(&["::/1", "8000::/1"]).network(), Some("fc00::/7"));
    }

    #[test]
    fn removed_address_is_absent() {
        let mut all = set(&["0.0.0.0/0"]);
        all.remove(AddressRange::parse("10.0.0.0/8").unwrap());
        assert!(
            !all.contains("10.1.2.3".parse().unwrap()) && all.contains("11.0.0.0".parse().unwrap())
        );
        assert_eq!(all.ranges().count(), 2);
        all.remove(AddressRange::all(false));
        assert!(all.is_empty());
    }

    proptest::proptest! {
        /// By bits of a network of eight addresses.
        #[test]
        fn sets_are_those_of_their_addresses(steps: Vec<(bool, u8, u8)>) {
            let (mut set, mut bits) = (AddressSet::default(), 0_u8);
            for (adds, address, length) in steps {
                let (address, length) = (address % 8, 29 + length % 4);
                let range = AddressRange::parse(&format!("192.0.2.{address}/{length}")).unwrap();
                for bit in 0..8_u8 {
                    if range.contains(format!("192.0.2.{bit}").parse().unwrap()) {
                        bits = if adds { bits | 1 << bit } else { bits & !(1 << bit) };
                    }
                }
                if adds { set.add(range) } else { set.remove(range) }
            }
            for bit in 0..8_u8 {
                let address = format!("192.0.2.{bit}").parse().unwrap();
                proptest::prop_assert_eq!(set.contains(address), bits & 1 << bit != 0);
            }
        }
    }
}
