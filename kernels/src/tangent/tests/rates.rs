//! Growth rates and Lyapunov exponents against eigenvalues.

use super::*;

/// A network whose blocks change nothing: f(S) = S + β (softmax(S Woᵀ + bo) Wpᵀ + bp).
fn without_blocks(numbers: &[f32]) -> Model<'_> {
    let mut model = Model::of_flat(ANALYTIC, numbers).unwrap();
    model.blocks.clear();
    model.sizes.blocks = 0;
    model
}

const ANALYTIC: Sizes = Sizes { cells: 5, digits: 2, width: 6, blocks: 0, heads: 1, hidden: 4 };

/// What is known of [`without_blocks`]: with two digits, the Jacobian of a cell is the identity and one dyad, with
/// an eigenvalue 1 + β p (1 − p) (Wo_1 − Wo_2) · (Wp_1 − Wp_2). From the largest.
fn eigenvalues(model: &Model, prediction: &[f64], beta: f64) -> Vec<f64> {
    let (wo, wp) = (model.head.weight, model.feedback.weight);
    let along = |i: usize| f64::from(wo[i] - wo[6 + i]) * f64::from(wp[2 * i] - wp[2 * i + 1]);
    let dot: f64 = (0..6).map(along).sum();
    let mut all: Vec<f64> = prediction.chunks(2).map(|p| 1.0 + beta * p[0] * p[1] * dot).collect();
    all.sort_by(|a, b| b.abs().total_cmp(&a.abs()));
    all
}

#[test]
fn growth_is_what_it_must_be_without_blocks() {
    let mut numbers = numbers(ANALYTIC, 3, 3.0);
    // Every row of Wo is turned along Wp, so that the eigenvalues are far from 1; then far below −1.
    for sign in [1.0f32, -1.0] {
        let (wp, wo) = (ANALYTIC.width * 4, numbers.len() - 2 * 5 * 3 - 2 - 2 * 6);
        for i in 0..6 {
            for digit in 0..2 {
                numbers[wo + digit * 6 + i] = sign * 2.0 * numbers[wp + 2 * i + digit];
            }
        }
        let model = without_blocks(&numbers);
        let changes = Changes { prediction_scale: 0.7, ..Changes::default() };
        let map = Arc::new(Map::<f64>::new(&model, &changes).unwrap());
        // One state for every cell, so that all eigenvalues are different.
        let state: Vec<f64> = gaussian::<f64>(8, 0, 30).iter().map(|x| 0.2 * x).collect();
        let want = eigenvalues(&model, &map.predict(&state), f64::from(0.7f32));
        assert!(want[0].abs() > 1.5, "{want:?}");
        let options = Options { vectors: 3, steps: 1500, burn_in: 1000, ..Options::default() };
        let alone = growth(&map, &state, options);
        assert!(alone.converged && alone.measured == 500);
        for rate in &alone.rates {
            assert!((rate.growth() / want[0].abs() - 1.0).abs() < 1e-6, "{} {want:?}", rate.growth());
            assert!((rate.last / want[0].abs() - 1.0).abs() < 1e-6);
        }
        let several = growth(&map, &state, Options { kind: Vectors::Orthonormal, ..options });
        for (rate, want) in several.rates.iter().zip(&want) {
            assert!((rate.growth() / want.abs() - 1.0).abs() < 1e-3, "{several:?} {want}");
        }
    }
}

/// |λ_1| of a matrix [n, n] by Gelfand's formula, ‖Aᵐ‖^(1/m) for m = 2^20: squares and scales, no vectors.
fn radius(matrix: &[f64], n: usize) -> f64 {
    let (mut a, mut log, mut power) = (matrix.to_vec(), 0.0, 1.0);
    for _ in 0..20 {
        let mut square = vec![0.0; n * n];
        for (row, to) in a.chunks_exact(n).zip(square.chunks_exact_mut(n)) {
            for (factor, right) in row.iter().zip(a.chunks_exact(n)) {
                to.iter_mut().zip(right).for_each(|(to, right)| *to += factor * right);
            }
        }
        power *= 2.0;
        let norm = square.iter().map(|x| x * x).sum::<f64>().sqrt();
        square.iter_mut().for_each(|x| *x /= norm);
        // ln ‖A^power‖ = 2 · that of half the power, and what is scaled away here.
        log = 2.0 * log + f64::ln(norm);
        a = square;
    }
    f64::exp(log / power)
}

/// All products of minors of two rows and two columns: its largest eigenvalue is λ_1 λ_2.
fn second_compound(matrix: &[f64], n: usize) -> Vec<f64> {
    let pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect();
    let minor = |(i, j): (usize, usize), (k, l): (usize, usize)| {
        matrix[i * n + k] * matrix[j * n + l] - matrix[i * n + l] * matrix[j * n + k]
    };
    pairs.iter().flat_map(|rows| pairs.iter().map(|columns| minor(*rows, *columns))).collect()
}

/// J, column by column: [n, n].
fn jacobian(map: &Arc<Map<f64>>, state: &[f64]) -> Vec<f64> {
    let n = map.dimension();
    let units: Vec<f64> = (0..n * n).map(|i| f64::from(u8::from(i % (n + 1) == 0))).collect();
    let columns = map.tangent(state, &units);
    (0..n * n).map(|i| columns[i % n * n + i / n]).collect()
}

