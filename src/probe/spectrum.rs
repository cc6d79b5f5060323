//! Growth rates of the iteration map, board by board, in parts of a few milliseconds.

use std::sync::Arc;

use loopscope_kernels::tangent::{
    Along, Difference, FiniteDifferences, Map, Options, PowerIteration, Trajectory, Vectors,
};

use super::ProbeError;
use crate::config::{Interventions, ModelConfig};
use crate::measure::record::{arg_max, blanks, right_digits};
use crate::measure::spectrum::{BoardSpectrum, Differences, Estimators, Exact, SpectrumSettings, Standing};
use crate::models::{tangent_map, tf32_map};
use crate::nn::Parameters;
use crate::tasks::sudoku::Puzzle;

/// Iterations in which a settled answer must not change, as on the timeline.
const LASTING: usize = 3;
/// Within this of each other, logarithms agree.
const TOLERANCE: f64 = 0.005;

/// A model's maps, shared by its boards.
#[derive(Clone)]
pub struct SpectrumMaps {
    exact: Arc<Map<f64>>,
    single: Arc<Map<f32>>,
    tf32: Arc<Map<f32>>,
    digits: usize,
}

impl SpectrumMaps {
    /// Lays out the weights.
    ///
    /// # Errors
    /// A network or changes that there are no tangents for.
    pub fn new(config: &ModelConfig, parameters: &Parameters, interventions: &Interventions) -> Result<Self, String> {
        Ok(Self {
            exact: tangent_map(config, parameters, interventions)?,
            single: tangent_map(config, parameters, interventions)?,
            tf32: tf32_map(config, parameters, interventions)?,
            digits: config.digits(),
        })
    }
}

/// One board under way.
pub struct Spectrum {
    maps: SpectrumMaps,
    settings: SpectrumSettings,
    puzzle: Puzzle,
    board: usize,
    at: Trajectory<f64>,
    /// Of the settings' iterations, the next.
    next: usize,
    frozen: Option<Frozen>,
    done: Vec<BoardSpectrum>,
}

/// What is measured at one state, one after the other.
struct Frozen {
    found: BoardSpectrum,
    state: Vec<f64>,
    stage: Stage,
}

enum Stage {
    Exact(PowerIteration<f64>),
    Leading(PowerIteration<f64>),
    Moving(PowerIteration<f64>),
    Fine(FiniteDifferences<f64>),
    Single(FiniteDifferences<f32>),
    Tf32(FiniteDifferences<f32>),
    Done,
}

impl Spectrum {
    /// Starts on a board, the `board`-th of its set.
    ///
    /// # Errors
    /// A puzzle of another board or without a solution.
    pub fn new(
        maps: &SpectrumMaps,
        settings: &SpectrumSettings,
        puzzle: Puzzle,
        board: usize,
    ) -> Result<Self, ProbeError> {
        let at = maps.exact.start(puzzle.clues.cells());
        let at = at.ok_or_else(|| ProbeError::Asked(format!("puzzle {} is of another board", board + 1)))?;
        if puzzle.solution.is_none() {
            return Err(ProbeError::Asked(format!("puzzle {} has no solution beside it", board + 1)));
        }
        Ok(Self {
            maps: maps.clone(),
            settings: settings.clone(),
            puzzle,
            board,
            at,
            next: 0,
            frozen: None,
            done: Vec::new(),
        })
    }

