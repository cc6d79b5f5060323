//! What an iteration costs on this processor: `cargo bench --manifest-path benches/criterion/Cargo.toml`.
//!
//! Throughput is floating-point operations a second: "Gelem/s" are GFLOP/s.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use loopscope_kernels::cpu::{Loop, Wanted};
use loopscope_kernels::{Block, Changes, Linear, Model, Norm, Sizes};

const S9: Sizes = Sizes { cells: 81, digits: 9, width: 128, blocks: 4, heads: 4, hidden: 512 };

/// Weights of a fresh network; what they are does not matter, as long as the numbers stay ordinary.
struct Weights(Vec<Vec<f32>>);

impl Weights {
    fn new() -> Self {
        let mut seed = 1u64;
        let mut vector = |len: usize, bound: f32| -> Vec<f32> {
            let mut next = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((seed >> 33) as f32 / (1u64 << 30) as f32 - 1.0) * bound
            };
            (0..len).map(|_| next()).collect()
        };
        let (d, f) = (S9.width, S9.hidden);
        let block = [(d, d), (d, d), (d, d), (d, d), (f, d), (d, f)];
        let shapes = [(d, S9.digits + 1), (d, S9.digits), (S9.digits, d)].into_iter();
        let mut vectors = Vec::new();
        for (outputs, inputs) in shapes.chain((0..S9.blocks).flat_map(|_| block)) {
            let bound = 1.0 / (inputs as f32).sqrt();
            vectors.extend([vector(outputs * inputs, bound), vector(outputs, bound)]);
        }
        vectors.extend([vec![1.0; d], vec![0.0; d]]);
        Self(vectors)
    }

    fn model(&self) -> Model<'_> {
        let linear = |i: usize| Linear { weight: &self.0[2 * i], bias: &self.0[2 * i + 1] };
        let norm = || Norm { scale: &self.0[self.0.len() - 2], shift: &self.0[self.0.len() - 1] };
        let block = |b: usize| Block {
            norm1: norm(),
            query: linear(3 + 6 * b),
            key: linear(4 + 6 * b),
            value: linear(5 + 6 * b),
            out: linear(6 + 6 * b),
            norm2: norm(),
            linear1: linear(7 + 6 * b),
            linear2: linear(8 + 6 * b),
        };
        let angles: Vec<f32> = (0..S9.cells * S9.head_width() / 2).map(|i| i as f32 * 0.01).collect();
        Model {
            sizes: S9,
            encoder: linear(0),
            feedback: linear(1),
            blocks: (0..S9.blocks).map(block).collect(),
            head: linear(2),
            cos: angles.iter().map(|a| a.cos()).collect(),
            sin: angles.iter().map(|a| a.sin()).collect(),
        }
    }
}

fn iterations(criterion: &mut Criterion) {
    let weights = Weights::new();
    let net = Loop::new(&weights.model());
    let mut group = criterion.benchmark_group("9×9, an iteration");
    for (boards, threads) in [(1, 1), (1, 2), (16, 1), (16, 2)] {
        let start = net.start(&vec![0; boards * S9.cells]);
        group.throughput(Throughput::Elements(2 * (boards * S9.multiply_adds()) as u64));
        group.bench_function(BenchmarkId::new(format!("{boards} boards"), format!("{threads} threads")), |bencher| {
            // As many as are asked for in one go, as the program does.
            bencher.iter_custom(|count| {
                let mut at = start.clone();
                let begin = std::time::Instant::now();
                for first in (0..count).step_by(16) {
                    let count = (count - first).min(16) as usize;
                    black_box(net.advance(&mut at, count, &Changes::default(), Wanted::default(), threads));
                }
                begin.elapsed()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, iterations);
criterion_main!(benches);
