//! Safetensors files: read with every size checked before anything is allocated, written whole.
//!
//! burn-store's reader panics on some bad files (`stack.md`), so the safetensors crate parses and we
//! check names, shapes and values here.

use std::collections::{BTreeMap, HashMap};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::layout;
use crate::config::{ModelCard, ModelConfig, Provenance};
use crate::nn::Parameters;
use crate::tasks::sudoku::Shape;

/// The largest file that is read, in bytes.
pub const MAX_FILE: u64 = 2 << 30;

/// Metadata key of our JSON.
const KEY: &str = "loopscope";

/// A weights file that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelFileError {
    /// Not a safetensors file, or a damaged one.
    #[error("this is no readable safetensors file: {0}")]
    Format(String),
    /// Larger than anything this program makes or needs.
    #[error("the file has {0} bytes; at most 2 GiB are read")]
    TooLarge(u64),
    /// Our metadata is there but broken.
    #[error("the file's “loopscope” metadata cannot be read: {0}")]
    Metadata(String),
    /// Sizes that cannot be told or meant.
    #[error("the sizes of the network cannot be told: {0}")]
    Sizes(String),
    /// A parameter is not there.
    #[error("tensor “{name}” is missing; a network of these sizes needs it with shape {shape:?}")]
    Missing {
        /// Its name.
        name: String,
        /// The shape it should have.
        shape: Vec<usize>,
    },
    /// A tensor that the network has no place for.
    #[error("tensor “{0}” has no place in a network of these sizes")]
    Surplus(String),
    /// A parameter of another shape.
    #[error("tensor “{name}” has shape {found:?}; {want:?} is needed")]
    Shape {
        /// Its name.
        name: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// The shape it should have.
        want: Vec<usize>,
    },
    /// A number type that holds no weights.
    #[error("tensor “{name}” holds {found}; F32, F16, BF16 or F64 is needed")]
    Type {
        /// Its name.
        name: String,
        /// Its type.
        found: String,
    },
    /// NaN or infinity among the weights.
    #[error("tensor “{0}” holds a value that is not finite, so nothing can be computed with it")]
    NotFinite(String),
    /// A `--set` that has no meaning for a model file.
    #[error("“{0}” cannot be set for a model file; heads=N and iterations=N can")]
    Setting(String),
}

/// A tensor on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub values: Vec<f32>,
}

/// A safetensors file on the host: tensors by name and our metadata, if any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TensorFile {
    /// Tensors by name.
    pub tensors: BTreeMap<String, NamedTensor>,
    /// The JSON under the key “loopscope”.
    pub metadata: Option<String>,
}

impl TensorFile {
    /// Parses a file and converts all tensors to f32, 32-bit integers included.
    ///
    /// # Errors
    /// Damaged files and number types that hold no weights.
    pub fn read(bytes: &[u8]) -> Result<Self, ModelFileError> {
        let (file, metadata) = parse(bytes)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            let values = match view.dtype() {
                Dtype::I32 => view.data().as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b) as f32).collect(),
                _ => to_f32(name, &view)?,
            };
            tensors.insert(name.to_owned(), NamedTensor { shape: view.shape().to_vec(), values });
        }
        Ok(Self { tensors, metadata })
    }
}

/// A model read from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredModel {
    /// What it is; made from the shapes for a file without our metadata.
    pub card: ModelCard,
    /// Its weights.
    pub parameters: Parameters,
}

/// What a header tells without reading the weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// Our metadata, if the file has it.
    pub card: Option<ModelCard>,
    /// Name, number type and shape of every tensor.
    pub tensors: Vec<(String, String, Vec<usize>)>,
    /// Values in all tensors together.
    pub parameters: usize,
    /// What keeps it from being used, one sentence each.
    pub problems: Vec<String>,
}

fn parse(bytes: &[u8]) -> Result<(SafeTensors<'_>, Option<String>), ModelFileError> {
    if bytes.len() as u64 > MAX_FILE {
        return Err(ModelFileError::TooLarge(bytes.len() as u64));
    }
    let format = |e: safetensors::SafeTensorError| ModelFileError::Format(e.to_string());
    let file = SafeTensors::deserialize(bytes).map_err(format)?;
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(format)?;
    let ours = metadata.metadata().as_ref().and_then(|m| m.get(KEY)).cloned();
    Ok((file, ours))
}

