use proptest::prelude::*;

use super::*;
use crate::config::FixedPointLoss;

const STUDY: &str = r#"
name = "small"
question = "Which is better?"
base = "poh6"
set = ["recipe.steps=40"]
seeds = [1, 2]
[evaluate]
iterations = [8, 1, 8]
puzzles = 50
[[cell]]
name = "soft"
[[cell]]
name = "tied"
set = ["route_mode=none"]
match_parameters = "soft"
[[cell]]
name = "long"
set = ["recipe.iterations=16"]
seeds = [7]
"#;

fn problems(text: &str) -> String {
    Study::from_toml(text).expect_err("it cannot be run").to_string()
}

#[test]
fn a_study_expands_seed_by_seed() {
    let study = Study::from_toml(STUDY).expect("a study");
    assert_eq!(study.evaluate.iterations, [1, 8]);
    let runs = study.runs();
    let names: Vec<&str> = runs.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["soft-s1", "tied-s1", "long-s7", "soft-s2", "tied-s2"]);
    assert!(runs.iter().all(|r| r.config.recipe.steps == 40 && r.config.name == "poh6"));
    assert_eq!(runs[2].config.seed, 7);
    assert_eq!(runs[2].block_evaluations(), 32);
    assert_eq!(runs[2].work(), 40 * 48 * 32);
    // Whoever types the command trains the same.
    assert!(runs[2].config.command().starts_with("loopscope train poh6 --set recipe.iterations=16"));
}

#[test]
fn parameters_are_brought_near() {
    let study = Study::from_toml(STUDY).expect("a study");
    let of = |i: usize| study.cells[i].config.model.parameters();
    let plain = preset("poh6").expect("a preset").with_settings(&["route_mode=none"]).expect("settings");
    assert_eq!(study.cells[1].matched, Some(Matched { cell: "soft".into(), parameters: of(0) }));
    assert!(of(0).abs_diff(of(1)) < of(0).abs_diff(plain.model.parameters()));
    // A column of each feed-forward map in each of two blocks: half of that is the most that is missed.
    assert!(of(0).abs_diff(of(1)) <= 2 * 64, "{} {}", of(0), of(1));
}

/// Every run is the same in every program and at all times: result files are found by this.
#[test]
fn hashes_are_stable_and_tell_cells_apart() {
    let hashes = |text: &str| Study::from_toml(text).expect("a study").runs().into_iter().map(|r| r.hash);
    let all: BTreeSet<String> = hashes(STUDY).collect();
    assert_eq!(all.len(), 5);
    assert!(hashes(STUDY).all(|h| h.len() == 16 && h.chars().all(|c| c.is_ascii_hexdigit())));
    // How it is watched, what it is asked and how the study is called do not count.
    let other = STUDY.replace("steps=40\"", "steps=40\", \"probe.every=7\"").replace("small", "large");
    assert!(hashes(&other).eq(hashes(STUDY)));
    assert!(hashes(&STUDY.replace("steps=40", "steps=41")).all(|h| !all.contains(&h)));
    let run = Study::from_toml(STUDY).expect("a study").runs().remove(3);
    assert_eq!(RunConfig::from_toml(&run.config.to_toml()).expect("it reads back").fingerprint(), run.hash);
}

#[test]
fn every_problem_is_told() {
    let bad = STUDY
        .replace("name = \"small\"", "name = \"../small\"")
        .replace("[8, 1, 8]", "[0]")
        .replace("puzzles = 50", "puzzles = 501")
        .replace("match_parameters = \"soft\"", "match_parameters = \"hard\"")
        .replace("name = \"long\"", "name = \"Soft\"")
        .replace("seeds = [7]", "seeds = [7, 7]");
    let all = problems(&bad);
    for words in ["“../small”", "evaluate.iterations", "leaves out 500", "no such cell", "two cells", "each once"] {
        assert!(all.contains(words), "{words}: {all}");
    }
    assert!(problems(&STUDY.replace("question", "questoin")).contains("questoin"));
    assert!(problems(&STUDY.replace("\"poh6\"", "\"poh5\"")).contains("no preset"));
    assert!(problems(&STUDY.replace("route_mode=none", "route_mod=none")).contains("route_mode"));
    assert!(problems(&STUDY.replace("route_mode=none", "seed=4")).contains("cannot be set"));
    assert!(
        problems(&STUDY.replace("recipe.iterations=16", "recipe.iterations=8").replace("[7]", "[2]"))
            .contains("trains the same as “long-s2”")
    );
    let chain = format!("{STUDY}\n[[cell]]\nname = \"x\"\nmatch_parameters = \"tied\"\nset = [\"width=32\"]");
    assert!(problems(&chain).contains("itself one that is matched"));
}

#[test]
fn multiplications_by_hand() {
    // One block on a 4×4 board, width 8, hidden 16, two heads: maps 16 · (4 · 64 + 2 · 128), attention
    // 2 · 256 · 8, read-out and feedback 2 · 16 · 4 · 8.
    let model =
        ModelConfig { box_rows: 2, box_cols: 2, width: 8, heads: 2, hidden: 16, blocks: 1, ..Default::default() };
    assert_eq!(multiplications(&model, 1), 16 * 512 + 4096 + 1024);
    assert_eq!(multiplications(&model, 3), 3 * multiplications(&model, 1));
    let mut poh = ModelConfig { network: NetworkKind::Poh, ..model };
    // The router's hidden width is at least 32.
    assert_eq!(multiplications(&poh, 1), 16 * 512 + 4096 + 1024 + 16 * (8 * 32 + 32 * 2));
    poh.poh.router = super::super::Router::Hrm;
    assert_eq!(multiplications(&poh, 1), 16 * 512 + 4096 + 1024 + 64 + 16 * 64 + 16);
}

