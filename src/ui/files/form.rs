//! The forms in which what a plot shows can be saved.

use super::{Filter, Jobs};

/// A table or a figure. A browser draws the PNG by itself; natively the feature `png` does.
#[derive(Clone, Copy)]
pub enum Form {
    Csv,
    Svg,
    #[cfg(any(feature = "png", target_arch = "wasm32"))]
    Png,
}

impl Form {
    /// In the order of the menu.
    pub const ALL: &[Self] = &[
        Self::Csv,
        Self::Svg,
        #[cfg(any(feature = "png", target_arch = "wasm32"))]
        Self::Png,
    ];

    /// The one that is made of points, where there is something to draw it.
    pub fn picture() -> Option<Self> {
        Self::ALL.get(2).copied()
    }

    /// The menu's entry.
    pub fn entry(self) -> &'static str {
        match self {
            Self::Csv => "Save data (CSV)…",
            Self::Svg => "Save figure (SVG)…",
            #[cfg(any(feature = "png", target_arch = "wasm32"))]
            Self::Png => "Save figure (PNG)…",
        }
    }
}

impl Jobs {
    /// Saves what a plot shows as `loopscope-STEM`. What makes it gives the table as CSV for
    /// [`Form::Csv`], and else the figure as SVG.
    pub fn export(&self, stem: &str, form: Form, make: impl FnOnce() -> Result<String, String> + Send + 'static) {
        let title = "Save what the plot shows";
        let (extension, filter) = match form {
            Form::Csv => ("csv", Filter("Table (CSV)", &["csv"])),
            Form::Svg => ("svg", Filter("Figure (SVG)", &["svg"])),
            #[cfg(any(feature = "png", target_arch = "wasm32"))]
            Form::Png => return self.save_png(title, format!("loopscope-{stem}.png"), make),
        };
        let name = format!("loopscope-{stem}.{extension}");
        self.save(title, name, filter, move || make().map(String::into_bytes));
    }
}
