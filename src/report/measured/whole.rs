//! Any measurement with what it is of: its table, its files and its lines, the same for the command line and the
//! window.

use serde::Serialize;

use super::interventions::ModelChanged;
use super::scaling::ModelScaling;
use super::spectrum::ModelSpectrum;
use super::verified::ModelVerified;
use super::{fixed, heads, inside, interventions, recovery, scaling, spectrum, stopping, verified};
use crate::measure::Recording;
use crate::measure::fixed::{Cold, Warm};
use crate::measure::heads::Heads;
use crate::measure::inside::Inside;
use crate::measure::plan::{Found, Kind, Measurement};
use crate::measure::recovery::Recovery;
use crate::measure::stopping::Stopping;
use crate::report::figures::panel::Line;
use crate::report::{ReportError, Series, Size};

/// A result with what it is of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Of<T> {
    /// The model's name.
    pub model: String,
    /// The device that computed.
    pub device: String,
    /// The trained T.
    pub trained_iterations: u32,
    /// How the pass was made.
    pub settings: Recording,
    /// What was found.
    #[serde(flatten)]
    pub found: T,
}

impl<T> Of<T> {
    /// A table with the model's name before it.
    fn titled(&self, table: &str) -> String {
        format!("{} on {}\n\n{table}", self.model, self.device)
    }
}

/// What a measurement is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The model's name.
    pub model: String,
    /// The device that computed.
    pub device: String,
    /// The command that gives it, with the names of files alone.
    pub command: String,
}

/// A measurement that was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Measured {
    /// Solved shares, of one model or several.
    Scaling(Vec<ModelScaling>),
    /// What happens inside.
    Inside(Box<Of<Inside>>),
    /// Rules for stopping.
    Stopping(Of<Stopping>),
    /// Changes.
    Interventions(ModelChanged),
    /// Recovery.
    Recovery(Box<Of<Recovery>>),
    /// A cold start.
    Cold(Of<Cold>),
    /// A warm pass.
    Warm(Box<Of<Warm>>),
    /// Verified solving.
    Verified(ModelVerified),
    /// What heads look at.
    Heads(Of<Heads>),
    /// Growth, of one model or several.
    Spectrum(Vec<ModelSpectrum>),
}

/// A line for a plot.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredLine {
    /// Its points, against iterations.
    pub series: Series,
    /// Its colour, one of [`crate::report::palette`].
    pub rgb: [u8; 3],
    /// Lower and upper edge of its 95 % interval.
    pub band: Option<(Series, Series)>,
}

/// Lines that stand in one plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    /// What they show.
    pub title: &'static str,
    /// A sentence on it.
    pub explanation: &'static str,
    /// The lines.
    pub lines: Vec<MeasuredLine>,
    /// Whether the axis of values is logarithmic.
    pub logarithmic: bool,
}

impl Lines {
    fn new(title: &'static str, explanation: &'static str, lines: Vec<Line>) -> Self {
        let lines = lines.into_iter().map(|l| MeasuredLine { series: l.series, rgb: l.rgb, band: l.band }).collect();
        Self { title, explanation, lines, logarithmic: false }
    }

    /// With iterations counted from the beginning of the pass and not from `after`.
    fn later(mut self, after: u32) -> Self {
        let moved = |series: &mut Series| series.points.iter_mut().for_each(|p| p[0] += f64::from(after));
        for line in &mut self.lines {
            moved(&mut line.series);
            if let Some((low, high)) = &mut line.band {
                moved(low);
                moved(high);
            }
        }
        self
    }
}

impl Measured {
    /// What can be read of a measurement so far; nothing while there is no board.
    ///
    /// # Errors
    /// As [`Measurement::found`].
    pub fn of(measurement: &Measurement, about: &About) -> Result<Option<Self>, String> {
        let Some(found) = measurement.found()? else { return Ok(None) };
        let (trained_iterations, settings) = (measurement.trained(), measurement.settings());
        let About { model, device, command } = about.clone();
        macro_rules! of {
            ($found:expr) => {
                Of { model, device, trained_iterations, settings, found: $found }
            };
        }
        Ok(Some(match found {
            Found::Scaling(scaling, exits) => {
                let one = ModelScaling { model, command, device, trained_iterations, settings, scaling, exits };
                Self::Scaling(vec![one])
            }
            Found::Inside(found) => Self::Inside(Box::new(of!(found))),
            Found::Stopping(found) => Self::Stopping(of!(found)),
            Found::Interventions { unchanged, changes } => {
                Self::Interventions(ModelChanged { model, device, trained_iterations, unchanged, changes })
            }
            Found::Recovery(found) => Self::Recovery(Box::new(of!(found))),
            Found::Cold(found) => Self::Cold(of!(found)),
            Found::Warm(found) => Self::Warm(Box::new(of!(found))),
            Found::Verified(outcomes) => Self::Verified(ModelVerified { model, device, trained_iterations, outcomes }),
            Found::Heads(found) => Self::Heads(of!(found)),
            Found::Spectrum(settings, boards) => {
                Self::Spectrum(vec![ModelSpectrum { model, command, trained_iterations, settings, boards }])
            }
        }))
    }

