//! The columns of a frame.

use std::fmt;

use polars_core::prelude::DataFrame;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_shm::{Result, UntypedArray};

use crate::{array, refused, series};

/// A frame as arrays: what a [`DataFrame`] becomes in a container, and what it comes back from.
///
/// It is written as a map from the names to the arrays, in the order of the columns. So any map or struct of arrays is read as
/// `Columns`, and `Columns` as such a struct.
///
/// ```
/// use polars_core::prelude::DataFrame;
/// use serde_shm::{Block, Serialize, ShmArray1};
/// use serde_shm_polars::Columns;
///
/// #[derive(Serialize)]
/// struct Samples { at: ShmArray1<u64>, value: ShmArray1<f32> } // of a program that knows no polars
///
/// let samples = Samples { at: vec![1, 2].into(), value: vec![0.5, 1.5].into() };
/// let block = Block::new(serde_shm::to_bytes(&samples)?)?;
/// let frame: DataFrame = block.get::<Columns>()?.frame()?; // its columns lie in the block
/// assert_eq!(frame.shape(), (2, 2));
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns(Vec<(String, UntypedArray)>);

impl Columns {
    /// The columns of a frame, which keep its memory; see [`array()`] for what is copied.
    ///
    /// ```
    /// # use polars_core::prelude::*;
    /// use serde_shm_polars::Columns;
    ///
    /// let frame = DataFrame::new_infer_height(vec![Series::new("n".into(), [1_i16, 2]).into()])?;
    /// assert_eq!(Columns::of(&frame)?.get("n").unwrap().shape(), [2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`array()`], with the name of the column.
    pub fn of(frame: &DataFrame) -> Result<Self> {
        let named = frame.columns().iter().map(|column| {
            let name = column.name().to_string();
            let array = array(column.as_materialized_series());
            Ok((name, array.map_err(|error| error.at_field(column.name()))?))
        });
        named.collect::<Result<_>>().map(Columns)
    }

    /// The arrays as a frame without nulls, which keeps their memory; see [`series()`] for what is copied.
    ///
    /// ```
    /// use serde_shm::ShmArray1;
    /// use serde_shm_polars::Columns;
    ///
    /// let columns: Columns = [("n", ShmArray1::from(vec![1_u8, 2]).into())].into_iter().collect();
    /// assert_eq!(columns.frame()?.height(), 2);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`series()`], with the name of the array; `InvalidInput`, with polars' own text, if the arrays have not one length or two
    /// have one name.
    pub fn frame(&self) -> Result<DataFrame> {
        let columns = self.0.iter().map(|(name, array)| {
            series(name, array).map(Into::into).map_err(|error| error.at_field(name))
        });
        DataFrame::new_infer_height(columns.collect::<Result<_>>()?).map_err(refused)
    }

    /// The array of this name.
    ///
    /// ```
    /// assert!(serde_shm_polars::Columns::default().get("n").is_none());
    /// ```
    pub fn get(&self, name: &str) -> Option<&UntypedArray> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, array)| array)
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
                f.write_str("a map or struct of arrays, the columns of a frame")
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
