//! Shapes (what a struct, tuple or variant is called and which fields it has) and layouts (a shape with its fields'
//! tags). Each is written once, after the inline block; records refer to layouts by number.

use super::number::{Reader, put_varint};
use super::tag::Tag;
use crate::error::{Error, Result};

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    Struct = 0,
    Tuple = 1,
    UnitVariant = 2,
    NewtypeVariant = 3,
    TupleVariant = 4,
    StructVariant = 5,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Kind::Struct,
            1 => Kind::Tuple,
            2 => Kind::UnitVariant,
            3 => Kind::NewtypeVariant,
            4 => Kind::TupleVariant,
            5 => Kind::StructVariant,
            _ => return None,
        })
    }

    /// Whether the shape has its fields' names, or only their number.
    pub(crate) fn is_named(self) -> bool {
        matches!(self, Kind::Struct | Kind::StructVariant)
    }

    pub(crate) fn is_variant(self) -> bool {
        !matches!(self, Kind::Struct | Kind::Tuple)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shape<'a> {
    pub(crate) kind: Kind,
    /// The struct's or the enum's name; empty for a tuple.
    pub(crate) name: &'a str,
    pub(crate) variant: &'a str,
    pub(crate) variant_index: u32,
    pub(crate) len: usize,
    /// The names of the `len` fields; none where the kind has no names.
    pub(crate) fields: Vec<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout<'a> {
    pub(crate) shape: u32,
    /// Some field may be [`Tag::Absent`], so that fields have to be read by name.
    pub(crate) sparse: bool,
    pub(crate) tags: &'a [u8],
}

pub(crate) fn put_shape(out: &mut Vec<u8>, shape: &Shape<'_>) {
    let text = |out: &mut Vec<u8>, text: &str| {
        put_varint(out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    };
    out.push(shape.kind as u8);
    if shape.kind != Kind::Tuple {
        text(out, shape.name);
    }
    if shape.kind.is_variant() {
        put_varint(out, u64::from(shape.variant_index));
        text(out, shape.variant);
    }
    put_varint(out, shape.len as u64);
    for field in &shape.fields {
        text(out, field);
    }
}

pub(crate) fn put_layout(out: &mut Vec<u8>, layout: &Layout<'_>) {
    put_varint(out, u64::from(layout.shape));
    out.push(u8::from(layout.sparse));
    out.extend_from_slice(layout.tags);
}

/// The tables of an object that is read: checked whole, before the first value.
#[derive(Debug, Default)]
pub(crate) struct ReadTables<'de> {
    pub(crate) shapes: Vec<Shape<'de>>,
    pub(crate) layouts: Vec<Layout<'de>>,
}

impl<'de> ReadTables<'de> {
    /// # Errors
    ///
    /// `Corrupt` unless the bytes are exactly two tables that refer to nothing outside them.
    pub(crate) fn parse(bytes: &'de [u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        let mut tables = ReadTables::default();
        for _ in 0..reader.length("table of shapes")? {
            tables.shapes.push(shape(&mut reader)?);
        }
        for _ in 0..reader.length("table of layouts")? {
            tables.layouts.push(layout(&mut reader, &tables.shapes)?);
        }
        if reader.left() != 0 {
            return Err(Error::corrupt(format!("{} bytes follow the tables", reader.left())));
        }
        Ok(tables)
    }
}

fn shape<'de>(reader: &mut Reader<'de>) -> Result<Shape<'de>> {
    let byte = reader.byte()?;
    let kind = Kind::from_byte(byte)
        .ok_or_else(|| Error::corrupt(format!("a shape has kind {byte}, expected 0 to 5")))?;
    let name = if kind == Kind::Tuple { "" } else { reader.text()? };
    let (variant_index, variant) = if kind.is_variant() {
        let index = reader.varint()?;
        let index = u32::try_from(index)
            .map_err(|_| Error::corrupt(format!("variant number {index} exceeds 32 bits")))?;
        (index, reader.text()?)
    } else {
        (0, "")
    };
    // A name costs at least a byte here, a tag a byte in each layout: `layout` checks that those are really there.
    let len = reader.length("shape")?;
    let fits = match kind {
        Kind::UnitVariant => len == 0,
        Kind::NewtypeVariant => len == 1,
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
    Ok(Shape { kind, name, variant, variant_index, len, fields })
}

fn layout<'de>(reader: &mut Reader<'de>, shapes: &[Shape<'de>]) -> Result<Layout<'de>> {
    let number = reader.varint()?;
    let shape =
        usize::try_from(number).ok().and_then(|number| shapes.get(number)).ok_or_else(|| {
            Error::corrupt(format!("a layout has shape {number}, but there are {}", shapes.len()))
        })?;
    let sparse = match reader.byte()? {
        0 => false,
        1 => true,
        other => {
            return Err(Error::corrupt(format!("a layout has flags {other}, expected 0 or 1")));
        }
    };
    let tags = reader.take(shape.len)?;
    for &tag in tags {
        match Tag::from_byte(tag) {
            // A value that is nothing but its tag always carries it: each field takes a byte at least.
            Some(Tag::Unit | Tag::Absent) | None => {
                return Err(Error::corrupt(format!("a layout of `{}` has tag {tag}", shape.name)));
            }
            Some(_) => {}
        }
    }
    Ok(Layout { shape: number as u32, sparse, tags })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Shape<'static>, Layout<'static>) {
        let shape = Shape {
            kind: Kind::StructVariant,
            name: "Layer",
            variant: "Dense",
            variant_index: 300,
            len: 2,
            fields: vec!["weight", "bias"],
        };
        (shape, Layout { shape: 0, sparse: true, tags: &[Tag::Array as u8, Tag::Any as u8] })
    }

    #[test]
    fn tables_come_back_as_they_went() {
        let (shape, layout) = sample();
        let mut out = vec![1];
        put_shape(&mut out, &shape);
        out.push(1);
        put_layout(&mut out, &layout);
        let tables = ReadTables::parse(&out).unwrap();
        assert_eq!((&tables.shapes[..], &tables.layouts[..]), (&[shape][..], &[layout][..]));
        for cut in 0..out.len() {
            assert!(ReadTables::parse(&out[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..out.len() {
            for byte in 0..=255 {
                let mut bad = out.clone();
                bad[at] = byte;
                let _ = ReadTables::parse(&bad);
            }
        }
    }

    #[test]
    fn claims_are_not_believed() {
        assert!(ReadTables::parse(&[0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
        assert!(ReadTables::parse(&[0, 1, 0, 0]).is_err());
        assert!(ReadTables::parse(&[0, 0, 0]).is_err());
    }
}
