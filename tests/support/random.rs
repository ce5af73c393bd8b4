//! Repeatable randomness.

use std::hash::{BuildHasher, RandomState};
use std::{env, thread};

/// Xorshift64*, which is good enough to select cases.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Returns a number below `n`, which must not be 0.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % n
    }

    /// Returns a number below `n`, which must not be 0; every order of magnitude is equally likely.
    pub fn small(&mut self, n: usize) -> usize {
        let magnitude = self.below(n.ilog2() as usize + 1);
        self.below(n.min(2 << magnitude))
    }

    /// Returns `true` once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Returns up to `most` values of `make`.
    pub fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.below(most + 1);
        (0..count).map(|_| make(self)).collect()
    }

    /// Changes, removes or doubles one of the bytes.
    pub fn damaged(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let at = self.below(bytes.len().max(1));
        match self.below(3) {
            _ if bytes.is_empty() => {}
            0 => bytes[at] = self.pick(b"\r\n\0\t :;+-0aZ\x0c\x7f\xff%/?"),
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, bytes[at]),
        }
        bytes
    }
}

/// Reports the seed of a failure.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("to repeat: DCP_SEED={} cargo test", self.0);
        }
    }
}

/// Tests `property` with `rounds` seeds, or with the number in `DCP_ROUNDS`, or only with the seed in
/// `DCP_SEED`.
pub fn check(rounds: u64, property: impl Fn(&mut Random)) {
    let number = |name| env::var(name).ok().map(|number| number.parse().unwrap());
    let rounds = number("DCP_ROUNDS").unwrap_or(rounds);
    let once = number("DCP_SEED");
    let first = once.unwrap_or_else(|| RandomState::new().hash_one(0) >> 16);
    for seed in first..first + if once.is_some() { 1 } else { rounds } {
        let seed = Seed(seed);
        let mut random = Random::new(seed.0);
        property(&mut random);
    }
}
