//! Pictures as plain numbers, to compare two of them. ImageMagick turns PNG into PPM, which needs
//! no decoder.

use std::path::Path;
use std::process::Command;

use crate::Done;

/// Width, height and red, green, blue bytes.
pub struct Picture {
    /// In points.
    pub width: usize,
    /// In points.
    pub height: usize,
    rgb: Vec<u8>,
}

/// A part of a picture, in shares of its width and height: left, top, right, bottom.
pub type Part = (f64, f64, f64, f64);

impl Picture {
    /// Reads any file that ImageMagick reads.
    pub fn read(file: &Path) -> Done<Self> {
        let output = Command::new("convert")
            .arg(file)
            .args(["-depth", "8", "ppm:-"])
            .output()
            .map_err(|e| format!("ImageMagick does not start: {e}"))?;
        Self::from_ppm(&output.stdout).ok_or_else(|| format!("{} is no picture", file.display()))
    }

    fn from_ppm(bytes: &[u8]) -> Option<Self> {
        let mut fields = Vec::new();
        let mut at = 0;
        while fields.len() < 4 {
            let start = at + bytes.get(at..)?.iter().position(|b| !b.is_ascii_whitespace())?;
            at = start + bytes.get(start..)?.iter().position(u8::is_ascii_whitespace)?;
            fields.push(std::str::from_utf8(&bytes[start..at]).ok()?);
        }
        let (width, height) = (fields[1].parse().ok()?, fields[2].parse().ok()?);
        let rgb = bytes.get(at + 1..)?.to_vec();
        (fields[0] == "P6" && fields[3] == "255" && rgb.len() == width * height * 3).then_some(Self { width, height, rgb })
    }

    /// The share of points that differ visibly, within a part of the picture.
    pub fn difference(&self, other: &Self, part: Part) -> f64 {
        if (self.width, self.height) != (other.width, other.height) {
            return 1.0;
        }
        let (mut differ, mut all) = (0_usize, 0_usize);
        for point in self.points(part) {
            all += 1;
            let far = (0..3).any(|c| self.rgb[point * 3 + c].abs_diff(other.rgb[point * 3 + c]) > 16);
            differ += usize::from(far);
        }
        differ as f64 / all.max(1) as f64
    }

    /// Mean brightness of a part, 0 to 1.
    pub fn brightness(&self, part: Part) -> f64 {
        let (mut sum, mut all) = (0_u64, 0_u64);
        for point in self.points(part) {
            sum += self.rgb[point * 3..point * 3 + 3].iter().map(|c| u64::from(*c)).sum::<u64>();
            all += 3 * 255;
        }
        sum as f64 / all.max(1) as f64
    }

    /// How many different colours a part has, up to 1,000: one means that nothing was drawn.
    pub fn colours(&self, part: Part) -> usize {
        let mut seen = std::collections::BTreeSet::new();
        for point in self.points(part) {
            seen.insert(&self.rgb[point * 3..point * 3 + 3]);
            if seen.len() >= 1000 {
                break;
            }
        }
        seen.len()
    }

    fn points(&self, (left, top, right, bottom): Part) -> impl Iterator<Item = usize> + '_ {
        let span = |from: f64, to: f64, size: usize| ((from * size as f64) as usize)..((to * size as f64) as usize).min(size);
        let columns = span(left, right, self.width);
        span(top, bottom, self.height).flat_map(move |y| columns.clone().map(move |x| y * self.width + x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_compared() {
        let ppm = |rgb: &[u8]| Picture::from_ppm(&[b"P6\n2 1\n255\n", rgb].concat()).unwrap();
        let (a, b) = (ppm(&[0, 0, 0, 0, 0, 0]), ppm(&[0, 0, 0, 255, 0, 0]));
        assert_eq!(a.difference(&b, (0.0, 0.0, 1.0, 1.0)), 0.5);
        assert_eq!(a.difference(&b, (0.0, 0.0, 0.5, 1.0)), 0.0);
        assert_eq!(b.colours((0.0, 0.0, 1.0, 1.0)), 2);
        assert!(b.brightness((0.0, 0.0, 1.0, 1.0)) > 0.1);
        assert!(Picture::from_ppm(b"P6\n2 1\n255\n123").is_none());
    }
}