fn to_f32(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, ModelFileError> {
    let data = view.data();
    let values = match view.dtype() {
        Dtype::F32 => data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F16 => data.as_chunks::<2>().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect(),
        Dtype::BF16 => data.as_chunks::<2>().0.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32()).collect(),
        Dtype::F64 => data.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        other => return Err(ModelFileError::Type { name: name.into(), found: format!("{other:?}") }),
    };
    Ok(values)
}

/// Sizes from shapes, for a file without our metadata: head width 32 unless `heads` says otherwise.
fn infer(shapes: &HashMap<String, Vec<usize>>, heads: Option<usize>) -> Result<ModelConfig, ModelFileError> {
    let matrix = |name: &str| match shapes.get(name).map(Vec::as_slice) {
        Some([rows, cols]) => Ok((*rows, *cols)),
        _ => Err(ModelFileError::Sizes(format!("there is no matrix “{name}”"))),
    };
    let (width, classes) = matrix("initial_encoder.weight")?;
    let shape = Shape::from_side(classes.wrapping_sub(1)).ok_or_else(|| {
        ModelFileError::Sizes(format!(
            "“initial_encoder.weight” takes {classes} classes; 5, 7 or 10 fit a 4×4, 6×6 or 9×9 board"
        ))
    })?;
    let (hidden, _) = matrix("layers.0.linear1.weight")?;
    let blocks = (0..=64).take_while(|i| shapes.contains_key(&format!("layers.{i}.linear1.weight"))).count();
    let heads = heads.unwrap_or((width / 32).max(1));
    let q_head = shapes.contains_key("q_head.weight");
    Ok(ModelConfig { width, blocks, heads, hidden, q_head, ..ModelConfig::default() }.with_shape(shape))
}

fn settings(set: &[String]) -> Result<(Option<usize>, Option<u32>), ModelFileError> {
    let (mut heads, mut iterations) = (None, None);
    for pair in set {
        let bad = || ModelFileError::Setting(pair.clone());
        match pair.split_once('=') {
            Some(("heads", v)) => heads = Some(v.trim().parse().map_err(|_| bad())?),
            Some(("iterations", v)) => iterations = Some(v.trim().parse().map_err(|_| bad())?),
            _ => return Err(bad()),
        }
    }
    Ok((heads, iterations))
}

fn card_of(
    name: &str,
    metadata: Option<&str>,
    shapes: &HashMap<String, Vec<usize>>,
    set: &[String],
) -> Result<ModelCard, ModelFileError> {
    let (heads, iterations) = settings(set)?;
    let mut card = match metadata {
        Some(json) => serde_json::from_str::<ModelCard>(json).map_err(|e| ModelFileError::Metadata(e.to_string()))?,
        None => ModelCard {
            name: name.to_owned(),
            config: infer(shapes, heads)?,
            trained_iterations: 16,
            step: 0,
            provenance: Provenance { data: "unknown: the file carries no description".into(), ..Provenance::default() },
        },
    };
    if let Some(heads) = heads {
        card.config.heads = heads;
    }
    card.trained_iterations = iterations.unwrap_or(card.trained_iterations);
    if !(1..=4096).contains(&card.trained_iterations) {
        return Err(ModelFileError::Sizes(format!(
            "{} trained iterations; 1 to 4,096 are possible",
            card.trained_iterations
        )));
    }
    card.config.validate().map_err(|e| ModelFileError::Sizes(e.to_string()))?;
    Ok(card)
}

/// Compares shapes in the file with what the network needs, before any weight is touched.
fn check_shapes(
    config: &ModelConfig,
    shapes: &HashMap<String, Vec<usize>>,
    extra: &dyn Fn(&str) -> bool,
) -> Result<(), ModelFileError> {
    let layout = layout(config);
    for spec in &layout.specs {
        match shapes.get(&spec.name) {
            None => return Err(ModelFileError::Missing { name: spec.name.clone(), shape: spec.shape.clone() }),
            Some(found) if *found != spec.shape => {
                return Err(ModelFileError::Shape {
                    name: spec.name.clone(),
                    found: found.clone(),
                    want: spec.shape.clone(),
                });
            }
            Some(_) => {}
        }
    }
    let known: std::collections::HashSet<&str> = layout.specs.iter().map(|s| s.name.as_str()).collect();
    let mut surplus: Vec<&String> = shapes.keys().filter(|n| !known.contains(n.as_str()) && !extra(n)).collect();
    surplus.sort();
    surplus.first().map_or(Ok(()), |n| Err(ModelFileError::Surplus((*n).clone())))
}

