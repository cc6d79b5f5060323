use proptest::prelude::*;

use super::*;

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
