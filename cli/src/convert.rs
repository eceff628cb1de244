//! `convert`: safetensors files, and objects as such. Names such as `layers.0.weight` nest at their dots, and are the same again on
//! the way back. What is no array stands in the file's metadata.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use safetensors::tensor::{Dtype, Metadata, SafeTensorError, SafeTensors, TensorInfo};
use serde_shm::value::{Map, Value};
use serde_shm::{AlignedBytes, DType, DTypeKind, Order, UntypedArray};

use crate::args::Convert;
use crate::bar::Progress;
use crate::copy;
use crate::draft::in_place;
use crate::element::{is_bf16, is_swapped};
use crate::fault::{Fault, Result};
use crate::nest::{self, Nest};
use crate::target::{self, Target};
use crate::{slice, stop, term};

/// The key of the metadata, in a safetensors file's header and in our objects.
const METADATA: &str = "__metadata__";

pub(crate) fn run(args: &Convert) -> Result<()> {
    let destination = Path::new(args.destination.as_deref().unwrap_or_default());
    let is_to = destination.extension().is_some_and(|extension| extension == "safetensors");
    stop::listen()?;
    let progress = Progress::drawn();
    if is_to {
        let target = Target::open_telling(&args.source, &progress)?;
        let mut value = copy::object(&args.source, &target, &args.only)?;
        if copy::has_live(&target)? {
            copy::freeze(&mut value)?;
        }
        return save(destination, &value, &progress);
    }
    if !args.only.is_empty() {
        return Err(Fault::new(
            "`--only` is for writing a safetensors file; `cp --only` takes parts of what was converted",
        ));
    }
    let value = load(Path::new(&args.source), args.flat, &progress)?;
    copy::write_new(args, &value, &progress)
}

/// The error for what is no whole safetensors file: what it is, or where it was cut.
fn fault(path: &Path, head: &[u8], len: u64, error: &SafeTensorError) -> Fault {
    let name = term::shown(path);
    if !target::is_safetensors(head) {
        return match Target::open(path.as_os_str()) {
            Ok(target) => Fault::new(format_args!(
                "{name}: found {}; one of the two sides of `convert` is a safetensors file, and `serde-shm cp` copies between all others",
                match target {
                    Target::BlockFile(..) => "a block",
                    Target::Npy { .. } => "an .npy file",
                    _ => "an .npz file",
                }
            )),
            Err(_) if len < LEN as u64 + 1 => Fault::new(format_args!(
                "{name}: cut after {len} bytes: a safetensors file has more before its header begins"
            )),
            Err(fault) => fault,
        };
    }
    let stated = head.first_chunk().map_or(0, |len| u64::from_le_bytes(*len));
    let header = (LEN as u64).saturating_add(stated);
    let why = match error {
        _ if len < header => {
            format!("cut in its header, of which {} of {stated} bytes are there", len - LEN as u64)
        }
        SafeTensorError::MetadataIncompleteBuffer => match end_of_tensors(path, stated) {
            Some(end) if header + end > len => {
                format!("cut in its tensors, of which {} of {end} bytes are there", len - header)
            }
            Some(end) => format!("{} bytes follow its last tensor", len - header - end),
            None => error.to_string(),
        },
        error => error.to_string(),
    };
    Fault::new(format_args!("{name}: not a whole safetensors file: {why}; write or fetch it again"))
}

/// The length of the number with which a safetensors file begins.
const LEN: usize = size_of::<u64>();

/// Where the last tensor ends by the header, which is this long.
fn end_of_tensors(path: &Path, len: u64) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Tensor {
        data_offsets: (u64, u64),
    }
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(LEN as u64)).ok()?;
    let header: BTreeMap<String, serde_json::Value> =
        serde_json::from_reader(file.take(len)).ok()?;
    let tensors = header.into_iter().filter(|(name, _)| name != METADATA);
    tensors
        .filter_map(|(_, tensor)| serde_json::from_value::<Tensor>(tensor).ok())
        .map(|tensor| tensor.data_offsets.1)
        .max()
}

