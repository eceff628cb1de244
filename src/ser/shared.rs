//! Arrays that have a shared owner. An array that is met again is not written again.
//!
//! An address alone does not identify an array: an array may be freed, and another one made in its place. So the serializer keeps
//! a share of each array that it remembers, so that the array's memory stays and does not change. If all other shares are gone,
//! the array cannot be met any more, and the serializer drops its share. So an object that makes its arrays while it is written
//! takes no more memory because of this.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::array::{Descriptor, Shared};
use crate::dtype::DType;
use crate::layout::Order;
use crate::memory::Keeper;

/// After so many arrays of an object, small arrays are written each time, because to remember one takes longer than to write it.
pub(super) const MANY: u64 = 1024;

/// The kept shares are looked through when their number has doubled and so many bytes have come.
const FREE_BYTES: u64 = 16 << 20;
const FREE_COUNT: usize = 64;

/// Elements that lie somewhere, as an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SharedKey {
    address: usize,
    strides: Vec<isize>,
    pub(super) dtype: DType,
    pub(super) shape: Vec<usize>,
    pub(super) order: Order,
}

/// Hashes the address only, because few arrays lie at one address.
impl Hash for SharedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.address);
    }
}

/// Mixes an address. A sender cannot choose the addresses of an object's arrays, so the hash need not resist attacks.
#[derive(Default)]
pub(super) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, number: usize) {
        let mixed = (self.0 ^ number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
}

struct Met {
    /// The array's place in the container.
    place: u64,
    bytes: u64,
    keeper: Keeper,
}

/// The arrays that were met so far.
#[derive(Default)]
pub(super) struct SharedArrays {
    met: HashMap<SharedKey, Met, BuildHasherDefault<AddressHasher>>,
    /// How many arrays there may be, and how many bytes, before the arrays are looked through.
    most: usize,
    most_bytes: u64,
    bytes: u64,
}

/// An array that is written for the first time, to be remembered.
pub(super) struct New {
    key: SharedKey,
    bytes: u64,
    keeper: Keeper,
}

impl New {
    pub(super) fn of(owner: Shared, what: &Descriptor, bytes: usize) -> Self {
        let Shared { address, strides, keeper } = owner;
        let (dtype, shape) = (what.dtype.clone(), what.shape.clone());
        let key = SharedKey { address, strides, dtype, shape, order: what.order };
        New { key, bytes: bytes as u64, keeper }
    }
}

impl SharedArrays {
    /// The array's place in the container.
    pub(super) fn place_of(&self, new: &New) -> Option<u64> {
        self.met.get(&new.key).map(|met| met.place)
    }

    /// Remembers an array that was written at this place.
    pub(super) fn remember(&mut self, new: New, place: u64) {
        let New { key, bytes, keeper } = new;
        if self.met.len() >= self.most.max(FREE_COUNT)
            || self.bytes + bytes > self.most_bytes.max(FREE_BYTES)
        {
            self.let_go();
        }
        self.bytes += bytes;
        self.met.insert(key, Met { place, bytes, keeper });
    }

    /// Drops the shares of arrays of which all other shares are gone.
    #[cold]
    #[inline(never)]
    fn let_go(&mut self) {
        self.met.retain(|_, met| !met.keeper.is_last());
        self.bytes = self.met.values().map(|met| met.bytes).sum();
        self.most = self.met.len().saturating_mul(2);
        self.most_bytes = self.bytes.saturating_mul(2);
    }
}
