//! Chance that is the same in each run, for tests that generate their cases.

/// A generator of numbers (SplitMix64) from a seed.
pub struct Chance(pub u64);

impl Chance {
    /// A number below a limit, which is not zero.
    pub fn number(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % below as u64) as usize
    }

    /// True once in so many times.
    pub fn one_in(&mut self, number: usize) -> bool {
        self.number(number) == 0
    }

    /// One of a pool, which is not empty.
    pub fn pick<T: Clone>(&mut self, pool: &[T]) -> T {
        pool[self.number(pool.len())].clone()
    }
}