/// Whether a tensor of a checkpoint is not of the model but of its training: moments, and weights whose average is
/// the model.
fn is_of_training(name: &str) -> bool {
    ["moment1.", "moment2.", "raw."].iter().any(|prefix| name.starts_with(prefix))
}

/// Reads a model. `name` is used where the file does not name itself; `set` may hold `heads=N` and
/// `iterations=N`. What a checkpoint has of its training is passed over.
///
/// # Errors
/// Whatever keeps the file from being a network, by name and shape.
pub fn read_model(name: &str, bytes: &[u8], set: &[String]) -> Result<StoredModel, ModelFileError> {
    let (file, metadata) = parse(bytes)?;
    let shapes: HashMap<String, Vec<usize>> = file.iter().map(|(n, v)| (n.to_owned(), v.shape().to_vec())).collect();
    let card = card_of(name, metadata.as_deref(), &shapes, set)?;
    check_shapes(&card.config, &shapes, &is_of_training)?;
    let layout = layout(&card.config);
    let mut values = Vec::with_capacity(layout.total());
    for spec in &layout.specs {
        let view = file.tensor(&spec.name).map_err(|e| ModelFileError::Format(e.to_string()))?;
        let part = to_f32(&spec.name, &view)?;
        if part.iter().any(|v| !v.is_finite()) {
            return Err(ModelFileError::NotFinite(spec.name.clone()));
        }
        values.extend(part);
    }
    Ok(StoredModel { card, parameters: Parameters { layout, values } })
}

/// Reads the header alone and says what the file is.
///
/// # Errors
/// When it is no safetensors file at all.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, ModelFileError> {
    let (file, metadata) = parse(bytes)?;
    let mut tensors: Vec<_> =
        file.iter().map(|(n, v)| (n.to_owned(), format!("{:?}", v.dtype()), v.shape().to_vec())).collect();
    tensors.sort();
    let shapes: HashMap<_, _> = tensors.iter().map(|(n, _, s)| (n.clone(), s.clone())).collect();
    let problems = card_of("model", metadata.as_deref(), &shapes, &[])
        .and_then(|card| check_shapes(&card.config, &shapes, &is_of_training))
        .err()
        .map(|e| e.to_string());
    Ok(Inspection {
        card: metadata.and_then(|m| serde_json::from_str(&m).ok()),
        parameters: tensors
            .iter()
            .filter(|(n, ..)| !is_of_training(n))
            .map(|(_, _, s)| s.iter().product::<usize>())
            .sum(),
        tensors,
        problems: problems.into_iter().collect(),
    })
}

