//! Types and attributes that reach the derives through `macro_rules!`, `$crate` among them.
#![deny(warnings)]

pub type Values<T> = Vec<T>;

macro_rules! model {
    ($name:ident<$param:ident>, $lifetime:lifetime, $ty:ty, $rename:literal, $length:expr) => {
        #[derive(serde_shm::Serialize, serde_shm::Deserialize)]
        #[serde(rename = $rename)]
        struct $name<$lifetime, $param> {
            #[serde(rename = $rename)]
            name: &$lifetime str,
            #[shm_array]
            known: $ty,
            #[shm_array]
            fixed: [u8; $length],
            #[shm_array]
            concrete: $crate::Values<u8>,
            generic: $param,
        }
    };
}

model!(Model<T>, 'a, Vec<f32>, "renamed", 1 + 1);

fn main() {
    let model =
        Model { name: "n", known: vec![1.0], fixed: [1, 2], concrete: vec![3], generic: 4u8 };
    let bytes = serde_shm::to_bytes(&model).unwrap();
    let back: Model<'_, u8> = serde_shm::from_bytes(&bytes).unwrap();
    assert_eq!((back.name, back.generic), ("n", 4));
    assert_eq!((back.known, back.fixed, back.concrete), (vec![1.0], [1, 2], vec![3]));
}
