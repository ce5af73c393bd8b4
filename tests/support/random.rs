//! Numbers that look random and come again for the same seed.

/// Marsaglia's xorshift64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        // Neighbouring seeds shall not begin alike, and 0 would stay 0.
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        random.next();
        random
    }

    /// A number from 1 to `most`; small ones are as likely as large ones.
    pub fn few(&mut self, most: usize) -> usize {
        let below = 1 << (self.next() % u64::from(most.ilog2() + 1));
        1 + usize::try_from(self.next() % below).unwrap() % most
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
