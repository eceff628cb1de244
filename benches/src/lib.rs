//! What the benchmarks share: numbers to fill objects with, and the middle of what was measured.

/// The same numbers on every run.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number below this one.
    pub fn next(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    /// A number below 1024, exact in an `f32`.
    pub fn float(&mut self) -> f32 {
        self.next(1 << 20) as f32 / 1024.0
    }

    /// One in so many.
    pub fn one_in(&mut self, count: u64) -> bool {
        self.next(count) == 0
    }

    /// One of these.
    pub fn choice<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.next(of.len() as u64) as usize].clone()
    }

    /// Fewer items than `below`.
    pub fn list<C: FromIterator<T>, T>(&mut self, below: u64, item: impl Fn(&mut Self) -> T) -> C {
        (0..self.next(below)).map(|_| item(self)).collect()
    }
}

/// The value in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = ((sorted.len() - 1) / 2, sorted.len() / 2);
    f64::midpoint(sorted[low], sorted[high])
}
