//! The columns of a table.

use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_shm::{Error, ErrorKind, Result, UntypedArray};

use crate::to_arrow::refused;
use crate::{array, column};

/// A table as arrays: what a [`RecordBatch`] becomes in a container, and what it comes back from.
///
/// It is written as a map from the names to the arrays, in the order of the columns. So any map or struct of arrays is read as
/// `Columns`, and `Columns` as such a struct.
///
/// ```
/// use arrow_array::RecordBatch;
/// use serde_shm::{Block, Serialize, ShmArray1};
/// use serde_shm_arrow::Columns;
///
/// #[derive(Serialize)]
/// struct Samples { at: ShmArray1<u64>, value: ShmArray1<f32> } // of a program that knows no Arrow
///
/// let samples = Samples { at: vec![1, 2].into(), value: vec![0.5, 1.5].into() };
/// let block = Block::new(serde_shm::to_bytes(&samples)?)?;
/// let table: RecordBatch = block.get::<Columns>()?.batch()?; // its buffers lie in the block
/// assert_eq!((table.num_rows(), table.schema().field(1).name().as_str()), (2, "value"));
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns(Vec<(String, UntypedArray)>);

impl Columns {
    /// The columns of a table, which keep its memory; see [`array()`] for what is copied.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use arrow_array::{Int16Array, RecordBatch};
    /// use serde_shm_arrow::Columns;
    ///
    /// let batch = RecordBatch::try_from_iter([("n", Arc::new(Int16Array::from(vec![1, 2])) as _)])?;
    /// assert_eq!(Columns::of(&batch)?.get("n").unwrap().shape(), [2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`array()`], with the name of the column.
    pub fn of(batch: &RecordBatch) -> Result<Self> {
        let schema = batch.schema();
        let named = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
            let array = array(column).map_err(|error| error.at_field(field.name()))?;
            Ok((field.name().clone(), array))
        });
        named.collect::<Result<_>>().map(Columns)
    }

    /// The arrays as a table without nulls, which keeps their memory; see [`column()`] for what is copied.
    ///
    /// ```
    /// use serde_shm::ShmArray1;
    /// use serde_shm_arrow::Columns;
    ///
    /// let columns: Columns = [("n", ShmArray1::from(vec![1_u8, 2]).into())].into_iter().collect();
    /// assert_eq!(columns.batch()?.num_rows(), 2);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`column()`], with the name of the array; [`InvalidInput`](ErrorKind::InvalidInput) if the arrays have not one number
    /// of rows.
    pub fn batch(&self) -> Result<RecordBatch> {
        let rows = |array: &UntypedArray| array.shape().first().copied().unwrap_or(0);
        let (mut fields, mut columns) = (Vec::new(), Vec::<ArrayRef>::new());
        for (name, array) in &self.0 {
            let column = column(array).map_err(|error| error.at_field(name))?;
            let (first, all) = &self.0[0];
            if rows(array) != rows(all) {
                let message = format!(
                    "expected {} rows as in `{first}`, found {}: save arrays of other lengths beside the table",
                    rows(all),
                    rows(array)
                );
                return Err(Error::new(ErrorKind::InvalidInput, message).at_field(name));
            }
            fields.push(Field::new(name, column.data_type().clone(), false));
            columns.push(column);
        }
        let count = self.0.first().map_or(0, |(_, array)| rows(array));
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let schema = Arc::new(Schema::new(fields));
        RecordBatch::try_new_with_options(schema, columns, &options).map_err(refused)
    }

    /// The array of this name, the first one if there are several.
    ///
    /// ```
    /// assert!(serde_shm_arrow::Columns::default().get("n").is_none());
    /// ```
    pub fn get(&self, name: &str) -> Option<&UntypedArray> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, array)| array)
    }

    /// The names and arrays, in the order of the columns.
    ///
    /// ```
    /// use serde_shm::ShmArray1;
    /// use serde_shm_arrow::Columns;
    ///
    /// let columns: Columns = [("n", ShmArray1::from(vec![1_u8, 2]).into())].into_iter().collect();
    /// assert!(columns.iter().all(|(name, array)| name == "n" && array.len() == 2));
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&str, &UntypedArray)> {
        self.0.iter().map(|(name, array)| (name.as_str(), array))
    }
}

impl<N: Into<String>> FromIterator<(N, UntypedArray)> for Columns {
    fn from_iter<I: IntoIterator<Item = (N, UntypedArray)>>(columns: I) -> Self {
        Columns(columns.into_iter().map(|(name, array)| (name.into(), array)).collect())
    }
}

impl Serialize for Columns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, array) in &self.0 {
            map.serialize_entry(name, array)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Named;

        impl<'de> Visitor<'de> for Named {
            type Value = Columns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map or struct of arrays, the columns of a table")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Columns, M::Error> {
                let mut columns = Vec::new();
                while let Some(column) = map.next_entry()? {
                    columns.push(column);
                }
                Ok(Columns(columns))
            }
        }
        deserializer.deserialize_map(Named)
    }
}
