//! `cp`: an object from one container to another, without its Rust type.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_shm::value::{Map, Record, Seq, Value};
use serde_shm::{
    ArrayInfo, BlockOptions, Compression, ErrorKind, NpzOptions, Segment, SegmentOptions,
};

use crate::args::{ContainerKind, Convert, Cp};
use crate::bar::Progress;
use crate::draft::in_place;
use crate::fault::{Fault, Result};
use crate::nest::{self, Nest};
use crate::target::{self, Target};
use crate::term::{self, Screen};
use crate::tree::{join, join_number, key_text};
use crate::{npy, outline, stop};

enum Destination {
    Segment(String),
    Npz(PathBuf),
    Npy(PathBuf),
    BlockFile(PathBuf),
}

impl Destination {
    fn new(
        name: Option<&OsString>,
        text: Option<&OsString>,
        to: Option<ContainerKind>,
    ) -> Result<Self> {
        let segment =
            |name: &OsStr| Ok(Destination::Segment(target::segment_name(name)?.to_owned()));
        if let Some(name) = name {
            return segment(name);
        }
        let path = Path::new(text.map_or(OsStr::new(""), OsString::as_os_str));
        let extension = path.extension().unwrap_or_default().to_str().unwrap_or("?");
        let is_name = !path.as_os_str().as_bytes().contains(&b'/');
        Ok(match (to, extension) {
            (Some(ContainerKind::Segment), _) => return segment(path.as_os_str()),
            (Some(ContainerKind::Npz), _) | (None, "npz") => Destination::Npz(path.to_owned()),
            (Some(ContainerKind::Npy), _) | (None, "npy") => Destination::Npy(path.to_owned()),
            (Some(ContainerKind::Block), _) | (None, "block") => {
                Destination::BlockFile(path.to_owned())
            }
            (None, "safetensors") => {
                return Err(Fault::new(format_args!(
                    "{}: `serde-shm convert` writes safetensors files",
                    term::shown(path)
                )));
            }
            (None, "") if is_name => return segment(path.as_os_str()),
            (None, _) => {
                return Err(Fault::new(format_args!(
                    "{}: which kind of container is that? Let it end in .npz, .npy or .block, or say `--to npz`",
                    term::shown(path)
                )));
            }
        })
    }
}

pub(crate) fn run(args: &Cp, screen: &mut Screen) -> Result<()> {
    let destination = Destination::new(args.name.as_ref(), args.destination.as_ref(), args.to)?;
    check_options(args, &destination)?;
    stop::listen()?;
    let progress = Progress::drawn();
    if let Some(segment) = of_block_file(args, &destination, &progress)? {
        return if args.hold { hold(&segment, screen) } else { Ok(()) };
    }
    let source = Target::open_telling(&args.source, &progress)?;
    if let (Target::Segment(segment), Destination::BlockFile(path), true) =
        (&source, &destination, args.only.is_empty() && !has_live(&source)?)
    {
        return in_place(path, |out| Ok(segment.write_block(out)?));
    }
    if let Destination::Npy(path) = &destination {
        let array = source.array(&only_array(args, &source)?)?;
        return in_place(path, |out| npy::write(&array, out).map_err(Into::into));
    }
    let mut value = object(&args.source, &source, &args.only)?;
    let keeps_live = args.hold && matches!(destination, Destination::Segment(_));
    if !keeps_live && has_live(&source)? {
        let count = freeze(&mut value)?;
        let _ = writeln!(
            anstream::stderr(),
            "serde-shm: {}",
            if count == 1 {
                "1 live array is copied as it is now, and frozen".to_owned()
            } else {
                format!("{count} live arrays are copied as they are now, and frozen")
            }
        );
    }
    let kept = (args.replace, !args.hold);
    let segment = write(&destination, &value, args.compress, kept, &progress)?;
    if let Some(segment) = segment.filter(|_| args.hold) {
        hold(&segment, screen)?;
    }
    Ok(())
}

/// A block file goes into a segment as it is read: its bytes are never in memory twice, and nothing is decoded.
fn of_block_file(
    args: &Cp,
    destination: &Destination,
    progress: &Progress,
) -> Result<Option<Segment>> {
    let Destination::Segment(name) = destination else { return Ok(None) };
    let Some((path, len)) = target::block_file(&args.source).filter(|_| args.only.is_empty())
    else {
        return Ok(None);
    };
    let file = File::open(&path).map_err(|error| Fault::of_file(&path, "read the file", &error))?;
    let options = SegmentOptions::new().name(name).replace(args.replace).persist(!args.hold);
    let options = options.progress(progress.report_of(len));
    options.create_from_reader_limited(file, len).map(Some).map_err(of_name)
}

pub(crate) fn has_live(target: &Target) -> Result<bool> {
    Ok(target.arrays()?.iter().any(ArrayInfo::is_live))
}

