//! Scores of an evaluation: as JSON for programs, as a table for people.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::series::{bucket_count, thousands};
use crate::tasks::sudoku::Bucket;
use crate::trace::{Count, Score, Work};

#[derive(Serialize)]
struct Evaluation<'a> {
    model: &'a str,
    puzzles: u32,
    #[serde(serialize_with = "in_order")]
    iterations: Vec<&'a Score>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multiplications: Option<Work>,
}

#[derive(Serialize)]
struct ScoreObject<'a> {
    total: Count,
    by_bucket: Buckets<'a>,
}

struct Buckets<'a>(&'a Score);

/// A map whose keys stand in numeric order; `serde_json::Value` would sort them as text.
fn in_order<S: Serializer>(scores: &[&Score], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(scores.len()))?;
    for score in scores {
        let object = ScoreObject { total: score.total, by_bucket: Buckets(score) };
        map.serialize_entry(&score.iterations.to_string(), &object)?;
    }
    map.end()
}

impl Serialize for Buckets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Bucket::ALL.len()))?;
        for bucket in Bucket::ALL {
            map.serialize_entry(bucket.label(), &bucket_count(self.0, bucket))?;
        }
        map.end()
    }
}

/// Scores in rising order of iterations; of several with the same number the last one counts.
fn ordered(scores: &[Score]) -> Vec<&Score> {
    let by_iterations: std::collections::BTreeMap<u32, &Score> = scores.iter().map(|s| (s.iterations, s)).collect();
    by_iterations.into_values().collect()
}

fn puzzles(scores: &[Score]) -> u32 {
    scores.iter().map(|s| s.total.of).max().unwrap_or(0)
}

/// One object on one line: `{"model":…,"puzzles":N,"iterations":{"16":{"total":{"solved":n,"of":n},
/// "by_bucket":{"0":{…},"1-2":{…},"3-10":{…},"11-50":{…},"51+":{…}}}}}`, iterations in numeric order;
/// a bucket without puzzles has zero of zero. Where something was left out of the blocks, `multiplications`
/// follows: made, and of how many.
#[must_use]
pub fn evaluation_json(model: &str, scores: &[Score], work: Work) -> String {
    let multiplications = work.share().map(|_| work);
    let evaluation = Evaluation { model, puzzles: puzzles(scores), iterations: ordered(scores), multiplications };
    // Plain structs with text keys always have a JSON form.
    serde_json::to_string(&evaluation).unwrap_or_default()
}

/// A table for a terminal: solved counts by iterations and rating, with 95 % Wilson intervals.
/// Buckets without puzzles are left out. Where something was left out of the blocks, a line says how much.
#[must_use]
pub fn evaluation_table(model: &str, scores: &[Score], work: Work) -> String {
    let count = thousands(puzzles(scores).into());
    let mut out = format!("{model}: {count} puzzles, share solved with its 95 % Wilson interval\n\n");
    out.push_str(&format!(
        "{:>10}  {:>7}  {:>9}  {:>9}  {:>8}  {:>17}\n",
        "iterations", "guesses", "solved", "of", "share", "95 % interval"
    ));
    for score in ordered(scores) {
        let buckets = Bucket::ALL.map(|b| (b.label(), bucket_count(score, b)));
        for (i, (label, c)) in std::iter::once(("all", score.total)).chain(buckets).enumerate() {
            if i > 0 && c.of == 0 {
                continue;
            }
            let iterations = if i == 0 { thousands(score.iterations.into()) } else { String::new() };
            let (share, interval) = if c.of == 0 {
                ("–".to_owned(), "–".to_owned())
            } else {
                let (low, high) = c.interval();
                (format!("{:.1} %", 100.0 * c.share()), format!("{:.1} to {:.1} %", 100.0 * low, 100.0 * high))
            };
            let (solved, of) = (thousands(c.solved.into()), thousands(c.of.into()));
            out.push_str(&format!("{iterations:>10}  {label:>7}  {solved:>9}  {of:>9}  {share:>8}  {interval:>17}\n"));
        }
    }
    if let Some(share) = work.share() {
        let share = 100.0 * share;
        out.push_str(&format!(
            "\n{share:.1} % of the multiplications in the blocks were made: what had halted or was not chosen is left out\n"
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores() -> Vec<Score> {
        let count = |solved, of| Count { solved, of };
        vec![
            Score {
                iterations: 128,
                total: count(1187, 1200),
                by_bucket: vec![(Bucket::FiftyOnePlus, count(187, 200)), (Bucket::Zero, count(1000, 1000))],
            },
            Score {
                iterations: 16,
                total: count(1000, 1200),
                by_bucket: vec![(Bucket::Zero, count(1000, 1000)), (Bucket::FiftyOnePlus, count(0, 200))],
            },
        ]
    }

    #[test]
    fn json_is_in_numeric_order_and_complete() {
        insta::assert_snapshot!(evaluation_json("sudoku \"4\"", &scores(), Work::default()), @r#"{"model":"sudoku \"4\"","puzzles":1200,"iterations":{"16":{"total":{"solved":1000,"of":1200},"by_bucket":{"0":{"solved":1000,"of":1000},"1-2":{"solved":0,"of":0},"3-10":{"solved":0,"of":0},"11-50":{"solved":0,"of":0},"51+":{"solved":0,"of":200}}},"128":{"total":{"solved":1187,"of":1200},"by_bucket":{"0":{"solved":1000,"of":1000},"1-2":{"solved":0,"of":0},"3-10":{"solved":0,"of":0},"11-50":{"solved":0,"of":0},"51+":{"solved":187,"of":200}}}}}"#);
        insta::assert_snapshot!(evaluation_json("none", &[], Work::default()), @r#"{"model":"none","puzzles":0,"iterations":{}}"#);
    }

    #[test]
    fn the_table_reads_well() {
        insta::assert_snapshot!(evaluation_table("sudoku9", &scores(), Work::default()), @r"
        sudoku9: 1,200 puzzles, share solved with its 95 % Wilson interval

        iterations  guesses     solved         of     share      95 % interval
                16      all      1,000      1,200    83.3 %     81.1 to 85.3 %
                          0      1,000      1,000   100.0 %    99.6 to 100.0 %
                        51+          0        200     0.0 %       0.0 to 1.9 %
               128      all      1,187      1,200    98.9 %     98.2 to 99.4 %
                          0      1,000      1,000   100.0 %    99.6 to 100.0 %
                        51+        187        200    93.5 %     89.2 to 96.2 %
        ");
    }

    #[test]
    fn what_was_left_out_is_told() {
        let work = Work { made: 1, of: 8 };
        assert!(evaluation_table("a", &scores(), work).contains("12.5 % of the multiplications"));
        let json = evaluation_json("a", &[], work);
        assert_eq!(json, r#"{"model":"a","puzzles":0,"iterations":{},"multiplications":{"made":1,"of":8}}"#);
    }
}
