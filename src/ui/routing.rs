//! What a routed network does with its heads: the selected cell's weights over the iterations, every
//! head's weights over the board, load and knock-out, the controller and who has halted.

use eframe::egui::{
    Align2, Button, ComboBox, FontId, Mesh, Rect, RichText, Role, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo,
    pos2, vec2,
};

use super::app::Lab;
use super::explain::{Explained as _, Figure};
use super::files::Filter;
use super::heat::Heat;
use super::icons::{self, Icon};
use super::theme::{Palette, mix};
use super::undo::Edit;
use super::words::{figure, percent, thousands};
use crate::config::{HeadSet, NetworkKind};
use crate::report::{self, Curve};
use crate::trace::{Frame, Routing, TAKES_ALL};

/// Height of a head's row in the heat map.
const ROW: f32 = 16.0;

impl Lab {
    /// The third page of the plots.
    pub(super) fn routing_page(&mut self, ui: &mut Ui) {
        self.clocks(ui);
        ui.separator();
        let t = self.view.cursor().max(1);
        let Some(routing) = self.looking.frame(t).and_then(|f| f.routing.clone()) else {
            ui.label(RichText::new(self.why_no_routing()).weak());
            self.halting_part(ui);
            return;
        };
        self.block_choice(ui, &routing);
        self.head_history(ui, &routing);
        self.head_boards(ui, &routing);
        self.curve(ui, Curve::RoutingEntropy, 96.0);
        if self.looking.curves.controller.iter().any(Option::is_some) {
            self.curve(ui, Curve::Fast, 84.0);
            self.curve(ui, Curve::Slow, 84.0);
        }
        self.halting_part(ui);
    }

    /// What to do when nothing routes.
    fn why_no_routing(&self) -> String {
        if self.looking.last() == 0 {
            return "Nothing recorded yet. The weights of the heads come with the first iteration.".into();
        }
        match self.subject_sizes() {
            Some(c) if c.network == NetworkKind::Poh => {
                "This network has no router: every head counts the same in every cell.".into()
            }
            _ => "The looped transformer has no router: every head counts in full. Open poh4 or poh4-hrm on the left, or train one of the presets poh… above, to see heads being weighed.".into(),
        }
    }

    /// α of a cell, of the chosen block or the mean of all; nothing where nothing routes.
    pub(super) fn head_weights(&self, frame: &Frame, cell: usize) -> Option<Vec<f32>> {
        weights_of(frame, self.view.routed_block, cell)
    }

