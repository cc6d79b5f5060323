//! What the numbers of the map must be able to do.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Sub};

use super::product::Multiply;

/// f32 or f64.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + AddAssign
    + Div<Output = Self>
    + Mul<Output = Self>
    + Sub<Output = Self>
    + Multiply
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;

    /// The nearest number.
    #[must_use]
    fn from_f32(x: f32) -> Self;

    /// The nearest number.
    #[must_use]
    fn from_f64(x: f64) -> Self;

    /// The same number.
    #[must_use]
    fn to_f64(self) -> f64;

    /// e^x.
    #[must_use]
    fn exp(self) -> Self;

    /// √x.
    #[must_use]
    fn sqrt(self) -> Self;

    /// Rounded as [`tf32`] does; here for both types, of use for f32.
    #[must_use]
    fn to_tf32(self) -> Self;

    /// The activation, max(x, 0); what is not a number stays so.
    #[inline(always)]
    #[must_use]
    fn positive(self) -> Self {
        if self < Self::ZERO { Self::ZERO } else { self }
    }
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        x
    }

    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        x as Self
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn exp(self) -> Self {
        self.exp()
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn to_tf32(self) -> Self {
        tf32(self)
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        Self::from(x)
    }

    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        x
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }

    #[inline(always)]
    fn exp(self) -> Self {
        self.exp()
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn to_tf32(self) -> Self {
        Self::from(tf32(self as f32))
    }
}

/// Rounds to nearest, ties to even, to the ten mantissa bits that a tensor core multiplies in TF32 mode
/// (`specs/sudoku.md` §10). Infinities and what is not a number stay as they are.
#[inline(always)]
#[must_use]
pub fn tf32(x: f32) -> f32 {
    // The bits of f32's mantissa that are dropped.
    const DROPPED: u32 = 23 - 10;
    if !x.is_finite() {
        return x;
    }
    let bits = x.to_bits();
    // Just below one half, or one half where the last kept bit is odd; a carry goes on to the exponent.
    let half = (1 << (DROPPED - 1)) - 1 + (bits >> DROPPED & 1);
    f32::from_bits((bits + half) & !((1 << DROPPED) - 1))
}
