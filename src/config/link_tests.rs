//! Round trips, addresses, and what is said of a link that is wrong.

use proptest::prelude::*;

use super::*;
use crate::config::HeadSet;

/// Each key once, in order.
const FULL: &str = "#model=sudoku6&with=poh4&preset=sudoku4&puzzle=1...34....4....1&seed=7&step=250&iteration=3&iterations=64&damping=0.5\
    &prediction-scale=1.5&normalise-before-head=yes&bf16-state=yes&knocked-out=1.3,2.1&cell=r4c1&panel=cell&plots=training&colour=entropy";

/// A link in which nothing is wrong.
fn good(text: &str) -> Link {
    let (link, messages) = Link::parse(text);
    assert!(messages.is_empty(), "{text}: {messages:?}");
    link
}

/// What is said of a link, as one text.
fn said(text: &str) -> String {
    Link::parse(text).1.join("\n")
}

/// A board of any shape, with no digit twice in a unit.
fn any_board() -> impl Strategy<Value = Grid> {
    let boxes = prop::sample::select(vec![(2usize, 2usize), (2, 3), (3, 2), (2, 4), (4, 2), (3, 3)]);
    (boxes, prop::collection::vec(any::<bool>(), 81)).prop_map(|((rows, cols), given)| {
        let shape = Shape::new(rows, cols).expect("a shape");
        // Each row is the one above it, moved by a box; each band begins one further.
        let digit = |cell: usize| {
            let (row, col) = (shape.row_of(cell), shape.col_of(cell));
            ((cols * (row % rows) + row / rows + col) % shape.side() + 1) as u8
        };
        let cells = (0..shape.cells()).map(|cell| if given[cell] { digit(cell) } else { 0 }).collect();
        Grid::new(shape, cells).expect("a board")
    })
}

fn any_interventions() -> impl Strategy<Value = Interventions> {
    let damping = prop_oneof![Just(1.0f32), 0.0f32..=1.0];
    let scale = prop_oneof![Just(1.0f32), 0.0f32..=2.0];
    let heads =
        prop_oneof![Just(HeadSet::default()), "[1-8]\\.[1-9],[1-8]\\.1[0-6]".prop_map(|s| s.parse().expect("heads"))];
    (damping, scale, any::<bool>(), any::<bool>(), heads).prop_map(
        |(damping, prediction_scale, normalise_before_head, bf16_state, knocked_out)| Interventions {
            damping,
            prediction_scale,
            normalise_before_head,
            bf16_state,
            knocked_out,
        },
    )
}

fn any_link() -> impl Strategy<Value = Link> {
    let names = (
        prop::option::of("[A-Za-z0-9._-]{1,64}"),
        prop::option::of("[A-Za-z0-9._-]{1,64}"),
        prop::option::of(prop::sample::select(preset_names())),
        prop::option::of(any_board()),
    );
    let whole = || prop::option::of(any::<u32>());
    let numbers = (prop::option::of(0..=i64::MAX as u64), whole(), whole(), prop::option::of(1u32..));
    let looks = (
        prop::option::of((1u8..=9, 1u8..=9)),
        prop::option::of(prop::sample::select(Panel::ALL.to_vec())),
        prop::option::of(prop::sample::select(PlotsPage::ALL.to_vec())),
        prop::option::of(prop::sample::select(Colour::ALL.to_vec())),
    );
    (names, numbers, any_interventions(), looks).prop_map(
        |(
            (model, with, preset, puzzle),
            (seed, step, iteration, iterations),
            interventions,
            (cell, panel, plots, colour),
        )| {
            let side = puzzle.as_ref().map_or(9, |grid: &Grid| grid.shape().side() as u8);
            Link {
                model,
                with,
                preset: preset.map(String::from),
                puzzle,
                seed,
                step,
                iteration,
                iterations,
                interventions,
                cell: cell.map(|(row, column)| CellPosition { row: row.min(side), column: column.min(side) }),
                panel,
                plots,
                colour,
            }
        },
    )
}

/// Text that is nearly a link, so that each reader of a value sees strange ones.
fn nearly_a_link() -> impl Strategy<Value = String> {
    let key = prop::sample::select(KEYS.to_vec());
    let value = prop_oneof!["(?s).{0,60}", "[0-9.:x%&=rc+-]{0,40}", "(%[0-9a-f]{2}){0,9}"];
    let pairs = prop::collection::vec((key, value).prop_map(|(key, value)| format!("{key}={value}")), 0..6);
    (prop::sample::select(vec!["", "#", "https://host/path/?q#"]), pairs)
        .prop_map(|(start, pairs)| start.to_owned() + &pairs.join("&"))
}

