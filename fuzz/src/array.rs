//! Arrays of every dtype, in every form that a field can have, and read in every form that takes them.

use arbitrary::{Result, Unstructured};
use half::{bf16, f16};
use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use num_complex::{Complex32, Complex64};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};
use serde_shm::array::{DeserializeArray, SerializeArray};
use serde_shm::element::{Datetime64, Nanoseconds};
use serde_shm::{DynArray, Element, ShmArrayD, TimeBase, TimeUnit};

/// A struct of another layout than its fields follow one another.
#[derive(Clone, Copy, Debug, Element, PartialEq, serde::Serialize, serde::Deserialize)]
#[repr(C)]
pub struct Point {
    pub on: bool,
    pub at: [f32; 2],
    pub id: u16,
}

#[derive(Clone, Debug)]
pub enum Items {
    Bool(Vec<bool>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    F16(Vec<f16>),
    BF16(Vec<bf16>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    C64(Vec<Complex32>),
    C128(Vec<Complex64>),
    Datetime(Vec<i64>),
    Timedelta(Vec<i64>),
    Text(Vec<String>),
    Bytes(Vec<Vec<u8>>),
    Points(Vec<Point>),
}

impl Items {
    /// Each form of each element is compiled for each of serde's ways to ask. So a few elements stand for all that are like
    /// them; the others are `DynArray`s, whose code is the same for all.
    fn has_every_form(&self) -> bool {
        matches!(self, Items::Bool(_) | Items::I64(_) | Items::F32(_))
    }

    fn has_handles(&self) -> bool {
        matches!(self, Items::F16(_) | Items::C64(_) | Items::Datetime(_) | Items::Points(_))
    }
}

/// What a field with an array is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `DynArray`.
    Dyn,
    /// `ArrayD` as serde has it: ndarray's own form.
    Nd,
    /// `ArrayD` under `#[shm_array]`.
    Routed,
    /// `ShmArrayD`.
    Shm,
    /// `Vec` under `#[shm_array]`; of one axis.
    Marked,
    /// `Vec`; of one axis.
    List,
}

#[derive(Clone, Debug)]
pub struct Array {
    pub items: Items,
    pub shape: Vec<usize>,
    /// In Fortran order, in the forms that have an order.
    pub fortran: bool,
    pub written: Form,
    pub read: Form,
}

/// The arrays that have an element of Rust: each of a variant of `Items`, with the body for its items.
macro_rules! with_plain {
    ($items:expr, $v:ident => $body:expr, $($rest:tt)*) => {
        match $items {
            Items::Bool($v) => $body,
            Items::I8($v) => $body,
            Items::I16($v) => $body,
            Items::I32($v) => $body,
            Items::I64($v) => $body,
            Items::U8($v) => $body,
            Items::U16($v) => $body,
            Items::U32($v) => $body,
            Items::U64($v) => $body,
            Items::F16($v) => $body,
            Items::BF16($v) => $body,
            Items::F32($v) => $body,
            Items::F64($v) => $body,
            Items::C64($v) => $body,
            Items::C128($v) => $body,
            $($rest)*
        }
    };
}

/// Elements that are the same bits, so that a NaN is itself.
pub trait Bits {
    fn bits(&self) -> [u64; 2];
}

macro_rules! bits {
    ($($ty:ty, $value:ident => $bits:expr;)*) => {$(
        impl Bits for $ty {
            fn bits(&self) -> [u64; 2] {
                let $value = self;
                $bits
            }
        }
    )*};
}

bits! {
    bool, v => [u64::from(*v), 0];
    i8, v => [*v as u64, 0];
    i16, v => [*v as u64, 0];
    i32, v => [*v as u64, 0];
    i64, v => [*v as u64, 0];
    u8, v => [*v as u64, 0];
    u16, v => [*v as u64, 0];
    u32, v => [*v as u64, 0];
    u64, v => [*v, 0];
    f16, v => [v.to_bits().into(), 0];
    bf16, v => [v.to_bits().into(), 0];
    f32, v => [v.to_bits().into(), 0];
    f64, v => [v.to_bits(), 0];
    Complex32, v => [v.re.to_bits().into(), v.im.to_bits().into()];
    Complex64, v => [v.re.to_bits(), v.im.to_bits()];
    Datetime64<Nanoseconds>, v => [v.value() as u64, 0];
    Point, v => [
        u64::from(v.at[0].to_bits()) << 32 | u64::from(v.at[1].to_bits()),
        u64::from(v.id) << 1 | u64::from(v.on),
    ];
}

/// Its elements in row-major order, whatever the order in memory.
fn nd<A: Clone>(items: &[A], shape: &[usize], fortran: bool) -> ArrayD<A> {
    let array = ArrayD::from_shape_vec(IxDyn(shape), items.to_vec()).unwrap();
    if !fortran {
        return array;
    }
    let mut turned: Vec<A> = array.t().iter().cloned().collect();
    turned.shrink_to_fit();
    ArrayD::from_shape_vec(IxDyn(shape).f(), turned).unwrap()
}

fn write<A, S>(array: &Array, items: &[A], s: S) -> std::result::Result<S::Ok, S::Error>
where
    A: Element + Serialize,
    ArrayD<A>: SerializeArray,
    Vec<A>: SerializeArray,
    S: Serializer,
{
    match array.written {
        Form::Nd => nd(items, &array.shape, array.fortran).serialize(s),
        Form::List => items.serialize(s),
        Form::Marked => serde_shm::array::serialize(&items.to_vec(), s),
        Form::Shm => array.handle(items).serialize(s),
        _ => serde_shm::array::serialize(&nd(items, &array.shape, array.fortran), s),
    }
}

fn dates(v: &[i64]) -> Vec<Datetime64<Nanoseconds>> {
    v.iter().map(|n| Datetime64::new(*n)).collect()
}

const DATE: TimeUnit = TimeUnit::new(TimeBase::Nanosecond, 1).unwrap();
const DELTA: TimeUnit = TimeUnit::new(TimeBase::Day, 1).unwrap();

impl Array {
    fn handle<A: Element>(&self, items: &[A]) -> ShmArrayD<A> {
        nd(items, &self.shape, self.fortran).into()
    }

