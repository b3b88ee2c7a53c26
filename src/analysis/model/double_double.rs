//! Numbers of twice the digits of an f64, for differences that cancel: a value is the sum of two f64.
//!
//! The models subtract what a checkpoint costs from what it saves. Near U = 0 both are equal to the last digits,
//! and only exact products of the inputs say which is larger. Sums and products are those of Dekker, "A floating-point
//! technique for extending the available precision", Numerische Mathematik 18 (1971), and Knuth, with a fused
//! multiply-add; their errors, a few units in 2^-104, are in Joldes, Muller and Popescu, "Tight and rigorous error
//! bounds for basic building blocks of double-word arithmetic", ACM TOMS 44 (2017). Crates of such numbers exist, but
//! their exponentials end at 1e-18.

/// `hi + lo`, where `lo` is at most half a unit in the last place of `hi`.
#[derive(Clone, Copy, Debug)]
pub struct DoubleDouble {
    hi: f64,
    lo: f64,
}

/// ln 2 to 106 bits.
const LN_2: DoubleDouble = DoubleDouble { hi: std::f64::consts::LN_2, lo: 2.319_046_813_846_299_6e-17 };

/// Terms of a series for an argument of at most 1; the next one is below 1/30! = 4e-33.
const TERMS: u32 = 29;

impl DoubleDouble {
    pub const ONE: Self = Self { hi: 1.0, lo: 0.0 };

    /// a + b, exactly.
    pub fn sum(a: f64, b: f64) -> Self {
        let hi = a + b;
        let of_b = hi - a;
        Self { hi, lo: (a - (hi - of_b)) + (b - of_b) }
    }

    /// a b, exactly where it is not near underflow.
    pub fn product(a: f64, b: f64) -> Self {
        let hi = a * b;
        Self { hi, lo: a.mul_add(b, -hi) }
    }

    /// 1 - l (a + b), with twice the digits of the result: product and sums are taken whole, since both may be 1 to
    /// more digits than a rounded product has.
    pub fn one_minus(l: f64, a: f64, b: f64) -> Self {
        let terms = Self::sum(a, b);
        let (high, low) = (Self::product(l, terms.hi), Self::product(l, terms.lo));
        Self::ONE.minus(high).minus(low)
    }

    pub fn plus(self, other: Self) -> Self {
        let (high, low) = (Self::sum(self.hi, other.hi), Self::sum(self.lo, other.lo));
        let once = Self::ordered(high.hi, high.lo + low.hi);
        Self::ordered(once.hi, once.lo + low.lo)
    }

    pub fn minus(self, other: Self) -> Self {
        self.plus(Self { hi: -other.hi, lo: -other.lo })
    }

    pub fn times(self, other: Self) -> Self {
        let exact = Self::product(self.hi, other.hi);
        Self::ordered(exact.hi, exact.lo + self.hi.mul_add(other.lo, self.lo * other.hi))
    }

    pub fn scaled(self, factor: f64) -> Self {
        self.times(Self { hi: factor, lo: 0.0 })
    }

    pub fn over(self, divisor: f64) -> Self {
        let quotient = self.hi / divisor;
        let rest = self.minus(Self::product(quotient, divisor));
        Self::ordered(quotient, rest.hi / divisor)
    }

    pub fn value(self) -> f64 {
        self.hi + self.lo
    }

    /// a + b where |a| ≥ |b|.
    fn ordered(a: f64, b: f64) -> Self {
        let hi = a + b;
        Self { hi, lo: b - (hi - a) }
    }

    /// e^{-y} for y from 0 to some hundred: 2^{-k} e^{-r}, r = y - k ln 2 at most ln 2 / 2, by its series.
    pub fn exp_of_minus(self) -> Self {
        let halvings = (self.hi / std::f64::consts::LN_2).round();
        let rest = self.minus(LN_2.scaled(halvings));
        nested_series(rest, 1).scaled((-halvings).exp2())
    }

    /// y - 1 + e^{-y} for y from 0 to 1: y²/2! - y³/3! + …
    pub fn lost_work(self) -> Self {
        self.times(self).scaled(0.5).times(nested_series(self, 3))
    }
}

/// 1 - y/k (1 - y/(k + 1) (1 - …)), k from `first`.
fn nested_series(y: DoubleDouble, first: u32) -> DoubleDouble {
    let step = |rest: DoubleDouble, k: u32| DoubleDouble::ONE.minus(y.over(f64::from(k)).times(rest));
    (first..=TERMS).rev().fold(DoubleDouble::ONE, step)
}
