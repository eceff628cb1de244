//! What a walk over an object tells about each part.

use crate::array::UntypedLive;
use crate::error::Result;

use super::{Names, Number, Numbers, PlacedArray};

/// Takes the parts of an object one by one, in the order in which they lie. It is for programs that do not know the Rust type of
/// an object and make values of their own of it, such as objects of another language or text for a terminal.
///
/// The walk calls one method for each value. A value with parts begins with a call of its own ([`seq`](Walk::seq),
/// [`tuple`](Walk::tuple), [`map`](Walk::map), [`record`](Walk::record)). The parts follow, and then [`end`](Walk::end). The
/// parts of a map are a key and a value in turn. A record has one part for each field, and [`absent`](Walk::absent) stands for
/// a field that was not written. [`some`](Walk::some), [`readable`](Walk::readable) and [`named`](Walk::named) come before the
/// value that they describe, and have no end.
///
/// A method ends the walk by returning an error. The caller of the walk gets this error, with the place in the object. No method
/// is called after that. By default a method does nothing, so a program that looks for one kind of part writes one method.
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
/// Texts, names of values, and byte strings lie in the container, and are valid as long as its handle.
#[allow(clippy::missing_errors_doc)] // Said above for all of them.
pub trait Walk<'a> {
    /// A unit or unit struct.
    ///
    /// ```
    /// use serde_shm::{Block, value::Walk};
    ///
    /// struct Seen(usize);
    /// impl Walk<'_> for Seen {
    ///     fn unit(&mut self) -> serde_shm::Result<()> { self.0 += 1; Ok(()) }
    /// }
    /// let mut seen = Seen(0);
    /// Block::new(serde_shm::to_bytes(&((), 5, ()))?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, 2);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn unit(&mut self) -> Result<()> {
        Ok(())
    }

    /// A bool.
    ///
    /// ```
    /// use serde_shm::{Block, value::Walk};
    ///
    /// struct Seen(Vec<bool>);
    /// impl Walk<'_> for Seen {
    ///     fn bool(&mut self, value: bool) -> serde_shm::Result<()> { self.0.push(value); Ok(()) }
    /// }
    /// let mut seen = Seen(vec![]);
    /// Block::new(serde_shm::to_bytes(&(true, 5, false))?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, [true, false]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn bool(&mut self, _value: bool) -> Result<()> {
        Ok(())
    }

    /// A number.
    ///
    /// ```
    /// use serde_shm::{Block, value::{Number, Walk}};
    ///
    /// struct Seen(Vec<Number>);
    /// impl Walk<'_> for Seen {
    ///     fn number(&mut self, value: Number) -> serde_shm::Result<()> { self.0.push(value); Ok(()) }
    /// }
    /// let mut seen = Seen(vec![]);
    /// Block::new(serde_shm::to_bytes(&(1_u8, "a", 0.5_f32))?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, [Number::U8(1), Number::F32(0.5)]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn number(&mut self, _value: Number) -> Result<()> {
        Ok(())
    }

    /// The next items of a list, which are all numbers of one width, or bools: as many as were read at once. By default this
    /// calls the method for a single item with each of them.
    ///
    /// ```
    /// use serde_shm::{Block, value::{Numbers, Walk}};
    ///
    /// struct Seen(usize);
    /// impl Walk<'_> for Seen {
    ///     fn numbers(&mut self, values: Numbers<'_>) -> serde_shm::Result<()> {
    ///         self.0 += values.len();
    ///         Ok(())
    ///     }
    /// }
    /// let mut seen = Seen(0);
    /// Block::new(serde_shm::to_bytes(&vec![0.5_f32; 1000])?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, 1000);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn numbers(&mut self, values: Numbers<'_>) -> Result<()> {
        each_number(self, values)
    }

    /// A char.
    ///
    /// ```
    /// use serde_shm::{Block, value::Walk};
    ///
    /// struct Seen(Vec<char>);
    /// impl Walk<'_> for Seen {
    ///     fn char(&mut self, value: char) -> serde_shm::Result<()> { self.0.push(value); Ok(()) }
    /// }
    /// let mut seen = Seen(vec![]);
    /// Block::new(serde_shm::to_bytes(&('a', "b", 'c'))?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, ['a', 'c']);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn char(&mut self, _value: char) -> Result<()> {
        Ok(())
    }

    /// A text.
    ///
    /// ```
    /// use serde_shm::{Block, value::Walk};
    ///
    /// struct Seen<'a>(Vec<&'a str>);
    /// impl<'a> Walk<'a> for Seen<'a> {
    ///     fn text(&mut self, text: &'a str) -> serde_shm::Result<()> { self.0.push(text); Ok(()) }
    /// }
    /// let (block, mut seen) = (Block::new(serde_shm::to_bytes(&("a", 5, "b"))?)?, Seen(vec![]));
    /// block.walk(&mut seen)?;
    /// assert_eq!(seen.0, ["a", "b"]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn text(&mut self, _text: &'a str) -> Result<()> {
        Ok(())
    }

    /// A byte string. A long one lies among the arrays, and its bytes are not read before the program looks at them.
    ///
    /// ```
    /// use serde_shm::{Block, value::Walk};
    ///
    /// struct Seen<'a>(Vec<&'a [u8]>);
    /// impl<'a> Walk<'a> for Seen<'a> {
    ///     fn bytes(&mut self, bytes: &'a [u8]) -> serde_shm::Result<()> { self.0.push(bytes); Ok(()) }
    /// }
    /// let (block, mut seen) = (Block::new(serde_shm::to_bytes(&serde_bytes::Bytes::new(b"abc"))?)?, Seen(vec![]));
    /// block.walk(&mut seen)?;
    /// assert_eq!(seen.0, [b"abc"]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn bytes(&mut self, _bytes: &'a [u8]) -> Result<()> {
        Ok(())
    }

    /// An option without a value.
    ///
    /// ```
    /// use serde_shm::{Block, value::Walk};
    ///
    /// struct Seen(usize);
    /// impl Walk<'_> for Seen {
    ///     fn none(&mut self) -> serde_shm::Result<()> { self.0 += 1; Ok(()) }
    /// }
    /// let mut seen = Seen(0);
    /// Block::new(serde_shm::to_bytes(&[Some(5), None, None])?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, 2);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn none(&mut self) -> Result<()> {
        Ok(())
    }

    /// An option with a value, which comes next.
    ///
    /// ```
    /// use serde_shm::{Block, value::Walk};
    ///
    /// struct Seen(usize);
    /// impl Walk<'_> for Seen {
    ///     fn some(&mut self) -> serde_shm::Result<()> { self.0 += 1; Ok(()) }
    /// }
    /// let mut seen = Seen(0);
    /// Block::new(serde_shm::to_bytes(&[Some(5), None, Some(6)])?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, 2);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn some(&mut self) -> Result<()> {
        Ok(())
    }

    /// The next value is in its form for human readers, such as the text of an address.
    ///
    /// ```
    /// use serde_shm::{Block, value::Walk};
    ///
    /// struct Seen(usize);
    /// impl Walk<'_> for Seen {
    ///     fn readable(&mut self) -> serde_shm::Result<()> { self.0 += 1; Ok(()) }
    /// }
    /// let mut seen = Seen(0);
    /// Block::new(serde_shm::to_bytes(&std::net::Ipv4Addr::LOCALHOST)?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, 1);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn readable(&mut self) -> Result<()> {
        Ok(())
    }

    /// The next value stands under this name.
    ///
    /// ```
    /// use serde_shm::{Block, value::{Name, Walk}};
    ///
    /// struct Seen<'a>(Vec<&'a str>);
    /// impl<'a> Walk<'a> for Seen<'a> {
    ///     fn named(&mut self, name: &'a str) -> serde_shm::Result<()> { self.0.push(name); Ok(()) }
    /// }
    /// let named = serde_shm::to_bytes(&Name::new("Celsius")?.value(&21.5))?;
    /// let (block, mut seen) = (Block::new(named)?, Seen(vec![]));
    /// block.walk(&mut seen)?;
    /// assert_eq!(seen.0, ["Celsius"]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn named(&mut self, _name: &'a str) -> Result<()> {
        Ok(())
    }

    /// A list begins. Its length is given if it is known from the start, as it is where all items have one type.
    ///
    /// ```
    /// use serde_shm::{Block, value::Walk};
    ///
    /// struct Seen(Vec<Option<usize>>);
    /// impl Walk<'_> for Seen {
    ///     fn seq(&mut self, len: Option<usize>) -> serde_shm::Result<()> { self.0.push(len); Ok(()) }
    /// }
    /// let mut seen = Seen(vec![]);
    /// Block::new(serde_shm::to_bytes(&vec![vec![1, 2, 3], vec![4]])?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, [Some(2), Some(3), Some(1)]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn seq(&mut self, _len: Option<usize>) -> Result<()> {
        Ok(())
    }

    /// A tuple of this many elements begins. A tuple of more than 16 elements is told as a list. So is an array such as
    /// `[T; 17]`.
    ///
    /// ```
    /// use serde_shm::{Block, value::Walk};
    ///
    /// struct Seen(Vec<usize>);
    /// impl Walk<'_> for Seen {
    ///     fn tuple(&mut self, len: usize) -> serde_shm::Result<()> { self.0.push(len); Ok(()) }
    /// }
    /// let mut seen = Seen(vec![]);
    /// Block::new(serde_shm::to_bytes(&(1, ("a", "b", "c")))?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, [2, 3]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn tuple(&mut self, _len: usize) -> Result<()> {
        Ok(())
    }

    /// A map begins. The number of its entries is given if it is known from the start, as for [`seq`](Walk::seq).
    ///
    /// ```
    /// use serde_shm::{Block, value::Walk};
    ///
    /// struct Seen(Vec<Option<usize>>);
    /// impl Walk<'_> for Seen {
    ///     fn map(&mut self, len: Option<usize>) -> serde_shm::Result<()> { self.0.push(len); Ok(()) }
    /// }
    /// let mut seen = Seen(vec![]);
    /// Block::new(serde_shm::to_bytes(&std::collections::BTreeMap::from([("a", 1), ("b", 2)]))?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, [Some(2)]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn map(&mut self, _len: Option<usize>) -> Result<()> {
        Ok(())
    }

    /// A struct or an enum's variant begins. It has as many parts as `names` has fields.
    ///
    /// ```
    /// use serde_shm::{Block, value::{Names, Walk}};
    ///
    /// struct Seen(Vec<String>);
    /// impl Walk<'_> for Seen {
    ///     fn record(&mut self, names: &Names) -> serde_shm::Result<()> {
    ///         self.0.push(names.to_string());
    ///         Ok(())
    ///     }
    /// }
    /// #[derive(serde::Serialize)]
    /// enum Shape { Point, Circle(f32) }
    ///
    /// let mut seen = Seen(vec![]);
    /// Block::new(serde_shm::to_bytes(&[Shape::Point, Shape::Circle(2.5)])?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, ["Shape::Point", "Shape::Circle"]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn record(&mut self, _names: &Names) -> Result<()> {
        Ok(())
    }

    /// A field that was not written.
    ///
    /// ```
    /// use serde_shm::{Block, value::Walk};
    ///
    /// struct Seen(usize);
    /// impl Walk<'_> for Seen {
    ///     fn absent(&mut self) -> serde_shm::Result<()> { self.0 += 1; Ok(()) }
    /// }
    /// #[derive(serde::Serialize)]
    /// struct Point {
    ///     x: f32,
    ///     #[serde(skip_serializing_if = "Option::is_none")]
    ///     label: Option<String>,
    /// }
    /// let mut seen = Seen(0);
    /// Block::new(serde_shm::to_bytes(&Point { x: 1.5, label: None })?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, 1);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn absent(&mut self) -> Result<()> {
        Ok(())
    }

    /// The list or map that ends next has more than 63 items, and the type that wrote it did not know its length beforehand.
    /// Only a program that wants to write the same bytes again needs this.
    ///
    /// ```
    /// use serde_shm::{Block, value::Walk};
    ///
    /// struct Seen(usize);
    /// impl Walk<'_> for Seen {
    ///     fn unannounced(&mut self) -> serde_shm::Result<()> { self.0 += 1; Ok(()) }
    /// }
    /// /// A list whose length is not known before its end.
    /// struct Even(u32);
    ///
    /// impl serde::Serialize for Even {
    ///     fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
    ///         serializer.collect_seq((0..self.0).filter(|number| number % 2 == 0))
    ///     }
    /// }
    /// let mut seen = Seen(0);
    /// Block::new(serde_shm::to_bytes(&(Even(200), vec![0; 100]))?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, 1); // not the vector, whose length serde knows
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn unannounced(&mut self) -> Result<()> {
        Ok(())
    }

    /// The list, tuple, map or record that began last ends.
    ///
    /// ```
    /// use serde_shm::{Block, value::Walk};
    ///
    /// struct Seen(usize);
    /// impl Walk<'_> for Seen {
    ///     fn end(&mut self) -> serde_shm::Result<()> { self.0 += 1; Ok(()) }
    /// }
    /// let mut seen = Seen(0);
    /// Block::new(serde_shm::to_bytes(&(vec![1, 2], Some("a")))?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, 2); // of the list and of the tuple
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn end(&mut self) -> Result<()> {
        Ok(())
    }

    /// An array. Its elements are not read.
    ///
    /// ```
    /// use serde_shm::{Block, ShmArray1, value::{PlacedArray, Walk}};
    ///
    /// struct Seen(Vec<String>);
    /// impl Walk<'_> for Seen {
    ///     fn array(&mut self, array: PlacedArray) -> serde_shm::Result<()> {
    ///         self.0.push(format!("{} {:?}", array.dtype(), array.shape()));
    ///         Ok(())
    ///     }
    /// }
    /// let mut seen = Seen(vec![]);
    /// Block::new(serde_shm::to_bytes(&("a", ShmArray1::from(vec![0.5_f32; 100])))?)?.walk(&mut seen)?;
    /// assert_eq!(seen.0, ["<f4 [100]"]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    fn array(&mut self, _array: PlacedArray) -> Result<()> {
        Ok(())
    }

    /// An array that is changed in place.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use serde_shm::{AtomicArray, UntypedLive, value::Walk};
    ///
    /// struct Seen(Vec<UntypedLive>);
    /// impl Walk<'_> for Seen {
    ///     fn live(&mut self, array: UntypedLive) -> serde_shm::Result<()> { self.0.push(array); Ok(()) }
    /// }
    /// let segment = serde_shm::to_shared(&("a", AtomicArray::from(vec![1_u8, 2])))?;
    /// let mut seen = Seen(vec![]);
    /// segment.walk(&mut seen)?;
    /// assert_eq!(seen.0[0].shape(), [2]);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
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
