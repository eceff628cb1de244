//! Results of jobs: right, in order, large, many, few, none.

use ndarray::Array1;
use serde_shm::workers::{self, Pool, Task};
use serde_shm::{AtomicArray, Segment, SegmentOptions, ShmArray1};

use crate::support::pool;
use crate::tasks::{COUNT, DO, Deed, ECHO, Index, LARGE, LOCKED, SUM, SUM_VIEW, index};

fn parts(all: usize, each: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..all).step_by(each).map(move |start| start..(start + each).min(all))
}

#[test]
fn the_sum_over_an_index_is_that_of_one_process() {
    let index = index(100_000);
    let segment = serde_shm::to_shared(&index).unwrap();
    for processes in [1, 4] {
        let mut pool = pool(&segment).processes(processes);
        let sum = pool.map_reduce(&SUM, parts(100_000, 777), 0, |sum, part| sum + part).unwrap();
        assert_eq!(sum, index.numbers.sum());
        assert!(pool.process_ids().len() <= processes && pool.deaths().is_empty());
        // The processes stay, and take another task.
        let before = pool.process_ids();
        let views = pool.map(&SUM_VIEW, parts(100_000, 10_000));
        let sum = views.map(Result::unwrap).fold(0, |sum, (part, name)| {
            assert_eq!(name, 5);
            sum + part
        });
        assert_eq!(sum, index.numbers.sum());
        assert!(pool.process_ids().starts_with(&before));
    }
}

/// Serves itself: no other test is needed for it.
#[test]
fn a_test_can_serve_itself() {
    const TWICE: Task<u64, u64, u64> = Task::new("twice", |factor, job| Ok(factor * job));
    workers::serve(&[&TWICE]);
    let segment = serde_shm::to_shared(&2_u64).unwrap();
    let command = workers::test_command("maps::a_test_can_serve_itself").unwrap();
    let mut pool = Pool::new(&segment).unwrap().processes(2).command(command);
    let all: Vec<u64> = pool.map(&TWICE, 0..50).map(Result::unwrap).collect();
    assert_eq!(all, (0..100).step_by(2).collect::<Vec<_>>());
}

#[test]
fn four_processes_count_into_one_array() {
    let segment = serde_shm::to_shared(&index(200_000)).unwrap();
    let here: Index = segment.get().unwrap();
    let mut pool = pool(&segment).processes(4);
    pool.start().unwrap();
    assert_eq!(pool.process_ids().len(), 4);
    pool.for_each(&COUNT, parts(200_000, 1000)).unwrap();
    let mut alone = Array1::<u32>::zeros(1009);
    for number in &*here.numbers {
        alone[*number as usize] += 1;
    }
    assert_eq!(here.counts.snapshot(), alone);
    assert_eq!(alone.sum(), 200_000);

    pool.for_each(&LOCKED, [50; 40]).unwrap();
    assert!(here.locked.read().unwrap().iter().all(|value| *value == 2000.0));
}

#[test]
fn through_a_handle_for_reading_nothing_can_be_counted() {
    let made = serde_shm::to_shared(&index(10)).unwrap();
    let segment = Segment::open_read_only(made.id()).unwrap();
    let error = pool(&segment).processes(1).for_each(&COUNT, [0..10]).unwrap_err();
    assert!(error.to_string().contains("Segment::open_read_only"), "{error}");
}

#[test]
fn results_come_in_order_or_as_they_come() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    // The first jobs are slow, and the others overtake them.
    let jobs = || (0..40_u64).map(|job| Deed::Sleep(if job < 2 { 200 } else { job }));
    let mut pool = pool(&segment).processes(4).look_ahead(10);
    let ordered: Vec<u64> = pool.map(&DO, jobs()).map(Result::unwrap).collect();
    assert_eq!(ordered[..4], [200, 200, 2, 3]);
    assert_eq!(ordered[2..], (2..40).collect::<Vec<_>>());
    let mut pool = pool.in_order(false);
    let mut all: Vec<u64> = pool.map(&DO, jobs()).map(Result::unwrap).collect();
    assert_eq!(all.len(), 40);
    assert_ne!(all[0], 200);
    all.sort_unstable();
    assert_eq!(all, ordered.iter().copied().skip(2).chain([200, 200]).collect::<Vec<_>>());
}

#[test]
fn sums_of_floats_do_not_depend_on_the_processes() {
    let segment = serde_shm::to_shared(&()).unwrap();
    let jobs = || (0..60_u8).map(|job| ShmArray1::from(vec![job; usize::from(job) * 50]));
    let mean = |sum: f64, part: ShmArray1<u8>| {
        (sum + part.iter().map(|v| 1.0 / (1.0 + f64::from(*v))).sum::<f64>()) / 1.1
    };
    let one = pool(&segment).processes(1).map_reduce(&ECHO, jobs(), 0.0, mean).unwrap();
    let four = pool(&segment).processes(4).map_reduce(&ECHO, jobs(), 0.0, mean).unwrap();
    assert_eq!(one.to_bits(), four.to_bits());
}

