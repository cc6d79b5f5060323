//! What a training step costs on one thread of this processor:
//! `cargo bench --manifest-path benches/criterion/Cargo.toml --bench training`.
//!
//! Throughput is boards a second: "elem/s".

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loopscope_kernels::Sizes;
use loopscope_kernels::train::cpu::pull;
use loopscope_kernels::train::{Boards, Dropout, FixedPoint, Layout, Spec};

const S4: Sizes = Sizes { cells: 16, digits: 4, width: 32, blocks: 2, heads: 2, hidden: 128 };
const S6: Sizes = Sizes { cells: 36, digits: 6, width: 64, blocks: 2, heads: 2, hidden: 256 };

fn training(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("training");
    for (name, sizes, iterations, boards) in [("sudoku4", S4, 6, 64), ("sudoku6", S6, 8, 48)] {
        let angles: Vec<f32> = (0..sizes.cells * sizes.head_width() / 2).map(|i| i as f32 * 0.01).collect();
        let spec = Spec {
            sizes,
            iterations,
            cos: angles.iter().map(|a| a.cos()).collect(),
            sin: angles.iter().map(|a| a.sin()).collect(),
            drops: true,
            fixed_point: FixedPoint::None,
        };
        // What the weights are does not matter, as long as the numbers stay ordinary.
        let mut seed = 1u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((seed >> 33) as f32 / (1u64 << 30) as f32 - 1.0) * 0.1
        };
        let weights: Vec<f32> = (0..Layout::new(&sizes).total).map(|_| next()).collect();
        let cells = boards * sizes.cells;
        let solutions: Vec<u8> = (0..cells).map(|i| (i % sizes.digits) as u8 + 1).collect();
        group.throughput(Throughput::Elements(boards as u64));
        for (what, dropout) in
            [("with dropout", Some(Dropout { rate: 0.1, seed: 1, stream: 4, step: 3 })), ("without dropout", None)]
        {
            let clues = vec![0; cells];
            let batch = Boards { clues: &clues, solutions: &solutions, before: 0, of: boards, blanks: cells, dropout };
            group.bench_function(format!("{name}, {what}"), |bencher| {
                bencher.iter(|| black_box(pull(&spec, &weights, &batch)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, training);
criterion_main!(benches);
