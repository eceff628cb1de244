//! Several handles of one array take the memory of one.

use std::collections::BTreeMap;

use ndarray::Ix1;
use serde_shm::{Block, ShmArray1, UntypedArray};

use crate::sharing::{LEN, numbers};
use crate::support::Routed;
use crate::support::memory;

const BYTES: usize = LEN * 4;

#[test]
fn handles_of_bytes_that_nobody_keeps_share_one_copy() {
    let array = ShmArray1::from(numbers());
    let bytes = serde_shm::to_bytes(&vec![array; 8]).unwrap();
    let (handles, peak) =
        memory::peak(|| serde_shm::from_bytes::<Vec<ShmArray1<f32>>>(&bytes).unwrap());
    assert!(peak < 2 * BYTES, "{peak} bytes for one copy of {BYTES}");
    assert!(handles.iter().all(|one| one.as_ptr() == handles[0].as_ptr() && *one == numbers()));
    let mixed: (ShmArray1<f32>, UntypedArray, ShmArray1<f32>) = serde_shm::from_bytes(
        &serde_shm::to_bytes(&(&handles[0], &handles[1], &handles[2])).unwrap(),
    )
    .unwrap();
    assert_eq!(mixed.0.as_ptr(), mixed.2.as_ptr());
    assert_eq!(mixed.0.as_ptr().cast(), mixed.1.as_bytes().unwrap().as_ptr());
}

#[test]
fn one_array_by_its_path_is_that_of_each_place() {
    let array = ShmArray1::from(numbers());
    let object = BTreeMap::from([("a", &array), ("b", &array), ("c", &array)]);
    let block = Block::new(serde_shm::to_bytes(&object).unwrap()).unwrap();
    let paths: Vec<String> =
        block.arrays().unwrap().iter().map(|info| info.path().to_owned()).collect();
    assert_eq!(paths, ["a", "b", "c"]);
    for path in ["a", "b", "c"] {
        assert_eq!(block.array::<f32, Ix1>(path).unwrap(), numbers());
        assert_eq!(
            block.array::<f32, Ix1>(path).unwrap().as_ptr(),
            block.array::<f32, Ix1>("a").unwrap().as_ptr()
        );
    }
}

#[test]
fn an_array_in_eight_places_takes_the_memory_of_one() {
    const LARGE: usize = 32 << 20;
    let object = vec![ShmArray1::from(vec![0.5_f32; LARGE / 4]); 8];
    let (_, single) = memory::peak(|| serde_shm::to_bytes(&object[..1]).unwrap());
    let (block, peak) = memory::peak(|| serde_shm::to_bytes(&object).unwrap());
    assert!(block.len() < LARGE + 2_000 && peak < single + (1 << 16), "{peak}, once {single}");
    #[cfg(target_os = "linux")]
    {
        let (segment, peak) = memory::peak(|| serde_shm::to_shared(&object).unwrap());
        assert!(segment.len() == block.len() && peak < 1 << 20, "{peak} bytes beside the segment");
        let (handles, peak) = memory::peak(|| segment.get::<Vec<ShmArray1<f32>>>().unwrap());
        assert!(handles.len() == 8 && peak < 1 << 16, "{peak} bytes for handles");
    }
    let (owned, peak) =
        memory::peak(|| serde_shm::from_bytes::<Vec<Routed<Vec<f32>>>>(&block).unwrap());
    assert!(owned.len() == 8 && peak < 8 * LARGE + (1 << 20), "{peak} bytes for copies");
}
