//! Colours, sizes and text. Two neutral greys and one accent; meaning has fixed colours that a
//! colour-blind person can tell apart (Okabe and Ito), the same in board, plots and exports.

use eframe::egui::{self, Color32, CornerRadius, FontId, Stroke, TextStyle, Theme, Vec2};

/// Right: blue-green.
pub const RIGHT: Color32 = Color32::from_rgb(0x00, 0x9E, 0x73);
/// Wrong: vermilion.
pub const WRONG: Color32 = Color32::from_rgb(0xD5, 0x5E, 0x00);
/// The one accent.
pub const ACCENT: Color32 = Color32::from_rgb(0x00, 0x72, 0xB2);
/// Entropy: the dark end of one sequential map.
pub const ENTROPY: Color32 = Color32::from_rgb(0x8A, 0x4F, 0x9E);
/// Flips.
pub const FLIPS: Color32 = Color32::from_rgb(0xE6, 0x9F, 0x00);

/// Heads, in order: seven that a colour-blind person can tell apart (Okabe and Ito); then they repeat, paler.
const HEADS: [Color32; 7] = [
    Color32::from_rgb(0x00, 0x72, 0xB2),
    Color32::from_rgb(0xE6, 0x9F, 0x00),
    Color32::from_rgb(0x00, 0x9E, 0x73),
    Color32::from_rgb(0xCC, 0x79, 0xA7),
    Color32::from_rgb(0xD5, 0x5E, 0x00),
    Color32::from_rgb(0x56, 0xB4, 0xE9),
    Color32::from_rgb(0xB8, 0xA8, 0x1E),
];

/// What a theme paints with.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// Whether the ground is dark.
    pub dark: bool,
    /// Text and given digits.
    pub ink: Color32,
    /// Secondary text.
    pub weak: Color32,
    /// Side panels: the first grey.
    pub panel: Color32,
    /// The board and the ground of plots.
    pub paper: Color32,
    /// Hair lines: the second grey.
    pub line: Color32,
    /// Ground of given cells.
    pub given: Color32,
    /// The accent, lifted on dark ground.
    pub accent: Color32,
    /// Right, lifted on dark ground.
    pub right: Color32,
    /// Wrong, lifted on dark ground.
    pub wrong: Color32,
    /// Entropy.
    pub entropy: Color32,
    /// Flips.
    pub flips: Color32,
}

const LIGHT: Palette = Palette {
    dark: false,
    ink: Color32::from_rgb(0x18, 0x18, 0x1B),
    weak: Color32::from_rgb(0x5A, 0x5A, 0x63),
    panel: Color32::from_rgb(0xF3, 0xF3, 0xF5),
    paper: Color32::from_rgb(0xFF, 0xFF, 0xFF),
    line: Color32::from_rgb(0xCE, 0xCE, 0xD4),
    given: Color32::from_rgb(0xEC, 0xEC, 0xEF),
    accent: ACCENT,
    right: RIGHT,
    wrong: WRONG,
    entropy: ENTROPY,
    flips: FLIPS,
};

const DARK: Palette = Palette {
    dark: true,
    ink: Color32::from_rgb(0xF1, 0xF1, 0xF4),
    weak: Color32::from_rgb(0xA6, 0xA6, 0xB0),
    panel: Color32::from_rgb(0x20, 0x20, 0x24),
    paper: Color32::from_rgb(0x17, 0x17, 0x1A),
    line: Color32::from_rgb(0x45, 0x45, 0x4D),
    given: Color32::from_rgb(0x2A, 0x2A, 0x30),
    accent: Color32::from_rgb(0x4A, 0xA8, 0xE0),
    right: Color32::from_rgb(0x1F, 0xB9, 0x8C),
    wrong: Color32::from_rgb(0xF0, 0x7A, 0x1E),
    entropy: Color32::from_rgb(0xB9, 0x80, 0xCC),
    flips: Color32::from_rgb(0xF0, 0xB4, 0x2E),
};

impl Palette {
    /// The palette in force.
    #[must_use]
    pub fn of(ui: &egui::Ui) -> Self {
        if ui.visuals().dark_mode { DARK } else { LIGHT }
    }
}

