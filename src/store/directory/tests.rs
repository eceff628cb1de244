use super::super::ArrayHead;
use super::*;
use crate::dtype::DType;

/// The bytes of a directory.
pub(super) fn whole(builder: &mut DirectoryBuilder) -> Vec<u8> {
    builder.complete().unwrap().concat()
}

/// An array as it was pushed.
type Pushed = (String, DType, Vec<usize>, Order, u64);

fn head((path, dtype, shape, order, _): &Pushed) -> ArrayHead<'_> {
    let bytes = layout::byte_len(shape, dtype.item_size()).unwrap();
    ArrayHead { path, follows: false, dtype, shape, order: *order, kind: Kind::Plain, bytes }
}

/// Arrays of these paths, one behind the other, of one dtype and shape.
fn like(paths: impl IntoIterator<Item = impl Into<String>>) -> Vec<Pushed> {
    let pushed = |(at, path): (usize, _)| {
        let path = Into::into(path);
        (path, DType::F64, vec![16], Order::C, 64 + 128 * at as u64)
    };
    paths.into_iter().enumerate().map(pushed).collect()
}

/// Whether the last steps are numbers, one behind the other, and all else is the same: what the serializer knows.
fn follows(last: &str, path: &str) -> bool {
    let parts = |path: &str| {
        let at = path.rfind('.').map_or(0, |dot| dot + 1);
        let step = path[at..].parse::<u64>().ok().filter(|step| step.to_string() == path[at..]);
        (path[..at].to_owned(), step)
    };
    let ((before, first), (after, second)) = (parts(last), parts(path));
    before == after && first.is_some() && first.and_then(|first| first.checked_add(1)) == second
}

/// What the directory is told of arrays that follow others.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    Nothing,
    ThatTheyFollow,
    /// Nothing but what they have not in common with those before.
    TheirDifferences,
}

/// The directory is the same whatever it is told.
fn built(arrays: &[Pushed]) -> Vec<u8> {
    let bytes = built_by(arrays, Told::Nothing);
    for told in [Told::ThatTheyFollow, Told::TheirDifferences] {
        let paths = || arrays.iter().map(|array| &array.0).collect::<Vec<_>>();
        assert!(built_by(arrays, told) == bytes, "{told:?}: {:?}", paths());
    }
    bytes
}

fn built_by(arrays: &[Pushed], told: Told) -> Vec<u8> {
    let mut builder = DirectoryBuilder::default();
    let mut last = String::new();
    for (number, array) in arrays.iter().enumerate() {
        // An array that is taken back leaves no trace.
        if number % 5 == 3 {
            let begun = (format!("{}.v", array.0), DType::U8, vec![7], Order::F, 1);
            builder.push(&head(&begun), 8).unwrap();
            builder.pop();
            last = begun.0;
        }
        let follows = told != Told::Nothing && follows(&last, &array.0);
        let is_like = |before: &Pushed| {
            (&before.1, before.3, before.2.len()) == (&array.1, array.3, array.2.len())
                && before.0 == last
        };
        let is_next = follows
            && told == Told::TheirDifferences
            && number.checked_sub(1).is_some_and(|before| is_like(&arrays[before]));
        if !(is_next && builder.next(&array.2, array.4)) {
            let head = ArrayHead { follows, ..head(array) };
            assert_eq!(builder.push(&head, array.4).unwrap(), number as u64);
        }
        last.clone_from(&array.0);
    }
    assert_eq!(builder.count(), arrays.len() as u64);
    whole(&mut builder)
}

/// Writes and reads them, and says how many bytes the directory has.
fn there_and_back(arrays: &[Pushed]) -> usize {
    let bytes = built(arrays);
    let directory = Directory::parse(&bytes, arrays.len() as u64, 3).unwrap();
    assert_eq!(directory.len(), arrays.len() as u64);
    for (number, array) in arrays.iter().enumerate() {
        let number = number as u64;
        let path = directory.path(number).unwrap();
        assert_eq!(path.to_string(), array.0);
        assert!(path == *array.0);
        let ListedArray { dtype, shape, order, offset, .. } = directory.entry(number).unwrap();
        assert_eq!((&dtype, &shape, order, offset), (&array.1, &array.2, array.3, array.4));
    }
    assert!(directory.entry(arrays.len() as u64).is_err());
    bytes.len()
}

/// A place of a list is taken back (it is no array after all), and the next one follows it, but not the array that is there.
#[test]
fn what_follows_an_array_that_was_taken_back_keeps_its_path() {
    // So many that the run takes them without keeping them, and at places without a pitch, which would tell that one is missing.
    let mut arrays = like((0..130).map(|item| format!("items.{item}")));
    arrays.iter_mut().enumerate().for_each(|(item, array)| array.4 += 8 * (item as u64 % 3));
    let mut builder = DirectoryBuilder::default();
    for (item, array) in arrays.iter().enumerate() {
        builder.push(&ArrayHead { follows: item > 0, ..head(array) }, array.4).unwrap();
        if item % 40 == 39 {
            builder.pop();
        }
    }
    let left: Vec<_> = arrays
        .iter()
        .enumerate()
        .filter(|(item, _)| item % 40 != 39)
        .map(|(_, array)| array)
        .collect();
    let bytes = whole(&mut builder);
    let directory = Directory::parse(&bytes, left.len() as u64, 3).unwrap();
    for (number, array) in left.iter().enumerate() {
        assert_eq!(directory.path(number as u64).unwrap().to_string(), array.0);
    }
}

