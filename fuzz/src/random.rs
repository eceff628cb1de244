//! Choices of a mutator: the same for the same seed.

/// xorshift.
pub struct Random(u64);

/// libFuzzer's own changes of so many bytes, which may become so many: gives how many they are then. A parameter, so that
/// what only makes values is not linked with libFuzzer.
pub type Mutate = fn(&mut [u8], usize, usize) -> usize;

impl Random {
    pub fn new(seed: u32) -> Self {
        Random((u64::from(seed) << 20 ^ 0x9e37_79b9_7f4a_7c15) | 1)
    }

    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 8) as usize % limit.max(1)
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A number that code has thoughts about.
    pub fn number(&mut self) -> u64 {
        let near = self.pick(&[0, 1, 8, 63, 64, 255, 256, 257, 1 << 16, 1 << 20, 1 << 31, 1 << 32]);
        match self.below(4) {
            0 => self.pick(&[u64::MAX, u64::MAX >> 1, 1 << 63, u64::MAX - 7, 1 << 62]),
            1 => near,
            2 => near.wrapping_sub(1),
            _ => self.next() >> self.below(64),
        }
    }
}

/// What changes inputs.
pub struct Mutator {
    pub random: Random,
    mutate: Mutate,
}

impl Mutator {
    pub fn new(seed: u32, mutate: Mutate) -> Self {
        Mutator { random: Random::new(seed), mutate }
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.random.below(limit)
    }

    /// Lets libFuzzer change bytes, which may become `room` more.
    pub fn mutate(&self, bytes: &mut Vec<u8>, room: usize) {
        let len = bytes.len();
        bytes.resize((len + room).max(1), 0);
        let max = bytes.len();
        let len = (self.mutate)(bytes, len, max);
        bytes.truncate(len);
    }
}

/// Puts a mutated input into libFuzzer's room for it; one that is too long is not taken.
pub fn put(bytes: &[u8], data: &mut [u8], size: usize, max: usize) -> usize {
    if bytes.is_empty() || bytes.len() > max.min(data.len()) {
        return size;
    }
    data[..bytes.len()].copy_from_slice(bytes);
    bytes.len()
}
