//! The records of a zip archive, byte by byte: where each field lies, and what a name may be.
//!
//! ```text
//! local header, name, extra, data, [descriptor]    for each member
//! directory entry, name, extra, comment            for each member
//! zip64 end, zip64 locator                         where a number does not fit the end record
//! end record, comment
//! ```

pub(super) const LOCAL: [u8; 4] = *b"PK\x03\x04";
pub(super) const ENTRY: [u8; 4] = *b"PK\x01\x02";
pub(super) const END: [u8; 4] = *b"PK\x05\x06";
pub(super) const END64: [u8; 4] = *b"PK\x06\x06";
pub(super) const LOCATOR64: [u8; 4] = *b"PK\x06\x07";

/// The lengths of the records without what follows them.
pub(super) const LOCAL_LEN: usize = 30;
pub(super) const ENTRY_LEN: usize = 46;
pub(super) const END_LEN: usize = 22;
pub(super) const END64_LEN: usize = 56;
pub(super) const LOCATOR64_LEN: usize = 20;

/// In a field of 32 bits, this says that the number stands in the zip64 extra field. A field of 16 bits has all bits set,
/// too.
pub(super) const FULL: u32 = u32::MAX;
pub(super) const FULL16: u16 = u16::MAX;

pub(super) const STORED: u16 = 0;
pub(super) const DEFLATED: u16 = 8;

/// Bits of the flags: encrypted, sizes follow the data, patch data, strongly encrypted, name in UTF-8, header masked.
pub(super) const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
pub(super) const DESCRIPTOR: u16 = 1 << 3;
pub(super) const PATCH: u16 = 1 << 5;
pub(super) const UTF8: u16 = 1 << 11;

/// Ids of extra fields: 64-bit sizes, the name in Unicode, padding to an alignment.
pub(super) const ZIP64: u16 = 0x0001;
pub(super) const UNICODE_NAME: u16 = 0x7075;
pub(super) const ALIGNMENT: u16 = 0xa11e;

/// The greatest ratio that deflate reaches: 258 bytes in two bits.
pub(super) const DEFLATE_RATIO: u64 = 1032;

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

/// The number at a place that is known to be in `bytes`.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(bytes, at))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

/// The content of the one extra field with this id. `Err` if a field runs over the end, or if two fields have the id. Up
/// to three bytes that are no field may stand at the end, because some tools pad with them.
pub(super) fn extra_field(mut extra: &[u8], id: u16) -> Result<Option<&[u8]>, ()> {
    let mut found = None;
    while extra.len() >= 4 {
        let len = usize::from(u16_at(extra, 2));
        let content = extra.get(4..4 + len).ok_or(())?;
        if u16_at(extra, 0) == id && found.replace(content).is_some() {
            return Err(());
        }
        extra = &extra[4 + len..];
    }
    Ok(found)
}

/// The numbers of a zip64 field. Each in turn replaces one of the fields that have the mark.
pub(super) struct Zip64<'a>(Option<&'a [u8]>);

impl<'a> Zip64<'a> {
    pub(super) fn of(extra: &'a [u8]) -> Result<Self, ()> {
        Ok(Zip64(extra_field(extra, ZIP64)?))
    }

    /// The field's number, or the next 64-bit one in its place.
    pub(super) fn resolve(&mut self, field: u32) -> Result<u64, ()> {
        if field != FULL {
            return Ok(field.into());
        }
        let (number, rest) = self.0.and_then(|content| content.split_at_checked(8)).ok_or(())?;
        self.0 = Some(rest);
        Ok(u64_at(number, 0))
    }

    /// The number of a disk, which comes last and has 32 bits.
    pub(super) fn resolve_disk(&mut self, field: u16) -> Result<u32, ()> {
        if field != FULL16 {
            return Ok(field.into());
        }
        let (number, rest) = self.0.and_then(|content| content.split_at_checked(4)).ok_or(())?;
        self.0 = Some(rest);
        Ok(u32_at(number, 0))
    }
}

/// What makes a name unfit for a member. A program that unpacks the archive would write outside of its folder, or not at
/// all.
pub(crate) fn name_fault(name: &str) -> Option<&'static str> {
    // Each of these characters is one byte in UTF-8, and that byte is no part of another character.
    let bytes = name.as_bytes();
    if bytes.is_empty() {
        Some("its name is empty")
    } else if bytes.iter().any(|byte| matches!(byte, 0 | b'\\')) {
        Some("its name has a NUL or a backslash in it")
    } else if bytes[0] == b'/' {
        Some("its name is an absolute path")
    } else if bytes.split(|byte| *byte == b'/').any(|part| part == b"..") {
        Some("its name leads out of its folder by `..`")
    } else {
        None
    }
}

/// The upper half of code page 437. A name is in this code page unless its flags say UTF-8.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

pub(super) fn from_cp437(bytes: &[u8]) -> String {
    let upper: Vec<char> = CP437.chars().collect();
    let char_of = |&byte: &u8| match byte.checked_sub(128) {
        Some(index) => upper[usize::from(index)],
        None => char::from(byte),
    };
    bytes.iter().map(char_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_page_has_all_its_characters() {
        assert_eq!(CP437.chars().count(), 128);
        assert_eq!(from_cp437(b"gr\x81\xe1e \xff"), "grüße \u{a0}");
    }

    #[test]
    fn extra_fields_are_found_and_their_faults_seen() {
        let extra = [&[9, 0, 2, 0, 7, 7][..], &[1, 0, 0, 0], &[0, 0]].concat();
        assert_eq!(extra_field(&extra, 9), Ok(Some(&[7, 7][..])));
        assert_eq!(extra_field(&extra, 1), Ok(Some(&[][..])));
        assert_eq!(extra_field(&extra, 2), Ok(None));
        assert_eq!(extra_field(&extra[..9], 1), Ok(None));
        assert_eq!(extra_field(&extra[..5], 1), Err(()));
        assert_eq!(extra_field(&[1, 0, 0, 0, 1, 0, 0, 0], 1), Err(()));
        assert_eq!(extra_field(&[1, 0, 0xff, 0xff], 1), Err(()));
    }
}
