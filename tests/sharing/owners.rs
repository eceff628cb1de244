//! Types that share their elements are placed once, in each layout; those that do not share are written each time.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use ndarray::{ArcArray1, ArcArray2, Array1, Array2, CowArray, s};
use serde::Serialize;
use serde_shm::array::SerializeArray;
use serde_shm::{Block, ShmArray1, ShmArray2, UntypedArray};

use crate::sharing::numbers;
use crate::support::Routed;

/// How many bytes two of an array take more than one.
fn second<T: SerializeArray>(first: T, second: T) -> usize {
    let one = serde_shm::to_bytes(&[Routed(&first)]).unwrap().len();
    serde_shm::to_bytes(&[Routed(&first), Routed(&second)]).unwrap().len() - one
}

fn is_placed_once<T: SerializeArray + Clone>(array: &T) {
    assert!(second(array.clone(), array.clone()) < 200, "{}", std::any::type_name::<T>());
}

#[derive(Clone, Copy, Debug, PartialEq, serde_shm::Element)]
#[repr(C)]
struct Point {
    on: bool,
    at: [f32; 2],
}

#[test]
fn rows_structs_and_all_dtypes_are_shared() {
    is_placed_once(&Arc::<[[f32; 3]]>::from(vec![[1.0; 3]; 1_000]));
    is_placed_once(&Arc::new(vec![[[1_u16; 2]; 3]; 1_000]));
    is_placed_once(&Rc::new([[[[1_u8; 2]; 2]; 2]; 500]));
    is_placed_once(&Arc::new(vec![Point { on: true, at: [0.0, 1.0] }; 1_000]));
    is_placed_once(&ArcArray1::from(vec![Point { on: false, at: [0.0, 1.0] }; 1_000]));
    is_placed_once(&ShmArray1::from(vec![Point { on: false, at: [0.0, 1.0] }; 1_000]));
    is_placed_once(&Arc::<[bool]>::from(vec![true; 5_000]));
    let big: serde_shm::DType = ">i4".parse().unwrap();
    let bytes = vec![1_u8; 8_000];
    is_placed_once(&UntypedArray::from_owner(big, &[2_000], serde_shm::Order::C, bytes).unwrap());
}

#[test]
fn layouts_of_one_buffer_are_shared_where_they_are_the_same() {
    let base = ArcArray2::from(Array2::from_shape_fn((60, 50), |(i, j)| (i * 100 + j) as f32));
    let bytes = 60 * 50 * 4;
    is_placed_once(&base);
    is_placed_once(&base.clone().reversed_axes());
    let slice = base.clone().slice_move(s![..;2, 10..]);
    is_placed_once(&slice);
    let backwards = base.clone().slice_move(s![..;-1, ..]);
    is_placed_once(&backwards);
    // Other strides, another offset, another shape, another order: an array of its own.
    assert!(second(base.clone(), base.clone().reversed_axes()) >= bytes);
    assert!(second(base.clone(), backwards.clone()) >= bytes);
    assert!(second(slice.clone(), base.clone().slice_move(s![1..;2, 10..])) >= slice.len() * 4);
    let flat = base.clone().into_shape_with_order(3_000).unwrap();
    assert!(second(base.clone().into_dyn(), flat.clone().into_dyn()) >= bytes);
    assert!(second(flat.clone(), flat.slice_move(s![..2_999])) >= bytes - 4);
    // And what comes back is what each was.
    let all =
        [base.clone(), base.clone().reversed_axes(), slice, backwards.clone(), base, backwards];
    let block = serde_shm::to_bytes(&all.each_ref().map(Routed)).unwrap();
    let read: Vec<Routed<Array2<f32>>> = serde_shm::from_bytes(&block).unwrap();
    for (read, written) in read.iter().zip(&all) {
        assert_eq!(read.0, *written);
    }
}

