//! Headers that we and `npyz` read alike.

use crate::array::Bits;
use crate::header::{self, Dtype, Header};
use crate::zip::{Member, build, npy};
use arbitrary::{Result, Unstructured};
use npyz::{DType, NpyFile, NpyHeader};
use serde_shm::{AlignedBytes, DynArray, Npz, Order};

/// A `.npy` file in an archive of its own, as we read it.
fn ours(npy: &[u8]) -> serde_shm::Result<(DynArray, Order, String)> {
    let archive = build(&[Member {
        name: b"x.npy".to_vec(),
        deflated: false,
        extra: Vec::new(),
        content: npy.to_vec(),
    }]);
    let file = Npz::from_bytes(AlignedBytes::copy_from(&archive).to_vec())?;
    let array = file.array_dyn("x")?;
    let info = file.arrays()?.remove(0);
    Ok((array, info.order(), info.dtype().to_string()))
}

/// A header that is well-formed: both readers take it, and find the same in it.
fn generated(u: &mut Unstructured<'_>) -> Result<()> {
    let Header { dtype, shape, fortran, text } = header::arbitrary(u)?;
    let count: usize = shape.iter().product();
    let mut data = vec![0; count * dtype.item_size()];
    let is_bool = |text: &str| text == "|b1";
    let bools = match &dtype {
        Dtype::Plain(text) => is_bool(text),
        Dtype::Struct(fields) => fields.iter().any(|field| is_bool(field.1)),
    };
    let text_like = format!("{dtype:?}").contains('U');
    // A bool is 0 or 1, and a character is one below the surrogates.
    if !bools && !text_like {
        u.fill_buffer(&mut data)?;
    }
    let file = npy(text.as_bytes(), &data);
    let (array, order, descr) = ours(&file).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(array.shape(), shape, "{text}");
    // One axis or none is in both orders.
    let expected = if fortran { Order::F } else { Order::C };
    assert!(order == expected || shape.len() < 2 || count < 2, "{order:?}: {text}");
    if let Dtype::Plain(plain) = dtype {
        assert_eq!(descr.trim_matches('\''), plain, "{text}");
    }
    let theirs =
        NpyHeader::from_reader(&mut &file[..]).unwrap_or_else(|error| panic!("{error}: {text}"));
    agree(&text, &array, order, &theirs);
    values(&text, &file, &array);
    Ok(())
}

fn agree(text: &str, array: &DynArray, order: Order, theirs: &NpyHeader) {
    let shape: Vec<usize> = theirs.shape().iter().map(|axis| *axis as usize).collect();
    assert_eq!(array.shape(), shape, "{text}");
    if shape.len() > 1 && shape.iter().product::<usize>() > 1 {
        assert_eq!(order == Order::F, theirs.order() == npyz::Order::Fortran, "{text}");
    }
    if let DynArray::Raw(raw) = array
        && let DType::Record(fields) = theirs.dtype()
    {
        let names: Vec<&str> = raw.dtype().fields().iter().map(|field| field.name()).collect();
        let theirs: Vec<&str> = fields.iter().map(|field| &*field.name).collect();
        assert!(names.iter().all(|name| theirs.contains(name)), "{text}: {names:?}, {theirs:?}");
    }
}

/// The elements as `npyz` reads them, one by one in the order of the file.
fn values(text: &str, file: &[u8], array: &DynArray) {
    fn same<A>(text: &str, file: &[u8], array: &ndarray::ArrayD<A>)
    where
        A: Bits + Copy + std::fmt::Debug + npyz::Deserialize + 'static,
    {
        let Ok(file) = NpyFile::new(file) else { return };
        let fortran = file.header().order() == npyz::Order::Fortran;
        let Ok(theirs) = file.into_vec::<A>() else { return };
        let ours: Vec<A> = if fortran {
            array.t().iter().copied().collect()
        } else {
            array.iter().copied().collect()
        };
        let bits = |items: &[A]| items.iter().map(Bits::bits).collect::<Vec<_>>();
        assert_eq!(bits(&ours), bits(&theirs), "{text}");
    }
    match array {
        DynArray::Bool(a) => same(text, file, a),
        DynArray::I8(a) => same(text, file, a),
        DynArray::I16(a) => same(text, file, a),
        DynArray::I32(a) => same(text, file, a),
        DynArray::I64(a) => same(text, file, a),
        DynArray::U8(a) => same(text, file, a),
        DynArray::U16(a) => same(text, file, a),
        DynArray::U32(a) => same(text, file, a),
        DynArray::U64(a) => same(text, file, a),
        DynArray::F32(a) => same(text, file, a),
        DynArray::F64(a) => same(text, file, a),
        _ => {}
    }
}

/// Any text: where both readers take it, they find the same in it.
fn any_text(u: &mut Unstructured<'_>) -> Result<()> {
    let len = u.arbitrary_len::<u8>()?;
    let text = u.bytes(len)?.to_vec();
    let rest = u.bytes(u.len())?;
    let file = npy(&text, rest);
    // `npyz` multiplies the axes unchecked, so it is asked behind us.
    let Ok((array, order, _)) = ours(&file) else { return Ok(()) };
    if let Ok(theirs) = NpyHeader::from_reader(&mut &file[..]) {
        agree(&String::from_utf8_lossy(&text), &array, order, &theirs);
    }
    Ok(())
}

/// Headers that we and `npyz` read.
pub fn run(data: &[u8]) {
    let u = &mut Unstructured::new(data);
    let _ = match u.arbitrary::<u8>() {
        Ok(kind) if kind % 4 == 3 => any_text(u),
        _ => generated(u),
    };
}
