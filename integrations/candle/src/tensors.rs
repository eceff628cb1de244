//! The tensors of a model, by their names.

use std::collections::BTreeMap;
use std::fmt::Display;

use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder, VarMap};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_shm::{Error, ErrorKind, Result, UntypedArray, Value};

use crate::{TensorRef, misfit, refused, tensor};

/// The variables of a `VarMap`, to be written: a map from their names to arrays.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::{VarBuilder, VarMap};
/// use serde_shm_candle::{Tensors, VarMapRef};
///
/// let vars = VarMap::new();
/// let model = candle_nn::linear(4, 3, VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu).pp("out"))?;
/// let file = std::env::temp_dir().join("serde_shm_candle.npz");
/// serde_shm::to_npz(&file, &VarMapRef(&vars))?; // np.load(file)["out.weight"]
///
/// let saved: Tensors = serde_shm::from_npz(&file)?;
/// saved.fill(&vars)?; // a checkpoint is resumed
/// # std::fs::remove_file(file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Each variable is written from where it lies, in the order of the names. A dot in a name is a level, so a struct with the fields of
/// the model reads the same object.
#[derive(Clone, Copy)]
pub struct VarMapRef<'a>(pub &'a VarMap);

impl std::fmt::Debug for VarMapRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables().keys()).finish()
    }
}

impl VarMapRef<'_> {
    fn variables(self) -> BTreeMap<String, Tensor> {
        // A thread that panicked with the lock leaves each variable whole.
        let data = self.0.data().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        data.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect()
    }
}

impl Serialize for VarMapRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let variables = self.variables();
        Tree::of(variables.iter().map(|(name, tensor)| (name, TensorRef(tensor))))
            .serialize(serializer)
    }
}

/// Arrays as nested maps: each dot of a name is a level.
enum Tree<'a, T> {
    Leaf(T),
    Level(BTreeMap<&'a str, Tree<'a, T>>),
}

impl<'a, T> Tree<'a, T> {
    fn of(arrays: impl Iterator<Item = (&'a String, T)>) -> Self {
        let mut root = BTreeMap::new();
        for (name, leaf) in arrays {
            Tree::put(&mut root, name, leaf);
        }
        Tree::Level(root)
    }

    /// The names come in their order, so an array comes before the level that has its name. The dots behind it then stay in the key,
    /// which reads as the same path.
    fn put(level: &mut BTreeMap<&'a str, Self>, name: &'a str, leaf: T) {
        if let Some((step, rest)) = name.split_once('.')
            && !matches!(level.get(step), Some(Tree::Leaf(_)))
        {
            let next = level.entry(step).or_insert_with(|| Tree::Level(BTreeMap::new()));
            if let Tree::Level(next) = next {
                Tree::put(next, rest, leaf);
            }
        } else {
            level.insert(name, Tree::Leaf(leaf));
        }
    }
}

impl<T: Serialize> Serialize for Tree<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Leaf(leaf) => leaf.serialize(serializer),
            Tree::Level(level) => level.serialize(serializer),
        }
    }
}

/// The tensors of a model by their names, where they lie in a container: what a [`VarMapRef`] is read back as, and any other map of
/// arrays.
///
/// ```
/// use candle_core::{DType, Device};
/// use serde_shm::ShmArray2;
/// use serde_shm_candle::Tensors;
///
/// // Of a program that knows no candle, by shared memory, a block or a file.
/// let weight = ShmArray2::from(ndarray::array![[1.0_f32, 2.0]]);
/// let arrays = std::collections::BTreeMap::from([("out.weight", weight)]);
/// let block = serde_shm::Block::new(serde_shm::to_bytes(&arrays)?)?;
/// let tensors: Tensors = block.get()?;
/// let vars = tensors.var_builder(DType::F32, &Device::Cpu);
/// let model = candle_nn::linear_no_bias(2, 1, vars.pp("out"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Nothing is copied until a tensor is made of an array. A clone costs a reference count for each array.
///
/// They are read from an object of any type: the names are the paths of its arrays, `layers.0.weight`, and what is no array is passed
/// over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors(BTreeMap<String, UntypedArray>);

impl Tensors {
    /// The array of this name.
    ///
    /// ```
    /// assert!(serde_shm_candle::Tensors::default().get("weight").is_none());
    /// ```
    pub fn get(&self, name: &str) -> Option<&UntypedArray> {
        self.0.get(name)
    }

