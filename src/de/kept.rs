//! Long lists without arrays in a value of unknown type. They are kept as they are encoded, and read at the first look at them.

use std::fmt::Display;

use crate::array::UntypedArray;
use crate::error::{Error, Result};
use crate::store::{ArrayPath, Placed, Source, VERSION};
use crate::value::{Builder, EncodedList, Value, Walk};

use super::decoder::Decoder;
use super::walk::{self, Around, Lists, Runs, Walker};

/// A list of fewer items is read at once.
const MIN_ITEMS: u64 = 32;

/// How many lists may be kept in one another. Each is checked again when the list around it is read.
const MAX_NESTED: u8 = 4;

/// Whether a [`Builder`] keeps lists: it does.
pub(super) struct Kept;

impl Lists<Builder<'_>> for Kept {
    const KEPT: bool = true;

    fn keep(builder: &mut Builder<'_>, list: EncodedList) -> Result<()> {
        builder.list(list)
    }

    fn stand_in<P: Display>(
        builder: &mut Builder<'_>,
        path: impl FnOnce() -> Result<P>,
    ) -> Result<Option<UntypedArray>> {
        builder.stand_in(path)
    }
}

/// A walk that only checks the encoding.
struct Check;

impl Walk<'_> for Check {}

impl Lists<Check> for Check {
    const NO_ARRAYS: bool = true;
}

/// Keeps the list whose header comes next, if it is long, is encoded correctly, and has no arrays. `around` says what stands
/// around it. Otherwise the decoder does not move, so that the caller reads the list and reports errors.
///
/// The bytes that are checked in vain are limited, because lists with arrays at their ends may be nested in one another.
pub(super) fn list(decoder: &mut Decoder<'_, '_>, around: Around) -> Result<Option<EncodedList>> {
    let start = decoder.reader.clone();
    let (count, more, [slot]) = decoder.run_header::<1>()?;
    // A list of numbers is kept as numbers.
    let is_long = more || count >= MIN_ITEMS && !walk::is_number(slot);
    decoder.reader = start.clone();
    if !is_long || decoder.vain_looks == 0 || decoder.kept_levels >= MAX_NESTED {
        return Ok(None);
    }
    let result = Walker::<_, Check>::new(decoder, &mut Check, around).list();
    let len = start.left() - decoder.reader.left();
    let Ok((items, unannounced)) = result else {
        decoder.vain_looks = decoder.vain_looks.saturating_sub(len + 1);
        decoder.reader = start;
        return Ok(None);
    };
    let bytes = start.clone().take(len)?.into();
    let tables = decoder.kept_tables();
    let levels = decoder.kept_levels + 1;
    Ok(Some(EncodedList { bytes, tables, len: items, unannounced, levels, read }))
}

#[cold]
pub(super) fn has_arrays() -> Error {
    Error::corrupt("an array stands where none should")
}

/// The items of a list that was kept.
fn read(list: &EncodedList) -> Box<dyn Iterator<Item = Value> + '_> {
    match ListItems::new(list) {
        Ok(items) => Box::new(items),
        Err(error) => unreachable!("a list that was kept was right: {error}"),
    }
}

struct ListItems<'a> {
    decoder: Decoder<'a, 'a>,
    runs: Runs<1>,
    builder: Builder<'static>,
}

impl<'a> ListItems<'a> {
    fn new(list: &'a EncodedList) -> Result<Self> {
        let mut decoder = Decoder::of_parts(&NoArrays, &list.bytes, &list.tables)?;
        decoder.kept_levels = list.levels;
        let runs = Runs::begin(&mut decoder)?;
        Ok(ListItems { decoder, runs, builder: Builder::default() })
    }

    fn next_value(&mut self) -> Result<Option<Value>> {
        let Some([slot]) = self.runs.next(&mut self.decoder)? else { return Ok(None) };
        walk::value::<_, Kept>(&mut self.decoder, slot, &mut self.builder)?;
        self.builder.take().map(Some)
    }
}

impl Iterator for ListItems<'_> {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        match self.next_value() {
            Ok(value) => value,
            Err(error) => unreachable!("a list that was kept was right: {error}"),
        }
    }
}

/// The source of a list without arrays.
struct NoArrays;

impl<'de> Source<'de> for NoArrays {
    /// When the list was kept, it was checked against its block's version.
    fn version(&self) -> u16 {
        VERSION
    }

    fn inline(&self) -> &'de [u8] {
        &[]
    }

    fn tables(&self) -> &'de [u8] {
        &[]
    }

    fn array_bytes(&self) -> u64 {
        0
    }

    fn path(&self, _: u64) -> Result<ArrayPath<'de>> {
        Err(has_arrays())
    }

    fn array(&self, _: u64) -> Result<Placed<'de>> {
        Err(has_arrays())
    }
}