#[test]
fn arrays_that_follow_one_another_share_a_record() {
    let numbers = |count: usize| like((0..count).map(|at| format!("a.{at}")));
    assert_eq!(there_and_back(&numbers(10_000)), there_and_back(&numbers(2)));

    // The arrays of structs take turns, whether they are of one dtype or not.
    let mut rows = like((0..3000).flat_map(|at| ["x", "y", "z"].map(|f| format!("rows.{at}.{f}"))));
    assert!(there_and_back(&rows) < 400, "{}", there_and_back(&rows));
    for row in rows.chunks_mut(3) {
        (row[1].1, row[1].2) = (DType::F32, vec![2, 3]);
    }
    assert!(there_and_back(&rows) < 400, "{}", there_and_back(&rows));

    // A map's keys are names; those of a map of structs stand there once.
    let keys = |at: usize| format!("m.key{:x}", at * 7919);
    let map = like((0..1000).map(keys));
    assert!(there_and_back(&map) < 1000 * 13);
    let map = like((0..1000).flat_map(|at| ["w", "b"].map(|f| format!("{}.{f}", keys(at)))));
    assert!(there_and_back(&map) < 1000 * 13);

    // Keys may be larger than 64 bits can count.
    let large =
        like((u64::MAX - 3..=u64::MAX).map(u128::from).chain([1 << 64]).map(|n| format!("k.{n}")));
    assert!(there_and_back(&large) < 200);
    // A carry makes a number one digit longer.
    let carried = like((95..=1005).map(|at| at.to_string()));
    assert!(there_and_back(&carried) < 100);

    // Lists in lists, and fields.
    let lists = like((0..1000).flat_map(|at| (0..2).map(move |of| format!("l.{at}.{of}"))));
    assert!(there_and_back(&lists) < 400);
    let fields = like(["query", "key", "value", "output"]);
    assert!(there_and_back(&fields) < 120);
}

#[test]
fn shapes_and_offsets_that_differ_are_in_columns() {
    let mut ragged = like((0..1000).map(|at| at.to_string()));
    let mut offset = 64;
    for (at, array) in ragged.iter_mut().enumerate() {
        (array.2, array.4) = (vec![at % 50], offset);
        offset += 8 * (at as u64 % 50);
    }
    assert!(there_and_back(&ragged) < 1000 * 6);
    // Now and then an array is far off, or lies before the earlier ones.
    ragged[500].4 = u64::MAX - 8;
    ragged[600].4 = 0;
    ragged[700].2 = vec![1 << 40];
    there_and_back(&ragged);
}

#[test]
fn every_mixture_comes_back() {
    let mut random = fastrand_like(7);
    for _ in 0..300 {
        let count = random(40);
        let mut arrays = Vec::new();
        let mut offset = 64;
        for at in 0..count {
            let path = match random(6) {
                0 => format!("a.{at}"),
                1 => format!("a.{}.{}", at / 3, ["x", "y", "z"][at % 3]),
                2 => format!("b.{}", random(4)),
                3 => ["w", "v", "w.0", "0", "1", "%", "a"][random(7)].to_owned(),
                4 => format!("m.{}.k", random(30)),
                _ => format!("a.{}", at + 8),
            };
            let dtype = [DType::F64, DType::F32, DType::from_descriptor("|S3").unwrap()];
            let shape = [vec![4], vec![], vec![2, 2], vec![0]][random(4)].clone();
            let order = [Order::C, Order::F][random(2)];
            arrays.push((path, dtype[random(3)].clone(), shape, order, offset));
            offset += random(3) as u64 * 32;
        }
        there_and_back(&arrays);
    }
}

