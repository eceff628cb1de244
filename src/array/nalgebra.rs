//! nalgebra's matrices, vectors and views as array fields.
//!
//! A matrix is an array of two axes in Fortran order, as it lies in memory. A vector, a matrix of a single column, is an
//! array of one axis.

use std::borrow::Cow;

use nalgebra::{
    ArrayStorage, Const, Dim, Dyn, Matrix, SMatrix, Scalar, U1, VecStorage, ViewStorage,
};
use serde::de::{Deserializer, Error};
use serde::ser::Serializer;

use crate::element::{self, Element};
use crate::layout::Order;

#[cfg(feature = "derive")]
use super::autoref::ArrayShape;
use super::item::{DeserializeArray, SerializeArray};
use super::read::{Read, shape_error};
use super::token::{self, Elements};

/// Columns that do not follow one another in memory are gathered in blocks of about this many bytes.
const BLOCK: usize = 256 << 10;

/// A matrix's elements, column by column.
struct Columns<'a, A, I> {
    /// The elements as a slice, where they lie without gaps in memory.
    whole: Option<&'a [A]>,
    /// An iterator over the elements.
    items: I,
    rows: usize,
}

impl<A: Element, I: Iterator<Item = A> + Clone> Elements<A> for Columns<'_, A, I> {
    fn order(&self) -> Order {
        Order::F
    }

    fn blocks<E>(&self, mut put: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        if let Some(items) = self.whole {
            return element::blocks(items, put);
        }
        let most = (BLOCK / size_of::<A>()).max(1);
        let mut items = self.items.clone();
        let mut block: Vec<A> = Vec::new();
        loop {
            block.clear();
            block.extend(items.by_ref().take(most));
            if block.is_empty() {
                return Ok(());
            }
            element::blocks(&block, &mut put)?;
        }
    }

    fn row_major(&self) -> Cow<'_, [A]> {
        let columns: Vec<A> = self.items.clone().collect();
        if self.rows == 0 || columns.len() == self.rows {
            return Cow::Owned(columns);
        }
        let row = |row| columns.iter().skip(row).step_by(self.rows).copied();
        Cow::Owned((0..self.rows).flat_map(row).collect())
    }
}

fn shape<C: Dim>(rows: usize, columns: usize) -> Vec<usize> {
    if C::try_to_usize() == Some(1) { vec![rows] } else { vec![rows, columns] }
}

macro_rules! writes {
    ([$($params:tt)*] $rows:ty, $columns:ty, $storage:ty, $whole:expr) => {
        impl<$($params)*> SerializeArray for Matrix<A, $rows, $columns, $storage> {
            fn serialize_array<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                let whole: fn(&Self) -> Option<&[A]> = $whole;
                let shape = shape::<$columns>(self.nrows(), self.ncols());
                let elements =
                    Columns { whole: whole(self), items: self.iter().copied(), rows: self.nrows() };
                token::serialize(&shape, elements, serializer)
            }
        }
    };
}

writes!([A: Element + Scalar, C: Dim] Dyn, C, VecStorage<A, Dyn, C>, |matrix| Some(matrix.as_slice()));
writes!([A: Element + Scalar, const R: usize] Const<R>, Dyn, VecStorage<A, Const<R>, Dyn>, |matrix| Some(matrix.as_slice()));
writes!([A: Element + Scalar, const R: usize, const C: usize] Const<R>, Const<C>, ArrayStorage<A, R, C>, |matrix| Some(matrix.as_slice()));
writes!([A: Element + Scalar, R: Dim, C: Dim, S: Dim, T: Dim] R, C, ViewStorage<'_, A, R, C, S, T>, |_| None);

/// The lengths of the axes as nalgebra's types, if the array's shape fits them.
fn axes<R: Dim, C: Dim, E: Error>(shape: &[usize]) -> Result<(R, C), E> {
    let fits = |axis: Option<usize>, found: usize| axis.is_none_or(|axis| axis == found);
    let (rows, columns) = (R::try_to_usize(), C::try_to_usize());
    let found = match *shape {
        // An array of one axis may be read as a matrix of one column.
        [len] if columns.is_none_or(|columns| columns == 1) => (len, 1),
        [len, columns] => (len, columns),
        _ => return Err(misfit::<R, C, E>(shape)),
    };
    if !fits(rows, found.0) || !fits(columns, found.1) {
        return Err(misfit::<R, C, E>(shape));
    }
    Ok((R::from_usize(found.0), C::from_usize(found.1)))
}

fn misfit<R: Dim, C: Dim, E: Error>(shape: &[usize]) -> E {
    let expected = [R::try_to_usize(), C::try_to_usize()];
    let axes = if expected[1] == Some(1) { &expected[..1] } else { &expected };
    shape_error(shape, axes)
}

/// Whether the elements lie column by column.
fn is_by_column<A: Element>(read: &Read<'_, A>) -> bool {
    read.order == Order::F || read.shape.iter().filter(|axis| **axis > 1).count() < 2
}

macro_rules! reads {
    ([$($params:tt)*] $rows:ty, $columns:ty) => {
        impl<'de, $($params)*> DeserializeArray<'de>
            for Matrix<A, $rows, $columns, VecStorage<A, $rows, $columns>>
        {
            fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let read = Read::<A>::deserialize(d)?;
                let (rows, columns) = axes::<$rows, $columns, D::Error>(&read.shape)?;
                let items = by_column(read, columns.value())?;
                Ok(Matrix::from_data(VecStorage::new(rows, columns, items)))
            }
        }
    };
}

reads!([A: Element + Scalar, C: Dim] Dyn, C);
reads!([A: Element + Scalar, const R: usize] Const<R>, Dyn);

fn by_column<A: Element, E: Error>(read: Read<'_, A>, columns: usize) -> Result<Vec<A>, E> {
    if is_by_column(&read) {
        return read.into_owned();
    }
    read.count_copy()?;
    let items = &read.elements;
    let mut moved = element::room(items.len()).map_err(E::custom)?;
    moved.extend((0..columns).flat_map(|at| items.iter().skip(at).step_by(columns).copied()));
    Ok(moved)
}

impl<'de, A: Element + Scalar, const R: usize, const C: usize> DeserializeArray<'de>
    for SMatrix<A, R, C>
{
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let read = Read::<A>::deserialize(d)?;
        axes::<Const<R>, Const<C>, D::Error>(&read.shape)?;
        read.count_copy()?;
        Ok(if is_by_column(&read) {
            SMatrix::from_column_slice(&read.elements)
        } else {
            SMatrix::from_row_slice(&read.elements)
        })
    }
}

impl<'de: 'a, 'a, A: Element + Scalar, R: Dim, C: Dim> DeserializeArray<'de>
    for Matrix<A, R, C, ViewStorage<'a, A, R, C, U1, R>>
{
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let read = Read::<A>::deserialize(d)?;
        let (rows, columns) = axes::<R, C, D::Error>(&read.shape)?;
        if !is_by_column(&read) {
            return Err(D::Error::custom(
                "cannot borrow this array as a nalgebra view: it is in C order; use an owned matrix or an ndarray view",
            ));
        }
        let items = read.borrowed("nalgebra view", "an owned matrix")?;
        Ok(Matrix::<A, R, C, ViewStorage<'a, A, R, C, U1, R>>::from_slice_generic(
            items, rows, columns,
        ))
    }
}

#[cfg(feature = "derive")]
impl<T, R, C, S> ArrayShape for Matrix<T, R, C, S> {}
