//! The work that the matrix goes over: each writes, verifies or reads one container, with a function that is told of it.

use std::any::Any;
use std::fs;
use std::iter::once;

use ndarray::{ArrayView1, Ix1};
use serde_shm::{
    Arena, ArenaArray, Block, BlockOptions, Compression, Npz, NpzOptions, OpenOptions, Result,
    Segment, SegmentOptions, Serialize, from_bytes, from_npz, from_shared, to_bytes,
};

use crate::scene::{Object, Report, Scene};

/// What is kept open from before the work until after it.
type Kept = Box<dyn Any>;

pub(crate) struct Deed {
    pub(crate) name: &'static str,
    /// Whether all bytes are known beforehand: those of the object's arrays.
    pub(crate) is_exact: bool,
    pub(crate) prepare: fn(&Scene) -> Kept,
    /// Does it, and checks what came of it.
    pub(crate) run: fn(&Scene, Report) -> Result<()>,
    /// Checks that what was there before is there.
    pub(crate) check_old: fn(&Scene),
}

fn nothing(_: &Scene) -> Kept {
    Box::new(())
}

fn unchanged(_: &Scene) {}

fn same(found: &Object, scene: &Scene) {
    assert!(*found == scene.object, "another object came of it");
}

fn segment(scene: &Scene, made: Result<Segment>) -> Result<()> {
    same(&made?.get()?, scene);
    Ok(())
}

fn named(scene: &Scene) -> SegmentOptions {
    SegmentOptions::new().name(&scene.name).replace(true)
}

fn persistent(scene: &Scene) -> SegmentOptions {
    SegmentOptions::new().name("object").persist(true).dir(scene.dir()).fsync(false).replace(true)
}

fn npz(compression: Compression) -> NpzOptions<'static> {
    NpzOptions::new().fsync(false).compression(compression)
}

const DEFLATE: Compression = Compression::Deflate(1);

fn saved(scene: &Scene, compression: Compression) -> Kept {
    npz(compression).save(scene.path("a.npz"), &scene.object).unwrap();
    nothing(scene)
}

fn opened(scene: &Scene, report: Report) -> Result<Npz> {
    Ok(Npz::open(scene.path("a.npz"))?.progress(move |done, all| report(done, all)))
}

fn load(scene: &Scene, report: Report) -> Result<()> {
    let options = NpzOptions::new().progress(move |done, all| report(done, all));
    same(&options.load(scene.path("a.npz"))?, scene);
    Ok(())
}

fn views(scene: &Scene, report: Report) -> Result<()> {
    let file = opened(scene, report)?;
    let value = file.value()?;
    assert_eq!(value.get("text").and_then(|text| text.as_str()), Some(&*scene.object.text));
    Ok(())
}

fn verify(scene: &Scene, report: Report) -> Result<()> {
    opened(scene, report)?.verify()
}

fn save(scene: &Scene, report: Report, compression: Compression) -> Result<()> {
    let options = npz(compression).progress(move |done, all| report(done, all));
    options.save(scene.path("a.npz"), &scene.object)?;
    same(&from_npz(scene.path("a.npz"))?, scene);
    saved_old(scene);
    Ok(())
}

fn saved_old(scene: &Scene) -> Kept {
    npz(Compression::None).save(scene.path("a.npz"), &scene.old).unwrap();
    nothing(scene)
}

fn old_npz(scene: &Scene) {
    assert!(from_npz::<Object>(scene.path("a.npz")).unwrap() == scene.old);
}

fn old_name(scene: &Scene) {
    assert!(from_shared::<Object>(&scene.name).unwrap() == scene.old);
}

fn old_file(scene: &Scene) {
    assert!(from_shared::<Object>(scene.path("object").to_str().unwrap()).unwrap() == scene.old);
}

fn block_file(scene: &Scene) -> Kept {
    fs::write(scene.path("a.block"), &*to_bytes(&scene.object).unwrap()).unwrap();
    nothing(scene)
}

