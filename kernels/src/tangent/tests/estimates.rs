//! The published estimator, its rounding, and how fast all of it is.

use super::*;

#[test]
fn tf32_keeps_ten_bits() {
    let ulp = f32::powi(2.0, -10);
    let rounded = [
        (0.0, 0.0),
        (1.0, 1.0),
        (1.0 + ulp, 1.0 + ulp),
        // Halves go to even.
        (1.0 + ulp / 2.0, 1.0),
        (1.0 + 1.5 * ulp, 1.0 + 2.0 * ulp),
        (1.0 + 2.5 * ulp, 1.0 + 2.0 * ulp),
        (1.0 + ulp / 2.0 + f32::EPSILON, 1.0 + ulp),
        (1.0 + ulp / 2.0 - f32::EPSILON, 1.0),
        // A carry goes on to the exponent.
        (2.0 - f32::EPSILON, 2.0),
        (-std::f32::consts::PI, -3.140_625),
        (0.1, 0.099_975_586),
        (1e-40, 1e-40),
        (f32::INFINITY, f32::INFINITY),
    ];
    for (x, want) in rounded {
        let got = tf32(x);
        if x == 1e-40 {
            // Below the smallest exponent the spacing is fixed.
            assert!((got - want).abs() <= f32::from_bits(1 << 12), "{got:e}");
        } else {
            assert_eq!(got.to_bits(), f32::to_bits(want), "{x} {got} {want}");
        }
        assert_eq!(tf32(-x), -got);
        assert_eq!(tf32(got), got);
    }
    assert!(tf32(f32::NAN).is_nan());
    assert_eq!(tf32(f32::MAX), f32::INFINITY);
}

#[test]
fn random_directions_are_normal_and_apart() {
    let x = gaussian::<f64>(1, 0, 20_000);
    let mean = |of: fn(f64) -> f64| x.iter().map(|x| of(*x)).sum::<f64>() / 20_000.0;
    assert!(
        mean(|x| x).abs() < 0.03 && (mean(|x| x * x) - 1.0).abs() < 0.05 && (mean(|x| x.powi(4)) - 3.0).abs() < 0.4
    );
    assert_eq!(x[..7], gaussian::<f64>(1, 0, 7));
    for (seed, stream) in [(1, 1), (2, 0)] {
        let y = gaussian::<f64>(seed, stream, 20_000);
        assert!(x.iter().zip(&y).map(|(x, y)| x * y).sum::<f64>().abs() < 500.0);
    }
}

#[test]
fn fine_differences_are_growth_and_rounded_products_are_noise() {
    let numbers = numbers(S4, 2, 2.5);
    let model = Model::of_flat(S4, &numbers).unwrap();
    let exact = map::<f64>(S4, &numbers, &Changes::default());
    let state = state(&exact, 5);
    let narrow: Vec<f32> = state.iter().map(|x| *x as f32).collect();
    let options = Options { vectors: 1, steps: 30, burn_in: 10, seed: 4, ..Options::default() };
    let truth = growth(&exact, &state, options);

    let mut fine = FiniteDifferences::new(&exact, &state, Difference::fine(4));
    let last = (0..30).fold(0.0, |_, _| fine.step());
    assert!((fine.rate(10).exponent - truth.exponent).abs() < 1e-4);
    assert!((last / truth.last() - 1.0).abs() < 1e-4 && last == fine.rate(10).last);

    let published = |products: Products| {
        let map = Arc::new(Map::with_products(&model, &Changes::default(), products).unwrap());
        let mut differences = FiniteDifferences::new(&map, &narrow, Difference::published(4));
        (0..30).for_each(|_| _ = differences.step());
        differences.rate(10).growth()
    };
    let (single, rounded) = (published(Products::Exact), published(Products::Tf32));
    assert!((single / truth.growth() - 1.0).abs() < 0.5, "{single} {}", truth.growth());
    assert!(rounded > 5.0 * truth.growth(), "{rounded} {}", truth.growth());
}

#[test]
fn rounded_products_are_those_of_rounded_factors() {
    // With numbers of ten bits nothing is rounded before the first norm: only the encoder shows.
    let numbers = numbers(S4, 2, 1.0);
    let model = Model::of_flat(S4, &numbers).unwrap();
    let rounded = Map::with_products(&model, &Changes::default(), Products::Tf32).unwrap();
    let start = rounded.start(&clues(&S4)).unwrap();
    for (cell, clue) in clues(&S4).iter().enumerate() {
        for o in 0..S4.width {
            let want = tf32(model.encoder.weight[o * 5 + usize::from(*clue)]) + model.encoder.bias[o];
            assert_eq!(start.state[cell * S4.width + o].to_bits(), want.to_bits());
        }
    }
    let exact = Map::with_products(&model, &Changes::default(), Products::Exact).unwrap();
    let (a, b) = (exact.apply(&start.state), rounded.apply(&start.state));
    let error = difference(&b, &a);
    assert!((1e-5..1e-2).contains(&error), "{error}");
}

/// Prints what a vector and a step cost on a 9×9 board: `cargo test --release -- --ignored --nocapture speed`.
#[test]
#[ignore = "a measurement"]
fn speed() {
    fn measure<R: Real>(what: &str, numbers: &[f32]) {
        let map = map::<R>(S9, numbers, &Changes::default());
        let state = state(&map, 2);
        let ms = |times: u32, of: &mut dyn FnMut()| {
            let best = |_| {
                let start = std::time::Instant::now();
                of();
                start.elapsed().as_secs_f64() * 1e3
            };
            (0..times).map(best).fold(f64::INFINITY, f64::min)
        };
        println!("{what} f: {:.2} ms", ms(10, &mut || _ = map.apply(&state)));
        let mut at = Linearised::new(&map, &state);
        println!("{what} linearise: {:.2} ms", ms(10, &mut || at.advance()));
        for vectors in [1, 4, 8] {
            let options = Options { vectors, kind: Vectors::Orthonormal, ..Options::default() };
            let mut powers = PowerIteration::new(&map, &state, options);
            powers.step();
            let step = ms(20, &mut || powers.step());
            powers.part();
            let part = ms(3, &mut || _ = powers.part());
            println!(
                "{what} {vectors} vectors: {step:.1} ms a step, {:.2} ms a vector, part {part:.2}",
                step / vectors as f64
            );
        }
    }
    const S9: Sizes = Sizes { cells: 81, digits: 9, width: 128, blocks: 4, heads: 4, hidden: 512 };
    let numbers = numbers(S9, 1, 1.0);
    measure::<f32>("f32", &numbers);
    measure::<f64>("f64", &numbers);
}