proptest! {
    #[test]
    fn what_is_written_is_read(link in any_link()) {
        let text = link.to_string();
        prop_assert!(text.is_empty() || Link::is_link(&text), "{}", text);
        prop_assert_eq!(Link::parse(&text), (link.clone(), vec![]));
        prop_assert_eq!(Link::parse(&format!("https://host/index.html{text}")), (link, vec![]));
    }

    #[test]
    fn any_text_is_survived(text in "(?s).{0,200}") {
        let _ = Link::is_link(&text);
        let _ = Link::parse(&text);
        let _ = Link::parse(&format!("#{text}"));
    }

    #[test]
    fn what_was_read_can_be_written(text in nearly_a_link()) {
        let (link, messages) = Link::parse(&text);
        prop_assert!(messages.len() <= MOST_MESSAGES + 1);
        prop_assert!(messages.iter().all(|m| !m.contains(char::is_control)), "{:?}", messages);
        prop_assert_eq!(Link::parse(&link.to_string()), (link, vec![]));
    }

    #[test]
    fn escapes_come_back(text in "(?s).{0,200}") {
        prop_assert_eq!(decode(&encode(&text)), text.trim());
        prop_assert!(encode(&text).is_ascii());
    }
}

#[test]
fn every_key_is_written_in_order() {
    let link = good(FULL);
    assert_eq!(link.model.as_deref(), Some("sudoku6"));
    assert_eq!(link.puzzle.as_ref().map(Grid::clues), Some(5));
    assert_eq!(link.cell, Some(CellPosition { row: 4, column: 1 }));
    assert!(link.interventions.normalise_before_head);
    assert_eq!(link.to_string(), FULL);
    let keys: Vec<&str> = link.pairs().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, KEYS);
}

#[test]
fn defaults_are_left_out() {
    assert_eq!(Link::default().to_string(), "");
    assert_eq!(good("#damping=1&prediction-scale=1.0&normalise-before-head=no").to_string(), "");
    assert_eq!(good("colour=flips&damping=0.10&iteration=0").to_string(), "#iteration=0&damping=0.1&colour=flips");
    let shaped = Link { puzzle: Some(Grid::empty(Shape::new(3, 2).expect("a shape"))), ..Link::default() };
    assert!(shaped.to_string().starts_with("#puzzle=3x2%3A...."), "{shaped}");
}

#[test]
fn addresses_and_escapes() {
    let seven = Link { seed: Some(7), ..Link::default() };
    for text in [
        "#seed=7",
        "seed=7",
        " #seed=7\n",
        "#&&seed=7&",
        "#%73eed=%37",
        "https://host/path/#seed=7",
        "https://host/index.html?seed=9&x=y#seed=7",
        "file:///home/me/index.html#seed=7",
    ] {
        assert_eq!(good(text), seven, "{text}");
    }
    for text in ["", "#", "&", "https://host/path/", "https://host/?seed=7", "https://host/#"] {
        assert_eq!(good(text), Link::default(), "{text}");
    }
    let dots = good("#puzzle=1%2E%2e%2E34%2E%2E%2E%2E4....1");
    assert_eq!(dots.puzzle.map(|grid| grid.to_line()).as_deref(), Some("1...34....4....1"));
    // A plus sign is itself: a bar in a puzzle, a stray character in a name.
    assert!(said("#model=sudoku+6").contains("“model=sudoku+6” in the link is left out"));
    assert!(said("#model=100%").contains("“model=100%”"));
    assert!(said("#model=%zz%4").contains("“model=%zz%4”"));
    assert!(said("#model=%ff").contains("is left out"));
}

#[test]
fn words_that_are_links() {
    let links = ["#", "#x", "https://host/", "seed=7", "x=y&seed=7", "model=sudoku6", " #seed=7", FULL];
    for text in links {
        assert!(Link::is_link(text), "{text}");
    }
    for text in ["", "sudoku6", "runs/lr=0.1", "lr=0.1.safetensors", "first.trace", "C:\\runs\\1", "://", "seed"] {
        assert!(!Link::is_link(text), "{text}");
    }
}

#[test]
fn unknown_keys_name_the_nearest() {
    let (link, messages) = Link::parse("#dampng=0.5&seed=7");
    assert_eq!(link, Link { seed: Some(7), ..Link::default() });
    assert_eq!(messages, ["a link has no key “dampng”; the nearest is “damping”"]);
    assert!(said("color=right").contains("“colour”"));
    assert!(said("normalize-before-head=yes").contains("“normalise-before-head”"));
    assert!(said("utm_source=mail").contains("there are model, with, preset"), "{}", said("utm_source=mail"));
    assert_eq!(said("seed"), "“seed” in the link is no pair; write key=value, for example seed=3");
}