#[test]
fn no_jobs_start_no_process() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = pool(&segment).processes(4);
    assert_eq!(pool.map_reduce(&SUM, [], 42, |sum, part| sum + part).unwrap(), 42);
    assert_eq!(pool.map(&SUM, std::iter::empty()).count(), 0);
    assert!(pool.process_ids().is_empty());
    // Nor do few jobs start more processes than there are jobs.
    assert_eq!(pool.map_reduce(&SUM, [0..3], 0, |sum, part| sum + part).unwrap(), 5);
    assert_eq!(pool.process_ids().len(), 1);
}

#[test]
fn more_processes_than_jobs() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = pool(&segment).processes(16);
    let three = pool.map_reduce(&DO, vec![Deed::Return(1); 3], 0, |sum, part| sum + part).unwrap();
    assert_eq!(three, 3);
    assert!(pool.process_ids().len() <= 3);
}

#[test]
fn ten_thousand_small_jobs() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    for in_order in [true, false] {
        let mut pool = pool(&segment).processes(4).in_order(in_order);
        let jobs = (0..10_000).map(Deed::Return);
        let (count, sum) = pool
            .map_reduce(&DO, jobs, (0, 0), |(count, sum), part| (count + 1, sum + part))
            .unwrap();
        assert_eq!((count, sum), (10_000, 49_995_000));
    }
}

#[test]
fn large_jobs_and_results() {
    let segment = serde_shm::to_shared(&()).unwrap();
    let mut pool = pool(&segment).processes(2);
    let mut all = 0;
    for (bytes, result) in [50_000_000, 8000, 30_000_000, 0]
        .into_iter()
        .zip(pool.map(&LARGE, [50_000_000, 8000, 30_000_000, 0]))
    {
        let array = result.unwrap();
        let words = array.as_slice().unwrap();
        assert_eq!(size_of_val(words), bytes);
        assert!((0..words.len()).step_by(9973).all(|at| words[at] == (at % 1009) as f64));
        all += words.len();
    }
    assert_eq!(all, 10_001_000);
    let job: ShmArray1<u8> = [1_u8, 2, 3, 5, 8].repeat(10_000_000).into();
    let back: Vec<_> = pool.map(&ECHO, [job.clone(), job.clone()]).map(Result::unwrap).collect();
    assert!(back.iter().all(|back| back.as_slice() == job.as_slice()));
}

#[test]
fn a_persistent_segment_is_shared_as_well_and_handles_may_go() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = serde_shm::ShmArray1::from((0..1000_u64).collect::<Vec<_>>());
    let segment = SegmentOptions::new().name("kept").persist(true).dir(folder.path());
    let segment = segment.create(&("kept", numbers)).unwrap();
    const SECOND: Task<(String, serde_shm::ShmArray1<u64>), usize, u64> =
        Task::new("second", |object, at| Ok(object.1[at]));
    workers::serve(&[&SECOND]);
    let command =
        workers::test_command("maps::a_persistent_segment_is_shared_as_well_and_handles_may_go");
    let mut pool = Pool::new(&segment).unwrap().processes(2).command(command.unwrap());
    segment.unlink().unwrap();
    drop(segment);
    let all: Vec<u64> = pool.map(&SECOND, [5, 999]).map(Result::unwrap).collect();
    assert_eq!(all, [5, 999]);
}

#[test]
fn a_pool_moves_to_another_thread_and_outlives_its_own() {
    let segment = serde_shm::to_shared(&AtomicArray::from(vec![0_u32; 4])).unwrap();
    drop(segment);
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    // The thread that started the processes ends before their second call.
    let mut pool = std::thread::spawn(move || {
        let mut pool = pool(&segment).processes(2);
        pool.start().unwrap();
        pool
    })
    .join()
    .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    let before = pool.process_ids();
    let all: Vec<u64> = pool.map(&DO, vec![Deed::Return(3); 10]).map(Result::unwrap).collect();
    assert_eq!(all, [3; 10]);
    assert_eq!(pool.process_ids(), before);
    assert!(pool.deaths().is_empty());
}

#[test]
fn standard_output_is_free_and_standard_input_empty() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = pool(&segment).processes(2);
    let jobs = [Deed::Print, Deed::Stdin, Deed::Print, Deed::Return(9)];
    let all: Vec<u64> = pool.map(&DO, jobs).map(Result::unwrap).collect();
    assert_eq!(all, [1, 0, 1, 9]);
}

#[test]
fn a_job_may_have_a_pool_of_its_own_and_what_it_starts_is_no_worker() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = pool(&segment).processes(2);
    let jobs = [Deed::StartPool, Deed::Grandchild];
    let all: Vec<u64> = pool.map(&DO, jobs).map(Result::unwrap).collect();
    assert_eq!(all, [285, 0]);
}
