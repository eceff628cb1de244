//! `convert`: safetensors files, and objects as such. Names such as `layers.0.weight` nest at their dots, and are the same again on
//! the way back. What is no array stands in the file's metadata.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, Permissions};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, View};
use serde_shm::value::{Map, Value};
use serde_shm::{AlignedBytes, DType, DTypeKind, Order, UntypedArray};

use crate::args::Convert;
use crate::bar::Progress;
use crate::copy;
use crate::element::{is_bf16, is_swapped};
use crate::fault::{Fault, Result};
use crate::nest::{self, Nest};
use crate::stop;
use crate::target::{self, Target};

/// The key of the metadata, in a safetensors file's header and in our objects.
const METADATA: &str = "__metadata__";

pub(crate) fn run(args: &Convert) -> Result<()> {
    let destination = args.destination.as_deref().unwrap_or_default();
    let is_to =
        Path::new(destination).extension().is_some_and(|extension| extension == "safetensors");
    stop::listen()?;
    let progress = Progress::drawn();
    if is_to {
        let target = Target::open_telling(&args.source, &progress)?;
        let mut value = copy::object(&args.source, &target, &args.only)?;
        if copy::has_live(&target)? {
            copy::freeze(&mut value)?;
        }
        return save(Path::new(destination), &value, &progress);
    }
    if !args.only.is_empty() {
        return Err(Fault::new(
            "`--only` is for writing a safetensors file; `cp --only` takes parts of what was converted",
        ));
    }
    let value = load(Path::new(&args.source), args.flat, &progress)?;
    copy::write_new(args, &value, &progress)
}

fn fault(path: &Path, error: &SafeTensorError) -> Fault {
    Fault::new(format_args!(
        "{}: not a whole safetensors file: {error}; one of the two sides of `convert` is a safetensors file",
        path.display()
    ))
}

/// The object of a safetensors file.
fn load(path: &Path, is_flat: bool, progress: &Progress) -> Result<Value> {
    let len = std::fs::metadata(path)
        .map_err(|error| Fault::of_file(path, "read the file", &error))?
        .len();
    let bytes = Arc::new(target::read(path, len, progress)?);
    let (header, metadata) =
        SafeTensors::read_metadata(&bytes).map_err(|error| fault(path, &error))?;
    let start = size_of::<u64>() + header;
    let mut named = Vec::new();
    for name in metadata.offset_keys() {
        let Some(info) = metadata.info(&name) else { continue };
        let dtype = dtype_of(info.dtype).ok_or_else(|| {
            Fault::new(format_args!(
                "{}: tensor `{name}` has the dtype {:?}, for which NumPy has none",
                path.display(),
                info.dtype
            ))
        })?;
        let range = start + info.data_offsets.0..start + info.data_offsets.1;
        let part = TensorBytes { bytes: Arc::clone(&bytes), range };
        let array =
            UntypedArray::from_owner(dtype, &info.shape, Order::C, part).map_err(|error| {
                Fault::new(format_args!("{}: tensor `{name}`: {error:#}", path.display()))
            })?;
        named.push((name, Value::from(array)));
    }
    // In the order of their names, as most programs write them.
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    if let Some(texts) = metadata.metadata() {
        let texts: BTreeMap<_, _> = texts.iter().collect();
        let texts = texts
            .into_iter()
            .map(|(key, text)| (Value::from(key.as_str()), Value::from(text.as_str())));
        named.push((METADATA.to_owned(), Value::Map(texts.collect())));
    }
    if is_flat {
        let entries = named.into_iter().map(|(name, value)| (Value::from(name), value));
        return Ok(Value::Map(entries.collect::<Map>()));
    }
    Ok(Nest::new(named, nest::dotted).into_value())
}

/// A tensor's bytes in the file, which they keep.
struct TensorBytes {
    bytes: Arc<AlignedBytes>,
    range: Range<usize>,
}

