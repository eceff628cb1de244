//! Untyped arrays in other formats: as a `DynArray` has it.

use serde::de::DeserializeOwned;
use serde::{Serialize, ser};
use serde_shm::{DynArray, ErrorKind, ShmArray1, UntypedArray, UntypedView};

use crate::untyped::{DTYPES, LAYOUTS, Laid, zoo};

fn postcard<T: ser::Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).unwrap()
}

fn through<T: Serialize, B: DeserializeOwned>(value: &T) -> [B; 3] {
    let mut cbor = Vec::new();
    ciborium::into_writer(value, &mut cbor).unwrap();
    [
        postcard::from_bytes(&postcard(value)).unwrap(),
        rmp_serde::from_slice(&rmp_serde::to_vec(value).unwrap()).unwrap(),
        ciborium::from_reader(&cbor[..]).unwrap(),
    ]
}

#[test]
fn formats_of_bytes_give_every_dtype_and_layout_back() {
    for (name, laid) in zoo() {
        let array = laid.array();
        for back in through::<_, UntypedArray>(&array) {
            assert_eq!(back, array, "{name}");
        }
        let packed = array.view().to_array().unwrap();
        assert_eq!(postcard(&laid.view()), postcard(&packed), "{name}");
    }
}

#[test]
fn text_says_what_a_dyn_array_says() {
    for text in DTYPES {
        let laid = Laid::new(text, "C");
        let any = serde_json::to_string(&laid.view().to_dyn().unwrap()).unwrap();
        for layout in LAYOUTS {
            let view = Laid::new(text, layout);
            let bytes = view.view().to_array().unwrap();
            let json = serde_json::to_string(&view.view()).unwrap();
            assert_eq!(json, serde_json::to_string(&bytes).unwrap(), "{text} {layout}");
        }
        assert_eq!(serde_json::to_string(&laid.view()).unwrap(), any, "{text}");
    }
    let any: UntypedArray = serde_json::from_str("[[1, 2], [3, 4]]").unwrap();
    assert_eq!((any.dtype().to_string().as_str(), any.shape()), ("<i8", &[2, 2][..]));
    let any: UntypedArray = serde_json::from_str(r#"["a", "bcd"]"#).unwrap();
    assert_eq!(any.dtype().to_string(), "<U3");
    assert!(serde_json::from_str::<UntypedArray>(r#"[1, "a"]"#).is_err());
    assert!(serde_json::from_str::<UntypedArray>("[[1], [2, 3]]").is_err());
}

#[test]
fn a_view_borrows_or_is_an_error() {
    let bytes = postcard(&ShmArray1::from(vec![1_u16, 2]));
    // A format that lends its bytes lends these.
    let view: UntypedView<'_> = postcard::from_bytes(&bytes).unwrap();
    assert!(bytes.as_ptr_range().contains(&view.as_bytes().unwrap().as_ptr()));
    let error = serde_json::from_str::<UntypedView<'_>>("[1, 2]").unwrap_err();
    assert!(error.to_string().contains("use `UntypedArray`"), "{error}");
    let inline = serde_shm::to_bytes(&vec![1_u16, 2]).unwrap();
    let error = serde_shm::from_bytes::<UntypedView<'_>>(&inline).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    assert!(error.to_string().contains("use `UntypedArray`"), "{error}");
    let any: UntypedArray = serde_shm::from_bytes(&inline).unwrap();
    assert_eq!(any.shape(), [2]);
    assert_eq!(any.to_dyn().unwrap(), serde_shm::from_bytes::<DynArray>(&inline).unwrap());
}
