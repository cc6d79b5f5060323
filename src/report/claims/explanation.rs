//! Rules in words.

use super::Test;

impl Test {
    /// The rule's name in the ledger.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::GainRetrained { .. } => "gain_retrained",
            Self::GainOneModel { .. } => "gain_one_model",
            Self::OptimumAt { .. } => "optimum_at",
            Self::ArmDifference { .. } => "arm_difference",
            Self::GrowthWithin { .. } => "growth_within",
            Self::GrowthByRounding { .. } => "growth_by_rounding",
            Self::GrowthWhenSettled {} => "growth_when_settled",
            Self::SingleRuns { .. } => "single_runs",
            Self::ExactCount { .. } => "exact_count",
            Self::NotTested { .. } => "not_tested",
        }
    }

    /// What the rule does, for the page.
    #[must_use]
    pub fn explanation(&self) -> &'static str {
        match self {
            Self::GainRetrained { .. } => {
                "Each T is a model of its own, trained and run at that T. The share of unseen puzzles that are \
                 solved is averaged over the seeds, with its 95 % Student-t interval. A gain is the difference, \
                 paired by seed, to the first T of the table; a step is the difference to the T before. The claim \
                 holds if every gain (or every step, where the claim is about those) is above 0 after Holm's \
                 correction, and does not hold if one is below."
            }
            Self::GainOneModel { .. } => {
                "The same of one model, trained at one T and run at others. The values of one seed come from the \
                 same weights and the same puzzles."
            }
            Self::OptimumAt { .. } => {
                "The claimed T is compared with every other T, paired by seed. The claim holds only if every \
                 difference is above 0 after Holm's correction; it does not hold if one is below."
            }
            Self::ArmDifference { .. } => {
                "Arms of one study, paired by seed: the same seed gives arms with the same data settings the \
                 same puzzles in the same order, and all of them the same unseen puzzles. The claim holds if the difference to every named arm is above 0 after Holm's \
                 correction, and does not hold if one is below. With each difference stands the least true \
                 difference that so many seeds with so much spread find four times in five (before the \
                 correction)."
            }
            Self::GrowthWithin { .. } => {
                "By what factor a small change of a board's state grows in an iteration, at a state frozen after some \
                 iterations: the geometric mean over power steps with exact tangents in f64, then over boards, with \
                 its 95 % interval. The claim holds if every model's and iteration's interval lies in the published \
                 range, and does not hold if one lies outside of it."
            }
            Self::GrowthByRounding { .. } => {
                "The published estimator (differences in f32, ε = 1e-3, the last of 100 steps) with the operands of \
                 products rounded to TF32, beside exact growth at the same states. The claim is tested wherever the \
                 estimator tells a number in the published range. It holds if exact growth and the same estimator in plain f32 are below that range there, \
                 and the first step with a random vector, before anything can have been amplified, is already more \
                 than half of the last; it does not hold if one of these is otherwise somewhere."
            }
            Self::GrowthWhenSettled {} => {
                "Exact growth of boards whose answer is right and does not change in the next three iterations, and of \
                 boards whose answer does. The claim holds if it is below 1 in every group of the first kind and above \
                 1 in every group of the second, by 95 % intervals and by more than the tolerance of 0.005 in the \
                 logarithm, and there are groups of both kinds; it does not hold if one is on the other side. States \
                 whose rate had not converged, and groups of fewer than three, are left out."
            }
            Self::SingleRuns { .. } => {
                "What `loopscope probe scaling` found of models that were trained once each: the share of solved \
                 puzzles after so many iterations of one pass, by buckets of difficulty and as their mean, each counting \
                 alike, with a 95 % interval of a bootstrap over the puzzles. It is shown and not judged: of one training no \
                 spread is known, so that a difference between two such models may be one of their seeds as well as \
                 one of their recipes. The verdict is “single run” whatever the numbers are, and what is claimed of \
                 recipes is judged by the rows that have seeds."
            }
            Self::ExactCount { .. } => {
                "The program's own formulas, which its tests hold against the layouts of its networks, on presets \
                 of the published sizes. The claim holds if every count is the published one, and every percentage \
                 when it is rounded as published."
            }
            Self::NotTested { .. } => "Nothing here measures it. The row says why.",
        }
    }
}