#[test]
fn strides_of_handles_are_told_apart() {
    // The same numbers as strides, of elements and of bytes, and of the lowest and the first element.
    let base = ShmArray1::from((0..=255).collect::<Vec<u8>>());
    let any = UntypedArray::from(base);
    let part = |offset: usize, stride: isize| {
        let owner = any.as_bytes().unwrap().to_vec();
        let dtype = serde_shm::DType::U8;
        UntypedArray::from_owner_with_strides(dtype, &[100], &[stride], offset, owner).unwrap()
    };
    let (up, down) = (part(0, 2), part(200, -2));
    for array in [&up, &down] {
        is_placed_once(array);
    }
    let owner = Arc::new((0..=255).collect::<Vec<u8>>());
    #[derive(Clone)]
    struct Bytes(Arc<Vec<u8>>);
    impl AsRef<[u8]> for Bytes {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let of = |offset, stride| {
        let (dtype, owner) = (serde_shm::DType::U8, Bytes(Arc::clone(&owner)));
        UntypedArray::from_owner_with_strides(dtype, &[100], &[stride], offset, owner).unwrap()
    };
    let all = [of(0, 2), of(198, -2), of(0, 2), of(198, -2), of(0, 1), of(2, -1 + 3)];
    let bytes = serde_shm::to_bytes(&all).unwrap();
    let block = Block::new(bytes).unwrap();
    let read: Vec<UntypedArray> = block.get().unwrap();
    for (read, written) in read.iter().zip(&all) {
        assert_eq!(read, written);
    }
    let start = |n: usize| read[n].as_bytes().unwrap().as_ptr();
    assert!(start(0) == start(2) && start(1) == start(3) && start(0) != start(1));
    assert!(start(4) != start(0) && start(5) != start(0));
}

#[test]
fn an_array_is_found_by_another_type_that_shares_its_memory() {
    let typed = ShmArray2::from(Array2::<f64>::ones((30, 40)));
    let any = UntypedArray::from(typed.clone());
    let block = serde_shm::to_bytes(&(&typed, &any, &typed)).unwrap();
    assert!(block.len() < 30 * 40 * 8 + 1_000);
}

#[test]
fn what_owns_its_elements_alone_is_written_each_time() {
    let array = numbers();
    let bytes = array.len() * 4;
    assert!(second(array.clone(), array.clone()) >= bytes);
    assert!(second(array.to_vec(), array.to_vec()) >= bytes);
    assert!(second(Box::new(array.to_vec()), Box::new(array.to_vec())) >= bytes);
    // Views are no owners: whom they borrow from may change it before they are met again.
    assert!(second(array.view(), array.view()) >= bytes);
    assert!(second(&array, &array) >= bytes);
    assert!(second(CowArray::from(array.view()), CowArray::from(array.view())) >= bytes);
    let list = array.to_vec();
    assert!(second(&list[..], &list[..]) >= bytes);
    assert!(second(Cow::Borrowed(&list[..]), Cow::Borrowed(&list[..])) >= bytes);
    // Two of equal elements are two.
    assert!(second(ArcArray1::from(array.clone()), ArcArray1::from(array.clone())) >= bytes);
}

#[test]
fn arrays_without_bytes_are_none_to_share() {
    let none = ShmArray1::from(Vec::<f32>::new());
    let empty = Arc::new(Vec::<[f32; 3]>::new());
    let block = serde_shm::to_bytes(&(&none, Routed(&empty), &none, Routed(&empty))).unwrap();
    type Rows = Routed<Vec<[f32; 3]>>;
    let read: (ShmArray1<f32>, Rows, Array1<f32>, Rows) = serde_shm::from_bytes(&block).unwrap();
    assert!(read.0.is_empty() && read.1.0.is_empty() && read.2.is_empty() && read.3.0.is_empty());
}

#[test]
fn other_formats_see_nothing_of_it() {
    let shared = Arc::<[f32]>::from(vec![1.0, 2.0]);
    let twice = [Routed(Arc::clone(&shared)), Routed(shared)];
    assert_eq!(serde_json::to_string(&twice).unwrap(), "[[1.0,2.0],[1.0,2.0]]");
    let packed = rmp_serde::to_vec(&twice).unwrap();
    let back: Vec<Routed<Vec<f32>>> = rmp_serde::from_slice(&packed).unwrap();
    assert_eq!(back, [Routed(vec![1.0, 2.0]), Routed(vec![1.0, 2.0])]);
}

/// An object that threads share.
#[derive(Serialize, Clone)]
struct Threads {
    arcs: Vec<Routed<Arc<[f32]>>>,
    arrays: Vec<ShmArray1<f32>>,
}

#[test]
fn threads_that_share_owners_write_the_same_at_once() {
    let (arc, array) = (Arc::<[f32]>::from(numbers().to_vec()), ShmArray1::from(numbers()));
    let object = Threads { arcs: vec![Routed(arc); 4], arrays: vec![array; 4] };
    let expected = serde_shm::to_bytes(&object).unwrap();
    assert!(expected.len() < 3 * 5_000 * 4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            // Clones of the owners come and go beside.
            let object = object.clone();
            let expected = &expected;
            scope.spawn(move || {
                for _ in 0..100 {
                    let kept = object.clone();
                    assert!(serde_shm::to_bytes(&object).unwrap() == *expected);
                    drop(kept);
                }
            });
        }
    });
}
