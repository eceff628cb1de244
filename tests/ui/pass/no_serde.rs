//! A crate that depends on `serde_shm` alone can derive: no name of serde's is in scope, nor anything of the prelude's.
#![no_implicit_prelude]
#![deny(warnings)]
#![forbid(unsafe_code)]

#[derive(::serde_shm::Serialize, ::serde_shm::Deserialize, ::std::clone::Clone)]
struct Model<'a, T> {
    name: &'a str,
    generic: T,
    #[shm_array]
    known: ::std::vec::Vec<f32>,
    #[shm_array]
    values: ::std::vec::Vec<T>,
    #[serde(default)]
    #[shm_array]
    option: ::std::option::Option<::std::vec::Vec<u8>>,
}

#[derive(::serde_shm::Serialize, ::serde_shm::Deserialize)]
enum Choice {
    One(#[shm_array] [f32; 2]),
    Other { name: ::std::string::String },
}

fn main() {
    let model = Model {
        name: "name",
        generic: 1u8,
        known: ::std::vec::Vec::new(),
        values: ::std::vec::Vec::new(),
        option: ::std::option::Option::None,
    };
    let bytes = ::serde_shm::to_bytes(&(model, Choice::One([1.0, 2.0]))).unwrap();
    let (back, _): (Model<'_, u8>, Choice) = ::serde_shm::from_bytes(&bytes).unwrap();
    ::std::assert_eq!(back.name, "name");
    let _ = (back.generic, back.known, back.values, back.option);
    let _ = Choice::Other { name: ::std::string::String::new() };
}