    fn block_choice(&mut self, ui: &mut Ui, routing: &Routing) {
        let blocks = routing.blocks(self.looking.clues().shape().cells());
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new("Weights of the heads").strong()).on_hover_text(
                "α: how much a head counts in a cell, before its scale. A row over the heads sums to 1; where k heads are chosen and not weighed, to k.",
            );
            let text = self.view.routed_block.map_or_else(|| "all blocks".into(), |b| format!("block {}", b + 1));
            ComboBox::new("routed block", "")
                .selected_text(text)
                .width(84.0)
                .show_ui(ui, |ui| {
                    ui.selectable_value(&mut self.view.routed_block, None, "all blocks");
                    for block in 0..blocks {
                        ui.selectable_value(&mut self.view.routed_block, Some(block), format!("block {}", block + 1));
                    }
                })
                .response
                .on_hover_text("The block whose routing is shown, here and on the board; all blocks shows the mean.")
                .accessible_name("routed block");
            let hover = "Saves the weights of every head at every iteration, block and cell as CSV.";
            if icons::button(ui, Icon::Save, "save head weights", hover).clicked() {
                let trace = self.looking.trace.clone();
                self.jobs.save(
                    "Save head weights",
                    "routing.csv".into(),
                    Filter("Table (CSV)", &["csv"]),
                    move || Ok(report::routing_csv(&trace).into_bytes()),
                );
            }
        });
        let p = Palette::of(ui);
        if let Some(alarm) = routing_alarm(routing) {
            ui.label(RichText::new(alarm).small().color(p.wrong)).explained(Figure::RoutingAlarm);
        }
    }

    /// Heads × iterations of the selected cell; clicking moves the cursor.
    fn head_history(&mut self, ui: &mut Ui, routing: &Routing) {
        let p = Palette::of(ui);
        let shape = self.looking.clues().shape();
        let (cell, block) = (self.view.selected, self.view.routed_block);
        let title =
            format!("Cell row {} column {}, by head and iteration", shape.row_of(cell) + 1, shape.col_of(cell) + 1);
        ui.label(RichText::new(&title).small()).explained(Figure::Place);
        let shade = |(head, weight): (usize, &f32)| mix(p.paper, p.head(head), weight.clamp(0.0, 1.0).sqrt());
        let heat = Heat {
            rows: usize::from(routing.heads),
            height: ROW,
            number: &|head| (p.head(head), 11.0),
            colours: &|frame| weights_of(frame, block, cell).map(|w| w.iter().enumerate().map(shade).collect()),
            beside: 38.0,
            name: title,
        };
        let now = self.looking.frame(self.view.cursor()).and_then(|f| self.head_weights(f, cell));
        let response = self.heat(ui, &p, &heat);
        let area = response.rect;
        for (head, weight) in now.iter().flatten().enumerate() {
            let at = pos2(area.right(), area.top() + (head as f32 + 0.5) * ROW);
            let font = FontId::proportional(11.5);
            ui.painter().text(at, Align2::RIGHT_CENTER, format!("{weight:.2}"), font, p.ink);
        }
        response.explained_with(
            "Each row is a head, each column an iteration; darker counts more. Click to go there.",
            Figure::HeadWeights,
        );
    }

    /// Cells × heads at the cursor: a small board for each head, with its load and its switch.
    fn head_boards(&mut self, ui: &mut Ui, routing: &Routing) {
        let p = Palette::of(ui);
        let shape = self.looking.clues().shape();
        let Some(frame) = self.looking.frame(self.view.cursor().max(1)) else { return };
        let all: Vec<Vec<f32>> = (0..shape.cells()).map(|c| self.head_weights(frame, c).unwrap_or_default()).collect();
        let chosen = routing_of(routing, self.view.routed_block, shape.cells());
        let (load, top1) = (chosen.load(), chosen.top1());
        ui.label(RichText::new("Every cell, by head, at the cursor").small()).on_hover_text(
            "A board for each head: the darker a cell, the more the head counts there. Below: its load, the mean weight over the cells, and in how many cells it has the largest weight. Click a cell to select it.",
        );
        let heads = usize::from(routing.heads);
        let columns = heads.clamp(1, if ui.available_width() < 280.0 { 2 } else { 4 });
        let gap = 8.0;
        let side = ((ui.available_width() - gap * (columns as f32 - 1.0)) / columns as f32).min(110.0);
        let mut picked = None;
        let mut pointed = None;
        let mut switched = None;
        for first in (0..heads).step_by(columns) {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = gap;
                for head in first..(first + columns).min(heads) {
                    ui.vertical(|ui| {
                        ui.set_width(side);
                        ui.spacing_mut().item_spacing.y = 2.0;
                        let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::click());
                        let step = side / shape.side() as f32;
                        let cell_rect = |cell: usize| {
                            let (x, y) = (shape.col_of(cell) as f32, shape.row_of(cell) as f32);
                            Rect::from_min_size(rect.min + vec2(x, y) * step, vec2(step, step))
                        };
                        let mut mesh = Mesh::default();
                        for (cell, weights) in all.iter().enumerate() {
                            let weight = weights.get(head).copied().unwrap_or(0.0).clamp(0.0, 1.0);
                            mesh.add_colored_rect(cell_rect(cell), mix(p.paper, p.head(head), weight.sqrt()));
                        }
                        ui.painter().add(Shape::mesh(mesh));
                        ui.painter().rect_stroke(rect, 0.0, Stroke::new(1.0, p.line), StrokeKind::Inside);
                        let selected = cell_rect(self.view.selected);
                        ui.painter().rect_stroke(selected, 0.0, Stroke::new(1.5, p.accent), StrokeKind::Inside);
                        if let Some(cell) = self.view.hovered.cell.filter(|c| *c < shape.cells()) {
                            ui.painter().rect_stroke(cell_rect(cell), 0.0, p.hover(), StrokeKind::Inside);
                        }
                        let cell_at = |pos: eframe::egui::Pos2| {
                            let at = (pos - rect.min) / step;
                            let most = shape.side() - 1;
                            shape.cell((at.y as usize).min(most), (at.x as usize).min(most))
                        };
                        if let Some(pos) = response.interact_pointer_pos().filter(|_| response.clicked()) {
                            picked = Some(cell_at(pos));
                        }
                        if let Some(pos) = response.hover_pos() {
                            pointed = Some(cell_at(pos));
                        }
                        let name = format!("head {} over the board", head + 1);
                        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
                        let (load, top1) = (load.get(head).copied(), top1.get(head).copied());
                        ui.label(RichText::new(format!("head {}", head + 1)).small().color(p.head(head)))
                            .explained(Figure::Heads);
                        ui.label(RichText::new(format!("load {}", percent(load.unwrap_or(0.0)))).small())
                            .explained(Figure::HeadLoad);
                        ui.label(RichText::new(format!("leads {}", percent(top1.unwrap_or(0.0)))).small())
                            .explained(Figure::HeadLeads);
                        if self.knock_out_button(ui, head) {
                            switched = Some(head);
                        }
                    });
                }
            });
        }
        if pointed.is_some() {
            self.view.pointed.cell = pointed;
        }
        if let Some(cell) = picked {
            self.select(cell);
        }
        if let Some(head) = switched {
            self.knock_out(head, routing.blocks(shape.cells()));
        }
    }

    /// The switch of a head; whether it was pressed.
    fn knock_out_button(&self, ui: &mut Ui, head: usize) -> bool {
        let out = self.is_out(head);
        let (text, name) = if out {
            ("bring back", format!("bring head {} back", head + 1))
        } else {
            ("knock out", format!("knock head {} out", head + 1))
        };
        let nameable = HeadSet::can_name(self.view.routed_block.unwrap_or(0), head);
        let button = Button::new(RichText::new(text).small()).selected(out).min_size(vec2(48.0, 28.0));
        let response = ui.add_enabled(nameable && (!self.looking.recorded || self.could_be_live()), button)
            .on_hover_text("Knock-out: the head contributes nothing, in the chosen block or in all of them. What the board loses shows what the head is for. Press again to bring it back.")
            .on_disabled_hover_text("A recording cannot be changed; open its model to knock a head out.");
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
        response.clicked()
    }

    /// Whether a head is knocked out in the block or blocks in view.
    fn is_out(&self, head: usize) -> bool {
        self.interventions.knocked_out.has(self.view.routed_block.unwrap_or(0), head)
    }

    fn knock_out(&mut self, head: usize, blocks: usize) {
        let out = !self.is_out(head);
        self.undo.note(Edit::Interventions(self.interventions));
        let chosen = match self.view.routed_block {
            Some(block) => block..block + 1,
            None => 0..blocks,
        };
        for block in chosen {
            if self.interventions.knocked_out.has(block, head) != out {
                self.interventions.knocked_out.toggle(block, head);
            }
        }
        self.ask_soon();
    }

    /// Who has halted, and when; nothing where cells do not halt.
    fn halting_part(&mut self, ui: &mut Ui) {
        let Some(last) = self.looking.trace.frames.last() else { return };
        let Some(halting) = &last.halting else { return };
        let p = Palette::of(ui);
        let cells = halting.halted.len();
        // The first iteration at whose end a cell had halted.
        let first = |cell: usize| {
            self.looking
                .trace
                .frames
                .iter()
                .position(|f| f.halting.as_ref().is_some_and(|h| h.halted.get(cell).copied().unwrap_or(false)))
        };
        let mut counts = vec![0usize; self.looking.last() as usize];
        let mut never = 0;
        for cell in 0..cells {
            match first(cell) {
                Some(i) => counts[i] += 1,
                None => never += 1,
            }
        }
        self.curve(ui, Curve::Halted, 84.0);
        ui.label(RichText::new("Cells by the iteration in which they halted").small());
        let height = 64.0;
        let (area, response) = ui.allocate_exact_size(vec2(ui.available_width(), height + 14.0), Sense::hover());
        let rect = Rect::from_min_size(area.min + vec2(28.0, 4.0), vec2(area.width() - 36.0, height - 4.0));
        let painter = ui.painter_at(area);
        let axis = self.axis();
        let most = counts.iter().copied().max().unwrap_or(1).max(1);
        for (i, count) in counts.iter().enumerate().filter(|(_, c)| **c > 0) {
            let x = rect.left() + rect.width() * axis.share(i as f64 + 1.0) as f32;
            let top = rect.bottom() - rect.height() * *count as f32 / most as f32;
            painter.rect_filled(Rect::from_x_y_ranges(x - 2.5..=x + 2.5, top..=rect.bottom()), 0.0, p.accent);
            let label = pos2(x, rect.bottom() + 1.0);
            painter.text(label, Align2::CENTER_TOP, i + 1, FontId::proportional(10.0), p.weak);
        }
        if let Some(t) = self.view.hovered.iteration {
            painter.vline(rect.left() + rect.width() * axis.share(f64::from(t)) as f32, rect.y_range(), p.hover());
        }
        let pointed = response
            .hover_pos()
            .map(|pos| axis.at_share(f64::from(((pos.x - rect.left()) / rect.width()).clamp(0.0, 1.0))).round() as u32);
        painter.text(rect.left_top(), Align2::RIGHT_TOP, format!("{most} "), FontId::proportional(10.0), p.weak);
        painter.line_segment([rect.left_bottom(), rect.right_bottom()], Stroke::new(1.0, p.line));
        let name = format!(
            "{} of {} cells halted within {} iterations",
            cells - never,
            cells,
            thousands(u64::from(self.looking.last()))
        );
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
        response.on_hover_text("Each bar is the number of cells that halted in that iteration.");
        ui.label(RichText::new(name).small().weak()).explained(Figure::Halted);
        if pointed.is_some() {
            self.view.pointed.iteration = pointed;
        }
    }
}

