//! Nested maps and lists from names such as `layers.0.weight`.

use serde_shm::value::Value;

/// A map of maps by the steps of the names; keys that count from 0 make a list. Where one name begins another, as `a` does
/// `a.b`, nothing nests, and the names are keys as they stand.
pub(crate) fn nested(named: Vec<(String, Value)>, separators: &[char]) -> Value {
    let mut root = Branch::default();
    let steps: Vec<Vec<&str>> =
        named.iter().map(|(name, _)| name.split(separators).collect()).collect();
    if !steps.iter().enumerate().all(|(place, steps)| root.put(steps, place)) {
        return named
            .into_iter()
            .map(|(name, value)| (Value::from(name), value))
            .collect::<serde_shm::value::Map>()
            .into();
    }
    let (names, values): (Vec<_>, Vec<_>) =
        named.into_iter().map(|(name, value)| (name, Some(value))).unzip();
    let mut root = Branch::default();
    for (place, name) in names.iter().enumerate() {
        root.put(&name.split(separators).collect::<Vec<_>>(), place);
    }
    let mut values = values;
    root.into_value(&mut values)
}

/// Names that begin alike, in the order in which they came.
#[derive(Default)]
struct Branch<'a>(Vec<(&'a str, Twig<'a>)>);

enum Twig<'a> {
    Branch(Branch<'a>),
    /// The place of the value.
    Value(usize),
}

impl<'a> Branch<'a> {
    /// Whether there is a place for the name.
    fn put(&mut self, steps: &[&'a str], place: usize) -> bool {
        let Some((first, rest)) = steps.split_first() else { return false };
        let found = self.0.iter_mut().find(|(step, _)| step == first);
        match (found, rest.is_empty()) {
            (Some((_, Twig::Branch(branch))), false) => branch.put(rest, place),
            (Some(_), _) => false,
            (None, true) => {
                self.0.push((first, Twig::Value(place)));
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

    fn into_value(mut self, values: &mut [Option<Value>]) -> Value {
        let number =
            |step: &str| step.parse::<usize>().ok().filter(|number| number.to_string() == *step);
        // Ten comes behind nine, however the names were sorted.
        let is_list =
            self.0.iter().all(|(step, _)| number(step).is_some_and(|number| number < self.0.len()));
        if is_list && !self.0.is_empty() {
            self.0.sort_by_key(|(step, _)| number(step));
            let items = self.0.into_iter().map(|(_, twig)| twig.into_value(values));
            return Value::Seq(items.collect());
        }
        let entries =
            self.0.into_iter().map(|(step, twig)| (Value::from(step), twig.into_value(values)));
        Value::Map(entries.collect())
    }
}

impl Twig<'_> {
    fn into_value(self, values: &mut [Option<Value>]) -> Value {
        match self {
            Twig::Branch(branch) => branch.into_value(values),
            Twig::Value(place) => values[place].take().unwrap_or(Value::Unit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(names: &[&str]) -> String {
        let named =
            names.iter().zip(0_u8..).map(|(name, value)| ((*name).to_owned(), value.into()));
        nested(named.collect(), &['.']).to_string()
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
}