    /// The form that is known by its dtype at run time.
    fn dynamic(&self) -> Option<DynArray> {
        let (shape, fortran) = (&self.shape, self.fortran);
        Some(with_plain! { &self.items, v => DynArray::from(nd(v, shape, fortran)),
            Items::Datetime(v) => DynArray::Datetime(nd(v, shape, fortran), DATE),
            Items::Timedelta(v) => DynArray::Timedelta(nd(v, shape, fortran), DELTA),
            Items::Text(v) => DynArray::Text(nd(v, shape, fortran)),
            Items::Bytes(v) => DynArray::Bytes(nd(v, shape, fortran)),
            Items::Points(_) => return None,
        })
    }

    fn arbitrary_items(u: &mut Unstructured<'_>, len: usize) -> Result<Items> {
        fn all<T>(
            u: &mut Unstructured<'_>,
            len: usize,
            mut make: impl FnMut(&mut Unstructured<'_>, usize) -> Result<T>,
        ) -> Result<Vec<T>> {
            (0..len).map(|at| make(u, at)).collect()
        }
        // The first elements are the fuzzer's, and those behind them their places, so that long arrays take few bytes.
        macro_rules! numbers {
            ($variant:ident, $ty:ty, |$n:ident| $make:expr) => {
                Items::$variant(all(u, len, |u, at| {
                    let $n: $ty = if at < 4 { u.arbitrary()? } else { at as $ty };
                    Ok($make)
                })?)
            };
        }
        Ok(match u.int_in_range(0..=19)? {
            0 => Items::Bool(all(
                u,
                len,
                |u, at| if at < 4 { u.arbitrary() } else { Ok(at % 3 == 0) },
            )?),
            1 => numbers!(I8, i8, |n| n),
            2 => numbers!(I16, i16, |n| n),
            3 => numbers!(I32, i32, |n| n),
            4 => numbers!(I64, i64, |n| n),
            5 => numbers!(U8, u8, |n| n),
            6 => numbers!(U16, u16, |n| n),
            7 => numbers!(U32, u32, |n| n),
            8 => numbers!(U64, u64, |n| n),
            9 => numbers!(F16, u16, |n| f16::from_bits(n)),
            10 => numbers!(BF16, u16, |n| bf16::from_bits(n)),
            11 => numbers!(F32, u32, |n| f32::from_bits(n)),
            12 => numbers!(F64, u64, |n| f64::from_bits(n)),
            13 => numbers!(C64, u32, |n| Complex32::new(f32::from_bits(n), 1.0)),
            14 => numbers!(C128, u64, |n| Complex64::new(2.0, f64::from_bits(n))),
            15 => numbers!(Datetime, i64, |n| n),
            16 => numbers!(Timedelta, i64, |n| n),
            17 => {
                // NumPy's fixed text has no NULs at its end.
                let text = |u: &mut Unstructured<'_>| {
                    let text = u.arbitrary::<&str>()?.chars().take(5).collect::<String>();
                    Ok(text.trim_end_matches('\0').to_owned())
                };
                Items::Text(all(u, len, |u, at| if at < 4 { text(u) } else { Ok(at.to_string()) })?)
            }
            18 => {
                let bytes = |u: &mut Unstructured<'_>| {
                    let mut bytes = u.arbitrary::<[u8; 3]>()?.to_vec();
                    while bytes.last() == Some(&0) {
                        bytes.pop();
                    }
                    Ok(bytes)
                };
                Items::Bytes(all(u, len, |u, at| {
                    if at < 4 { bytes(u) } else { Ok(at.to_string().into_bytes()) }
                })?)
            }
            _ => {
                numbers!(Points, u16, |n| Point {
                    on: n.is_multiple_of(2),
                    at: [f32::from(n), 0.5],
                    id: n
                })
            }
        })
    }