impl AsRef<[u8]> for TensorBytes {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(self.range.clone()).unwrap_or_default()
    }
}

/// Writes an object as a safetensors file.
fn save(path: &Path, value: &Value, progress: &Progress) -> Result<()> {
    let mut gathered = Gathered::default();
    gathered.parts(value, "")?;
    let Gathered { tensors, texts, state } = gathered;
    state.all.set(tensors.values().map(|tensor| tensor.data_len() as u64).sum());
    let _ = state.progress.set(progress.clone());
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let cannot = |error| Fault::of_file(path, "write the file", &error);
    let draft = tempfile::Builder::new()
        .prefix(".serde-shm-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(cannot)?;
    let texts = (!texts.is_empty()).then_some(texts);
    safetensors::serialize_to_file(tensors, texts, draft.path()).map_err(|error| match error {
        SafeTensorError::IoError(error) => cannot(error),
        other => fault(path, &other),
    })?;
    if let Some(fault) = Rc::into_inner(state).and_then(|state| state.failed.into_inner()) {
        return Err(fault);
    }
    draft.persist(path).map(|_: File| ()).map_err(|error| cannot(error.error))
}

#[derive(Default)]
struct Gathered {
    tensors: BTreeMap<String, Tensor>,
    texts: HashMap<String, String>,
    state: Rc<Saving>,
}

/// What the tensors of one file share while it is written.
#[derive(Default)]
struct Saving {
    /// Why the bytes of a tensor could not be had.
    failed: OnceCell<Fault>,
    progress: OnceCell<Progress>,
    done: Cell<u64>,
    all: Cell<u64>,
}

impl Gathered {
    /// Takes the parts of a value that has parts.
    fn parts(&mut self, value: &Value, name: &str) -> Result<()> {
        let step =
            |step: &str| if name.is_empty() { step.to_owned() } else { format!("{name}.{step}") };
        match value {
            Value::Optional(Some(value)) | Value::Named(_, value) | Value::Readable(value) => {
                self.parts(value, name)
            }
            Value::Map(map) => map.iter().try_for_each(|(key, value)| match value {
                Value::Text(text) if name == METADATA => {
                    self.texts.insert(text_of(key), text.to_string());
                    Ok(())
                }
                value => self.part(value, step(&text_of(key))),
            }),
            Value::Record(record) => {
                let variant = record.names().variant().map(step);
                let name = variant.as_deref().unwrap_or(name);
                let mut fields = record.fields().enumerate();
                fields.try_for_each(|(place, (field, value))| {
                    let field = field.map_or_else(|| place.to_string(), str::to_owned);
                    let name = if name.is_empty() { field } else { format!("{name}.{field}") };
                    self.part(value, name)
                })
            }
            Value::Seq(_) | Value::Tuple(_) => {
                let items = value.as_slice().unwrap_or_default();
                items
                    .iter()
                    .enumerate()
                    .try_for_each(|(place, item)| self.part(item, step(&place.to_string())))
            }
            value => {
                self.part(value, if name.is_empty() { "arr_0".to_owned() } else { name.to_owned() })
            }
        }
    }

    fn part(&mut self, value: &Value, name: String) -> Result<()> {
        if let Some(array) = value.as_array() {
            let dtype = tensor_dtype(array.dtype()).ok_or_else(|| {
                Fault::new(format_args!(
                    "array `{name}`: safetensors has no dtype for {}; leave the array out by `--only`",
                    array.dtype()
                ))
            })?;
            let tensor = Tensor { dtype, array: (**array).clone(), state: Rc::clone(&self.state) };
            return match self.tensors.insert(name.clone(), tensor) {
                None => Ok(()),
                Some(_) => Err(Fault::new(format_args!("two arrays have the name `{name}`"))),
            };
        }
        if name == METADATA || has_array(value) {
            return self.parts(value, &name);
        }
        let text = match value.as_str() {
            Some(text) => text.to_owned(),
            None => serde_json::to_string(value)?,
        };
        self.texts.insert(name, text);
        Ok(())
    }
}

fn text_of(key: &Value) -> String {
    crate::tree::key_text(key).unwrap_or_else(|| key.to_string())
}

fn has_array(value: &Value) -> bool {
    match value {
        Value::Array(_) | Value::Live(_) => true,
        Value::Optional(Some(value)) | Value::Named(_, value) | Value::Readable(value) => {
            has_array(value)
        }
        Value::Seq(seq) => seq.numbers().is_none() && seq.each().any(|item| has_array(&item)),
        Value::Tuple(items) => items.iter().any(has_array),
        Value::Map(map) => map.iter().any(|(_, value)| has_array(value)),
        Value::Record(record) => record.fields().any(|(_, value)| has_array(value)),
        _ => false,
    }
}

struct Tensor {
    dtype: Dtype,
    array: UntypedArray,
    state: Rc<Saving>,
}

/// Row by row, and in little-endian order; elements that lie so are written where they lie.
impl View for Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        self.array.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let Saving { failed, progress, done, all } = &*self.state;
        // The crate writes each tensor as a whole, so that this is where Ctrl-C is looked at.
        let told = progress.get().map(|progress| progress.tell(done.get(), all.get()));
        if failed.get().is_some() || told.is_some_and(|told| told.is_break()) {
            let _ = failed.set(Fault::stopped("no file was made, and an old one is as it was"));
            return Cow::Borrowed(&[]);
        }
        done.set(done.get() + self.data_len() as u64);
        let bytes = self.array.to_bytes().unwrap_or_else(|error| {
            // There is no memory for a copy. The trait has no way to say so.
            let _ = failed.set(error.into());
            Cow::Borrowed(&[])
        });
        if !is_swapped(self.array.dtype()) {
            return bytes;
        }
        let size = match self.dtype {
            Dtype::C64 => 4,
            _ => self.array.dtype().item_size(),
        };
        let mut bytes = bytes.into_owned();
        bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        Cow::Owned(bytes)
    }

    fn data_len(&self) -> usize {
        self.array.len() * self.array.dtype().item_size()
    }
}

