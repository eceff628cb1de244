//! Serde's serializer and deserializer, as other crates use them: transcoded from JSON and back, wrapped, erased, seeded.
#![cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
#![allow(missing_docs)]

mod json;
mod left;
mod once;
mod seeds;
#[path = "../support/mod.rs"]
mod support;
mod wrapped;

use serde::Serialize;
use serde_shm::ser::Serializer;
use serde_shm::{AlignedBytes, Block, Npz, NpzOptions, Result, Segment, SegmentOptions};
use tempfile::TempDir;

/// An object in each container, made by the serializer of each.
struct Made {
    bytes: AlignedBytes,
    block: Block,
    segment: Segment,
    file: Segment,
    npz: Npz,
    _folder: TempDir,
}

impl Made {
    fn by(write: impl Fn(Serializer<'_, '_>) -> Result<()>) -> Result<Self> {
        let folder = tempfile::tempdir().unwrap();
        let bytes = serde_shm::ser::to_bytes_with(&write)?;
        let mut written = Vec::new();
        serde_shm::ser::to_writer_with(&mut written, &write)?;
        assert_eq!(bytes, written);
        let segment = SegmentOptions::new().create_with(&write)?;
        let persist = SegmentOptions::new().name("object").persist(true).dir(folder.path());
        let file = persist.create_with(&write)?;
        let path = folder.path().join("object.npz");
        NpzOptions::new().save_with(&path, &write)?;
        let (block, npz) = (Block::new(bytes.clone())?, Npz::open(path)?);
        Ok(Made { bytes, block, segment, file, npz, _folder: folder })
    }

    fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        Made::by(|serializer| value.serialize(serializer)).unwrap()
    }

    /// A deserializer of each.
    fn deserializers(&self) -> [serde_shm::de::Deserializer<'_>; 5] {
        [
            serde_shm::de::Deserializer::from_bytes(&self.bytes),
            self.block.deserializer(),
            self.segment.deserializer(),
            self.file.deserializer(),
            self.npz.deserializer(),
        ]
    }
}
