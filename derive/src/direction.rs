//! Which of the two traits is derived.

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Serialize,
    Deserialize,
}

impl Direction {
    /// The word for this direction in serde's attributes.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Direction::Serialize => "serialize",
            Direction::Deserialize => "deserialize",
        }
    }
}
