//! What a walk over an object tells.

use crate::array::UntypedLive;
use crate::error::Result;

use super::{Names, Number, Numbers, PlacedArray};

/// Takes the parts of an object as they come, in the order in which they lie: for programs that make values of their own out of
/// objects whose Rust type they do not know, such as objects of another language or text for a terminal.
///
/// A value is one call. What has parts is a call of its own ([`seq`](Walk::seq), [`tuple`](Walk::tuple), [`map`](Walk::map),
/// [`record`](Walk::record)), the parts, and [`end`](Walk::end); the parts of a map are a key and a value in turn, those of a
/// record one for each of its fields, [`absent`](Walk::absent) for one that was not written. [`some`](Walk::some),
/// [`readable`](Walk::readable) and [`named`](Walk::named) stand before the value that they say something of, and have no end.
///
/// Each method gives an error to end the walk, which is handed on with the place in the object. No method is called again after
/// that. What a method does not do by default is nothing, so that who looks for one kind of thing writes one method.
///
/// ```
/// use serde_shm::value::{Names, Walk};
///
/// /// Counts structs by their names.
/// #[derive(Default)]
/// struct Census(std::collections::BTreeMap<String, usize>);
///
/// impl Walk<'_> for Census {
///     fn record(&mut self, names: &Names) -> serde_shm::Result<()> {
///         *self.0.entry(names.to_string()).or_default() += 1;
///         Ok(())
///     }
/// }
///
/// #[derive(serde::Serialize)]
/// struct Point { x: f32, y: f32 }
///
/// let block = serde_shm::to_bytes(&[Point { x: 0.0, y: 1.0 }, Point { x: 1.0, y: 1.0 }])?;
/// let mut census = Census::default();
/// serde_shm::Block::new(block)?.walk(&mut census)?;
/// assert_eq!(census.0["Point"], 2);
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// Text, names of values and bytes lie in the container, and are valid as long as its handle.
#[allow(clippy::missing_errors_doc)] // Said above for all of them.
pub trait Walk<'a> {
    /// A unit or unit struct.
    fn unit(&mut self) -> Result<()> {
        Ok(())
    }

    /// A bool.
    fn bool(&mut self, _value: bool) -> Result<()> {
        Ok(())
    }

    /// A number.
    fn number(&mut self, _value: Number) -> Result<()> {
        Ok(())
    }

    /// The next items of a list, which are all numbers of one width, or bools: as many as are read at once. By default each is
    /// told of by itself.
    fn numbers(&mut self, values: Numbers<'_>) -> Result<()> {
        each_number(self, values)
    }

    /// A char.
    fn char(&mut self, _value: char) -> Result<()> {
        Ok(())
    }

    /// A text.
    fn text(&mut self, _text: &'a str) -> Result<()> {
        Ok(())
    }

    /// A byte string. A long one lies among the arrays, and is not read before it is looked at.
    fn bytes(&mut self, _bytes: &'a [u8]) -> Result<()> {
        Ok(())
    }

    /// An option without a value.
    fn none(&mut self) -> Result<()> {
        Ok(())
    }

    /// An option with a value, which comes next.
    fn some(&mut self) -> Result<()> {
        Ok(())
    }

    /// A value that is in its form for human readers, such as the text of an address, comes next.
    fn readable(&mut self) -> Result<()> {
        Ok(())
    }

    /// A value that stands under this name comes next.
    fn named(&mut self, _name: &'a str) -> Result<()> {
        Ok(())
    }

    /// A list begins. Its length is told if that is known from the start, as it is of a list whose items are all of one type.
    fn seq(&mut self, _len: Option<usize>) -> Result<()> {
        Ok(())
    }

    /// A tuple of so many elements begins. One of more than 16, and with it an array `[T; 17]`, is a list.
    fn tuple(&mut self, _len: usize) -> Result<()> {
        Ok(())
    }

    /// A map begins, with the number of its entries as that of a list's items.
    fn map(&mut self, _len: Option<usize>) -> Result<()> {
        Ok(())
    }

    /// A struct or an enum's variant begins, which has as many parts as names has fields.
    fn record(&mut self, _names: &Names) -> Result<()> {
        Ok(())
    }

    /// A field that was not written.
    fn absent(&mut self) -> Result<()> {
        Ok(())
    }

    /// The list or map that ends next was written by a type that did not know its length beforehand, and has more than 63 items.
    /// Only who wants to write the same bytes need know.
    fn unannounced(&mut self) -> Result<()> {
        Ok(())
    }

    /// What began last ends.
    fn end(&mut self) -> Result<()> {
        Ok(())
    }

    /// An array, which is not read.
    fn array(&mut self, _array: PlacedArray) -> Result<()> {
        Ok(())
    }

    /// An array that is changed in place.
    fn live(&mut self, _array: UntypedLive) -> Result<()> {
        Ok(())
    }
}

fn each_number<'a, W: Walk<'a> + ?Sized>(walk: &mut W, values: Numbers<'_>) -> Result<()> {
    macro_rules! each {
        ($($name:ident)*) => {
            match values {
                Numbers::Bool(items) => items.iter().try_for_each(|item| walk.bool(*item)),
                $(Numbers::$name(items) => {
                    items.iter().try_for_each(|item| walk.number(Number::$name(*item)))
                })*
            }
        };
    }
    each!(I8 I16 I32 I64 U8 U16 U32 U64 F32 F64)
}