    /// Whether everything was measured.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.frozen.is_none() && self.next >= self.settings.iterations.len()
    }

    /// What was found.
    #[must_use]
    pub fn finish(self) -> Vec<BoardSpectrum> {
        self.done
    }

    /// A few milliseconds of work.
    pub fn part(&mut self) {
        let Some(frozen) = &mut self.frozen else {
            if let Some(t) = self.settings.iterations.get(self.next) {
                if (self.at.iteration as u64) < u64::from(*t) {
                    self.maps.exact.advance(&mut self.at, 1);
                } else {
                    self.freeze();
                }
            }
            return;
        };
        let steps = self.settings.steps as usize;
        let burn_in = self.settings.burn_in as usize;
        let differences = |logs: &[f64], mean: f64| Differences {
            last: logs.last().map_or(f64::NAN, |l| l.exp()),
            mean,
            first: logs.first().map_or(f64::NAN, |l| l.exp()),
        };
        let estimator = |found: &mut BoardSpectrum, set: fn(&mut Estimators, Differences), value: Differences| {
            let none = Differences { last: f64::NAN, mean: f64::NAN, first: f64::NAN };
            set(found.estimators.get_or_insert(Estimators { fine: none, single: none, tf32: none }), value);
        };
        let finished = match &mut frozen.stage {
            Stage::Exact(p) => {
                p.part();
                (p.steps() >= steps).then(|| {
                    let growth = p.growth();
                    frozen.found.exact = Exact {
                        growth: growth.growth(),
                        spread: growth.spread,
                        converged: growth.converged,
                        vectors: growth.rates.iter().map(|r| r.growth()).collect(),
                    };
                })
            }
            Stage::Leading(p) => {
                p.part();
                (p.steps() >= steps)
                    .then(|| frozen.found.leading = p.growth().rates.iter().map(|r| r.growth()).collect())
            }
            Stage::Moving(p) => {
                p.part();
                (p.steps() >= steps)
                    .then(|| frozen.found.lyapunov = p.growth().rates.iter().map(|r| r.exponent).collect())
            }
            Stage::Fine(d) => {
                d.part();
                (d.logs().len() >= steps).then(|| {
                    let value = differences(d.logs(), d.rate(burn_in).growth());
                    estimator(&mut frozen.found, |e, v| e.fine = v, value);
                })
            }
            Stage::Single(d) => {
                d.part();
                (d.logs().len() >= steps).then(|| {
                    let value = differences(d.logs(), d.rate(burn_in).growth());
                    estimator(&mut frozen.found, |e, v| e.single = v, value);
                })
            }
            Stage::Tf32(d) => {
                d.part();
                (d.logs().len() >= steps).then(|| {
                    let value = differences(d.logs(), d.rate(burn_in).growth());
                    estimator(&mut frozen.found, |e, v| e.tf32 = v, value);
                })
            }
            Stage::Done => Some(()),
        };
        if finished.is_some() {
            self.advance_stage();
        }
    }

    /// Takes the state as it is, and looks a few iterations ahead for how the answer stands.
    fn freeze(&mut self) {
        let (right, blanks) = (right_digits(&self.puzzle).unwrap_or_default(), blanks(&self.puzzle.clues));
        let answer = |at: &Trajectory<f64>| -> Vec<u8> {
            let p: Vec<f32> = at.prediction.iter().map(|v| *v as f32).collect();
            blanks.iter().map(|cell| arg_max(&p[cell * self.maps.digits..(cell + 1) * self.maps.digits])).collect()
        };
        let norm = |state: &[f64]| state.iter().map(|v| v * v).sum::<f64>().sqrt();
        let now = answer(&self.at);
        let mut ahead = self.at.clone();
        let mut moves = false;
        let mut state_growth = f64::NAN;
        for i in 0..LASTING {
            self.maps.exact.advance(&mut ahead, 1);
            moves |= answer(&ahead) != now;
            if i == 0 {
                state_growth = norm(&ahead.state) / norm(&self.at.state);
            }
        }
        let wrong = now.iter().zip(&right).filter(|(a, b)| a != b).count() as u32;
        let standing = match (moves, wrong) {
            (true, _) => Standing::Moving,
            (false, 0) => Standing::SettledRight,
            (false, _) => Standing::SettledWrong,
        };
        let none = Exact { growth: f64::NAN, spread: f64::NAN, converged: false, vectors: Vec::new() };
        let state = self.at.state.clone();
        self.frozen = Some(Frozen {
            found: BoardSpectrum {
                board: self.board,
                iteration: self.settings.iterations[self.next],
                standing,
                wrong,
                state_growth,
                exact: none,
                leading: Vec::new(),
                lyapunov: Vec::new(),
                estimators: None,
            },
            stage: Stage::Exact(self.power(&state, Vectors::Independent, Along::Frozen)),
            state,
        });
    }

    fn power(&self, state: &[f64], kind: Vectors, along: Along) -> PowerIteration<f64> {
        let options = Options {
            vectors: self.settings.vectors as usize,
            kind,
            along,
            steps: self.settings.steps as usize,
            burn_in: self.settings.burn_in as usize,
            // Every board and state has vectors of its own.
            seed: self.settings.seed ^ ((self.board as u64) << 20) ^ u64::from(self.settings.iterations[self.next]),
            tolerance: TOLERANCE,
        };
        PowerIteration::new(&self.maps.exact, state, options)
    }

    fn advance_stage(&mut self) {
        let Some(mut frozen) = self.frozen.take() else { return };
        let SpectrumSettings { leading, moving, estimators, seed, .. } = self.settings;
        let single: Vec<f32> = frozen.state.iter().map(|v| *v as f32).collect();
        let seed = seed ^ ((self.board as u64) << 20);
        // The stages in their order; those that were not asked for are passed over.
        let stage = match &frozen.stage {
            Stage::Exact(_) if leading => {
                Stage::Leading(self.power(&frozen.state, Vectors::Orthonormal, Along::Frozen))
            }
            Stage::Exact(_) | Stage::Leading(_) if moving => {
                Stage::Moving(self.power(&frozen.state, Vectors::Orthonormal, Along::Moving))
            }
            Stage::Exact(_) | Stage::Leading(_) | Stage::Moving(_) if estimators => {
                Stage::Fine(FiniteDifferences::new(&self.maps.exact, &frozen.state, Difference::fine(seed)))
            }
            Stage::Fine(_) => {
                Stage::Single(FiniteDifferences::new(&self.maps.single, &single, Difference::published(seed)))
            }
            Stage::Single(_) => {
                Stage::Tf32(FiniteDifferences::new(&self.maps.tf32, &single, Difference::published(seed)))
            }
            _ => Stage::Done,
        };
        if matches!(stage, Stage::Done) {
            self.done.push(frozen.found);
            self.next += 1;
            return;
        }
        frozen.stage = stage;
        self.frozen = Some(frozen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::layout;
    use crate::probe::fused_tests::small;
    use crate::tasks::sudoku::{parse_grid, solve};

    fn settings() -> SpectrumSettings {
        SpectrumSettings {
            iterations: vec![2, 5],
            vectors: 3,
            steps: 60,
            burn_in: 20,
            seed: 1,
            leading: true,
            moving: true,
            estimators: true,
            interventions: Interventions::default(),
        }
    }

    #[test]
    fn every_stage_is_measured_and_the_fine_differences_agree_with_the_tangents() {
        let config = small();
        let parameters = layout(&config).initial(3);
        let maps = SpectrumMaps::new(&config, &parameters, &Interventions::default()).unwrap();
        let clues = parse_grid("1...34....4....1").unwrap();
        let puzzle = Puzzle { solution: solve(&clues), ..Puzzle::unchecked(clues) };
        let mut spectrum = Spectrum::new(&maps, &settings(), puzzle.clone(), 0).unwrap();
        while !spectrum.is_done() {
            spectrum.part();
        }
        let found = spectrum.finish();
        assert_eq!(found.iter().map(|f| f.iteration).collect::<Vec<_>>(), [2, 5]);
        for f in &found {
            assert_eq!((f.exact.vectors.len(), f.leading.len(), f.lyapunov.len()), (3, 3, 3));
            assert!(f.leading.windows(2).all(|w| w[0] >= w[1] * 0.999), "{:?}", f.leading);
            let e = f.estimators.unwrap();
            assert!((e.fine.mean / f.exact.growth - 1.0).abs() < 0.05, "{} {}", e.fine.mean, f.exact.growth);
            assert!(e.single.mean.is_finite() && e.tf32.mean.is_finite());
            assert!(f.state_growth > 0.5 && f.state_growth < 20.0);
        }
        // The same again.
        let mut again = Spectrum::new(&maps, &settings(), puzzle.clone(), 0).unwrap();
        while !again.is_done() {
            again.part();
        }
        assert_eq!(again.finish(), found);

        let bare = Puzzle { solution: None, ..puzzle };
        assert!(Spectrum::new(&maps, &settings(), bare, 6).err().unwrap().to_string().contains("puzzle 7"));
        let damped = Interventions { damping: 0.5, ..Interventions::default() };
        assert!(SpectrumMaps::new(&config, &parameters, &damped).err().unwrap().contains("damping"));
    }
}