impl Palette {
    /// The stroke of what the pointer is on in another panel.
    #[must_use]
    pub fn hover(&self) -> Stroke {
        Stroke::new(1.0, self.ink.gamma_multiply(0.45))
    }

    /// The colour of a head, from 0.
    #[must_use]
    pub fn head(&self, head: usize) -> Color32 {
        let lift = if self.dark { 0.18 } else { 0.0 } + 0.35 * ((head / HEADS.len()).min(2) as f32);
        mix(HEADS[head % HEADS.len()], if self.dark { Color32::WHITE } else { self.paper }, lift)
    }
}

/// `b` over `a`, `share` of it.
#[must_use]
pub fn mix(a: Color32, b: Color32, share: f32) -> Color32 {
    a.lerp_to_gamma(b, share.clamp(0.0, 1.0))
}

/// Sets both themes; egui then follows the system until the user chooses.
pub fn install(ctx: &egui::Context) {
    for (theme, p) in [(Theme::Light, LIGHT), (Theme::Dark, DARK)] {
        ctx.style_mut_of(theme, |style| {
            let v = &mut style.visuals;
            v.override_text_color = Some(p.ink);
            v.weak_text_color = Some(p.weak);
            v.panel_fill = p.panel;
            v.window_fill = p.panel;
            v.window_stroke = Stroke::new(1.0, p.line);
            v.extreme_bg_color = p.paper;
            v.faint_bg_color = p.given;
            v.hyperlink_color = p.accent;
            v.error_fg_color = p.wrong;
            v.warn_fg_color = p.wrong;
            v.selection.bg_fill = mix(p.paper, p.accent, if p.dark { 0.55 } else { 0.28 });
            v.selection.stroke = Stroke::new(1.5, if p.dark { Color32::WHITE } else { p.ink });
            v.slider_trailing_fill = true;
            v.window_corner_radius = CornerRadius::same(6);
            v.menu_corner_radius = CornerRadius::same(6);
            let radius = CornerRadius::same(4);
            let w = &mut v.widgets;
            w.noninteractive.bg_stroke = Stroke::new(1.0, p.line);
            w.noninteractive.fg_stroke = Stroke::new(1.0, p.ink);
            for (state, fill) in [
                (&mut w.inactive, mix(p.panel, p.ink, 0.07)),
                (&mut w.hovered, mix(p.panel, p.ink, 0.13)),
                (&mut w.active, mix(p.panel, p.accent, 0.35)),
                (&mut w.open, mix(p.panel, p.ink, 0.10)),
            ] {
                state.weak_bg_fill = fill;
                state.bg_fill = fill;
                state.corner_radius = radius;
                state.fg_stroke = Stroke::new(1.2, p.ink);
                state.expansion = 0.0;
            }
            w.inactive.bg_stroke = Stroke::NONE;
            w.hovered.bg_stroke = Stroke::new(1.0, p.line);
            // Keyboard focus must be seen.
            w.active.bg_stroke = Stroke::new(1.5, p.accent);
            w.open.bg_stroke = Stroke::new(1.0, p.line);
        });
    }
    ctx.all_styles_mut(|style| {
        style.spacing.item_spacing = Vec2::new(6.0, 6.0);
        style.spacing.button_padding = Vec2::new(8.0, 4.0);
        style.spacing.interact_size = Vec2::new(28.0, 28.0);
        style.spacing.slider_width = 120.0;
        style.spacing.tooltip_width = 340.0;
        style.interaction.tooltip_delay = 0.35;
        style.animation_time = 0.1;
        style.interaction.selectable_labels = false;
        // Focus must not wait for a blink and nothing may blink: motion only where it tells something.
        style.visuals.text_cursor.blink = false;
        style.text_styles = [
            (TextStyle::Small, FontId::proportional(11.5)),
            (TextStyle::Body, FontId::proportional(13.5)),
            (TextStyle::Button, FontId::proportional(13.5)),
            (TextStyle::Heading, FontId::proportional(17.0)),
            (TextStyle::Monospace, FontId::monospace(12.5)),
        ]
        .into();
    });
}

/// Large targets for thumbs on a narrow window.
pub fn touch(ui: &mut egui::Ui) {
    ui.spacing_mut().interact_size = Vec2::splat(40.0);
    ui.spacing_mut().button_padding = Vec2::new(10.0, 8.0);
}
