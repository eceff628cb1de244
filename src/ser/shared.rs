//! Arrays that have a shared owner: one that is met again is not written again.
//!
//! An address alone does not tell an array: one that was made for a moment may be freed, and another made in its place. So of each
//! that is remembered a share is kept, by which its memory stays, and stays as it is. One of which all other shares are gone
//! cannot be met any more, and is let go, so that an object that makes its arrays as it is written takes no more memory for it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::array::Shared;
use crate::dtype::DType;
use crate::layout::Order;
use crate::memory::Keeper;

/// Behind so many arrays of an object, small ones are written each time: to remember one takes longer than to write it.
pub(super) const MANY: u64 = 1024;

/// What is kept is looked through where it has doubled, and these bytes have come.
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

/// Few arrays lie at one address.
impl Hash for SharedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.address);
    }
}

/// An address, mixed. Where an object's arrays lie nobody chooses who sends one.
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
    /// Where the container has it.
    place: u64,
    bytes: u64,
    keeper: Keeper,
}

/// The arrays that were met.
#[derive(Default)]
pub(super) struct SharedArrays {
    met: HashMap<SharedKey, Met, BuildHasherDefault<AddressHasher>>,
    /// How many there may be, and how many bytes, before they are looked through.
    most: usize,
    most_bytes: u64,
    bytes: u64,
}

/// An array that is written for the first time, to be remembered.
pub(super) struct New {
    key: SharedKey,
    keeper: Keeper,
}

impl New {
    pub(super) fn of(owner: Shared, dtype: &DType, shape: &[usize], order: Order) -> Self {
        let Shared { address, strides, keeper } = owner;
        let (dtype, shape) = (dtype.clone(), shape.to_vec());
        New { key: SharedKey { address, strides, dtype, shape, order }, keeper }
    }
}

impl SharedArrays {
    /// Where the container has it.
    pub(super) fn place_of(&self, new: &New) -> Option<u64> {
        self.met.get(&new.key).map(|met| met.place)
    }

    /// It was written there, and has so many bytes.
    pub(super) fn remember(&mut self, new: New, place: u64, bytes: u64) {
        if self.met.len() >= self.most.max(FREE_COUNT)
            || self.bytes + bytes > self.most_bytes.max(FREE_BYTES)
        {
            self.let_go();
        }
        self.bytes += bytes;
        let New { key, keeper } = new;
        self.met.insert(key, Met { place, bytes, keeper });
    }

    /// Lets go of those of which all other shares are gone.
    #[cold]
    #[inline(never)]
    fn let_go(&mut self) {
        self.met.retain(|_, met| !met.keeper.is_last());
        self.bytes = self.met.values().map(|met| met.bytes).sum();
        self.most = self.met.len().saturating_mul(2);
        self.most_bytes = self.bytes.saturating_mul(2);
    }
}