/// The error of making a segment.
fn of_name(error: serde_shm::Error) -> Fault {
    match error.kind() {
        ErrorKind::AlreadyExists => {
            Fault::new(format_args!("{error:#}; `--replace` takes the name"))
        }
        _ => error.into(),
    }
}

/// Writes an object that was made of another format's file.
pub(crate) fn write_new(args: &Convert, value: &Value, progress: &Progress) -> Result<()> {
    let destination = Destination::new(args.name.as_ref(), args.destination.as_ref(), None)?;
    match (&destination, args.compress) {
        (Destination::Npz(_), _) | (_, None) => {}
        _ => return Err(Fault::new("`--compress` is for .npz files")),
    }
    if let Destination::Npy(path) = &destination {
        return Err(Fault::new(format_args!(
            "{}: an .npy file has one array; convert to .npz, and take an array from there by `cp --only`",
            term::shown(path)
        )));
    }
    write(&destination, value, args.compress, (args.replace, true), progress).map(drop)
}

/// Writes the object. A segment is returned that ends with its handle, unless it persists.
fn write(
    destination: &Destination,
    value: &Value,
    compress: Option<u8>,
    (is_replaced, is_persistent): (bool, bool),
    progress: &Progress,
) -> Result<Option<Segment>> {
    match destination {
        Destination::Npz(path) => {
            let compression = compress.map_or(Compression::None, Compression::Deflate);
            let options = NpzOptions::new().compression(compression).progress(progress.report());
            options.save(path, value)?;
        }
        Destination::BlockFile(path) => {
            let options = BlockOptions::new().progress(progress.report());
            in_place(path, |out| Ok(options.to_writer(out, value)?))?;
        }
        // It has an array and no object.
        Destination::Npy(_) => {}
        Destination::Segment(name) => {
            let options = SegmentOptions::new().name(name).replace(is_replaced);
            let options = options.persist(is_persistent).progress(progress.report());
            let segment = options.create(value);
            return segment.map(Some).map_err(of_name);
        }
    }
    Ok(None)
}

/// Keeps the segment until Ctrl-C.
fn hold(segment: &Segment, screen: &mut Screen) -> Result<()> {
    stop::listen()?;
    let (name, size) = (segment.name().unwrap_or_default(), term::bytes(segment.len() as u64));
    writeln!(screen, "holding {name} ({size}) until Ctrl-C")?;
    screen.flush()?;
    while stop::sleep(Duration::from_secs(3600)) {}
    Ok(())
}

fn check_options(args: &Cp, destination: &Destination) -> Result<()> {
    let fault = |option: &str, of: &str| Err(Fault::new(format_args!("`{option}` is for {of}")));
    match destination {
        Destination::Segment(_) if args.compress.is_some() => fault("--compress", ".npz files"),
        Destination::Segment(_) => Ok(()),
        _ if args.hold => fault("--hold", "segments"),
        _ if args.replace => fault("--replace", "segments; a file is replaced in any case"),
        Destination::Npy(_) | Destination::BlockFile(_) if args.compress.is_some() => {
            fault("--compress", ".npz files")
        }
        _ => Ok(()),
    }
}

