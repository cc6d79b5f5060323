//! Named parameters: their layout in one flat vector, their first values, their binding.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};

use crate::config::{Key, Stream};

/// First values of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Uniform in [-b, b): PyTorch's default for a linear map, b = 1/√fan-in (`specs/sudoku.md` §1.5).
    Uniform(f32),
    /// All ones.
    Ones,
    /// All zeros.
    Zeros,
    /// All of this value.
    Value(f32),
}

/// One parameter: its name in files, its shape (out × in for a matrix), its first values.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    /// Name as in saved files.
    pub name: String,
    /// One or two sizes.
    pub shape: Vec<usize>,
    /// First values.
    pub init: Init,
}

impl ParamSpec {
    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// All parameters of a model in order; their values lie one after another in a flat vector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// In file order.
    pub specs: Vec<ParamSpec>,
}

impl Layout {
    /// Adds a linear map: `NAME.weight` [out, in] and `NAME.bias` [out].
    pub fn linear(&mut self, name: &str, input: usize, output: usize) {
        self.linear_within(name, input, output, 1.0 / (input as f32).sqrt());
    }

    /// Adds a linear map whose first values are within ±`bound`.
    pub fn linear_within(&mut self, name: &str, input: usize, output: usize, bound: f32) {
        self.push(format!("{name}.weight"), vec![output, input], Init::Uniform(bound));
        self.push(format!("{name}.bias"), vec![output], Init::Uniform(bound));
    }

    /// Adds a linear map of zeros with this bias: `NAME.weight` [out, in] and `NAME.bias` [out].
    pub fn linear_constant(&mut self, name: &str, input: usize, output: usize, bias: f32) {
        self.push(format!("{name}.weight"), vec![output, input], Init::Zeros);
        self.push(format!("{name}.bias"), vec![output], Init::Value(bias));
    }

    /// Adds a linear map without a bias: `NAME.weight` [out, in].
    pub fn matrix(&mut self, name: &str, input: usize, output: usize) {
        self.push(format!("{name}.weight"), vec![output, input], Init::Uniform(1.0 / (input as f32).sqrt()));
    }

    /// Adds a learned table `NAME` [rows, d], with the variance of a small embedding (0.02²).
    pub fn table(&mut self, name: &str, rows: usize, width: usize) {
        // A uniform variable within ±b has the variance b² / 3.
        self.push(name.into(), vec![rows, width], Init::Uniform(0.02 * 3f32.sqrt()));
    }

    /// Adds a vector `NAME` [n] of ones.
    pub fn ones(&mut self, name: &str, count: usize) {
        self.push(name.into(), vec![count], Init::Ones);
    }

    /// Adds a vector `NAME` [n] of zeros.
    pub fn zeros(&mut self, name: &str, count: usize) {
        self.push(name.into(), vec![count], Init::Zeros);
    }

    /// Adds a layer normalisation: `NAME.weight` [d] of ones and `NAME.bias` [d] of zeros.
    pub fn norm(&mut self, name: &str, width: usize) {
        self.push(format!("{name}.weight"), vec![width], Init::Ones);
        self.push(format!("{name}.bias"), vec![width], Init::Zeros);
    }

    fn push(&mut self, name: String, shape: Vec<usize>, init: Init) {
        self.specs.push(ParamSpec { name, shape, init });
    }

    /// Number of values of all parameters.
    #[must_use]
    pub fn total(&self) -> usize {
        self.specs.iter().map(ParamSpec::len).sum()
    }

    /// First values, a function of the seed alone.
    #[must_use]
    pub fn initial(&self, seed: u64) -> Parameters {
        let key = Key::new(seed, Stream::Weights);
        let mut values = Vec::with_capacity(self.total());
        for (site, spec) in self.specs.iter().enumerate() {
            match spec.init {
                Init::Uniform(bound) => values.extend(key.at(0, site as u16).uniform(spec.len(), bound)),
                Init::Ones => values.extend(std::iter::repeat_n(1.0, spec.len())),
                Init::Zeros => values.extend(std::iter::repeat_n(0.0, spec.len())),
                Init::Value(value) => values.extend(std::iter::repeat_n(value, spec.len())),
            }
        }
        Parameters { layout: self.clone(), values }
    }

    /// Splits a flat vector [total] on its device into the parameters. With `track`, every one is a
    /// leaf of its own that gathers a gradient.
    #[must_use]
    pub fn bind(&self, flat: &Tensor<1>, track: bool) -> Bound {
        let mut at = 0;
        let mut bound = Bound::default();
        for spec in &self.specs {
            let part = flat.clone().slice(at..at + spec.len());
            at += spec.len();
            match spec.shape[..] {
                [rows, cols] => {
                    let m = part.reshape([rows, cols]);
                    bound.matrices.insert(spec.name.clone(), if track { m.autodiff().require_grad() } else { m });
                }
                _ => {
                    bound.vectors.insert(spec.name.clone(), if track { part.autodiff().require_grad() } else { part });
                }
            }
        }
        bound
    }

    /// Gathers the gradients of bound, tracked parameters into a flat vector [total], in order; a
    /// parameter that the loss does not reach counts as zero. Nothing where no gradient exists.
    #[must_use]
    pub fn gradient(&self, bound: &Bound, gradients: &mut burn::tensor::Gradients) -> Option<Tensor<1>> {
        let mut parts = Vec::with_capacity(self.specs.len());
        for spec in &self.specs {
            let part = match (bound.matrices.get(&spec.name), bound.vectors.get(&spec.name)) {
                (Some(m), _) => m.grad_remove(gradients).map(|g| g.reshape([spec.len()])),
                (_, Some(v)) => v.grad_remove(gradients),
                _ => None,
            };
            parts.push((spec.len(), part));
        }
        let device = parts.iter().find_map(|(_, p)| p.as_ref()).map(Tensor::device)?;
        let parts = parts.into_iter().map(|(n, p)| p.unwrap_or_else(|| Tensor::zeros([n], &device))).collect();
        Some(Tensor::cat(parts, 0))
    }
}

/// Parameters on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// Names and shapes.
    pub layout: Layout,
    /// All values, [total].
    pub values: Vec<f32>,
}

impl Parameters {
    /// Puts them on a device as one flat vector [total].
    #[must_use]
    pub fn upload(&self, device: &Device) -> Tensor<1> {
        Tensor::from_data(TensorData::new(self.values.clone(), [self.values.len()]), device)
    }

    /// Name, shape and values of every parameter.
    pub fn parts(&self) -> impl Iterator<Item = (&ParamSpec, &[f32])> {
        let mut at = 0;
        self.layout.specs.iter().map(move |spec| {
            let values = &self.values[at..at + spec.len()];
            at += spec.len();
            (spec, values)
        })
    }
}

/// Parameters on a device, each under its name.
#[derive(Clone, Debug, Default)]
pub struct Bound {
    matrices: BTreeMap<String, Tensor<2>>,
    vectors: BTreeMap<String, Tensor<1>>,
}

impl Bound {
    /// The matrix of that name.
    ///
    /// # Panics
    /// When the layout has none: a fault of the model's code, not of any input.
    #[must_use]
    pub fn matrix(&self, name: &str) -> Tensor<2> {
        self.matrices.get(name).unwrap_or_else(|| panic!("the layout has no matrix {name}")).clone()
    }

    /// The vector of that name.
    ///
    /// # Panics
    /// As [`Bound::matrix`].
    #[must_use]
    pub fn vector(&self, name: &str) -> Tensor<1> {
        self.vectors.get(name).unwrap_or_else(|| panic!("the layout has no vector {name}")).clone()
    }
}