/// α of a cell, of a block or the mean of all.
fn weights_of(frame: &Frame, block: Option<usize>, cell: usize) -> Option<Vec<f32>> {
    let routing = frame.routing.as_ref()?;
    let cells = frame.digits.len();
    let blocks: Vec<usize> = match block.filter(|b| *b < routing.blocks(cells)) {
        Some(block) => vec![block],
        None => (0..routing.blocks(cells)).collect(),
    };
    let mut sum = vec![0.0f32; usize::from(routing.heads)];
    for block in &blocks {
        for (s, w) in sum.iter_mut().zip(routing.row(cells, *block, cell)) {
            *s += w.get() / blocks.len() as f32;
        }
    }
    Some(sum)
}

/// The weights of one block by themselves, or of all.
fn routing_of(all: &Routing, block: Option<usize>, cells: usize) -> Routing {
    let size = cells * usize::from(all.heads);
    let one = block.and_then(|b| all.weights.get(b * size..(b + 1) * size));
    Routing { heads: all.heads, weights: one.unwrap_or(&all.weights).to_vec() }
}

/// What is wrong with the routing of one board, if something is.
fn routing_alarm(routing: &Routing) -> Option<String> {
    let (load, entropy) = (routing.load(), routing.entropy());
    let most = f32::from(routing.heads).ln();
    let (head, largest) = load.iter().enumerate().fold((0, 0.0), |b, (i, l)| if *l > b.1 { (i, *l) } else { b });
    if routing.heads > 1 && largest > TAKES_ALL {
        return Some(format!("Head {} takes all: {} of the weight on this board.", head + 1, percent(largest)));
    }
    (entropy > 0.999 * most)
        .then(|| format!("The router weighs all heads alike here (entropy {} nats).", figure(f64::from(entropy))))
}
