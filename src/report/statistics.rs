//! Means over runs with their intervals. A handful of seeds is a small sample, so intervals are
//! Student's, with the exact quantile for the number of runs and not the normal distribution's 1.96.

use serde::Serialize;

/// The share of cases in which an interval here holds the true mean, if its assumptions are met.
pub const CONFIDENCE: f64 = 0.95;

/// A mean with its 95 % Student-t interval. All but `n` are in the unit of the values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Values, at least 2.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation of the values, with n − 1.
    pub sd: f64,
    /// Lower edge: mean − t(0.975, n − 1) · sd / √n.
    pub low: f64,
    /// Upper edge.
    pub high: f64,
}

/// Mean, standard deviation and 95 % interval of independent values. Nothing for fewer than two, of
/// which no spread is known, and where one of them is infinite or no number.
#[must_use]
pub fn mean_interval(values: &[f64]) -> Option<Interval> {
    mean_interval_at(values, CONFIDENCE)
}

/// The same at another confidence, between 0 and 1.
#[must_use]
pub fn mean_interval_at(values: &[f64], confidence: f64) -> Option<Interval> {
    let n = values.len();
    if n < 2 || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let count = n as f64;
    let mean = values.iter().sum::<f64>() / count;
    let sd = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    let half = t_quantile(0.5 + confidence / 2.0, count - 1.0) * sd / count.sqrt();
    Some(Interval { n, mean, sd, low: mean - half, high: mean + half })
}

/// A mean among several that are judged together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Corrected {
    /// The interval at its level.
    pub interval: Interval,
    /// That level: at least 0.95.
    pub confidence: f64,
    /// Two-sided p of “the true mean is 0”, multiplied as Holm has it and at most 1.
    pub p: f64,
}

/// Means of several lists that are judged together, by Holm's step-down method (1979): that any of those
/// whose interval excludes 0 is truly 0 happens in at most 5 % of cases. The smallest p stands against 5 %
/// divided by the number of lists, the next against 5 % divided by one less, and so on up to the first that
/// is too large; it and all after it have the interval of that level, which holds 0.
/// Nothing where one of the lists has no interval.
#[must_use]
pub fn holm(lists: &[Vec<f64>]) -> Option<Vec<Corrected>> {
    let plain: Vec<Interval> = lists.iter().map(|l| mean_interval(l)).collect::<Option<_>>()?;
    let p_of = |i: &Interval| match (i.mean == 0.0, i.sd == 0.0) {
        (true, _) => 1.0,
        (false, true) => 0.0,
        (false, false) => t_two_sided(i.mean / (i.sd / (i.n as f64).sqrt()), i.n as f64 - 1.0),
    };
    let p: Vec<f64> = plain.iter().map(p_of).collect();
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut out: Vec<Option<Corrected>> = vec![None; p.len()];
    let (mut stopped_at, mut least) = (None, 0.0_f64);
    for (rank, &i) in order.iter().enumerate() {
        let left = (p.len() - rank) as f64;
        let alpha = stopped_at.unwrap_or((1.0 - CONFIDENCE) / left);
        if p[i] > alpha {
            stopped_at.get_or_insert(alpha);
        }
        least = least.max((left * p[i]).min(1.0));
        let interval = mean_interval_at(&lists[i], 1.0 - alpha)?;
        out[i] = Some(Corrected { interval, confidence: 1.0 - alpha, p: least });
    }
    out.into_iter().collect()
}

/// The least true mean that `n` values with this spread are found to be above 0 in 80 of 100 times, by a
/// two-sided test at 5 %: (t(0.975, n − 1) + t(0.8, n − 1)) · sd / √n. NaN for fewer than two.
#[must_use]
pub fn detectable(sd: f64, n: usize) -> f64 {
    let df = n as f64 - 1.0;
    (t_quantile(0.5 + CONFIDENCE / 2.0, df) + t_quantile(0.8, df)) * sd / (n as f64).sqrt()
}

