//! Whether an RSA signature is good: PKCS #1 v1.5 with SHA-256 (RFC 8017, section 8.2.2). Public numbers only, so it does not matter how long
//! what takes. Making signatures needs a private key, and is left to whoever has one.

use super::{Result, bad};

/// The fewest and the most bits of a modulus that are taken. UEFI firmware takes 2048 and mostly 4096.
const BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// The most bytes of a public exponent: 65537 has three.
const EXPONENT: usize = 4;
/// DER of `DigestInfo` for SHA-256, up to the digest (RFC 8017, section 9.2, note 1).
const SHA256: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublicKey {
    modulus: Number,
    exponent: u32,
    /// Length of the modulus.
    bytes: usize,
}

impl PublicKey {
    /// A key with these numbers, big-endian.
    pub(super) fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self> {
        let (modulus, exponent) = (trim(modulus), trim(exponent));
        let bits = match modulus.first() {
            Some(first) => modulus.len() * 8 - first.leading_zeros() as usize,
            None => 0,
        };
        if !BITS.contains(&bits) || modulus.last().is_none_or(|last| last % 2 == 0) {
            return bad(format!(
                "has an RSA key of {bits} bits, and firmware takes those of {} to {}",
                BITS.start(),
                BITS.end()
            ));
        }
        if exponent.is_empty() || exponent.len() > EXPONENT {
            return bad(format!(
                "has an RSA key whose exponent has {} bytes",
                exponent.len()
            ));
        }
        let add = |sum: u32, byte: &u8| sum << 8 | u32::from(*byte);
        Ok(Self {
            modulus: Number::new(modulus),
            exponent: exponent.iter().fold(0, add),
            bytes: modulus.len(),
        })
    }

    /// Whether `signature` is one of what has this SHA-256.
    pub(super) fn verifies(&self, sha256: &[u8; 32], signature: &[u8]) -> bool {
        if signature.len() != self.bytes {
            return false;
        }
        let limbs = self.modulus.0.len();
        let signature = Number::new(signature).wide(limbs);
        if signature.at_least(&self.modulus) {
            return false;
        }
        let padding = self.bytes - 3 - SHA256.len() - sha256.len();
        let message = [&[0, 1], &vec![0xff; padding][..], &[0], &SHA256, sha256].concat();
        self.power(&signature) == Number::new(&message).wide(limbs)
    }

    /// `base` to the power of the exponent, modulo the modulus.
    fn power(&self, base: &Number) -> Number {
        let limbs = self.modulus.0.len();
        let base = self.product(base, &self.square_of_r());
        let mut result = base.clone();
        let bits = 32 - self.exponent.leading_zeros();
        for bit in (0..bits.saturating_sub(1)).rev() {
            result = self.product(&result, &result);
            if self.exponent >> bit & 1 == 1 {
                result = self.product(&result, &base);
            }
        }
        self.product(&result, &Number(vec![1]).wide(limbs))
    }

    /// `a * b / r` modulo the modulus, where r is 2 to the power of the modulus's width (Montgomery's product, with carries as in "CIOS" of
    /// Koç, Acar and Kaliski, "Analyzing and Comparing Montgomery Multiplication Algorithms").
    fn product(&self, a: &Number, b: &Number) -> Number {
        let modulus = &self.modulus;
        let limbs = modulus.0.len();
        let inverse = negative_inverse(modulus.0[0]);
        let mut sum = vec![0; limbs + 2];
        for limb in &a.0 {
            add_product(&mut sum, *limb, &b.0);
            let times = sum[0].wrapping_mul(inverse);
            add_product(&mut sum, times, &modulus.0);
            // Its lowest limb is zero now.
            sum.rotate_left(1);
        }
        let over = sum[limbs] != 0;
        sum.truncate(limbs);
        let mut sum = Number(sum);
        if over || sum.at_least(modulus) {
            sum.subtract(modulus);
        }
        sum
    }

    /// r * r modulo the modulus, by doubling.
    fn square_of_r(&self) -> Number {
        let limbs = self.modulus.0.len();
        let mut number = Number(vec![1]).wide(limbs);
        for _ in 0..limbs * 128 {
            let over = number.double();
            if over || number.at_least(&self.modulus) {
                number.subtract(&self.modulus);
            }
        }
        number
    }
}

/// `sum += times * number`; there are two limbs of room.
fn add_product(sum: &mut [u64], times: u64, number: &[u64]) {
    let mut carry = 0;
    for (place, limb) in sum.iter_mut().zip(number.iter().chain(&[0, 0])) {
        let all = u128::from(*place) + u128::from(times) * u128::from(*limb) + carry;
        // The lower half.
        *place = all as u64;
        carry = all >> 64;
    }
}

/// `-1 / odd` modulo 2^64: each round of Newton's doubles the bits that are right, and 1 has one.
fn negative_inverse(odd: u64) -> u64 {
    let round =
        |inverse: u64, _| inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
    (0..6).fold(1, round).wrapping_neg()
}

fn trim(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    &number[zeros..]
}

/// A number of any length, least significant 64 bits first.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Number(Vec<u64>);

impl Number {
    fn new(big_endian: &[u8]) -> Self {
        let limb = |bytes: &[u8]| {
            let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
            bytes.iter().fold(0, add)
        };
        Self(big_endian.rchunks(8).map(limb).collect())
    }

    fn wide(mut self, limbs: usize) -> Self {
        self.0.resize(limbs, 0);
        self
    }

    /// Whether it is not less than another one of the same width.
    fn at_least(&self, other: &Self) -> bool {
        self.0.iter().rev().ge(other.0.iter().rev())
    }

    /// Takes away a number of the same width; what it would have to borrow from beyond is there.
    fn subtract(&mut self, other: &Self) {
        let mut borrow = false;
        for (limb, less) in self.0.iter_mut().zip(&other.0) {
            let (rest, under) = limb.overflowing_sub(*less);
            let (rest, again) = rest.overflowing_sub(u64::from(borrow));
            (*limb, borrow) = (rest, under || again);
        }
    }

    /// Doubles it; whether a bit did not fit.
    fn double(&mut self) -> bool {
        let mut carry = 0;
        for limb in &mut self.0 {
            (*limb, carry) = (*limb << 1 | carry, *limb >> 63);
        }
        carry == 1
    }
}
