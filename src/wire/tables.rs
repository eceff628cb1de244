//! Schemas (what a struct, tuple or variant is called and which fields it has) and field tags (a schema with the tags of its
//! fields). Each is written once, after the inline block; a record refers to its field tags by number.

use super::number::{Reader, put_varint};
use super::tag::Tag;
use crate::error::{Error, Result};

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum SchemaKind {
    Struct = 0,
    Tuple = 1,
    UnitVariant = 2,
    NewtypeVariant = 3,
    TupleVariant = 4,
    StructVariant = 5,
}

impl SchemaKind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => SchemaKind::Struct,
            1 => SchemaKind::Tuple,
            2 => SchemaKind::UnitVariant,
            3 => SchemaKind::NewtypeVariant,
            4 => SchemaKind::TupleVariant,
            5 => SchemaKind::StructVariant,
            _ => return None,
        })
    }

    /// Whether the schema has its fields' names, or only their number.
    pub(crate) fn is_named(self) -> bool {
        matches!(self, SchemaKind::Struct | SchemaKind::StructVariant)
    }

    pub(crate) fn is_variant(self) -> bool {
        !matches!(self, SchemaKind::Struct | SchemaKind::Tuple)
    }
}

/// What a struct, tuple or variant is called, and which fields it has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Schema<'a> {
    pub(crate) kind: SchemaKind,
    /// The struct's or the enum's name; empty for a tuple.
    pub(crate) name: &'a str,
    pub(crate) variant: &'a str,
    pub(crate) variant_index: u32,
    pub(crate) len: usize,
    /// The names of the `len` fields. Empty if the kind has no names.
    pub(crate) fields: Vec<&'a str>,
}

/// A schema, and the tags that the fields of such a record have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldTags<'a> {
    pub(crate) schema: u32,
    /// Some field may be [`Tag::Absent`], so that fields have to be read by name.
    pub(crate) sparse: bool,
    pub(crate) tags: &'a [u8],
}

pub(crate) fn put_schema(out: &mut Vec<u8>, schema: &Schema<'_>) {
    let text = |out: &mut Vec<u8>, text: &str| {
        put_varint(out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    };
    out.push(schema.kind as u8);
    if schema.kind != SchemaKind::Tuple {
        text(out, schema.name);
    }
    if schema.kind.is_variant() {
        put_varint(out, u64::from(schema.variant_index));
        text(out, schema.variant);
    }
    put_varint(out, schema.len as u64);
    for field in &schema.fields {
        text(out, field);
    }
}

pub(crate) fn put_field_tags(out: &mut Vec<u8>, tags: &FieldTags<'_>) {
    put_varint(out, u64::from(tags.schema));
    out.push(u8::from(tags.sparse));
    out.extend_from_slice(tags.tags);
}

/// The tables of an object that is read: checked whole, before the first value.
#[derive(Debug, Default)]
pub(crate) struct ReadTables<'de> {
    pub(crate) schemas: Vec<Schema<'de>>,
    pub(crate) field_tags: Vec<FieldTags<'de>>,
}

impl<'de> ReadTables<'de> {
    /// # Errors
    ///
    /// `Corrupt` unless the bytes are exactly two tables that refer to nothing outside them, and have no tag behind the last one.
    pub(crate) fn parse(bytes: &'de [u8], last: Tag) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        let mut tables = ReadTables::default();
        for _ in 0..reader.length("table of schemas")? {
            // A name costs at least a byte here, a tag a byte in each row of field tags: `field_tags` checks that those are really there.
            tables.schemas.push(schema(&mut reader, |reader| reader.length("schema"))?);
        }
        for _ in 0..reader.length("table of field tags")? {
            tables.field_tags.push(field_tags(&mut reader, &tables.schemas, last)?);
        }
        if reader.left() != 0 {
            return Err(Error::corrupt(format!("{} bytes follow the tables", reader.left())));
        }
        Ok(tables)
    }
}

/// Reads bytes that must be exactly one schema.
///
/// # Errors
///
/// `Corrupt` if the bytes are not a schema, or if more bytes follow it.
pub(crate) fn read_schema(bytes: &[u8]) -> Result<Schema<'_>> {
    let mut reader = Reader::new(bytes);
    let schema = schema(&mut reader, |reader| {
        usize::try_from(reader.varint()?)
            .map_err(|_| Error::corrupt("a schema has too many fields"))
    })?;
    match reader.left() {
        0 => Ok(schema),
        left => Err(Error::corrupt(format!("{left} bytes follow a schema"))),
    }
}