    /// The names, in their order.
    ///
    /// ```
    /// assert_eq!(serde_shm_candle::Tensors::default().names().count(), 0);
    /// ```
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Sets each variable of a `VarMap` to the array of its name: one copy into a tensor, and one that candle makes into the variable.
    /// All are looked at before the first is set.
    ///
    /// ```
    /// use candle_nn::VarMap;
    /// use serde_shm_candle::Tensors;
    ///
    /// Tensors::default().fill(&VarMap::new())?; // no variable, so nothing is missing
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no array for a variable; `Mismatch` if it has another shape or dtype; those of [`tensor()`].
    pub fn fill(&self, vars: &VarMap) -> Result<()> {
        let data = vars.data().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut all = Vec::with_capacity(data.len());
        for (name, var) in data.iter() {
            let made = self.make(name, var.device())?;
            if made.shape() != var.shape() || made.dtype() != var.dtype() {
                return Err(misfit(name, (var.shape(), var.dtype()), (made.shape(), made.dtype())));
            }
            all.push((var, made));
        }
        all.iter().try_for_each(|(var, made)| var.set(made)).map_err(refused)
    }

    /// A `VarBuilder` that makes its tensors of these arrays, each when a model asks for it, of the dtype that is given here.
    ///
    /// ```
    /// use candle_core::{DType, Device};
    /// use serde_shm_candle::Tensors;
    ///
    /// let vars = Tensors::default().var_builder(DType::F32, &Device::Cpu);
    /// assert!(!vars.contains_tensor("weight"));
    /// ```
    pub fn var_builder(&self, dtype: DType, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), dtype, device.clone())
    }

    /// Takes the arrays of a value, under their paths.
    fn gather(&mut self, path: &str, value: Value) {
        let under = |step: &dyn Display| {
            if path.is_empty() { step.to_string() } else { format!("{path}.{step}") }
        };
        match value {
            Value::Array(array) => {
                self.0.insert(path.to_owned(), array.into_array());
            }
            Value::Optional(Some(value)) | Value::Readable(value) | Value::Named(_, value) => {
                self.gather(path, *value);
            }
            Value::Map(map) => {
                for (key, value) in map {
                    let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                    self.gather(&under(&key), value);
                }
            }
            Value::Record(record) => {
                for (place, (name, value)) in record.fields().enumerate() {
                    let path = name.map_or_else(|| under(&place), |name| under(&name));
                    self.gather(&path, value.clone());
                }
            }
            Value::Tuple(items) => {
                for (index, value) in items.into_iter().enumerate() {
                    self.gather(&under(&index), value);
                }
            }
            Value::Seq(items) => {
                for (index, value) in items.each().enumerate() {
                    self.gather(&under(&index), value.into_owned());
                }
            }
            _ => {}
        }
    }

    fn make(&self, name: &str, device: &Device) -> Result<Tensor> {
        let array = self.0.get(name).ok_or_else(|| {
            const SHOWN: usize = 8;
            let names: Vec<_> = self.names().take(SHOWN).map(|name| format!("`{name}`")).collect();
            let more = if self.0.len() > SHOWN { ", ..." } else { "" };
            let message =
                format!("there is no array `{name}`: there are {}{more}", names.join(", "));
            Error::new(ErrorKind::NotFound, message)
        })?;
        tensor(array, device).map_err(|error| error.at_field(name))
    }
}

impl<N: Into<String>> FromIterator<(N, UntypedArray)> for Tensors {
    fn from_iter<I: IntoIterator<Item = (N, UntypedArray)>>(arrays: I) -> Self {
        Tensors(arrays.into_iter().map(|(name, array)| (name.into(), array)).collect())
    }
}

impl Serialize for Tensors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Tree::of(self.0.iter()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tensors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (value, mut tensors) = (Value::deserialize(deserializer)?, Tensors::default());
        tensors.gather("", value);
        Ok(tensors)
    }
}

impl SimpleBackend for Tensors {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _init: Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let made = self.get_unchecked(name, dtype, device)?;
        if made.shape() != &shape {
            let error = misfit(name, (&shape, dtype), (made.shape(), dtype));
            return Err(candle_core::Error::wrap(error));
        }
        Ok(made)
    }

    fn get_unchecked(
        &self,
        name: &str,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        self.make(name, device).map_err(candle_core::Error::wrap)?.to_dtype(dtype)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}
