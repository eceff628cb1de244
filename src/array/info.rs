//! What a container says of an array without reading it.

use std::ops::Range;

use crate::dtype::DType;
use crate::layout::Order;
use crate::memory::live::Kind;
use crate::store::{ArrayPath, ListedArray};

/// What a container says of one array: its path in the object, dtype, shape and order.
///
/// ```
/// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
/// use serde_shm::ShmArray1;
///
/// let segment = serde_shm::to_shared(&("a", ShmArray1::from(vec![1_u16, 2]))).unwrap();
/// let arrays = segment.arrays().unwrap();
/// assert_eq!((arrays[0].path(), arrays[0].shape()), ("1", &[2][..]));
/// assert_eq!(arrays[0].dtype().to_string(), "<u2");
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayInfo {
    path: String,
    dtype: DType,
    shape: Vec<usize>,
    order: Order,
    range: Option<Range<u64>>,
    zero_copy: bool,
    live: bool,
}

impl ArrayInfo {
    pub(crate) fn from_entry(path: ArrayPath<'_>, entry: ListedArray, zero_copy: bool) -> Self {
        ArrayInfo {
            path: path.to_string(),
            order: entry.order,
            range: (entry.kind == Kind::Plain)
                .then(|| entry.offset..entry.offset + entry.bytes as u64),
            zero_copy: zero_copy && entry.dtype.is_native(),
            live: entry.kind != Kind::Plain,
            dtype: entry.dtype,
            shape: entry.shape,
        }
    }

    #[cfg(feature = "npz")]
    pub(crate) fn from_info(info: crate::store::Info) -> Self {
        let crate::store::Info { path, dtype, shape, order, seat } = info;
        let zero_copy = seat.in_place && dtype.is_native();
        ArrayInfo { path, dtype, shape, order, range: seat.range, zero_copy, live: false }
    }

    /// The array's path in the object, such as `layers.0.weight`. An array that is the whole object is `arr_0`.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// use std::collections::BTreeMap;
    /// use serde_shm::{Block, ShmArray1};
    ///
    /// let layers = BTreeMap::from([("in", [ShmArray1::from(vec![0.5])])]);
    /// let block = Block::new(serde_shm::to_bytes(&layers)?)?;
    /// assert_eq!(block.arrays()?[0].path(), "in.0");
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The type of its elements; its `Display` is NumPy's descriptor.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// use serde_shm::{Block, ShmArray1};
    ///
    /// let block = Block::new(serde_shm::to_bytes(&ShmArray1::from(vec![0.5]))?)?;
    /// assert_eq!(block.arrays()?[0].dtype(), &serde_shm::DType::F64);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// The length of each axis; empty for an array without axes.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// use serde_shm::{Block, ShmArray2};
    ///
    /// let block = Block::new(serde_shm::to_bytes(&ShmArray2::from(ndarray::array![[1, 2, 3]]))?)?;
    /// assert_eq!(block.arrays()?[0].shape(), [1, 3]);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Which axis varies fastest in memory.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// use serde_shm::{Block, Order, ShmArray2};
    ///
    /// let rows = ndarray::array![[1, 2, 3], [4, 5, 6]];
    /// let columns = ShmArray2::from(rows.clone().reversed_axes()); // the same elements in memory
    /// let block = Block::new(serde_shm::to_bytes(&(ShmArray2::from(rows), columns))?)?;
    /// let orders: Vec<Order> = block.arrays()?.iter().map(|array| array.order()).collect();
    /// assert_eq!(orders, [Order::C, Order::F]);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn order(&self) -> Order {
        self.order
    }

    /// How many bytes the elements take.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// use serde_shm::{Block, ShmArray1};
    ///
    /// let block = Block::new(serde_shm::to_bytes(&ShmArray1::from(vec![0.5_f32; 3]))?)?;
    /// assert_eq!(block.arrays()?[0].byte_len(), 3 * 4);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn byte_len(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.item_size()
    }

    /// Where the elements lie in the container: the range in the bytes of a block or segment, or in a file. `None` for a
    /// compressed array and for a live one. It is also `None` for an array of a file that [`to_npz`](crate::to_npz) saved and
    /// another program has changed since, because the range could only be found by reading there.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// let bytes = serde_shm::to_bytes(&serde_shm::ShmArray1::from(b"abc".to_vec()))?;
    /// let block = serde_shm::Block::new(bytes)?;
    /// let range = block.arrays()?[0].range().unwrap();
    /// assert_eq!(&block.as_ref()[range.start as usize..range.end as usize], b"abc");
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Other programs can read or map an array by this range, without this crate. For a file, the range is what the file's
    /// directory says. It has not been compared with the array's own header.
    pub fn range(&self) -> Option<Range<u64>> {
        self.range.clone()
    }

    /// Whether a view of the array needs no copy: whether it is aligned, uncompressed, and in this machine's byte order.
    ///
    /// ```
    /// # #[cfg(all(feature = "ndarray", feature = "npz"))] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// use serde_shm::{Compression, Npz, NpzOptions, ShmArray1};
    ///
    /// let zeros = ShmArray1::from(vec![0_u8; 1000]);
    /// serde_shm::to_npz(&path, &zeros)?;
    /// assert!(Npz::open(&path)?.arrays()?[0].is_zero_copy());
    /// NpzOptions::new().compression(Compression::Deflate(6)).save(&path, &zeros)?;
    /// assert!(!Npz::open(&path)?.arrays()?[0].is_zero_copy());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn is_zero_copy(&self) -> bool {
        self.zero_copy
    }

    /// Whether the array is changed in place. It is then a [`LockedArray`](crate::LockedArray) or an
    /// [`AtomicArray`](crate::AtomicArray), and can be read as nothing else.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// use serde_shm::{LockedArray, ShmArray1};
    ///
    /// let segment = serde_shm::to_shared(&(LockedArray::from(vec![1]), ShmArray1::from(vec![2])))?;
    /// let live: Vec<bool> = segment.arrays()?.iter().map(|array| array.is_live()).collect();
    /// assert_eq!(live, [true, false]);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn is_live(&self) -> bool {
        self.live
    }
}
