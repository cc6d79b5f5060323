//! The command palette: any command by a few letters of its name.

use eframe::egui::{
    self, Align, Align2, Area, Button, Frame, Id, Key, Label, Layout, Modifiers, Order, RichText, ScrollArea, TextEdit,
    Ui,
};

use super::app::Lab;
use super::fuzzy::score;
use super::offers::Offer;
use super::theme::Palette;

/// Points that a match in the sentence costs against one in the name.
const IN_SENTENCE: i32 = 40;

/// The state of the palette.
#[derive(Default)]
pub(super) struct Finder {
    open: bool,
    text: String,
    /// Which of the commands found is chosen.
    chosen: usize,
    /// Opened just now: the field takes the focus.
    fresh: bool,
}

impl Finder {
    /// Opens it, empty, or closes it.
    pub(super) fn toggle(&mut self) {
        *self = Self { open: !self.open, fresh: !self.open, ..Self::default() };
    }

    /// Whether it is on screen.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }
}

/// The offers that the text means, the best first; all of them for no text.
fn find<'a>(text: &str, offers: &'a [Offer]) -> Vec<&'a Offer> {
    let mut found: Vec<(i32, &Offer)> = offers
        .iter()
        .filter_map(|o| {
            let name = score(text, &o.text);
            // A word of the sentence finds it too, but whole: letters in order are in every long sentence.
            let sentence = o.hover.to_lowercase().contains(&text.trim().to_lowercase()).then_some(-IN_SENTENCE);
            Some((name.max(sentence)?, o))
        })
        .collect();
    found.sort_by_key(|(points, _)| std::cmp::Reverse(*points));
    found.into_iter().map(|(_, offer)| offer).collect()
}

impl Lab {
    /// Shows the palette, where it is open.
    pub(super) fn palette_window(&mut self, ctx: &egui::Context) {
        if !self.finder.open {
            return;
        }
        let offers = self.offers(ctx);
        // Before the field sees them.
        let pressed = |key| ctx.input_mut(|i| i.count_and_consume_key(Modifiers::NONE, key));
        let (up, down) = (pressed(Key::ArrowUp), pressed(Key::ArrowDown));
        let (enter, escape) = (pressed(Key::Enter) > 0, pressed(Key::Escape) > 0);
        let room = ctx.content_rect();
        let width = (room.width() - 24.0).min(560.0);
        let mut done = escape;
        let mut action = None;
        let area = Area::new(Id::unique("palette"))
            .order(Order::Foreground)
            .anchor(Align2::CENTER_TOP, [0.0, (0.10 * room.height()).min(80.0)])
            .show(ctx, |ui| {
                Frame::popup(ui.style()).inner_margin(10).show(ui, |ui| {
                    ui.set_width(width - 22.0);
                    let field = ui
                        .add(
                            TextEdit::singleline(&mut self.finder.text)
                                .hint_text("find a command, a panel, a model …")
                                .desired_width(f32::INFINITY),
                        )
                        .on_hover_text("A few letters of the command's name, in order.")
                        .accessible_name("find a command by its name");
                    if self.finder.fresh || (enter && !field.has_focus()) {
                        field.request_focus();
                        self.finder.fresh = false;
                    }
                    if field.changed() {
                        self.finder.chosen = 0;
                    }
                    let found = find(&self.finder.text, &offers);
                    let last = found.len().saturating_sub(1);
                    self.finder.chosen = (self.finder.chosen + down).saturating_sub(up).min(last);
                    let moved = up + down > 0 || field.changed();
                    if let Some(i) = list(ui, &found, self.finder.chosen, moved, (room.height() * 0.5).min(380.0)) {
                        action = found.get(i).filter(|o| o.why_not.is_none()).map(|o| o.action);
                        self.finder.chosen = i;
                    }
                    let chosen = found.get(self.finder.chosen);
                    if enter {
                        action = chosen.filter(|o| o.why_not.is_none()).map(|o| o.action);
                    }
                    footer(ui, chosen.copied());
                })
            });
        let outside = ctx.input(|i| {
            i.pointer.any_pressed() && i.pointer.interact_pos().is_some_and(|p| !area.response.rect.contains(p))
        });
        done |= outside || action.is_some();
        if done {
            self.finder = Finder::default();
        }
        if let Some(action) = action {
            self.act(action, ctx);
        }
    }
}

/// The commands found; gives the one that was clicked.
fn list(ui: &mut Ui, found: &[&Offer], chosen: usize, moved: bool, height: f32) -> Option<usize> {
    let mut clicked = None;
    ScrollArea::vertical().max_height(height).auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.with_layout(Layout::top_down_justified(Align::LEFT), |ui| {
            for (i, offer) in found.iter().enumerate() {
                let free = offer.why_not.is_none();
                let text = RichText::new(&offer.text);
                let text = if free { text } else { text.weak() };
                let right = match &offer.why_not {
                    Some(why) => RichText::new(format!("not now: {why}")).small().weak(),
                    None => RichText::new(&offer.keys).weak(),
                };
                let button = Button::selectable(i == chosen, text).right_text(right);
                let response = ui.add(button);
                let name = match &offer.why_not {
                    Some(why) => format!("command: {}, not now: {why}", offer.text),
                    None => format!("command: {}", offer.text),
                };
                response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, free, i == chosen, &name));
                if i == chosen && moved {
                    response.scroll_to_me(None);
                }
                if response.on_hover_text(&offer.hover).clicked() {
                    clicked = Some(i);
                }
            }
        });
        if found.is_empty() {
            ui.label(RichText::new("No command has these letters in this order.").weak());
        }
    });
    clicked
}

/// What the chosen command does, and the keys of the palette itself.
fn footer(ui: &mut Ui, chosen: Option<&Offer>) {
    ui.separator();
    if let Some(offer) = chosen {
        let text = match &offer.why_not {
            Some(why) => RichText::new(format!("{} Not now: {why}.", offer.hover)).color(Palette::of(ui).wrong),
            None => RichText::new(&offer.hover),
        };
        ui.add(Label::new(text.small()).wrap());
    }
    ui.label(RichText::new("Up and Down choose, Enter does it, Escape closes.").small().weak());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Action;
    use crate::ui::offers::Topic;

    fn offer(text: &str, hover: &str) -> Offer {
        Offer {
            action: Action::Next,
            text: text.into(),
            hover: hover.into(),
            keys: String::new(),
            topic: Topic::Window,
            on: false,
            why_not: None,
        }
    }

    #[test]
    fn names_come_before_sentences() {
        let offers = [
            offer("open weights", "Opens a safetensors file."),
            offer("save the trace", "To a file."),
            offer("file a complaint", "Nowhere."),
        ];
        let texts = |text: &str| find(text, &offers).iter().map(|o| o.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts("file"), ["file a complaint", "open weights", "save the trace"]);
        assert_eq!(texts("opwei"), ["open weights"]);
        assert_eq!(texts("").len(), 3);
        assert!(texts("xyz").is_empty());
    }
}