fn schema<'de>(
    reader: &mut Reader<'de>,
    len: impl FnOnce(&mut Reader<'de>) -> Result<usize>,
) -> Result<Schema<'de>> {
    let byte = reader.byte()?;
    let kind = SchemaKind::from_byte(byte)
        .ok_or_else(|| Error::corrupt(format!("a schema has kind {byte}, expected 0 to 5")))?;
    let name = if kind == SchemaKind::Tuple { "" } else { reader.text()? };
    let (variant_index, variant) = if kind.is_variant() {
        let index = reader.varint()?;
        let index = u32::try_from(index)
            .map_err(|_| Error::corrupt(format!("variant number {index} exceeds 32 bits")))?;
        (index, reader.text()?)
    } else {
        (0, "")
    };
    let len = len(reader)?;
    let fits = match kind {
        SchemaKind::UnitVariant => len == 0,
        SchemaKind::NewtypeVariant => len == 1,
        _ => true,
    };
    if !fits {
        return Err(Error::corrupt(format!("variant `{variant}` has {len} fields")));
    }
    let mut fields = Vec::new();
    if kind.is_named() {
        for _ in 0..len {
            fields.push(reader.text()?);
        }
    }
    Ok(Schema { kind, name, variant, variant_index, len, fields })
}

fn field_tags<'de>(
    reader: &mut Reader<'de>,
    schemas: &[Schema<'de>],
    last: Tag,
) -> Result<FieldTags<'de>> {
    let number = reader.varint()?;
    let schema =
        usize::try_from(number).ok().and_then(|number| schemas.get(number)).ok_or_else(|| {
            Error::corrupt(format!(
                "field tags have schema {number}, but there are {}",
                schemas.len()
            ))
        })?;
    let sparse = match reader.byte()? {
        0 => false,
        1 => true,
        other => {
            return Err(Error::corrupt(format!("field tags have flags {other}, expected 0 or 1")));
        }
    };
    let tags = reader.take(schema.len)?;
    for &tag in tags {
        match Tag::from_byte(tag).filter(|tag| *tag as u8 <= last as u8) {
            // A value that is nothing but its tag always carries the tag, so that each field takes at least one byte.
            Some(Tag::Unit | Tag::Absent) | None => {
                return Err(Error::corrupt(format!(
                    "field tags of `{}` have tag {tag}",
                    schema.name
                )));
            }
            Some(_) => {}
        }
    }
    Ok(FieldTags { schema: number as u32, sparse, tags })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Schema<'static>, FieldTags<'static>) {
        let schema = Schema {
            kind: SchemaKind::StructVariant,
            name: "Layer",
            variant: "Dense",
            variant_index: 300,
            len: 2,
            fields: vec!["weight", "bias"],
        };
        (schema, FieldTags { schema: 0, sparse: true, tags: &[Tag::Array as u8, Tag::Any as u8] })
    }

    #[test]
    fn tables_come_back_as_they_went() {
        let (schema, field_tags) = sample();
        let mut out = vec![1];
        put_schema(&mut out, &schema);
        out.push(1);
        put_field_tags(&mut out, &field_tags);
        let tables = ReadTables::parse(&out, Tag::Named).unwrap();
        assert_eq!(
            (&tables.schemas[..], &tables.field_tags[..]),
            (&[schema][..], &[field_tags][..])
        );
        for cut in 0..out.len() {
            assert!(ReadTables::parse(&out[..cut], Tag::Named).is_err(), "cut at {cut}");
        }
        for at in 0..out.len() {
            for byte in 0..=255 {
                let mut bad = out.clone();
                bad[at] = byte;
                let _ = ReadTables::parse(&bad, Tag::Named);
            }
        }
    }

    #[test]
    fn claims_are_not_believed() {
        for claim in [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0, 1, 0, 0], &[0, 0, 0]] {
            assert!(ReadTables::parse(claim, Tag::Named).is_err());
        }
    }

    #[test]
    fn a_version_has_the_tags_that_it_had() {
        for (version, last) in [(1, Tag::Any), (2, Tag::Readable), (3, Tag::Named)] {
            for tag in [Tag::Any, Tag::Readable, Tag::Named] {
                // A tuple of one, and its field tags.
                let bytes = [1, SchemaKind::Tuple as u8, 1, 1, 0, 0, tag as u8];
                let parsed = ReadTables::parse(&bytes, Tag::last_of(version));
                assert_eq!(parsed.is_ok(), tag as u8 <= last as u8, "{tag:?} in version {version}");
            }
        }
    }
}