    /// Only this crate's containers give an array in another form than it was written in: `crossed`.
    pub fn arbitrary(u: &mut Unstructured<'_>, crossed: bool) -> Result<Array> {
        let shape = match u.int_in_range(0..=9)? {
            0 => vec![],
            1 => vec![u.int_in_range(0..=3)?, 0],
            2 => vec![0, 2],
            3 => vec![2, u.int_in_range(1..=3)?, 2],
            4 => vec![u.int_in_range(1..=4)?, u.int_in_range(1..=4)?],
            5 => vec![*u.choose(&[0, 255, 256, 257, 300])?],
            _ => vec![u.int_in_range(0..=6)?],
        };
        let items = Array::arbitrary_items(u, shape.iter().product())?;
        let one = shape.len() == 1;
        let mut forms = vec![Form::Routed, Form::Shm];
        match &items {
            Items::Points(_) => forms = vec![Form::Shm],
            items if items.has_every_form() => {
                forms.extend([Form::Dyn, Form::Nd]);
                forms.extend(one.then_some([Form::Marked, Form::List]).into_iter().flatten());
            }
            items if items.has_handles() => forms = vec![Form::Dyn, Form::Shm],
            _ => forms = vec![Form::Dyn],
        }
        let (written, mut read) = (*u.choose(&forms)?, *u.choose(&forms)?);
        if !crossed || u.ratio(1, 2)? {
            read = written;
        }
        // What a list was made of is not said, nor how many axes a scalar has in it; nor does ndarray's form say of what it has
        // no elements.
        let is_told =
            written != Form::List && (written != Form::Nd || shape.iter().product::<usize>() > 0);
        if read == Form::Dyn && !is_told {
            read = written;
        }
        Ok(Array { items, shape, fortran: u.arbitrary()?, written, read })
    }

    /// Whether the elements have a form of their own in JSON: no NaN and no infinity.
    pub fn is_finite(&self) -> bool {
        match &self.items {
            Items::F16(v) => v.iter().all(|n| n.is_finite()),
            Items::BF16(v) => v.iter().all(|n| n.is_finite()),
            Items::F32(v) => v.iter().all(|n| n.is_finite()),
            Items::F64(v) => v.iter().all(|n| n.is_finite()),
            Items::C64(v) => v.iter().all(|n| n.is_finite()),
            Items::C128(v) => v.iter().all(|n| n.is_finite()),
            _ => true,
        }
    }

    /// Whether a float of two bytes in it is no number.
    pub fn has_small_nan(&self) -> bool {
        match &self.items {
            Items::F16(v) => v.iter().any(|n| n.is_nan()),
            Items::BF16(v) => v.iter().any(|n| n.is_nan()),
            _ => false,
        }
    }