/// The object, or the parts of it that were asked for.
pub(crate) fn object(name: &OsStr, source: &Target, only: &[String]) -> Result<Value> {
    if only.is_empty() {
        return source.value().map_err(|fault| match (&fault, source.others()) {
            (Fault::Said(_) | Fault::Damaged(_), Ok(others)) if !others.is_empty() => {
                Fault::new(format_args!("{fault}; `--only` copies what can be read"))
            }
            _ => fault,
        });
    }
    let infos = source.arrays()?;
    let is_array = |path: &String| infos.iter().any(|info| info.path() == path);
    // Of an archive, an object would be read whole, and an array alone.
    let value = match source {
        Target::Npz { file, is_ours: true, .. } => {
            let is_in = |path: &str, part: &String| {
                path.strip_prefix(part.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            outline::value(file, &infos, |path| only.iter().any(|part| is_in(path, part)))?
        }
        Target::Npz { .. } | Target::Npy { .. } if only.iter().all(is_array) => {
            let load = |path: &String| Ok((path.clone(), source.array(path)?.into()));
            let named: Vec<(String, Value)> = only.iter().map(load).collect::<Result<_>>()?;
            return Ok(Nest::new(named, nest::member_steps).into_value());
        }
        source => source.value()?,
    };
    let mut keep = Keep { paths: only, found: vec![false; only.len()], seen: Vec::new() };
    let kept = keep.prune(value, "");
    if let Some(place) = keep.found.iter().position(|found| !found) {
        let path = &only[place];
        let near = target::nearest(path, keep.seen.iter().map(String::as_str));
        let name = term::shown(name);
        let hint = match near.as_slice() {
            [] => format!("`serde-shm inspect {name}` shows what it has"),
            near => format!("the nearest: {}", target::quoted(near)),
        };
        return Err(Fault::new(format_args!("{name}: there is no `{path}`; {hint}")));
    }
    Ok(kept.unwrap_or(Value::Unit))
}

/// Leaves out what is not on the way to one of these paths.
struct Keep<'a> {
    paths: &'a [String],
    found: Vec<bool>,
    /// The paths that were come by, for the error.
    seen: Vec<String>,
}

impl Keep<'_> {
    fn prune(&mut self, value: Value, path: &str) -> Option<Value> {
        self.seen.push(path.to_owned());
        if let Some(place) = self.paths.iter().position(|kept| kept == path) {
            self.found[place] = true;
            return Some(value);
        }
        let is_before = |kept: &String| {
            path.is_empty() || kept.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
        };
        if !self.paths.iter().any(is_before) {
            return None;
        }
        match value {
            Value::Optional(Some(value)) => {
                Some(Value::Optional(Some(Box::new(self.prune(*value, path)?))))
            }
            Value::Named(name, value) => {
                Some(Value::Named(name, Box::new(self.prune(*value, path)?)))
            }
            Value::Seq(seq) => Some(self.list(Vec::from(seq), path)),
            Value::Tuple(items) => Some(self.list(items.into_vec(), path)),
            Value::Map(map) => Some(self.map(map, path)),
            Value::Record(record) => self.record(record, path),
            _ => None,
        }
    }

    fn list(&mut self, items: Vec<Value>, path: &str) -> Value {
        let keep =
            |(place, item): (usize, Value)| self.prune(item, &join(path, &place.to_string()));
        Value::Seq(items.into_iter().enumerate().filter_map(keep).collect::<Seq>())
    }

    fn map(&mut self, map: Map, path: &str) -> Value {
        let keep = |(place, (key, value)): (usize, (Value, Value))| {
            let path = match key_text(&key) {
                Some(text) => join(path, &text),
                None => join_number(path, place),
            };
            Some((key, self.prune(value, &path)?))
        };
        Value::Map(map.into_iter().enumerate().filter_map(keep).collect())
    }

    /// A struct without its other fields, as if they had been skipped. A variant whose fields have no names stays whole.
    fn record(&mut self, record: Record, path: &str) -> Option<Value> {
        let path = match record.names().variant() {
            Some(variant) => join(path, variant),
            None => path.to_owned(),
        };
        self.seen.push(path.clone());
        let (names, values) = record.into_parts();
        let is_named = names.fields().len() == values.len();
        let mut place = 0;
        let values: Vec<Option<Value>> = values
            .into_iter()
            .map(|value| {
                let at = match names.field(place) {
                    Some(name) => join(&path, name),
                    None => join(&path, &place.to_string()),
                };
                place += 1;
                let value = value?;
                if is_named {
                    return self.prune(value, &at);
                }
                let inside = |kept: &String| {
                    *kept == at || *kept == path || kept.starts_with(&format!("{path}."))
                };
                for (found, _) in
                    self.found.iter_mut().zip(self.paths).filter(|(_, kept)| inside(kept))
                {
                    *found = true;
                }
                Some(value)
            })
            .collect();
        Record::with_absent(names, values).ok().map(Value::Record)
    }
}

/// Makes plain arrays of live ones, and says of how many.
pub(crate) fn freeze(value: &mut Value) -> Result<usize> {
    let mut count = 0;
    match value {
        Value::Live(array) => {
            *value = array.snapshot()?.into();
            count = 1;
        }
        Value::Optional(Some(value)) | Value::Readable(value) | Value::Named(_, value) => {
            count += freeze(value)?;
        }
        // Numbers are no arrays.
        Value::Seq(seq) if seq.numbers().is_some() => {}
        Value::Seq(seq) => {
            for item in seq.iter_mut() {
                count += freeze(item)?;
            }
        }
        Value::Tuple(items) => {
            for item in items {
                count += freeze(item)?;
            }
        }
        Value::Map(map) => {
            for (_, value) in map.iter_mut() {
                count += freeze(value)?;
            }
        }
        Value::Record(record) => {
            let (names, values) = record.clone().into_parts();
            let mut frozen = Vec::new();
            for part in values {
                frozen.push(match part {
                    Some(mut value) => {
                        count += freeze(&mut value)?;
                        Some(value)
                    }
                    None => None,
                });
            }
            *record = Record::with_absent(names, frozen)?;
        }
        _ => {}
    }
    Ok(count)
}

/// The path of the array that an .npy file is to have.
fn only_array(args: &Cp, source: &Target) -> Result<String> {
    let infos = source.arrays()?;
    match (&args.only[..], &infos[..]) {
        ([path], _) => Ok(path.clone()),
        ([], [only]) => Ok(only.path().to_owned()),
        _ => {
            let paths: Vec<String> =
                infos.iter().take(5).map(|info| info.path().to_owned()).collect();
            Err(Fault::new(format_args!(
                "{}: an .npy file has one array, and there are {}; name one by `--only`, such as {}",
                term::shown(&args.source),
                infos.len(),
                target::quoted(&paths)
            )))
        }
    }
}
