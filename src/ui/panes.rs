//! What stands in the wide window's panels, and the row of tabs above each.

use eframe::egui::{self, FontId, PointerButton, Role, ScrollArea, Sense, Stroke, Ui, WidgetInfo, WidgetText, vec2};
use egui_tiles::{Behavior, EditAction, ResizeState, SimplificationOptions, TabState, TileId, Tiles, Tree, UiResponse};

use super::app::{Lab, NARROW};
use super::dock::{Dock, GAP, Pane, TABS};
use super::icons::Icon;
use super::theme::{Palette, mix};
use super::view::Page;

/// Shows the panels for one frame, and notes what happened.
struct Hands<'a> {
    lab: &'a mut Lab,
    /// The board's container, where the board needs no tab.
    lone_board: Option<TileId>,
    shown: Vec<Pane>,
    heights: Vec<(Pane, f32)>,
    /// Whether the user changed the arrangement.
    changed: bool,
    /// Whether something was dropped.
    dropped: bool,
}

impl Lab {
    /// The panels, in all the room that is left.
    pub(super) fn docked(&mut self, ui: &mut Ui) {
        if self.dock.plots != self.view.plots {
            self.dock.reveal(Pane::Plots(self.view.plots));
        }
        if !self.dock.own {
            self.dock.fit(ui.available_size());
        }
        let lone_board = self.dock.lone_board();
        let mut tree = std::mem::replace(&mut self.dock.tree, Tree::empty(egui::Id::unique("panels")));
        let mut hands =
            Hands { lab: self, lone_board, shown: Vec::new(), heights: Vec::new(), changed: false, dropped: false };
        tree.ui(&mut hands, ui);
        let Hands { shown, heights, changed, dropped, .. } = hands;
        self.dock.tree = tree;
        if dropped {
            self.dock.settle_drop();
        }
        self.dock.own |= changed;
        if !self.dock.own && heights != self.dock.heights {
            ui.ctx().request_repaint();
        }
        self.dock.heights = heights;
        self.plots_in_front(&shown);
        self.dock.shown = shown;
    }

    /// Keeps the page of plots that commands and exports are about at one that can be seen.
    fn plots_in_front(&mut self, shown: &[Pane]) {
        let page = |pane: &Pane| if let Pane::Plots(page) = pane { Some(*page) } else { None };
        // What was asked for during this frame is brought to the front in the next one.
        if self.dock.plots != self.view.plots {
            return;
        }
        let before = &self.dock.shown;
        let new = shown.iter().filter(|p| !before.is_empty() && !before.contains(p)).find_map(page);
        let hidden = !shown.contains(&Pane::Plots(self.view.plots));
        if let Some(page) = new.or_else(|| shown.iter().find_map(page).filter(|_| hidden)) {
            self.view.plots = page;
            self.dock.plots = page;
        }
    }

    /// Brings a panel to the front, or closes it where it is there already. In the narrow window: its page.
    pub(super) fn toggle_pane(&mut self, pane: Pane, ctx: &egui::Context) {
        if ctx.content_rect().width() < NARROW {
            self.show_pane_page(pane);
        } else if self.dock.is_open(pane) && self.dock.shown.contains(&pane) && pane != Pane::Board {
            self.dock.close(pane);
        } else {
            self.dock.reveal(pane);
            if let Pane::Plots(page) = pane {
                self.view.plots = page;
            }
        }
    }

    fn show_pane_page(&mut self, pane: Pane) {
        self.view.page = match pane {
            Pane::Board => return,
            Pane::Model | Pane::Interventions => Page::Model,
            Pane::Puzzle => Page::Puzzle,
            Pane::Cell => Page::Cell,
            Pane::Plots(page) => {
                self.view.plots = page;
                Page::Plots
            }
        };
    }

    /// Puts the panels back where they usually are.
    pub(super) fn reset_panes(&mut self) {
        self.dock = Dock::default();
    }

    /// What stands in a panel.
    fn pane(&mut self, ui: &mut Ui, pane: Pane) {
        match pane {
            Pane::Board => {
                self.colour_row(ui);
                // The legend, and a verdict of two lines; of two models one each.
                let below = if self.second().is_some() { 104.0 } else { 80.0 };
                let size = vec2(ui.available_width(), (ui.available_height() - below).max(120.0));
                self.board(ui, size);
                self.legend(ui);
                self.verdict_line(ui);
            }
            Pane::Model => {
                self.model_panel(ui);
                self.promise(ui);
            }
            Pane::Puzzle => self.puzzle_panel(ui),
            Pane::Cell => self.cell_panel(ui),
            Pane::Interventions => self.interventions_panel(ui),
            Pane::Plots(page) => self.plot_page(ui, page),
        }
    }
}

impl Hands<'_> {
    /// What is written on a tab. A group of panels goes by its first one.
    fn text(tiles: &Tiles<Pane>, id: TileId) -> String {
        match (tiles.get_pane(&id), tiles.get_container(id)) {
            (Some(pane), _) => pane.tab().into(),
            (None, Some(group)) => {
                let first = group.children().next().map(|c| Self::text(tiles, *c)).unwrap_or_default();
                format!("{} …", first.trim_end_matches(" …"))
            }
            (None, None) => String::new(),
        }
    }
}

