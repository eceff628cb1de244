//! Nested maps and lists from names such as `layers.0.weight`.

use serde_shm::value::Value;

/// A part of what the names of arrays make.
pub(crate) enum Nest<T> {
    Leaf(T),
    List(Vec<Nest<T>>),
    Map(Vec<(String, Nest<T>)>),
}

/// The steps of a name in a safetensors file.
pub(crate) fn dotted(name: &str) -> Vec<&str> {
    name.split('.').collect()
}

/// The steps of a member's name, as `Npz::value` takes them: a name that is no path, such as `/a/b` or `../a`, is one step.
pub(crate) fn member_steps(name: &str) -> Vec<&str> {
    let steps: Vec<&str> = name.split(['.', '/']).collect();
    if steps.iter().any(|step| step.is_empty()) { vec![name] } else { steps }
}

impl<T> Nest<T> {
    /// Maps of maps by the steps of the names; keys that count from 0 make a list. Where one name begins another, as `a` does
    /// `a.b`, nothing nests, and the names are keys as they stand.
    pub(crate) fn new(named: Vec<(String, T)>, steps: impl Fn(&str) -> Vec<&str>) -> Self {
        let (names, parts): (Vec<String>, Vec<T>) = named.into_iter().unzip();
        let mut root = Branch::default();
        let is_nested = names.iter().enumerate().all(|(place, name)| root.put(&steps(name), place));
        let mut parts: Vec<Option<T>> = parts.into_iter().map(Some).collect();
        if is_nested {
            return root.take(&mut parts);
        }
        let entries = names.iter().zip(parts);
        Nest::Map(
            entries.filter_map(|(name, part)| Some((name.clone(), Nest::Leaf(part?)))).collect(),
        )
    }
}

impl Nest<Value> {
    pub(crate) fn into_value(self) -> Value {
        match self {
            Nest::Leaf(value) => value,
            Nest::List(items) => Value::Seq(items.into_iter().map(Nest::into_value).collect()),
            Nest::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, part)| (Value::from(key), part.into_value()))
                    .collect(),
            ),
        }
    }
}

/// Names that begin alike, in the order in which they came.
#[derive(Default)]
struct Branch<'a>(Vec<(&'a str, Twig<'a>)>);

enum Twig<'a> {
    Branch(Branch<'a>),
    /// The place of what has the name.
    Part(usize),
}

impl<'a> Branch<'a> {
    /// Whether there is room for the name.
    fn put(&mut self, steps: &[&'a str], place: usize) -> bool {
        let Some((first, rest)) = steps.split_first() else { return false };
        // Names that follow one another often begin alike.
        let found = self.0.iter_mut().rev().find(|(step, _)| step == first);
        match (found, rest.is_empty()) {
            (Some((_, Twig::Branch(branch))), false) => branch.put(rest, place),
            (Some(_), _) => false,
            (None, true) => {
                self.0.push((first, Twig::Part(place)));
                true
            }
            (None, false) => {
                let mut branch = Branch::default();
                let is_put = branch.put(rest, place);
                self.0.push((first, Twig::Branch(branch)));
                is_put
            }
        }
    }

    fn take<T>(mut self, parts: &mut [Option<T>]) -> Nest<T> {
        let count = self.0.len();
        let number =
            |step: &str| step.parse().ok().filter(|number: &usize| number.to_string() == step);
        let is_list =
            self.0.iter().all(|(step, _)| number(step).is_some_and(|number| number < count));
        let mut part = |twig: Twig<'a>| match twig {
            Twig::Branch(branch) => Some(branch.take(parts)),
            Twig::Part(place) => parts.get_mut(place)?.take().map(Nest::Leaf),
        };
        if is_list && count > 0 {
            // Ten comes behind nine, however the names were sorted.
            self.0.sort_by_key(|(step, _)| number(step));
            return Nest::List(self.0.into_iter().filter_map(|(_, twig)| part(twig)).collect());
        }
        let entries = self.0.into_iter();
        Nest::Map(entries.filter_map(|(step, twig)| Some((step.to_owned(), part(twig)?))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(names: &[&str]) -> String {
        let named =
            names.iter().zip(0_u8..).map(|(name, value)| ((*name).to_owned(), value.into()));
        Nest::new(named.collect(), dotted).into_value().to_string()
    }

    #[test]
    fn names_nest_and_numbers_make_lists() {
        assert_eq!(shown(&["a.b", "a.c", "d"]), r#"{ "a": { "b": 0, "c": 1 }, "d": 2 }"#);
        assert_eq!(shown(&["l.1", "l.0"]), r#"{ "l": [1, 0] }"#);
        assert_eq!(shown(&["l.1", "l.2"]), r#"{ "l": { "1": 0, "2": 1 } }"#);
        assert_eq!(shown(&["l.00", "l.01"]), r#"{ "l": { "00": 0, "01": 1 } }"#);
        assert_eq!(shown(&["a..b"]), r#"{ "a": { "": { "b": 0 } } }"#);
    }

    #[test]
    fn names_that_cannot_nest_stay() {
        assert_eq!(shown(&["a", "a.b"]), r#"{ "a": 0, "a.b": 1 }"#);
        assert_eq!(shown(&["a.b", "a"]), r#"{ "a.b": 0, "a": 1 }"#);
    }

    #[test]
    fn a_name_that_is_no_path_is_one_step() {
        assert_eq!(member_steps("a/0.b"), ["a", "0", "b"]);
        assert_eq!(member_steps("/a/b"), ["/a/b"]);
        assert_eq!(member_steps("../a"), ["../a"]);
    }
}
