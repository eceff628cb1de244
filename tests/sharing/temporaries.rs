//! Arrays that are made while an object is written may come to lie where others lay that are gone: they are never taken for these.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use ndarray::{ArcArray1, Array1};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_shm::array::SerializeArray;
use serde_shm::{ShmArray1, UntypedArray};

use crate::support::Routed;
use crate::support::memory;

const LEN: usize = 1_000;

/// Makes an array for each item, which is gone when the next is made.
struct Made<F>(F, usize);

impl<T: SerializeArray, F: Fn(Vec<f32>) -> T> Serialize for Made<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.1))?;
        for number in 0..self.1 {
            seq.serialize_element(&Routed((self.0)(vec![number as f32; LEN])))?;
        }
        seq.end()
    }
}

fn each_is_itself<T: SerializeArray>(make: impl Fn(Vec<f32>) -> T) {
    let count = 300;
    let (block, peak) = memory::peak(|| serde_shm::to_bytes(&Made(&make, count)).unwrap());
    let read: Vec<Routed<Vec<f32>>> = serde_shm::from_bytes(&block).unwrap();
    assert_eq!(read.len(), count);
    for (number, read) in read.iter().enumerate() {
        let what = std::any::type_name::<T>();
        assert!(read.0.iter().all(|n| *n == number as f32), "{what}: item {number}");
    }
    let all = count * LEN * 4;
    assert!(block.len() >= all && peak < 5 * all, "{peak} bytes at once for {all}");
}

#[test]
fn one_that_is_made_where_another_lay_is_written() {
    each_is_itself(ArcArray1::from);
    each_is_itself(ShmArray1::from);
    each_is_itself(|list| UntypedArray::from(ShmArray1::from(list)));
    each_is_itself(Arc::<[f32]>::from);
    each_is_itself(Rc::<[f32]>::from);
    each_is_itself(Arc::new);
    each_is_itself(Rc::new);
    each_is_itself(|list| Arc::<[f32; LEN]>::new(list.try_into().unwrap()));
    each_is_itself(|list| Rc::new(ArcArray1::from(list)));
    each_is_itself(|list| Arc::new(Array1::from(list)));
}

/// What is let go of is let go of while the object is written: a stream of arrays takes no memory for those that were.
#[test]
fn arrays_that_are_gone_take_no_memory() {
    struct Nowhere;
    impl std::io::Write for Nowhere {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    fn peak<T: SerializeArray>(make: impl Fn(Vec<f32>) -> T) -> usize {
        let make = |list: Vec<f32>| make(vec![list[0]; 1 << 18]);
        memory::peak(|| serde_shm::to_writer(Nowhere, &Made(make, 200)).unwrap()).1
    }
    // 200 MiB in all.
    for peak in [
        peak(ArcArray1::from),
        peak(ShmArray1::from),
        peak(Arc::<[f32]>::from),
        peak(Rc::new),
        peak(|list| UntypedArray::from(ShmArray1::from(list))),
    ] {
        assert!(peak < 24 << 20, "{peak} bytes at once");
    }
}

/// Changes what it has between two times that it is written.
struct Changing(Mutex<ArcArray1<f32>>, Cell<f32>);

impl Serialize for Changing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = self.0.lock().unwrap();
        self.1.set(self.1.get() + 1.0);
        array.fill(self.1.get());
        Routed(&*array).serialize(serializer)
    }
}

#[test]
fn an_array_that_is_changed_between_is_another() {
    let changing = Changing(Mutex::new(ArcArray1::zeros(LEN)), Cell::new(0.0));
    let block = serde_shm::to_bytes(&[&changing, &changing, &changing]).unwrap();
    let read: Vec<Routed<Vec<f32>>> = serde_shm::from_bytes(&block).unwrap();
    for (read, number) in read.iter().zip([1.0, 2.0, 3.0]) {
        assert_eq!(read.0, vec![number; LEN]);
    }
}

/// The same through an `Arc` that can be changed where nobody else has it.
struct Unique(Mutex<Arc<Vec<f32>>>, Cell<f32>);

impl Serialize for Unique {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = self.0.lock().unwrap();
        self.1.set(self.1.get() + 1.0);
        // While the writer has a share, this makes a copy.
        Arc::make_mut(&mut list).fill(self.1.get());
        Routed(&*list).serialize(serializer)
    }
}

#[test]
fn an_arc_that_is_changed_between_is_another() {
    let unique = Unique(Mutex::new(Arc::new(vec![0.0; LEN])), Cell::new(0.0));
    let block = serde_shm::to_bytes(&vec![&unique; 100]).unwrap();
    let read: Vec<Routed<Vec<f32>>> = serde_shm::from_bytes(&block).unwrap();
    for (read, number) in read.iter().zip(1_u16..) {
        assert_eq!(read.0, vec![f32::from(number); LEN]);
    }
}

/// An object within an object: what one writer keeps is none of the other's.
struct Inner(ShmArray1<f32>);

impl Serialize for Inner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let block = serde_shm::to_bytes(&[&self.0, &self.0]).unwrap();
        (&self.0, serde_bytes::Bytes::new(&block), &self.0).serialize(serializer)
    }
}

#[test]
fn an_object_that_is_written_inside_has_arrays_of_its_own() {
    let array = ShmArray1::from(vec![1.5_f32; LEN]);
    let block = serde_shm::to_bytes(&Inner(array.clone())).unwrap();
    let (a, inner, b): (ShmArray1<f32>, serde_bytes::ByteBuf, ShmArray1<f32>) =
        serde_shm::from_bytes(&block).unwrap();
    assert!(a == array.view() && b == array.view() && a.as_ptr() == b.as_ptr());
    let inner: Vec<ShmArray1<f32>> = serde_shm::from_bytes(&inner).unwrap();
    assert!(inner.iter().all(|inner| *inner == array.view()));
}