/// Mean of the differences `second − first` of values that belong together (the same seed in two arms)
/// with its 95 % interval. Nothing for lists of different lengths, and else as [`mean_interval`].
#[must_use]
pub fn paired_difference(first: &[f64], second: &[f64]) -> Option<Interval> {
    if first.len() != second.len() {
        return None;
    }
    mean_interval(&first.iter().zip(second).map(|(a, b)| b - a).collect::<Vec<_>>())
}

/// Two-sided p of Student's t with `df` degrees of freedom: how often |t| is at least this large where
/// the true mean is zero. NaN for a t that is no number and a `df` that is not above 0.
#[must_use]
pub fn t_two_sided(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    incomplete_beta(df / (df + t * t), df / 2.0, 0.5)
}

/// The t below which a share `p` of Student's distribution with `df` degrees of freedom lies. NaN unless
/// 0 < `p` < 1 and `df` > 0.
#[must_use]
pub fn t_quantile(p: f64, df: f64) -> f64 {
    if !(0.0 < p && p < 1.0) || df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if p < 0.5 {
        return -t_quantile(1.0 - p, df);
    }
    // The distribution function rises, so halving finds its inverse to the last bit; nothing that could
    // fail to converge.
    let two_sided = 2.0 * (1.0 - p);
    let (mut low, mut high) = (0.0, 1.0);
    while t_two_sided(high, df) > two_sided && high < 1e300 {
        low = high;
        high *= 2.0;
    }
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return middle;
        }
        if t_two_sided(middle, df) > two_sided {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// The regularised incomplete beta function I_x(a, b) for a, b > 0 and x in 0..=1 (DLMF 8.17).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast only on this side of the mean; I_x(a, b) = 1 − I_(1−x)(b, a) serves
    // the other.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp() / a;
    front / fraction(x, a, b)
}

/// 1 + d₁/(1 + d₂/(1 + …)) of DLMF 8.17.22, by the modified algorithm of Lentz.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let not_zero = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let (mut value, mut c, mut d) = (1.0, 1.0, 0.0);
    // About √(max(a, b)) terms are needed; this is enough for a million values.
    for i in 1..100_000_u32 {
        let m = f64::from(i / 2);
        let term = if i % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        d = 1.0 / not_zero(1.0 + term * d);
        c = not_zero(1.0 + term / c);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value
}