#[test]
fn bad_values_are_told_and_the_rest_applies() {
    for (text, message) in [
        ("model=", "“model=” in the link is left out: a model's name has 1 to 64 letters"),
        ("model=../secret", "“model=../secret” in the link is left out: a model's name"),
        ("preset=sudoku5", "give one of sudoku4, sudoku6, sudoku9"),
        ("puzzle=12x", "character 3 is `x`"),
        ("puzzle=11..............", "1 stands twice in row 1"),
        ("puzzle=3x2:11..................................", "1 stands twice in row 1"),
        ("puzzle=9x9:..", "at most 9 cells"),
        ("seed=-1", "give a whole number from 0 to 9223372036854775807"),
        ("seed=18446744073709551616", "give a whole number from 0 to 9223372036854775807"),
        ("iteration=1.5", "give a whole number from 0 to 4294967295"),
        ("iterations=0", "give a whole number from 1 to 4294967295"),
        ("damping=1.1", "“damping=1.1” in the link is left out: give a number from 0 to 1"),
        ("damping=NaN", "give a number from 0 to 1"),
        ("prediction-scale=inf", "give a number from 0 to 2"),
        ("prediction-scale=-0.1", "give a number from 0 to 2"),
        ("normalise-before-head=true", "give one of yes, no"),
        ("cell=4,7", "such as r4c7 for row 4, column 7"),
        ("cell=r0c1", "a row and a column from 1 to 9"),
        ("cell=r1c10", "a row and a column from 1 to 9"),
        ("panel=plot", "give one of puzzle, model, cell, plots, train"),
        ("plots=loss", "give one of iterations, training"),
        ("colour=Right", "give one of right, confidence, entropy, flips"),
    ] {
        let (link, messages) = Link::parse(&format!("#{text}&iteration=2&{text}"));
        let rest = if text.starts_with("iteration=") { None } else { Some(2) };
        assert_eq!(link, Link { iteration: rest, ..Link::default() }, "{text}");
        let last = messages.last().map(String::as_str).unwrap_or_default();
        assert!(last.contains(message), "{text}: {messages:?}");
    }
}

#[test]
fn the_last_of_two_counts() {
    let (link, messages) = Link::parse("#seed=3&iteration=2&seed=5");
    assert_eq!((link.seed, link.iteration), (Some(5), Some(2)));
    assert_eq!(messages, ["the link gives seed more than once; “5” counts, not “3”"]);
    let (link, messages) = Link::parse("#seed=3&seed=x");
    assert_eq!((link.seed, messages.len()), (None, 2));
}

#[test]
fn a_cell_is_on_the_board() {
    assert_eq!(good("cell=r9c9").cell.and_then(|cell| cell.index(Shape::S9)), Some(80));
    for text in ["cell=r5c1&puzzle=1...34....4....1", "puzzle=1...34....4....1&cell=r5c1"] {
        let (link, messages) = Link::parse(text);
        assert!(link.cell.is_none() && link.puzzle.is_some());
        assert_eq!(messages, ["“cell=r5c1” in the link is left out: the puzzle's rows and columns go from 1 to 4"]);
    }
    for cell in 0..36 {
        let position = CellPosition::of(Shape::S6, cell).expect("a cell");
        assert_eq!(position.to_string().parse::<CellPosition>(), Ok(position));
        assert_eq!(position.index(Shape::S6), Some(cell));
    }
    assert_eq!(CellPosition::of(Shape::S6, 36), None);
    assert_eq!(CellPosition { row: 0, column: 1 }.index(Shape::S6), None);
}

#[test]
fn messages_are_few_short_and_safe() {
    let (link, messages) = Link::parse(&format!("#{}seed=7", "nonsense=1&".repeat(100)));
    assert_eq!((link.seed, messages.len()), (Some(7), MOST_MESSAGES + 1));
    assert_eq!(messages.last().map(String::as_str), Some("and 92 more in this link; was it copied whole?"));
    let said = said("#model=%1B%5B31m%0Ared");
    assert!(said.contains("\\u{1b}[31m\\nred"), "{said}");
    let (_, messages) = Link::parse(&format!("#preset={}", "x".repeat(5000)));
    assert!(messages[0].len() < 200 && messages[0].contains('…'), "{messages:?}");
    let (link, messages) = Link::parse(&format!("#seed=7&{}", "&".repeat(MOST_TEXT)));
    assert_eq!(link, Link::default());
    assert_eq!(messages, ["the link is longer than 16384 bytes and was left alone; copy it again"]);
}
