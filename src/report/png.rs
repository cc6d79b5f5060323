//! Figures as PNG: the SVG that the program draws, rasterised with fonts that it carries.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::ReportError;

/// The most points along an edge.
const MOST_POINTS: u32 = 8192;

/// An SVG as PNG, `scale` points for each of its pixels.
///
/// # Errors
/// What is no SVG, and one without a size.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>, ReportError> {
    let trouble = |what: &str| ReportError::Picture(what.to_owned());
    let tree =
        Tree::from_str(svg, &Options { fontdb: fonts(), ..Options::default() }).map_err(|e| trouble(&e.to_string()))?;
    let size = tree.size().to_int_size();
    let points = |n: u32| ((n as f32 * scale).ceil() as u32).clamp(1, MOST_POINTS);
    let mut picture =
        Pixmap::new(points(size.width()), points(size.height())).ok_or_else(|| trouble("it has no size"))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut picture.as_mut());
    picture.encode_png().map_err(|e| trouble(&e.to_string()))
}

/// The window's fonts under the names that figures ask for. The system's are left out, so that a
/// figure looks the same everywhere.
fn fonts() -> Arc<fontdb::Database> {
    let mut db = fontdb::Database::new();
    db.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    db.load_font_data(epaint_default_fonts::HACK_REGULAR.to_vec());
    let named = |want: &str| {
        db.faces().flat_map(|f| &f.families).map(|(name, _)| name.clone()).find(|name| name.starts_with(want))
    };
    let (sans, mono) = (named("Ubuntu"), named("Hack"));
    if let Some(name) = sans {
        db.set_sans_serif_family(name.clone());
        db.set_serif_family(name);
    }
    if let Some(name) = mono {
        db.set_monospace_family(name);
    }
    Arc::new(db)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text that finds no font is left out without a word, so a test must look for its ink.
    #[test]
    fn text_leaves_ink() {
        let svg = |text: &str| {
            format!(
                "<svg xmlns='http://www.w3.org/2000/svg' width='80' height='20'>\
                 <text x='2' y='15' font-family='sans-serif' font-size='14'>{text}</text></svg>"
            )
        };
        let ink = |text: &str| {
            let bytes = png(&svg(text), 1.0).expect("a picture");
            Pixmap::decode_png(&bytes).expect("a PNG").pixels().iter().filter(|p| p.alpha() > 60).count()
        };
        assert_eq!(ink(""), 0);
        assert!(ink("entropy") > 40, "{}", ink("entropy"));
        assert!(ink("α ‖ 1,024 ×") > 30);
    }
}