/// Numbers below the given one, the same in every run.
fn fastrand_like(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

#[test]
fn altered_bytes_do_not_panic() {
    let mut arrays = like((0..20).map(|at| format!("a.{at}")));
    arrays.extend(like((0..8).flat_map(|at| ["x", "y"].map(|f| format!("k{}.{f}", at * at)))));
    arrays.extend(like(["one"]));
    arrays[5].2 = vec![3];
    arrays[7].4 = 1000;
    for version in 1..=3 {
        let bytes = if version == 3 { built(&arrays) } else { older(&arrays) };
        let count = arrays.len() as u64;
        for at in 0..bytes.len() {
            for byte in [0, 1, 4, 16, 63, b'(', b'.', 127, 255] {
                let mut bad = bytes.clone();
                bad[at] = byte;
                let Ok(directory) = Directory::parse(&bad, count, version) else { continue };
                for number in 0..=count {
                    let _ = directory.entry(number);
                    let _ = directory.path(number).map(|path| path.to_string());
                }
                if directory.count_live() <= count {
                    let _ = directory.live();
                }
            }
            assert!(Directory::parse(&bytes[..at], count, version).is_err() || at > 0);
        }
        assert!(Directory::parse(&bytes, u64::MAX, version).is_err());
        assert!(Directory::parse(&bytes, count + 1, 3).is_err());
    }
}

/// A reader that asks in order goes on without a search. Whatever the bytes say, it must get the same arrays as a reader that
/// searches for each. Records that are out of order are the exception: among them a search may find either.
#[test]
fn the_next_of_a_series_is_what_a_search_finds() {
    let mut arrays = like((0..30).map(|at| format!("a.{at}")));
    arrays.extend(like((0..8).flat_map(|at| ["x", "y"].map(|f| format!("b.{at}.{f}")))));
    arrays.extend(like((0..20).map(|at| format!("c{}", at * at))));
    arrays[20].4 = 7;
    let (bytes, count) = (built(&arrays), arrays.len() as u64);
    let followed = |bytes: &[u8]| {
        let Ok(directory) = Directory::parse(bytes, count, 3) else { return 0 };
        let series = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
        let firsts = bytes[8..].as_chunks::<48>().0[..series].iter().map(|record| &record[16..20]);
        if !firsts.map(|first| u32::from_le_bytes(first.try_into().unwrap())).is_sorted() {
            return 0;
        }
        let follows = |number: &u64| {
            let next =
                directory.like(*number).ok().flatten().and_then(|like| like.next(number + 1));
            let Some(next) = next else { return false };
            let found = directory.like(number + 1).unwrap().unwrap();
            assert_eq!((next.alike, next.offset), (found.alike, found.offset), "{number}");
            true
        };
        // The same holds for paths.
        let mut paths = Vec::new();
        directory.each_path(|number, path| paths.push((number, path.to_string())));
        let alone = (0..count).filter_map(|at| Some((at, directory.path(at).ok()?.to_string())));
        assert_eq!(paths, alone.collect::<Vec<_>>());
        (0..count - 1).filter(follows).count()
    };
    assert!(followed(&bytes) > 30, "{}", followed(&bytes));
    for at in 0..bytes.len() {
        for byte in [0, 1, 2, 5, 16, 63, 127, 255] {
            let mut bad = bytes.clone();
            bad[at] = byte;
            followed(&bad);
        }
    }
}

fn older(arrays: &[Pushed]) -> Vec<u8> {
    records::tests::encode(arrays.iter().map(|array| (head(array), array.4)))
}

#[test]
fn every_dtype_comes_back_but_to_version_1_only_those_that_it_has() {
    let dtypes = [
        "<f4",
        "<f2",
        ">V2",
        "<c8",
        ">c16",
        "<M8[25s]",
        "|S5",
        "<U0",
        "|V10",
        "[('x', '<f4'), ('pos', '>i2', (3,))]",
    ];
    let array = |(at, text): (usize, &str)| {
        let dtype = DType::from_descriptor(text).unwrap();
        (format!("a{at}"), dtype, vec![3], Order::C, 64)
    };
    let arrays: Vec<Pushed> = dtypes.into_iter().enumerate().map(array).collect();
    there_and_back(&arrays);
    let bytes = older(&arrays);
    for (number, array) in arrays.iter().enumerate() {
        let entry = |version| Directory::parse(&bytes, 10, version).unwrap().entry(number as u64);
        assert_eq!(entry(2).unwrap().dtype, array.1);
        assert_eq!(entry(1).is_ok(), number == 0);
    }
}

#[test]
fn forged_series_are_refused_and_claim_no_more_than_there_is() {
    let arrays = like((0..10).flat_map(|at| ["x", "y"].map(|f| format!("r.{at}.{f}"))));
    let bytes = built(&arrays);
    // Two records behind their number: first number at 16, items at 20, stride at 44, place at 45.
    let forged = |at: usize, with: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[8 + at..8 + at + with.len()].copy_from_slice(with);
        bytes
    };
    let refused = |bytes: &[u8]| {
        let Ok(directory) = Directory::parse(bytes, 20, 3) else { return true };
        (0..20).any(|number| directory.entry(number).is_err())
    };
    for (at, with) in [
        (44, &[1][..]),
        (44, &[0]),
        (45, &[1]),
        (48 + 45, &[0]),
        (48 + 44, &[3]),
        (48 + 16, &2_u32.to_le_bytes()),
        (20, &11_u32.to_le_bytes()),
        (48 + 20, &11_u32.to_le_bytes()),
        (46, &[3]),
        (47, &[0x80]),
        (24, &u32::MAX.to_le_bytes()),
        (8, &u64::MAX.to_le_bytes()),
    ] {
        assert!(refused(&forged(at, with)), "{at} {with:?}");
    }
    // A live series in the place of one that is not.
    let live = forged(43, &[1]);
    let directory = Directory::parse(&live, 20, 3).unwrap();
    assert_eq!((directory.count_live(), directory.live().unwrap().len()), (10, 10));
}
