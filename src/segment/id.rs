//! The id of a segment, `PID:FD:NONCE`: the process, its descriptor to open, and the nonce that the memory behind it must
//! have. If the segment has live arrays, `:FD` follows, the descriptor of their memory.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};

/// A random number that the header of the segment repeats, so that a reused process or descriptor number cannot lead to
/// another object. It is zero in a block that is not in a segment.
pub(crate) type Nonce = [u8; 16];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentId {
    pub(crate) process: u32,
    pub(crate) descriptor: u32,
    pub(crate) nonce: Nonce,
    /// The descriptor of the live arrays' memory.
    pub(crate) live: Option<u32>,
}

impl SegmentId {
    /// Whether the text is meant as an id. Otherwise it is a name, which cannot have a colon.
    pub(crate) fn is_meant(text: &str) -> bool {
        text.contains(':')
    }

    /// # Errors
    ///
    /// `InvalidInput` if the text is not exactly what [`fmt::Display`] writes.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let bad = |what: &str| {
            let found: String = text.chars().take(80).collect();
            Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "not a segment id: expected `PID:FD:NONCE` or `PID:FD:NONCE:FD`, found {found:?}: {what}"
                ),
            )
        };
        let parts: Vec<&str> = text.split(':').take(5).collect();
        let (process, descriptor, nonce, live) = match parts[..] {
            [process, descriptor, nonce] => (process, descriptor, nonce, None),
            [process, descriptor, nonce, live] => (process, descriptor, nonce, Some(live)),
            _ => return Err(bad("it has neither three parts nor four")),
        };
        let process = number(process)
            .filter(|process| *process > 0)
            .ok_or_else(|| bad("the first part is no process number"))?;
        let descriptor =
            number(descriptor).ok_or_else(|| bad("the second part is no descriptor number"))?;
        let nonce = nonce_of(nonce).ok_or_else(|| bad("the third part is not 32 hex digits"))?;
        let live = live
            .map(|live| number(live).ok_or_else(|| bad("the fourth part is no descriptor number")))
            .transpose()?;
        Ok(SegmentId { process, descriptor, nonce, live })
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.process, self.descriptor)?;
        self.nonce.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        self.live.map_or(Ok(()), |live| write!(f, ":{live}"))
    }
}

/// A decimal number of a process or a descriptor, in the one spelling that is allowed.
fn number(text: &str) -> Option<u32> {
    let canonical = !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    let number = text.parse::<i32>().ok().filter(|_| canonical)?;
    u32::try_from(number).ok()
}

fn nonce_of(text: &str) -> Option<Nonce> {
    let digits: &[u8; 32] = text.as_bytes().try_into().ok()?;
    let mut nonce = Nonce::default();
    for (byte, pair) in nonce.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(nonce)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "000102030405060708090a0b0c0d0eff";

    #[test]
    fn an_id_has_one_spelling() {
        let text = format!("4711:0:{NONCE}");
        let id = SegmentId::parse(&text).unwrap();
        assert_eq!((id.process, id.descriptor, id.nonce[10], id.nonce[15]), (4711, 0, 10, 255));
        assert_eq!((id.to_string(), id.live), (text.clone(), None));
        let with_live = format!("{text}:7");
        let id = SegmentId::parse(&with_live).unwrap();
        assert_eq!((id.to_string(), id.live), (with_live, Some(7)));
        for bad in [
            "",
            ":",
            "::",
            "1:2",
            &format!("1:2:{NONCE}:"),
            &format!("1:2:{NONCE}:07"),
            &format!("1:2:{NONCE}:7:8"),
            &format!("0:2:{NONCE}"),
            &format!("01:2:{NONCE}"),
            &format!("+1:2:{NONCE}"),
            &format!("1:-2:{NONCE}"),
            &format!("1: 2:{NONCE}"),
            &format!("1::{NONCE}"),
            &format!("1:2147483648:{NONCE}"),
            &format!("99999999999999999999:2:{NONCE}"),
            &format!("1:2:{}", NONCE.to_uppercase()),
            &format!("1:2:{}", &NONCE[1..]),
            &format!("1:2:{NONCE}0"),
            &format!("1:2:{}é", &NONCE[2..]),
        ] {
            let error = SegmentId::parse(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad}");
        }
        let long = format!("1:2:{}", "x".repeat(100_000));
        assert!(SegmentId::parse(&long).unwrap_err().to_string().len() < 300);
    }
}