fn dtype_of(dtype: Dtype) -> Option<DType> {
    let text = match dtype {
        Dtype::BOOL => "|b1",
        Dtype::U8 => "|u1",
        Dtype::I8 => "|i1",
        Dtype::U16 => "<u2",
        Dtype::I16 => "<i2",
        Dtype::U32 => "<u4",
        Dtype::I32 => "<i4",
        Dtype::U64 => "<u8",
        Dtype::I64 => "<i8",
        Dtype::F16 => "<f2",
        Dtype::BF16 => "<V2",
        Dtype::F32 => "<f4",
        Dtype::F64 => "<f8",
        Dtype::C64 => "<c8",
        _ => return None,
    };
    text.parse().ok()
}

fn tensor_dtype(dtype: &DType) -> Option<Dtype> {
    Some(match (dtype.kind(), dtype.item_size()) {
        (DTypeKind::Bool, _) => Dtype::BOOL,
        (DTypeKind::UInt, 1) => Dtype::U8,
        (DTypeKind::UInt, 2) => Dtype::U16,
        (DTypeKind::UInt, 4) => Dtype::U32,
        (DTypeKind::UInt, 8) => Dtype::U64,
        (DTypeKind::Int, 1) => Dtype::I8,
        (DTypeKind::Int, 2) => Dtype::I16,
        (DTypeKind::Int, 4) => Dtype::I32,
        (DTypeKind::Int, 8) => Dtype::I64,
        (DTypeKind::Float, 2) if is_bf16(dtype) => Dtype::BF16,
        (DTypeKind::Float, 2) => Dtype::F16,
        (DTypeKind::Float, 4) => Dtype::F32,
        (DTypeKind::Float, 8) => Dtype::F64,
        (DTypeKind::Complex, 8) => Dtype::C64,
        _ => return None,
    })
}
