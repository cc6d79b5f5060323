//! The weights of a safetensors file, apart from what is said about them.
//!
//! The header holds a card with the seconds that the training took, which differ from run to run;
//! everything after it is numbers, in the order of the names.

use std::path::{Path, PathBuf};

use crate::Done;

/// The bytes of all tensors.
pub fn tensors(file: &Path) -> Done<Vec<u8>> {
    let bytes = std::fs::read(file).map_err(|e| format!("{} cannot be read: {e}", file.display()))?;
    split(&bytes).map(<[u8]>::to_vec).ok_or_else(|| format!("{} is no safetensors file", file.display()))
}

fn split(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    rest.get(usize::try_from(u64::from_le_bytes(*length)).ok()?..)
}

/// All checkpoint files of a run folder, in order of their names.
pub fn checkpoints(run: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(run.join("checkpoints"))
        .map(|entries| entries.flatten().map(|e| e.path()).collect())
        .unwrap_or_default();
    files.retain(|f| f.extension().is_some_and(|e| e == "safetensors"));
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn the_header_is_left_out() {
        let file = [&2_u64.to_le_bytes()[..], b"{}", &[7, 8]].concat();
        assert_eq!(split(&file), Some(&[7, 8][..]));
        assert_eq!(split(&u64::MAX.to_le_bytes()), None);
        assert_eq!(split(&[1]), None);
    }
}