/// The object, of which some arrays lie in an arena.
#[derive(Serialize)]
struct Views<'a> {
    text: &'a str,
    arrays: Vec<ArrayView1<'a, u32>>,
}

pub(crate) const DEEDS: &[Deed] = &[
    Deed {
        name: "a block to memory",
        is_exact: true,
        prepare: nothing,
        run: |scene, report| {
            let options = BlockOptions::new().progress(move |done, all| report(done, all));
            let bytes = options.to_bytes(&scene.object)?;
            assert!(bytes == to_bytes(&scene.object)?);
            Ok(())
        },
        check_old: unchanged,
    },
    Deed {
        name: "a block to a writer",
        is_exact: true,
        prepare: nothing,
        run: |scene, report| {
            let options = BlockOptions::new().progress(move |done, all| report(done, all));
            let mut file = Vec::new();
            options.to_writer(&mut file, &scene.object)?;
            assert!(*file == *to_bytes(&scene.object)?);
            Ok(())
        },
        check_old: unchanged,
    },
    Deed {
        name: "a block from a reader",
        is_exact: false,
        prepare: block_file,
        run: |scene, report| {
            let options = BlockOptions::new().progress(move |done, all| report(done, all));
            let block: Block = options.read(fs::File::open(scene.path("a.block")).unwrap())?;
            same(&block.get()?, scene);
            Ok(())
        },
        check_old: unchanged,
    },
    Deed {
        name: "a segment without a name",
        is_exact: true,
        prepare: nothing,
        run: |scene, report| {
            let options = SegmentOptions::new().progress(move |done, all| report(done, all));
            segment(scene, options.create(&scene.object))
        },
        check_old: unchanged,
    },
    Deed {
        name: "a named segment",
        is_exact: true,
        prepare: |scene| Box::new(named(scene).create(&scene.old).unwrap()),
        run: |scene, report| {
            let options = named(scene).progress(move |done, all| report(done, all));
            let made = options.create(&scene.object)?;
            same(&from_shared(&scene.name)?, scene);
            segment(scene, Ok(made))
        },
        check_old: old_name,
    },
    Deed {
        name: "a new name",
        is_exact: true,
        prepare: nothing,
        run: |scene, report| {
            let options = SegmentOptions::new().name(&scene.name);
            let options = options.progress(move |done, all| report(done, all));
            segment(scene, options.create(&scene.object))
        },
        check_old: |scene| assert!(Segment::open(&scene.name).is_err()),
    },
    Deed {
        name: "a segment that one of many makes",
        is_exact: true,
        prepare: nothing,
        run: |scene, report| {
            let options = SegmentOptions::new().name(&scene.name);
            let options = options.progress(move |done, all| report(done, all));
            segment(scene, options.open_or_create(|| Ok(scene.object.clone())))
        },
        check_old: |scene| assert!(Segment::open(&scene.name).is_err()),
    },
    Deed {
        name: "a segment by a serializer",
        is_exact: false,
        prepare: nothing,
        run: |scene, report| {
            let options = SegmentOptions::new().progress(move |done, all| report(done, all));
            segment(scene, options.create_with(|s| scene.object.serialize(s)))
        },
        check_old: unchanged,
    },
    Deed {
        name: "a segment of bytes",
        is_exact: false,
        prepare: nothing,
        run: |scene, report| {
            let options = SegmentOptions::new().progress(move |done, all| report(done, all));
            segment(scene, options.create_from_bytes(&to_bytes(&scene.object).unwrap()))
        },
        check_old: unchanged,
    },
    Deed {
        name: "a named segment of a reader",
        is_exact: false,
        prepare: |scene| {
            block_file(scene);
            Box::new(named(scene).create(&scene.old).unwrap())
        },
        run: |scene, report| {
            let options = named(scene).progress(move |done, all| report(done, all));
            let file = fs::File::open(scene.path("a.block")).unwrap();
            segment(scene, options.create_from_reader(file))
        },
        check_old: old_name,
    },
    Deed {
        name: "a persistent segment",
        is_exact: true,
        prepare: |scene| Box::new(persistent(scene).create(&scene.old).unwrap()),
        run: |scene, report| {
            let options = persistent(scene).progress(move |done, all| report(done, all));
            let made = segment(scene, options.create(&scene.object));
            made.inspect(|()| drop(persistent(scene).create(&scene.old).unwrap()))
        },
        check_old: old_file,
    },
    Deed {
        name: "reading a persistent segment",
        is_exact: false,
        prepare: |scene| Box::new(persistent(scene).create(&scene.object).unwrap()),
        run: |scene, report| {
            let options = OpenOptions::new().progress(move |done, all| report(done, all));
            let seen = options.open(scene.path("object").to_str().unwrap())?;
            assert!(seen.len() as u64 >= scene.object.bytes());
            Ok(())
        },
        check_old: unchanged,
    },
    Deed {
        name: "copying out of a segment",
        is_exact: true,
        prepare: |scene| Box::new(named(scene).create(&scene.object).unwrap()),
        run: |scene, report| {
            let seen = Segment::open(&scene.name)?.progress(move |done, all| report(done, all));
            segment(scene, Ok(seen))
        },
        check_old: unchanged,
    },
    Deed {
        name: "copying out of a block",
        is_exact: true,
        prepare: nothing,
        run: |scene, report| {
            let block = Block::new(to_bytes(&scene.object)?)?;
            same(&block.progress(move |done, all| report(done, all)).get()?, scene);
            Ok(())
        },
        check_old: unchanged,
    },
    Deed {
        name: "the bytes of a segment",
        is_exact: false,
        prepare: |scene| Box::new(named(scene).create(&scene.object).unwrap()),
        run: |scene, report| {
            let options = OpenOptions::new().progress(move |done, all| report(done, all));
            let mut file = Vec::new();
            options.open(&scene.name)?.write_block(&mut file)?;
            same(&from_bytes(&file)?, scene);
            Ok(())
        },
        check_old: unchanged,
    },
    Deed {
        name: "an arena",
        is_exact: true,
        prepare: nothing,
        run: |scene, report| {
            let options = SegmentOptions::new().progress(move |done, all| report(done, all));
            let arena = Arena::new(options)?;
            // One array is made there, and the others are copied.
            let [first, others @ ..] = &scene.object.arrays[..] else {
                return segment(scene, arena.publish(&scene.object));
            };
            let first = arena.copy_of(first)?;
            let arrays =
                once(first.view()).chain(others.iter().map(|array| array.view())).collect();
            segment(scene, arena.publish(&Views { text: &scene.object.text, arrays }))
        },
        check_old: unchanged,
    },
    Deed {
        name: "saving an archive",
        is_exact: true,
        prepare: saved_old,
        run: |scene, report| save(scene, report, Compression::None),
        check_old: old_npz,
    },
    Deed {
        name: "saving a compressed archive",
        is_exact: true,
        prepare: saved_old,
        run: |scene, report| save(scene, report, DEFLATE),
        check_old: old_npz,
    },
    Deed {
        name: "saving an archive by a serializer",
        is_exact: false,
        prepare: saved_old,
        run: |scene, report| {
            let options = npz(DEFLATE).progress(move |done, all| report(done, all));
            options.save_with(scene.path("a.npz"), |s| scene.object.serialize(s))?;
            saved_old(scene);
            Ok(())
        },
        check_old: old_npz,
    },
    Deed {
        name: "loading an archive",
        is_exact: true,
        prepare: |scene| saved(scene, Compression::None),
        run: load,
        check_old: unchanged,
    },
    Deed {
        name: "loading a compressed archive",
        is_exact: true,
        prepare: |scene| saved(scene, DEFLATE),
        run: load,
        check_old: unchanged,
    },
    Deed {
        name: "the value of an archive",
        is_exact: true,
        prepare: |scene| saved(scene, Compression::None),
        run: views,
        check_old: unchanged,
    },
    Deed {
        name: "the value of a compressed archive",
        is_exact: true,
        prepare: |scene| saved(scene, DEFLATE),
        run: views,
        check_old: unchanged,
    },
    Deed {
        name: "verifying an archive",
        is_exact: false,
        prepare: |scene| saved(scene, Compression::None),
        run: verify,
        check_old: unchanged,
    },
    Deed {
        name: "verifying a compressed archive",
        is_exact: false,
        prepare: |scene| saved(scene, DEFLATE),
        run: verify,
        check_old: unchanged,
    },
    Deed {
        name: "an archive in memory",
        is_exact: true,
        prepare: |scene| saved(scene, DEFLATE),
        run: |scene, report| {
            let bytes = fs::read(scene.path("a.npz")).unwrap();
            let file = Npz::from_bytes(bytes)?.progress(move |done, all| report(done, all));
            same(&file.get()?, scene);
            Ok(())
        },
        check_old: unchanged,
    },
    Deed {
        name: "copying out of a mapped archive",
        is_exact: true,
        prepare: |scene| saved(scene, Compression::None),
        #[allow(unsafe_code)]
        run: |scene, report| {
            // SAFETY: nobody writes into the test's own file.
            let file = unsafe { Npz::map(scene.path("a.npz"))? };
            same(&file.progress(move |done, all| report(done, all)).get()?, scene);
            Ok(())
        },
        check_old: unchanged,
    },
    Deed {
        name: "an array of an archive into an arena",
        is_exact: false,
        prepare: |scene| saved(scene, Compression::None),
        run: |scene, report| {
            let options = SegmentOptions::new().progress(move |done, all| report(done, all));
            let (file, arena) = (Npz::open(scene.path("a.npz"))?, Arena::new(options)?);
            for (number, array) in scene.object.arrays.iter().enumerate() {
                let loaded: ArenaArray<u32, Ix1> =
                    arena.load(&file, &format!("arrays.{number}"))?;
                assert!(*array == *loaded);
            }
            Ok(())
        },
        check_old: unchanged,
    },
    #[cfg(feature = "safetensors")]
    Deed {
        name: "saving a safetensors file",
        is_exact: true,
        prepare: |scene| {
            serde_shm::to_safetensors(scene.path("a.safetensors"), &scene.old).unwrap();
            nothing(scene)
        },
        run: |scene, report| {
            let options = serde_shm::SafetensorsOptions::new().fsync(false);
            let options = options.progress(move |done, all| report(done, all));
            options.save(scene.path("a.safetensors"), &scene.object)?;
            same(&serde_shm::from_safetensors(scene.path("a.safetensors"))?, scene);
            serde_shm::to_safetensors(scene.path("a.safetensors"), &scene.old)
        },
        check_old: |scene| {
            let old: Object = serde_shm::from_safetensors(scene.path("a.safetensors")).unwrap();
            assert!(old == scene.old);
        },
    },
    #[cfg(feature = "safetensors")]
    Deed {
        name: "loading a safetensors file",
        is_exact: true,
        prepare: |scene| {
            serde_shm::to_safetensors(scene.path("a.safetensors"), &scene.object).unwrap();
            nothing(scene)
        },
        run: |scene, report| {
            let options = serde_shm::SafetensorsOptions::new();
            let options = options.progress(move |done, all| report(done, all));
            same(&options.load(scene.path("a.safetensors"))?, scene);
            Ok(())
        },
        check_old: unchanged,
    },
    #[cfg(feature = "safetensors")]
    Deed {
        name: "the value of a safetensors file",
        is_exact: true,
        prepare: |scene| {
            serde_shm::to_safetensors(scene.path("a.safetensors"), &scene.object).unwrap();
            nothing(scene)
        },
        run: |scene, report| {
            let file = serde_shm::Safetensors::open(scene.path("a.safetensors"))?;
            file.progress(move |done, all| report(done, all)).value().map(drop)
        },
        check_old: unchanged,
    },
];