    /// Asks for it in the form `read`, and compares.
    pub fn compare<'de, D: Deserializer<'de>>(&self, d: D) -> std::result::Result<(), D::Error> {
        if self.read == Form::Dyn {
            let found = DynArray::deserialize(d)?;
            return match self.dynamic() {
                Some(wanted) if same(&found, &wanted) => Ok(()),
                wanted => Err(D::Error::custom(format_args!("{wanted:?} became {found:?}"))),
            };
        }
        match &self.items {
            Items::Bool(v) => self.compare_items(v, d),
            Items::I64(v) => self.compare_items(v, d),
            Items::F32(v) => self.compare_items(v, d),
            Items::F16(v) => self.compare_handle(v, d),
            Items::C64(v) => self.compare_handle(v, d),
            Items::Datetime(v) => self.compare_handle(&dates(v), d),
            Items::Points(v) => self.compare_handle(v, d),
            _ => unreachable!("their form is `Dyn`"),
        }
    }

    fn compare_handle<'de, A, D>(&self, items: &[A], d: D) -> std::result::Result<(), D::Error>
    where
        A: Element + Bits + std::fmt::Debug,
        D: Deserializer<'de>,
    {
        self.check(items, ShmArrayD::<A>::deserialize(d)?.view().to_owned())
    }

    fn compare_items<'de, A, D>(&self, items: &[A], d: D) -> std::result::Result<(), D::Error>
    where
        A: Element + Bits + Deserialize<'de> + std::fmt::Debug,
        ArrayD<A>: DeserializeArray<'de>,
        Vec<A>: DeserializeArray<'de>,
        D: Deserializer<'de>,
    {
        match self.read {
            Form::Nd => self.check(items, ArrayD::<A>::deserialize(d)?),
            Form::List => self.check_list(items, &Vec::deserialize(d)?),
            Form::Marked => self.check_list(items, &serde_shm::array::deserialize::<Vec<A>, D>(d)?),
            Form::Shm => self.compare_handle(items, d),
            _ => self.check(items, serde_shm::array::deserialize::<ArrayD<A>, D>(d)?),
        }
    }

    fn check<A: Bits + std::fmt::Debug, E: Error>(
        &self,
        items: &[A],
        found: ArrayD<A>,
    ) -> std::result::Result<(), E> {
        if found.shape() != self.shape || !equal(items, found.iter()) {
            return Err(E::custom(format_args!("{self:?} became {found:?}")));
        }
        Ok(())
    }

    fn check_list<A: Bits + std::fmt::Debug, E: Error>(
        &self,
        items: &[A],
        found: &[A],
    ) -> std::result::Result<(), E> {
        match equal(items, found.iter()) {
            true => Ok(()),
            false => Err(E::custom(format_args!("{self:?} became {found:?}"))),
        }
    }
}

fn equal<'a, A: Bits + 'a>(items: &[A], found: impl ExactSizeIterator<Item = &'a A>) -> bool {
    items.len() == found.len() && items.iter().zip(found).all(|(a, b)| a.bits() == b.bits())
}

/// Whether they are the same, variant and bits.
fn same(found: &DynArray, wanted: &DynArray) -> bool {
    fn bits<A: Bits>(a: &ArrayD<A>, b: &ArrayD<A>) -> bool {
        a.shape() == b.shape() && a.iter().zip(b).all(|(a, b)| a.bits() == b.bits())
    }
    match (found, wanted) {
        (DynArray::F16(a), DynArray::F16(b)) => bits(a, b),
        (DynArray::BF16(a), DynArray::BF16(b)) => bits(a, b),
        (DynArray::F32(a), DynArray::F32(b)) => bits(a, b),
        (DynArray::F64(a), DynArray::F64(b)) => bits(a, b),
        (DynArray::Complex64(a), DynArray::Complex64(b)) => bits(a, b),
        (DynArray::Complex128(a), DynArray::Complex128(b)) => bits(a, b),
        _ => found == wanted,
    }
}

impl Serialize for Array {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        if self.written == Form::Dyn {
            return self.dynamic().expect("this form was chosen").serialize(s);
        }
        match &self.items {
            Items::Bool(v) => write(self, v, s),
            Items::I64(v) => write(self, v, s),
            Items::F32(v) => write(self, v, s),
            Items::F16(v) => self.handle(v).serialize(s),
            Items::C64(v) => self.handle(v).serialize(s),
            Items::Datetime(v) => self.handle(&dates(v)).serialize(s),
            Items::Points(v) => self.handle(v).serialize(s),
            _ => unreachable!("their form is `Dyn`"),
        }
    }
}