proptest! {
    #[test]
    fn the_nearest_width_is_found(width in 1_usize..40, wanted in 0_usize..400_000, routed: bool) {
        let mut model = ModelConfig { network: NetworkKind::Poh, width: 4 * width, heads: 1, blocks: 2, ..Default::default() };
        if !routed {
            model.poh.route_mode = super::super::RouteMode::None;
        }
        let distance = |hidden| ModelConfig { hidden, ..model.clone() }.parameters().abs_diff(wanted);
        let found = hidden_for(&model, wanted);
        prop_assert!(found == 1 || distance(found) <= distance(found - 1));
        prop_assert!(distance(found) <= distance((found + 1).min(16_384)));
    }
}

/// `specs/sudoku.md` §4.1, with the pools of §2.1 that were really drawn from.
#[test]
fn the_published_recipes_are_what_was_published() {
    let study = Study::from_toml(include_str!("../../studies/published-9x9.toml")).expect("a study");
    let cell = |name: &str| {
        let found = study.cells.iter().find(|c| c.name == name);
        found.unwrap_or_else(|| panic!("no cell {name}")).config.clone()
    };
    let pools = |name: &str, steps: [u32; 6]| steps.map(|step| cell(name).recipe.least_rating(step));
    let usual = [0, 9_999, 10_000, 19_999, 20_000, 29_999];
    let all_hard_first = [51, 51, 11, 11, 1, 1];
    assert_eq!(pools("R15", usual), all_hard_first);
    assert_eq!(pools("R15", [30_000, 49_999, 30_001, 40_000, 35_000, 31_000]), [0; 6]);
    assert_eq!(pools("100k", usual), all_hard_first, "the phases are not stretched");
    assert_eq!(pools("3phase-40k", [9_999, 10_000, 19_999, 20_000, 39_999, 0]), [51, 1, 1, 0, 0, 51]);
    assert_eq!(pools("3phase-50k", [14_999, 15_000, 29_999, 30_000, 49_999, 0]), [51, 1, 1, 0, 0, 51]);
    for mixed in ["mixed", "T32"] {
        assert_eq!(pools(mixed, usual), [0; 6]);
    }
    // Name, T, batch, steps, peak, width, hidden, heads.
    let base = (16, 2048, 50_000, 1.5e-3, 128, 512, 4);
    let table = [
        ("R15", base),
        ("lr2e-3", (16, 2048, 50_000, 2e-3, 128, 512, 4)),
        ("lr2.5e-3", (16, 2048, 50_000, 2.5e-3, 128, 512, 4)),
        ("lr3e-3", (16, 2048, 50_000, 3e-3, 128, 512, 4)),
        ("lr1e-3", (16, 2048, 50_000, 1e-3, 128, 512, 4)),
        ("batch4096", (16, 4096, 50_000, 1.5e-3, 128, 512, 4)),
        ("batch1024", (16, 1024, 50_000, 1.5e-3, 128, 512, 4)),
        ("mixed", base),
        ("T32", (32, 2048, 50_000, 1.5e-3, 128, 512, 4)),
        ("T32-curriculum", (32, 2048, 50_000, 1.5e-3, 128, 512, 4)),
        ("100k", (16, 2048, 100_000, 1.5e-3, 128, 512, 4)),
        ("wider", (16, 2048, 50_000, 1.5e-3, 192, 768, 6)),
        ("wider-lr2e-3", (16, 2048, 50_000, 2e-3, 192, 768, 6)),
        ("wider-lr1e-3", (16, 2048, 50_000, 1e-3, 192, 768, 6)),
        ("smaller", (16, 2048, 50_000, 1.5e-3, 96, 384, 3)),
        ("3phase-40k", (16, 2048, 40_000, 1.5e-3, 128, 512, 4)),
        ("3phase-50k", base),
        ("qhead", (16, 4096, 50_000, 1.5e-3, 128, 512, 4)),
        ("qhead-T32", (32, 2048, 50_000, 1.5e-3, 128, 512, 4)),
        ("preserve", base),
        ("l2", base),
        ("copy", base),
        ("mask", base),
    ];
    assert_eq!(study.cells.len(), table.len());
    for (name, (iterations, batch, steps, peak, width, hidden, heads)) in table {
        let RunConfig { model, recipe, .. } = cell(name);
        assert_eq!((recipe.iterations, recipe.batch, recipe.steps), (iterations, batch, steps), "{name}");
        assert_eq!((model.width, model.hidden, model.heads, model.blocks), (width, hidden, heads, 4), "{name}");
        assert_eq!((recipe.peak_lr, recipe.warmup, recipe.floor), (peak, 1400, 0.01), "{name}");
        assert_eq!((recipe.dropout, recipe.weight_decay, recipe.augment), (0.1, 0.01, false), "{name}");
        assert_eq!((recipe.beta1, recipe.beta2, recipe.eps, recipe.ema), (0.9, 0.95, 1e-8, 0.0), "{name}");
        assert_eq!((model.q_head, recipe.carry), (name.starts_with("qhead"), 0.0), "{name}");
        let loss = match name {
            "preserve" => FixedPointLoss::Preserve,
            "l2" => FixedPointLoss::L2,
            "copy" => FixedPointLoss::Copy,
            "mask" => FixedPointLoss::Mask,
            _ => FixedPointLoss::None,
        };
        assert_eq!(recipe.fixed_point, loss, "{name}");
        assert!(cell(name).problems().is_empty(), "{name}");
    }
}
