//! Ranges of addresses in CIDR notation.

use std::net::IpAddr;

/// A range of addresses of one family, from its first to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressRange {
    is_v6: bool,
    first: u128,
    last: u128,
}

impl AddressRange {
    /// Parses `10.0.0.0/8` or a single address; bits below the prefix are ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let (bits, number) = number(address);
        let length = match length {
            // Go's netip refuses signs and leading zeros.
            Some(length) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
                length.parse().ok().filter(|number| *number <= bits)?
            }
            Some(_) => return None,
            None => bits,
        };
        let host = match bits - length {
            128 => u128::MAX,
            low => (1_u128 << low) - 1,
        };
        Some(Self { is_v6: bits == 128, first: number & !host, last: number | host })
    }

    /// All addresses of a family.
    pub fn all(is_v6: bool) -> Self {
        let last = if is_v6 { u128::MAX } else { u128::from(u32::MAX) };
        Self { is_v6, first: 0, last }
    }

    /// Whether it is of IPv6.
    pub fn is_v6(&self) -> bool {
        self.is_v6
    }

    /// The first and the last address, as numbers.
    pub fn bounds(&self) -> (u128, u128) {
        (self.first, self.last)
    }

    /// The range between two addresses, as numbers.
    pub fn between(is_v6: bool, first: u128, last: u128) -> Self {
        Self { is_v6, first, last }
    }

    /// The first address.
    pub fn first(&self) -> IpAddr {
        address(self.is_v6, self.first)
    }

    /// Whether it contains an address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (bits, number) = number(address);
        self.is_v6 == (bits == 128) && (self.first..=self.last).contains(&number)
    }
}

fn number(address: IpAddr) -> (u32, u128) {
    match address {
        IpAddr::V4(v4) => (32, u128::from(u32::from(v4))),
        IpAddr::V6(v6) => (128, u128::from(v6)),
    }
}

/// The address of a number.
fn address(is_v6: bool, number: u128) -> IpAddr {
    match is_v6 {
        true => IpAddr::from(number.to_be_bytes()),
        false => IpAddr::from((number as u32).to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_contain_their_own_addresses_only() {
        let range = AddressRange::parse("10.1.2.3/16").unwrap();
        assert!(range.contains("10.1.255.255".parse().unwrap()));
        assert!(!range.contains("10.2.0.0".parse().unwrap()));
        assert!(!range.contains("::a01:203".parse().unwrap()));
        assert_eq!(range.first().to_string(), "10.1.0.0");
        assert_eq!(AddressRange::parse("0.0.0.0/0"), Some(AddressRange::all(false)));
        assert_eq!(AddressRange::parse("::/0"), Some(AddressRange::all(true)));
        for wrong in ["", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8", "::/129", "10.0.0.0/"] {
            assert_eq!(AddressRange::parse(wrong), None, "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_does_not_panic(text: String) {
            let _ = AddressRange::parse(&text);
        }
    }
}
