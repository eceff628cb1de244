//! How a live array of any dtype goes through serde, and out of serde's buffer.

use serde::de::{Deserialize, Deserializer, SeqAccess};
use serde::ser::{Error as _, Serialize, Serializer};

use crate::array::item::{DeserializeArray, SerializeArray};
use crate::array::owner::Unshared;
use crate::array::payload::{self, Made};
use crate::array::token;
use crate::array::untyped::{FoundArray, UntypedArray};
use crate::context;
use crate::layout::Order;
use crate::memory::live::Kind;
use crate::store::Standing;

use super::super::flat::FlatAtomic;
use super::super::into_format;
use super::{AnyCells, Inner, UntypedLive, no_live, with_cells};

/// A locked array is written under a read lock, for which this waits.
impl SerializeArray for UntypedLive {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.elements {
            Inner::Locked(_) => {
                let guard = self.read().map_err(|error| into_format(&error, S::Error::custom))?;
                let (dtype, shape) = (self.dtype(), self.shape());
                let view = &guard.view();
                let (order, kind) = (Order::C, Kind::Locked);
                let payload = token::Payload {
                    dtype,
                    order,
                    kind,
                    is_ndarray_form: false,
                    shape,
                    elements: view,
                    owner: Unshared,
                };
                payload.under_token(serializer)
            }
            Inner::Atomic(cells) => with_cells!(cells, cells => {
                token::serialize_as(Kind::Atomic, self.shape(), FlatAtomic { cells }, serializer)
            }),
        }
    }
}

impl Serialize for UntypedLive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_array(serializer)
    }
}

impl<'de> DeserializeArray<'de> for UntypedLive {
    fn deserialize_array<Z: Deserializer<'de>>(d: Z) -> Result<Self, Z::Error> {
        payload::read(d)
    }
}

impl<'de> Made<'de> for UntypedLive {
    type Read = FoundArray<'de>;

    fn made<E: serde::de::Error>(found: FoundArray<'de>) -> Result<Self, E> {
        let made = match found {
            FoundArray::Stored(head, _) => UntypedLive::new(head, context::live().as_ref()),
            FoundArray::Lent(placed) => UntypedLive::new(placed.head, context::live().as_ref()),
            FoundArray::Nested(_) => Err(no_live()),
        };
        made.map_err(|error| into_format(&error, E::custom))
    }
}

impl<'de> Deserialize<'de> for UntypedLive {
    fn deserialize<Z: Deserializer<'de>>(d: Z) -> Result<Self, Z::Error> {
        Self::deserialize_array(d)
    }
}

/// An array that serde's buffer keeps.
pub(crate) enum BufferedArray {
    Plain(UntypedArray),
    Live(UntypedLive),
}

impl BufferedArray {
    /// The array that has this ticket, whose bytes come next. `None` outside of the read in which the array was kept.
    pub(crate) fn of_ticket<'de, S: SeqAccess<'de>>(
        ticket: u64,
        seq: &mut S,
    ) -> Result<Option<Self>, S::Error> {
        let Some(found) = payload::of_ticket::<FoundArray<'de>, S>(ticket, seq)? else {
            return Ok(None);
        };
        Ok(Some(match found.standing() {
            Standing::Live(..) => BufferedArray::Live(UntypedLive::made(found)?),
            _ => BufferedArray::Plain(UntypedArray::made(found)?),
        }))
    }
}
