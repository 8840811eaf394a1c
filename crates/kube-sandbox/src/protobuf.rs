//! The little of Kubernetes' protobuf encoding that paging needs: the envelope of an answer, and
//! the token of the next page in a list's metadata.

/// What every object in protobuf begins with.
pub(crate) const MAGIC: &[u8] = b"k8s\0";

/// Field numbers of the envelope, of a list and of its metadata.
const RAW: u64 = 2;
const METADATA: u64 = 1;
const CONTINUE: u64 = 3;

/// The token of the next page of a list, after the magic; empty for the last.
pub(crate) fn continuation(envelope: &[u8]) -> Option<String> {
    let list = field(envelope, RAW)?;
    let token = field(field(list, METADATA)?, CONTINUE)?;
    String::from_utf8(token.to_vec()).ok()
}

/// The first field of this number with a length; empty if there is none, `None` if the message is
/// malformed.
fn field(mut message: &[u8], number: u64) -> Option<&[u8]> {
    while !message.is_empty() {
        let key = varint(&mut message)?;
        match key & 7 {
            0 => {
                varint(&mut message)?;
            }
            1 => message = message.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                let (value, rest) = message.split_at_checked(length)?;
                if key >> 3 == number {
                    return Some(value);
                }
                message = rest;
            }
            5 => message = message.get(4..)?,
            _ => return None,
        }
    }
    Some(&[])
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
        let mut all = Vec::new();
        for (number, value) in fields {
            all.extend([number << 3 | 2, u8::try_from(value.len()).unwrap()]);
            all.extend(*value);
        }
        all
    }

    #[test]
    fn token_is_read_from_the_metadata_of_a_list() {
        let list = |meta: &[u8]| {
            let list = message(&[(1, meta), (2, b"an item"), (2, b"another")]);
            message(&[(1, b"type"), (2, &list), (3, b""), (4, b"")])
        };
        // A number of what remains is a varint.
        let more = [message(&[(2, b"7"), (3, b"token")]), vec![4 << 3, 0x96, 0x01]].concat();
        assert_eq!(continuation(&list(&more)).as_deref(), Some("token"));
        assert_eq!(continuation(&list(&message(&[(2, b"7")]))).as_deref(), Some(""));
        assert_eq!(continuation(&[0x12, 0x7f, 0x00]), None, "cut off");
    }
}
