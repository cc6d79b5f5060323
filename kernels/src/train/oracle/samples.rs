//! Entries of every tensor to look at.

use std::ops::Range;

use crate::Sizes;
use crate::train::{Layout, Map, NormPlace, philox4x32};

/// For every tensor, by its name in files, up to `each` different entries of the flat vector in ascending order: all
/// of them where it has no more.
#[must_use]
pub fn sample(layout: &Layout, sizes: &Sizes, each: usize, seed: u64) -> Vec<(String, Vec<usize>)> {
    tensors(layout, sizes)
        .into_iter()
        .enumerate()
        .map(|(number, (name, places))| {
            let mut all: Vec<usize> = places.collect();
            let count = each.min(all.len());
            // The beginning of a random order.
            for i in 0..count {
                let key = [seed as u32, (seed >> 32) as u32];
                let word = philox4x32([i as u32, number as u32, 0, 0], key)[0];
                let rest = all.len() - i;
                all.swap(i, i + ((u64::from(word) * rest as u64) >> 32) as usize);
            }
            all.truncate(count);
            all.sort_unstable();
            (name, all)
        })
        .collect()
}

/// Names and places of all tensors (`specs/sudoku.md` §1.6).
fn tensors(layout: &Layout, sizes: &Sizes) -> Vec<(String, Range<usize>)> {
    let mut all = Vec::new();
    let mut map = |name: &str, map: Map| {
        all.push((format!("{name}.weight"), map.weights()));
        all.push((format!("{name}.bias"), map.biases()));
    };
    map("initial_encoder", layout.encoder);
    map("pred_proj", layout.feedback);
    for l in 0..sizes.blocks {
        let at = layout.at(l);
        let norm =
            |NormPlace { scale, shift }: NormPlace| Map { weight: scale, bias: shift, inputs: 1, outputs: sizes.width };
        map(&format!("layers.{l}.norm1"), norm(at.norm1));
        map(&format!("layers.{l}.norm2"), norm(at.norm2));
        map(&format!("layers.{l}.q_proj"), at.query);
        map(&format!("layers.{l}.k_proj"), at.key);
        map(&format!("layers.{l}.v_proj"), at.value);
        map(&format!("layers.{l}.out_proj"), at.out);
        map(&format!("layers.{l}.linear1"), at.linear1);
        map(&format!("layers.{l}.linear2"), at.linear2);
    }
    map("output_head", layout.head);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_cover_the_vector_and_samples_are_theirs() {
        let sizes = Sizes { cells: 16, digits: 4, width: 8, blocks: 2, heads: 2, hidden: 12 };
        let layout = Layout::new(&sizes);
        let tensors = tensors(&layout, &sizes);
        let mut at = 0;
        for (name, places) in &tensors {
            assert_eq!(places.start, at, "{name}");
            at = places.end;
        }
        assert_eq!(at, layout.total);
        for ((name, indices), (_, places)) in sample(&layout, &sizes, 20, 3).iter().zip(&tensors) {
            assert_eq!(indices.len(), places.len().min(20), "{name}");
            assert!(indices.windows(2).all(|two| two[0] < two[1]));
            assert!(indices.iter().all(|i| places.contains(i)));
        }
    }
}