/// A safetensors file of the given tensors, as f32 or, with `half`, as f16. The same input gives the
/// same bytes.
///
/// # Errors
/// When a tensor's values do not fill its shape.
pub fn write_tensors(
    tensors: &[(String, Vec<usize>, &[f32])],
    metadata: Option<String>,
    half: bool,
) -> Result<Vec<u8>, ModelFileError> {
    let format = |e: safetensors::SafeTensorError| ModelFileError::Format(e.to_string());
    let encoded: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, shape, values)| {
            let bytes = if half {
                values.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect()
            } else {
                values.iter().flat_map(|v| v.to_le_bytes()).collect()
            };
            (name.clone(), shape.clone(), bytes)
        })
        .collect();
    let dtype = if half { Dtype::F16 } else { Dtype::F32 };
    let views = encoded
        .iter()
        .map(|(name, shape, bytes)| TensorView::new(dtype, shape.clone(), bytes).map(|v| (name.as_str(), v)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(format)?;
    // One key only: the crate keeps metadata in a hash map, whose order would change the bytes.
    let metadata = metadata.map(|m| HashMap::from([(KEY.to_owned(), m)]));
    safetensors::serialize(views, metadata).map_err(format)
}

/// A model as a safetensors file with its card in the metadata.
///
/// # Errors
/// As [`write_tensors`].
pub fn write_model(card: &ModelCard, parameters: &Parameters, half: bool) -> Result<Vec<u8>, ModelFileError> {
    let json = serde_json::to_string(card).map_err(|e| ModelFileError::Metadata(e.to_string()))?;
    let tensors: Vec<_> = parameters.parts().map(|(s, v)| (s.name.clone(), s.shape.clone(), v)).collect();
    write_tensors(&tensors, Some(json), half)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> StoredModel {
        let config =
            ModelConfig { width: 8, blocks: 1, heads: 2, hidden: 12, ..ModelConfig::default() }.with_shape(Shape::S4);
        let card = ModelCard {
            name: "tiny".into(),
            config: config.clone(),
            trained_iterations: 3,
            step: 7,
            provenance: Provenance::default(),
        };
        StoredModel { card, parameters: layout(&config).initial(5) }
    }

    #[test]
    fn written_models_read_back_bit_for_bit() {
        let m = model();
        let bytes = write_model(&m.card, &m.parameters, false).unwrap();
        assert_eq!(read_model("x", &bytes, &[]).unwrap(), m);
        assert_eq!(write_model(&m.card, &m.parameters, false).unwrap(), bytes);
        let half = write_model(&m.card, &m.parameters, true).unwrap();
        let back = read_model("x", &half, &[]).unwrap();
        let worst =
            back.parameters.values.iter().zip(&m.parameters.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-3 && half.len() < bytes.len(), "{worst}");
        assert_eq!(inspect(&bytes).unwrap().problems, Vec::<String>::new());
    }

    #[test]
    fn without_metadata_the_shapes_tell() {
        let m = model();
        let tensors: Vec<_> = m.parameters.parts().map(|(s, v)| (s.name.clone(), s.shape.clone(), v)).collect();
        let bytes = write_tensors(&tensors, None, false).unwrap();
        let back = read_model("plain", &bytes, &["heads=2".into()]).unwrap();
        assert_eq!((back.card.config, back.card.trained_iterations), (m.card.config, 16));
        assert!(read_model("plain", &bytes, &["hedas=2".into()]).unwrap_err().to_string().contains("heads=N"));
    }

    #[test]
    fn a_halting_head_is_kept_with_and_without_metadata() {
        let mut m = model();
        m.card.config.q_head = true;
        m.parameters = layout(&m.card.config).initial(5);
        let bytes = write_model(&m.card, &m.parameters, false).unwrap();
        assert_eq!(read_model("x", &bytes, &[]).unwrap(), m);
        let tensors: Vec<_> = m.parameters.parts().map(|(s, v)| (s.name.clone(), s.shape.clone(), v)).collect();
        let names: Vec<_> = tensors[tensors.len() - 2..].iter().map(|(n, s, _)| (n.as_str(), s.clone())).collect();
        assert_eq!(names, [("q_head.weight", vec![1, 8]), ("q_head.bias", vec![1])]);
        let bytes = write_tensors(&tensors, None, false).unwrap();
        assert_eq!(read_model("x", &bytes, &["heads=2".into()]).unwrap().card.config, m.card.config);
    }

    #[test]
    fn missing_surplus_and_broken_are_named() {
        let m = model();
        let mut tensors: Vec<_> = m.parameters.parts().map(|(s, v)| (s.name.clone(), s.shape.clone(), v)).collect();
        let extra = [0.0f32; 2];
        tensors.push(("stray".into(), vec![2], &extra));
        let bytes = write_tensors(&tensors, None, false).unwrap();
        assert_eq!(read_model("x", &bytes, &[]).unwrap_err(), ModelFileError::Surplus("stray".into()));
        tensors.pop();
        let gone = tensors.pop().unwrap().0;
        let bytes = write_tensors(&tensors, None, false).unwrap();
        assert!(read_model("x", &bytes, &[]).unwrap_err().to_string().contains(&gone));
        assert!(matches!(read_model("x", &bytes[..40], &[]), Err(ModelFileError::Format(_))));
    }
}