impl Behavior<Pane> for Hands<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _id: TileId, pane: &mut Pane) -> UiResponse {
        let pane = *pane;
        self.shown.push(pane);
        let p = Palette::of(ui);
        let area = ui.max_rect();
        ui.painter().rect_filled(area, 0.0, if pane == Pane::Board { p.paper } else { p.panel });
        if let Pane::Plots(page) = pane
            && ui.rect_contains_pointer(area)
            && ui.input(|i| i.pointer.any_pressed())
        {
            self.lab.view.plots = page;
            self.lab.dock.plots = page;
        }
        egui::Frame::NONE.inner_margin(7).show(ui, |ui| match pane {
            Pane::Board | Pane::Plots(_) => self.lab.pane(ui, pane),
            _ => {
                let area = ScrollArea::vertical().auto_shrink(false).show(ui, |ui| self.lab.pane(ui, pane));
                self.heights.push((pane, area.content_size.y.ceil()));
            }
        });
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> WidgetText {
        pane.tab().into()
    }

    fn tab_ui(
        &mut self,
        tiles: &mut Tiles<Pane>,
        ui: &mut Ui,
        id: egui::Id,
        tile: TileId,
        state: &TabState,
    ) -> egui::Response {
        let pane = tiles.get_pane(&tile).copied();
        let text = Self::text(tiles, tile);
        let closable = pane.is_some_and(|p| p != Pane::Board);
        let cross = if closable && state.active { 14.0 } else { 0.0 };
        let font = FontId::proportional(13.0);
        let width = ui.painter().layout_no_wrap(text.clone(), font, ui.visuals().text_color()).size().x;
        let (_, rect) = ui.allocate_space(vec2(width + 15.0 + cross, ui.available_height()));
        let response = ui.interact(rect, id, Sense::click_and_drag());
        let name = pane.map_or_else(|| text.clone(), Pane::label);
        response.widget_info(|| WidgetInfo::selected(Role::Tab, ui.is_enabled(), state.active, &name));
        if state.is_being_dragged {
            self.lab.dock.dragged = Some(tile);
            return response;
        }
        let p = Palette::of(ui);
        let face = TabFace { text: &text, active: state.active, cross };
        let place = face.paint(ui, rect, p.panel, response.hovered());
        if response.has_focus() {
            ui.painter().rect_stroke(rect.shrink(2.0), 2.0, Stroke::new(2.0, p.accent), egui::StrokeKind::Inside);
        }
        let mut close = closable && response.clicked_by(PointerButton::Middle);
        if cross > 0.0 {
            // Sensitive over the whole height of the tab: a cross of ten points is hard to hit.
            let hit = egui::Rect::from_center_size(place.center(), vec2(cross + 4.0, rect.height()));
            let cross = ui.interact(hit, id.with("close"), Sense::click());
            let ink = if cross.hovered() || cross.has_focus() { p.ink } else { p.weak };
            Icon::Cross.paint(ui.painter(), place.shrink(1.0), ink);
            cross.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("close {name}")));
            close |= cross.on_hover_text("Closes the panel. The menu “Panels” opens it again.").clicked();
        }
        if let Some(pane) = pane {
            response.context_menu(|ui| {
                close |= ui.add_enabled(closable, egui::Button::new("Close")).clicked();
            });
            if close {
                tiles.set_visible(tile, false);
                self.changed = true;
            }
            let more = if closable { "Drag it to dock it elsewhere." } else { "It cannot be closed." };
            return response.on_hover_text(format!("{} {more}", pane.explain()));
        }
        response
    }

    fn is_tab_bar_visible(&self, id: TileId, _tabs: &egui_tiles::Tabs) -> bool {
        self.lone_board != Some(id)
    }

    fn tab_bar_height(&self, _style: &egui::Style) -> f32 {
        TABS
    }

    fn gap_width(&self, _style: &egui::Style) -> f32 {
        GAP
    }

    fn min_size(&self) -> f32 {
        96.0
    }

    fn tab_bar_color(&self, visuals: &egui::Visuals) -> egui::Color32 {
        mix(visuals.panel_fill, visuals.text_color(), 0.06)
    }

    fn resize_stroke(&self, style: &egui::Style, state: ResizeState) -> Stroke {
        match state {
            ResizeState::Idle => Stroke::NONE,
            ResizeState::Hovering => Stroke::new(2.0, style.visuals.weak_text_color()),
            ResizeState::Dragging => Stroke::new(3.0, style.visuals.hyperlink_color),
        }
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions {
            all_panes_must_have_tabs: true,
            flatten_tabs_in_tabs: true,
            ..SimplificationOptions::default()
        }
    }

    fn cycle_tabs_with_keyboard(&self) -> bool {
        // In a browser these keys change the browser's own tabs.
        cfg!(not(target_family = "wasm"))
    }

    fn on_edit(&mut self, action: EditAction) {
        self.changed |= matches!(action, EditAction::TileResized | EditAction::TileDropped);
        self.dropped |= action == EditAction::TileDropped;
    }
}

/// Paints the tab of a panel: its name, a line over the one in front, a cross where it can be closed.
struct TabFace<'a> {
    /// What is written.
    text: &'a str,
    /// Whether it is in front.
    active: bool,
    /// Room for the cross, in points.
    cross: f32,
}

impl TabFace<'_> {
    /// Paints it into `rect`; gives the place of the cross.
    fn paint(&self, ui: &egui::Ui, rect: egui::Rect, ground: egui::Color32, hovered: bool) -> egui::Rect {
        let p = Palette::of(ui);
        let painter = ui.painter();
        if self.active {
            painter.rect_filled(rect, 0.0, ground);
            painter.hline(rect.x_range(), rect.top() + 1.0, egui::Stroke::new(2.0, p.accent));
        }
        let ink = if self.active || hovered { p.ink } else { p.weak };
        let at = egui::pos2(rect.left() + 8.0, rect.center().y);
        painter.text(at, egui::Align2::LEFT_CENTER, self.text, egui::FontId::proportional(13.0), ink);
        let centre = egui::pos2(rect.right() - 4.0 - self.cross / 2.0, rect.center().y);
        egui::Rect::from_center_size(centre, egui::Vec2::splat(self.cross))
    }
}