    /// Which measurement it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Scaling(_) => Kind::Scaling,
            Self::Inside(_) => Kind::Inside,
            Self::Stopping(_) => Kind::Stopping,
            Self::Interventions(_) => Kind::Interventions,
            Self::Recovery(_) => Kind::Recovery,
            Self::Cold(_) => Kind::Cold,
            Self::Warm(_) => Kind::Warm,
            Self::Verified(_) => Kind::Verified,
            Self::Heads(_) => Kind::Heads,
            Self::Spectrum(_) => Kind::Spectrum,
        }
    }

    /// A table for a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        match self {
            Self::Scaling(all) => scaling::table(all),
            Self::Inside(one) => one.titled(&inside::table(&one.found)),
            Self::Stopping(one) => one.titled(&stopping::table(&one.found)),
            Self::Interventions(one) => interventions::table(one),
            Self::Recovery(one) => one.titled(&recovery::table(&one.found)),
            Self::Cold(one) => one.titled(&fixed::cold_table(&one.found)),
            Self::Warm(one) => one.titled(&fixed::warm_table(&one.found)),
            Self::Verified(one) => verified::table(one),
            Self::Heads(one) => one.titled(&heads::table(&one.found)),
            Self::Spectrum(all) => spectrum::table(all),
        }
    }

    /// The numbers as CSV.
    #[must_use]
    pub fn csv(&self) -> String {
        match self {
            Self::Scaling(all) => scaling::csv(all),
            Self::Inside(one) => inside::csv(&one.found),
            Self::Stopping(one) => stopping::csv(&one.found),
            Self::Interventions(one) => interventions::csv(one),
            Self::Recovery(one) => recovery::csv(&one.found),
            Self::Cold(one) => fixed::cold_csv(&one.found),
            Self::Warm(one) => fixed::warm_csv(&one.found),
            Self::Verified(one) => verified::csv(one),
            Self::Heads(one) => heads::csv(&one.found),
            Self::Spectrum(all) => spectrum::csv(all),
        }
    }

    /// The figure as SVG.
    ///
    /// # Errors
    /// Nothing was measured, or plotters cannot draw.
    pub fn figure(&self, size: Size) -> Result<String, ReportError> {
        match self {
            Self::Scaling(all) => scaling::figure(all, size),
            Self::Inside(one) => inside::figure(&one.found, size),
            Self::Stopping(one) => stopping::figure(&one.found, size),
            Self::Interventions(one) => interventions::figure(one, size),
            Self::Recovery(one) => recovery::figure(&one.found, size),
            Self::Cold(one) => fixed::cold_figure(&one.found, size),
            Self::Warm(one) => fixed::warm_figure(&one.found, size),
            Self::Verified(one) => verified::figure(one, size),
            Self::Heads(one) => heads::figure(&one.found, size),
            Self::Spectrum(all) => spectrum::figure(all, size),
        }
    }

    /// Everything as one line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        // Plain structs with text keys always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The lines of the figure, for a plot over the iterations of a pass, with a word for each plot. Of what heads
    /// look at there are none: its figure is made of maps.
    #[must_use]
    pub fn lines(&self) -> Vec<Lines> {
        match self {
            Self::Scaling(all) => vec![Lines::new(
                "Solved",
                "Share of boards whose blank cells are all right after each iteration: by difficulty, and the mean \
                 over the difficulties that occur, each counting alike. The interval is of 2,000 bootstrap draws over \
                 the boards.",
                scaling::lines(all),
            )],
            Self::Inside(one) => {
                let [share, turns, flips, still] = inside::lines(&one.found);
                vec![
                    Lines::new("Solved and right", "Boards solved after each iteration, and right cells.", share),
                    Lines::new(
                        "Newly solved and lost",
                        "Boards whose answer became right in an iteration, and those that left it.",
                        turns,
                    ),
                    Lines::new("Flips", "Blank cells whose answer changed in an iteration, mean of a board.", flips),
                    Lines::new(
                        "Changed for the last time",
                        "Boards that do not change any more: of those that end solved, and of those that fail.",
                        still,
                    ),
                ]
            }
            Self::Stopping(one) => vec![Lines::new(
                "All after the same iteration",
                "What answering all boards after the same iteration solves. A rule that solves more with as many \
                 iterations is worth them.",
                vec![stopping::alike(&one.found, "Solved")],
            )],
            Self::Interventions(one) => vec![Lines::new(
                "Solved under changes",
                "Mean over the difficulties against iterations, a line a change; “none” is the unchanged pass.",
                interventions::lines(one),
            )],
            Self::Recovery(one) => vec![
                Lines::new(
                    "After the disturbance",
                    "Cells that have the digit of the undisturbed pass, and boards solved with the disturbance and \
                     without, from the iteration after it on.",
                    recovery::lines(&one.found),
                )
                .later(one.found.disturbance.after),
            ],
            Self::Cold(one) => vec![Lines::new(
                "Started from the solution",
                "Right cells, boards without a wrong one, and confidence, when the solution is fed in as the first \
                 prediction.",
                fixed::cold_lines(&one.found),
            )],
            Self::Warm(one) => vec![
                Lines::new(
                    "Does the answer stay?",
                    "Cells and boards whose answer is what it was when the watch began, and solved boards.",
                    fixed::warm_lines(&one.found),
                )
                .later(one.found.after),
            ],
            Self::Verified(one) => vec![Lines::new(
                "Solved and known to be",
                "Boards with an answer that obeys the rules within so many iterations in all, a line a way of asking \
                 again.",
                verified::lines(one),
            )],
            Self::Heads(_) => Vec::new(),
            Self::Spectrum(all) => vec![Lines {
                logarithmic: true,
                ..Lines::new(
                    "Growth of a small change",
                    "By how much a small change of the state grows in one iteration, mean over boards: exact, and by \
                     the published estimator in f32 and with products rounded as TF32 rounds them. Above 1 it grows.",
                    spectrum::lines(all),
                )
            }],
        }
    }
}