/// ln Γ(x) for x > 0: Lanczos' approximation with g = 7 and nine terms (Godfrey's coefficients), about
/// fifteen digits.
fn ln_gamma(x: f64) -> f64 {
    const FIRST: f64 = 0.999_999_999_999_809_9;
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let sum = TERMS.iter().zip(1..).fold(FIRST, |s, (c, i)| s + c / (x + f64::from(i)));
    let t = x + 7.5;
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, right: f64, relative: f64) {
        assert!((found / right - 1.0).abs() < relative, "{found} must be {right}");
    }

    /// Upper 2.5 % points of the usual table (Abramowitz and Stegun 26.10; more digits from R's `qt`).
    #[test]
    fn quantiles_are_those_of_the_tables() {
        let table = [
            (1.0, 12.706_204_736),
            (2.0, 4.302_652_730),
            (3.0, 3.182_446_305),
            (4.0, 2.776_445_105),
            (5.0, 2.570_581_836),
            (9.0, 2.262_157_163),
            (10.0, 2.228_138_852),
            (30.0, 2.042_272_456),
            (100.0, 1.983_971_519),
        ];
        for (df, right) in table {
            near(t_quantile(0.975, df), right, 1e-9);
            near(t_quantile(0.025, df), -right, 1e-9);
            near(t_two_sided(right, df), 0.05, 1e-8);
        }
        near(t_quantile(0.995, 9.0), 3.249_835_542, 1e-9);
        near(t_quantile(0.95, 2.0), 2.919_985_580, 1e-9);
        // With one degree it is Cauchy's distribution, and with very many the normal one.
        near(t_quantile(0.75, 1.0), 1.0, 1e-12);
        near(t_quantile(0.975, 1e7), 1.959_964_222, 1e-8);
        assert_eq!(t_quantile(0.5, 3.0), 0.0);
        assert!(t_quantile(1.0, 3.0).is_nan() && t_quantile(0.9, 0.0).is_nan() && t_two_sided(f64::NAN, 1.0).is_nan());
        assert_eq!((t_two_sided(0.0, 4.0), t_two_sided(f64::INFINITY, 4.0)), (1.0, 0.0));
    }

    #[test]
    fn gamma_is_right_where_it_is_known() {
        near(ln_gamma(0.5), std::f64::consts::PI.sqrt().ln(), 1e-13);
        near(ln_gamma(11.0), 3_628_800f64.ln(), 1e-13);
        assert!(ln_gamma(1.0).abs() < 1e-13);
    }

    #[test]
    fn means_have_intervals_from_two_values_on() {
        let found = mean_interval(&[1.0, 2.0, 3.0, 4.0, 5.0]).expect("five values");
        assert_eq!((found.n, found.mean), (5, 3.0));
        near(found.sd, 2.5f64.sqrt(), 1e-15);
        near(found.high - found.mean, 1.963_243_161, 1e-9);
        near(found.mean - found.low, 1.963_243_161, 1e-9);
        assert_eq!(mean_interval(&[1.0]), None);
        assert_eq!(mean_interval(&[]), None);
        assert_eq!(mean_interval(&[1.0, f64::NAN, 2.0]), None);
        let alike = mean_interval(&[0.5, 0.5, 0.5]).expect("three values");
        assert_eq!((alike.sd, alike.low, alike.high), (0.0, 0.5, 0.5));
    }

    #[test]
    fn differences_are_of_pairs() {
        let found = paired_difference(&[1.0, 2.0, 4.0], &[2.0, 4.0, 7.0]).expect("three pairs");
        assert_eq!((found.n, found.mean, found.sd), (3, 2.0, 1.0));
        near(found.high - found.mean, 4.302_652_730 / 3f64.sqrt(), 1e-9);
        assert_eq!(paired_difference(&[1.0, 2.0], &[1.0]), None);
    }

    /// p of 0.01, 0.04, 0.03 and 0.005 become 0.03, 0.06, 0.06 and 0.02 (R's `p.adjust(p, "holm")`).
    #[test]
    fn holm_corrects_as_r_does() {
        // Three values with the mean m and the spread 1 have the t √3 m, with two degrees of freedom.
        let list = |p: f64| {
            let m = t_quantile(1.0 - p / 2.0, 2.0) / 3f64.sqrt();
            vec![m - 1.0, m, m + 1.0]
        };
        let found = holm(&[list(0.01), list(0.04), list(0.03), list(0.005)]).expect("four lists");
        for (c, right) in found.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            near(c.p, right, 1e-6);
            assert_eq!(c.interval.low > 0.0, right < 0.05, "{c:?}");
        }
        near(found[3].confidence, 0.9875, 1e-12);
        near(found[0].confidence, 1.0 - 0.05 / 3.0, 1e-12);
        // 0.03 stands against 0.025 and stops it; 0.04 is below 0.05 and yet is not taken.
        near(found[2].confidence, 0.975, 1e-12);
        near(found[1].confidence, 0.975, 1e-12);
        let one = holm(&[vec![1.0, 2.0, 3.0]]).expect("a list");
        assert_eq!(Some(one[0].interval), mean_interval(&[1.0, 2.0, 3.0]));
        assert_eq!(holm(&[vec![1.0, 2.0], vec![1.0]]), None);
        let same = holm(&[vec![0.0, 0.0], vec![2.0, 2.0]]).expect("two lists");
        assert_eq!((same[0].p, same[1].p), (1.0, 0.0));
    }

    #[test]
    fn few_runs_find_only_much() {
        // t(0.975, 2) = 4.3027 and t(0.8, 2) = 1.0607.
        near(detectable(1.0, 3), (4.302_652_730 + 1.060_660_172) / 3f64.sqrt(), 1e-8);
        near(detectable(1.0, 100), 0.283, 2e-3);
        assert!(detectable(1.0, 1).is_nan());
    }
}
