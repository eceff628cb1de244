//! `show --csv`.

use std::io::Write;

use serde_shm::{DTypeKind, UntypedArray};

use super::index::each_element;
use crate::fault::{Fault, Result};
use crate::{term, text};

/// One row for each place of the first axis. A struct's fields are columns with a header. Only a file gets what a terminal would
/// obey.
pub(super) fn write(array: &UntypedArray, is_file: bool, out: &mut dyn Write) -> Result<()> {
    let safe = |text: String| if is_file { text } else { term::visible(&text) };
    let columns = match array.shape() {
        [] | [_] => 1,
        [_, columns] => *columns,
        shape => {
            return Err(Fault::new(format_args!(
                "a table has one or two axes, and the shape is {shape:?}; pick two with a slice: `w[0]`"
            )));
        }
    };
    let fault = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => Fault::from(error),
        other => Fault::new(format_args!("cannot write the table: {other:?}")),
    };
    let mut table = csv::Writer::from_writer(out);
    let dtype = array.dtype();
    let fields =
        if dtype.kind() == DTypeKind::Struct && columns == 1 { dtype.fields() } else { &[] };
    if !fields.is_empty() {
        table
            .write_record(fields.iter().map(|field| safe(field.name().to_owned())))
            .map_err(fault)?;
    }
    let mut row = Vec::new();
    each_element(array, |_, bytes| {
        if fields.is_empty() {
            row.push(safe(text::text(dtype, bytes)));
        } else {
            row.extend(fields.iter().map(|field| safe(text::field(field, bytes))));
        }
        if row.len() >= columns.max(fields.len()) {
            table.write_record(&row).map_err(fault)?;
            row.clear();
        }
        Ok::<_, Fault>(())
    })?;
    Ok(table.flush()?)
}