#[test]
fn growth_is_the_largest_eigenvalue() {
    let mut complex = 0;
    for seed in 0..6 {
        let numbers = numbers(TINY, seed, 2.5);
        let map = map::<f64>(TINY, &numbers, &Changes::default());
        // Anywhere, so that nothing about it is special.
        let state = gaussian(seed, 1 << 20, map.dimension());
        let matrix = jacobian(&map, &state);
        let n = map.dimension();
        let first = radius(&matrix, n);
        let second = radius(&second_compound(&matrix, n), n * (n - 1) / 2) / first;
        let norm = matrix.iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!((first - 1.0).abs() > 0.01 && norm > 1.5 * first, "{seed}: {first} {norm} tells nothing");
        let options = Options { steps: 6000, burn_in: 2000, tolerance: 1e-3, ..Options::default() };
        let alone = growth(&map, &state, options);
        for rate in &alone.rates {
            assert!((rate.exponent - first.ln()).abs() < 1e-3, "{seed}: {rate:?} {first}");
        }
        assert!(alone.converged, "{seed}: {alone:?}");
        let several = growth(&map, &state, Options { kind: Vectors::Orthonormal, vectors: 2, ..options });
        for (rate, want) in several.rates.iter().zip([first, second]) {
            assert!((rate.exponent - want.ln()).abs() < 1e-3, "{seed}: {rate:?} {first} {second}");
        }
        // A leading pair of complex eigenvalues: the factors swing, their mean does not.
        if second / first > 0.999 {
            complex += 1;
        }
    }
    assert!((1..6).contains(&complex), "{complex} of 6 pairs are complex: one case is not tested");
}

#[test]
fn exponents_along_the_trajectory_are_those_of_the_product() {
    let numbers = numbers(TINY, 2, 2.5);
    let map = map::<f64>(TINY, &numbers, &Changes::default());
    let (from, n, steps) = (state(&map, 3), map.dimension(), 12);
    let options = Options {
        vectors: n,
        kind: Vectors::Orthonormal,
        along: Along::Moving,
        steps,
        burn_in: 0,
        ..Options::default()
    };
    let mut powers = PowerIteration::new(&map, &from, options);
    let mut product = powers.vectors().to_vec();
    let mut at = from;
    let mut volume = 0.0;
    for step in 1..=steps {
        powers.step();
        assert_eq!(powers.steps(), step);
        product = map.tangent(&at, &product);
        volume += log_determinant(&jacobian(&map, &at), n);
        at = map.apply(&at);
    }
    // The first vector's length in the product, and the volume of all of them.
    let growth = powers.growth();
    let first: f64 = powers.logs().iter().step_by(n).sum();
    let length = product[..n].iter().map(|x| x * x).sum::<f64>().sqrt();
    assert!((first - length.ln()).abs() < 1e-9, "{first} {}", length.ln());
    let sum: f64 = growth.rates.iter().map(|rate| rate.exponent).sum();
    assert!((sum * steps as f64 - volume).abs() < 1e-7, "{sum} {volume}");
    assert!(growth.rates.is_sorted_by(|a, b| a.exponent >= b.exponent));
}

/// ln |det A|, by elimination.
fn log_determinant(matrix: &[f64], n: usize) -> f64 {
    let mut rows: Vec<Vec<f64>> = matrix.chunks_exact(n).map(<[f64]>::to_vec).collect();
    let mut log = 0.0;
    for column in 0..n {
        let best = (column..n).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs())).unwrap();
        rows.swap(column, best);
        let pivot = rows[column].clone();
        log += pivot[column].abs().ln();
        for row in &mut rows[column + 1..] {
            let factor = row[column] / pivot[column];
            row.iter_mut().zip(&pivot).for_each(|(x, p)| *x -= factor * p);
        }
    }
    log
}

#[test]
fn parts_are_steps() {
    let numbers = numbers(TINY, 4, 2.0);
    let map = map::<f64>(TINY, &numbers, &Changes::default());
    let start = state(&map, 2);
    for along in [Along::Frozen, Along::Moving] {
        for kind in [Vectors::Independent, Vectors::Orthonormal] {
            let options = Options { along, kind, steps: 5, burn_in: 1, ..Options::default() };
            let mut powers = PowerIteration::new(&map, &start, options);
            let mut parts = 0;
            while powers.steps() < 5 {
                powers.part();
                parts += 1;
            }
            // Four vectors' three stages a step, the first linearisation, and one more for every move.
            assert_eq!(parts, 5 * 4 * 3 + 1 + if along == Along::Moving { 4 } else { 0 });
            assert_eq!(powers.growth(), growth(&map, &start, options));
        }
    }
    // Without a step after the burn-in nothing is known.
    let powers = growth(&map, &start, Options { steps: 3, burn_in: 3, ..Options::default() });
    assert!(powers.measured == 0 && powers.growth().is_nan() && !powers.converged);
    let none = growth(&map, &start, Options { vectors: 0, ..Options::default() });
    assert!(none.rates.is_empty() && !none.converged);
}
