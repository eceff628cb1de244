//! Base64 (RFC 4648, with padding): bytes as a text that JSON needs not escape.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NONE: u8 = 0xff;

/// The value of each letter.
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < LETTERS.len() {
        values[LETTERS[value] as usize] = value as u8;
        value += 1;
    }
    values
};

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= group.len() { letter.into() } else { '=' });
        }
    }
    text
}

/// The bytes of a text. `None` if it is not what [`encode`] gives for any bytes.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let letters = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    if text.len() - letters > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in text[..letters].chunks(4) {
        let mut bits = 0;
        for place in 0..4 {
            let value = group.get(place).map_or(0, |letter| VALUES[usize::from(*letter)]);
            if value == NONE {
                return None;
            }
            bits = bits << 6 | u32::from(value);
        }
        let all = [16, 8, 0].map(|shift| (bits >> shift) as u8);
        let (kept, cut) = all.split_at(group.len() - 1);
        // Bits that stand for no byte are zeros, so that of two texts only one is that of the bytes.
        if cut.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(kept);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_standard() {
        let texts = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (len, text) in texts.into_iter().enumerate() {
            assert_eq!(encode(&b"foobar"[..len]), text);
            assert_eq!(decode(text).unwrap(), &b"foobar"[..len]);
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&all)).unwrap(), all);
    }

    #[test]
    fn no_other_text_is_taken() {
        for text in ["Z", "Zg", "Zg=", "Zh==", "Zm9=", "====", "Z===", "Zg==Zg==", "Zm 9", "Zm9v\n"]
        {
            assert_eq!(decode(text), None, "{text}");
        }
        for text in ["Zm9\u{e4}", "=Zm9", "Zm=v", "Zm-_"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
