//! Messages: shown until dismissed, and kept in a log so that nothing is lost.

use eframe::egui::{self, Align2, RichText, Ui};

use super::icons::{self, Icon};
use super::theme::Palette;
use super::words;

/// Seconds after which good news goes by itself. Bad news stays until dismissed.
const GOOD_NEWS: f64 = 6.0;
/// Messages kept.
const KEPT: usize = 500;

#[derive(Clone, Debug)]
struct Message {
    text: String,
    error: bool,
    at: f64,
    shown: bool,
    times: u32,
}

/// All messages of this window.
#[derive(Debug, Default)]
pub(super) struct Toasts {
    messages: Vec<Message>,
}

impl Toasts {
    /// Something did not work.
    pub fn error(&mut self, text: String, now: f64) {
        self.push(text, true, now);
    }

    /// Something worked.
    pub fn info(&mut self, text: String, now: f64) {
        self.push(text, false, now);
    }

    /// Something did not work, and is told elsewhere in the window.
    pub fn log(&mut self, text: String, now: f64) {
        self.push(text, true, now);
        if let Some(last) = self.messages.last_mut() {
            last.shown = false;
        }
    }

    fn push(&mut self, text: String, error: bool, now: f64) {
        // The same message again is counted, not stacked.
        if let Some(last) = self.messages.last_mut().filter(|m| m.text == text) {
            last.times += 1;
            last.at = now;
            last.shown = true;
            return;
        }
        if self.messages.len() == KEPT {
            self.messages.remove(0);
        }
        self.messages.push(Message { text, error, at: now, shown: true, times: 1 });
    }

    /// The newest messages, oldest first.
    pub fn last(&self, count: usize) -> Vec<String> {
        self.messages.iter().skip(self.messages.len().saturating_sub(count)).map(text).collect()
    }

    /// Whether one is on screen.
    #[cfg(test)]
    pub fn shows(&self, text: &str) -> bool {
        self.messages.iter().any(|m| m.shown && m.text.contains(text))
    }

    /// The button that opens the log, where there is something in it.
    pub fn log_button(&self, ui: &mut Ui, open: &mut bool) {
        let errors = self.messages.iter().filter(|m| m.error).count();
        if self.messages.is_empty() {
            return;
        }
        let text = if errors > 0 { words::count(errors, "problem", "problems") } else { "log".into() };
        let text = RichText::new(text).color(if errors > 0 { Palette::of(ui).wrong } else { Palette::of(ui).weak });
        if ui.selectable_label(*open, text).on_hover_text("Every message since the window opened.").clicked() {
            *open = !*open;
        }
    }

    /// Paints toasts and log.
    pub fn show(&mut self, ctx: &egui::Context, now: f64, log: &mut bool) {
        for m in &mut self.messages {
            let left = GOOD_NEWS - (now - m.at);
            if !m.error && m.shown {
                if left <= 0.0 {
                    m.shown = false;
                } else {
                    ctx.request_repaint_after_secs(left as f32);
                }
            }
        }
        let mut dismissed = None;
        let narrow = ctx.content_rect().width() < super::app::NARROW;
        let width = (ctx.content_rect().width() - 24.0).min(420.0);
        if self.messages.iter().any(|m| m.shown) {
            egui::Area::new(egui::Id::unique("toasts"))
                .anchor(Align2::RIGHT_BOTTOM, [-12.0, if narrow { -70.0 } else { -136.0 }])
                .order(egui::Order::Foreground)
                .show(ctx, |ui| {
                    let p = Palette::of(ui);
                    let shown: Vec<_> = self.messages.iter().enumerate().filter(|(_, m)| m.shown).collect();
                    if shown.len() > 3 {
                        ui.label(RichText::new(format!("and {} more in the log", shown.len() - 3)).small());
                    }
                    for (i, m) in shown.iter().rev().take(3).rev() {
                        let stroke = egui::Stroke::new(1.5, if m.error { p.wrong } else { p.right });
                        egui::Frame::popup(ui.style()).stroke(stroke).show(ui, |ui| {
                            ui.set_width(width - 16.0);
                            ui.horizontal_top(|ui| {
                                if icons::button(
                                    ui,
                                    Icon::Cross,
                                    "dismiss",
                                    "Take this message away; it stays in the log.",
                                )
                                .clicked()
                                {
                                    dismissed = Some(*i);
                                }
                                ui.add(egui::Label::new(text(m)).wrap().selectable(true));
                            });
                        });
                    }
                });
        }
        if let Some(m) = dismissed.and_then(|i| self.messages.get_mut(i)) {
            m.shown = false;
        }
        egui::Window::new("Log").open(log).default_width(width).vscroll(true).show(ctx, |ui| {
            let p = Palette::of(ui);
            for m in self.messages.iter().rev() {
                ui.horizontal_top(|ui| {
                    ui.label(RichText::new(words::clock(m.at)).weak().monospace());
                    let color = if m.error { p.wrong } else { p.ink };
                    ui.add(egui::Label::new(RichText::new(text(m)).color(color)).wrap().selectable(true));
                });
            }
            if self.messages.is_empty() {
                ui.label("Nothing has happened yet.");
            }
        });
    }
}

fn text(m: &Message) -> String {
    if m.times > 1 { format!("{} ({} times)", m.text, m.times) } else { m.text.clone() }
}