/// The object of a safetensors file.
fn load(path: &Path, is_flat: bool, progress: &Progress) -> Result<Value> {
    let (head, len) = target::head(path)?;
    if !target::is_safetensors(&head) {
        return Err(fault(path, &head, len, &SafeTensorError::HeaderTooSmall));
    }
    let bytes = Arc::new(target::read(path, len, progress)?);
    let (header, metadata) =
        SafeTensors::read_metadata(&bytes).map_err(|error| fault(path, &head, len, &error))?;
    let start = LEN + header;
    let mut named = Vec::new();
    for name in metadata.offset_keys() {
        let Some(info) = metadata.info(&name) else { continue };
        let dtype = dtype_of(info.dtype).ok_or_else(|| {
            Fault::new(format_args!(
                "{}: tensor `{name}` has the dtype {:?}, for which NumPy has none",
                term::shown(path),
                info.dtype
            ))
        })?;
        let range = start + info.data_offsets.0..start + info.data_offsets.1;
        let part = TensorBytes { bytes: Arc::clone(&bytes), range };
        let array =
            UntypedArray::from_owner(dtype, &info.shape, Order::C, part).map_err(|error| {
                Fault::new(format_args!("{}: tensor `{name}`: {error:#}", term::shown(path)))
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
    // The format wants each tensor aligned for its dtype, so those of larger elements come first.
    let mut tensors: Vec<(String, Tensor)> = gathered.tensors.into_iter().collect();
    tensors.sort_by_key(|(_, tensor)| Reverse(tensor.dtype));
    let mut end = 0;
    let mut info = |(name, tensor): &(String, Tensor)| {
        let (dtype, shape, start) = (tensor.dtype, tensor.array.shape().to_vec(), end);
        end += tensor.array.len() * tensor.array.dtype().item_size();
        (name.clone(), TensorInfo { dtype, shape, data_offsets: (start, end) })
    };
    let infos = tensors.iter().map(&mut info).collect();
    let texts = (!gathered.texts.is_empty()).then_some(gathered.texts);
    let cannot = |error: SafeTensorError| {
        Fault::new(format_args!("{}: cannot write the file: {error}", term::shown(path)))
    };
    let mut header = serde_json::to_vec(&Metadata::new(texts, infos).map_err(cannot)?)?;
    header.resize(header.len().next_multiple_of(LEN), b' ');
    if header.len() > target::LONGEST_HEADER {
        return Err(cannot(SafeTensorError::HeaderTooLarge));
    }
    in_place(path, |out| {
        let (mut done, all) = (0, end as u64);
        let broken = |error| Fault::of_file(path, "write the file", &error);
        out.write_all(&(header.len() as u64).to_le_bytes()).map_err(broken)?;
        out.write_all(&header).map_err(broken)?;
        for (_, tensor) in &tensors {
            tensor.each_piece(&mut |bytes| {
                if progress.tell(done, all).is_break() {
                    return Err(Fault::stopped("no file was made, and an old one is as it was"));
                }
                done += bytes.len() as u64;
                out.write_all(bytes).map_err(broken)
            })?;
        }
        let _ = progress.tell(all, all);
        Ok(())
    })
}

#[derive(Default)]
struct Gathered {
    tensors: BTreeMap<String, Tensor>,
    texts: HashMap<String, String>,
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
            let tensor = Tensor { dtype, array: (**array).clone() };
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
}

impl Tensor {
    /// Calls `see` with the elements row by row and in little-endian order, in pieces between which Ctrl-C is looked at.
    /// Elements that lie so are not copied.
    fn each_piece(&self, see: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        each_part(&self.array, &mut |part| {
            let bytes = part.to_bytes()?;
            if !is_swapped(part.dtype()) {
                return bytes.chunks(PIECE).try_for_each(&mut *see);
            }
            let size = match self.dtype {
                Dtype::C64 => 4,
                _ => part.dtype().item_size(),
            };
            let mut bytes = bytes.into_owned();
            bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
            see(&bytes)
        })
    }
}

/// How many bytes are copied between two looks at Ctrl-C.
const PIECE: usize = 8 << 20;

/// Calls `see` with parts of an array one behind the other, which are small where their elements must be copied.
fn each_part(
    array: &UntypedArray,
    see: &mut impl FnMut(&UntypedArray) -> Result<()>,
) -> Result<()> {
    let size = array.dtype().item_size();
    let is_in_place = array.order() == Some(Order::C) && !is_swapped(array.dtype());
    if is_in_place || array.len() * size <= PIECE || array.ndim() == 0 {
        return see(array);
    }
    let rows = array.shape()[0];
    let at_once = (PIECE / (array.len() / rows * size)).max(1);
    for start in (0..rows).step_by(at_once) {
        let part = slice::rows(array, start..rows.min(start + at_once))?;
        match at_once {
            1 => each_part(&part, see)?,
            _ => see(&part)?,
        }
    }
    Ok(())
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
