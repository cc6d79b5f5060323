//! The wide window's panels: side by side, one under the other or as tabs. They are dragged, resized, closed and
//! opened again; the arrangement outlives the window.

#[cfg(test)]
use eframe::egui::Rect;
use eframe::egui::{Id, Vec2};
use egui_tiles::{Container, Tile, TileId, Tiles, Tree};
use serde::{Deserialize, Serialize};

use super::plots::PAGES;
use super::view::PlotPage;

/// Where the arrangement is kept. One that this version cannot read is left aside.
const KEY: &str = "loopscope.panels.v1";
/// Height of a row of tabs, in points.
pub(super) const TABS: f32 = 28.0;
/// Room between two panels, in points.
pub(super) const GAP: f32 = 5.0;

/// A panel of the wide window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Pane {
    /// The board, always there.
    Board,
    /// The model and where it comes from.
    Model,
    /// The puzzle.
    Puzzle,
    /// The selected cell.
    Cell,
    /// What is changed in the pass.
    Interventions,
    /// A page of the plots.
    Plots(PlotPage),
}

impl Pane {
    /// All of them, in the order of the menu.
    pub fn all() -> impl Iterator<Item = Self> {
        let own = [Self::Board, Self::Model, Self::Puzzle, Self::Cell, Self::Interventions];
        own.into_iter().chain(PAGES.iter().map(|(page, ..)| Self::Plots(*page)))
    }

    /// As commands, menus and what is kept call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Board => "board",
            Self::Model => "model",
            Self::Puzzle => "puzzle",
            Self::Cell => "selected cell",
            Self::Interventions => "interventions",
            Self::Plots(page) => page.words().0,
        }
    }

    /// As it is written on the tab: short, so that a row of them stays one line.
    #[must_use]
    pub fn tab(self) -> &'static str {
        match self {
            Self::Board => "Board",
            Self::Model => "Model",
            Self::Puzzle => "Puzzle",
            Self::Cell => "Selected cell",
            Self::Interventions => "Interventions",
            Self::Plots(page) => page.words().1,
        }
    }

    /// The tab's name for screen readers. Pages of the plots go by the name of the narrow window's pages.
    #[must_use]
    pub fn label(self) -> String {
        match self {
            Self::Plots(_) => self.name().into(),
            _ => format!("panel {}", self.name()),
        }
    }

    /// A sentence on what it shows.
    #[must_use]
    pub fn explain(self) -> &'static str {
        match self {
            Self::Board => "The answers at the iteration of the timeline's cursor, their colours, and the verdict.",
            Self::Model => "The weights that think: which, how large, how trained.",
            Self::Puzzle => "The clues: made, typed, pasted or copied, and what is wrong with them.",
            Self::Cell => "The probabilities of the selected cell's digits, now and over the iterations.",
            Self::Interventions => "What is changed in the pass while it runs.",
            Self::Plots(page) => page.words().2,
        }
    }
}

impl From<Pane> for String {
    fn from(pane: Pane) -> Self {
        pane.name().into()
    }
}

impl TryFrom<String> for Pane {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::all().find(|p| p.name() == name).ok_or_else(|| format!("there is no panel “{name}”"))
    }
}

impl PlotPage {
    /// Name, tab and sentence.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        PAGES.iter().find(|(page, ..)| *page == self).map_or(("plots", "Plots", ""), |(_, n, t, h)| (*n, *t, *h))
    }
}

/// The arrangement of the panels.
pub(super) struct Dock {
    pub(super) tree: Tree<Pane>,
    /// Columns and rows of the usual arrangement, which fits itself to the window.
    usual: Usual,
    /// Whether the user changed it. Until then it is not kept, so that a better usual one reaches everybody.
    pub(super) own: bool,
    /// The page of plots that came to the front last.
    pub(super) plots: PlotPage,
    /// Panels on screen at the last frame.
    pub(super) shown: Vec<Pane>,
    /// Heights that the contents of small panels need, in points.
    pub(super) heights: Vec<(Pane, f32)>,
    /// What is dragged by its tab.
    pub(super) dragged: Option<TileId>,
}

#[derive(Clone, Copy)]
struct Usual {
    root: TileId,
    left: TileId,
    middle: TileId,
    right: TileId,
    model: TileId,
    puzzle: TileId,
    cell: TileId,
}

impl Default for Dock {
    fn default() -> Self {
        let mut tiles = Tiles::default();
        let mut tabs = |panes: Vec<Pane>| {
            let ids = panes.into_iter().map(|p| tiles.insert_pane(p)).collect();
            tiles.insert_tab_tile(ids)
        };
        let model = tabs(vec![Pane::Model]);
        let puzzle = tabs(vec![Pane::Puzzle]);
        let cell = tabs(vec![Pane::Cell, Pane::Interventions]);
        let middle = tabs(vec![Pane::Board]);
        let right = tabs(PAGES.iter().map(|(page, ..)| Pane::Plots(*page)).collect());
        let left = tiles.insert_vertical_tile(vec![model, puzzle, cell]);
        let root = tiles.insert_horizontal_tile(vec![left, middle, right]);
        Self {
            tree: Tree::new(Id::unique("panels"), root, tiles),
            usual: Usual { root, left, middle, right, model, puzzle, cell },
            own: false,
            plots: PlotPage::default(),
            shown: Vec::new(),
            heights: Vec::new(),
            dragged: None,
        }
    }
}

impl Dock {
    /// Reads what was kept; false where there was something that cannot be read.
    pub(super) fn restore(&mut self, storage: &dyn eframe::Storage) -> bool {
        match storage.get_string(KEY).filter(|text| !text.is_empty()) {
            None => true,
            Some(text) => match read(&text) {
                Some(tree) => {
                    *self = Self { tree, own: true, ..Self::default() };
                    true
                }
                None => false,
            },
        }
    }

    /// Keeps an arrangement that the user made.
    pub(super) fn save(&self, storage: &mut dyn eframe::Storage) {
        let text = if self.own { serde_json::to_string(&self.tree).unwrap_or_default() } else { String::new() };
        storage.set_string(KEY, text);
    }

    fn tile(&self, pane: Pane) -> Option<TileId> {
        tile_of(&self.tree, pane)
    }

    /// Whether a panel is open, if perhaps behind another one.
    pub(super) fn is_open(&self, pane: Pane) -> bool {
        self.tile(pane).is_some_and(|id| self.tree.tiles.is_visible(id))
    }

    /// The open panels, in the order of the menu.
    pub(super) fn open(&self) -> Vec<Pane> {
        Pane::all().filter(|p| self.is_open(*p)).collect()
    }

    /// Opens a panel where it was, and brings it to the front.
    pub(super) fn reveal(&mut self, pane: Pane) {
        let Some(id) = self.tile(pane) else { return };
        if !self.tree.tiles.is_visible(id) {
            self.tree.tiles.set_visible(id, true);
            self.own = true;
        }
        self.tree.make_active(|tile, _| tile == id);
        if let Pane::Plots(page) = pane {
            self.plots = page;
        }
    }

    /// Closes a panel; the board stays. Its place is remembered.
    pub(super) fn close(&mut self, pane: Pane) {
        if let Some(id) = self.tile(pane).filter(|_| pane != Pane::Board) {
            self.tree.tiles.set_visible(id, false);
            self.own = true;
        }
    }

    /// The container of the board, where the board is alone in it: it needs no tab.
    pub(super) fn lone_board(&self) -> Option<TileId> {
        let parent = self.tree.tiles.parent_of(self.tile(Pane::Board)?)?;
        let tile = self.tree.tiles.get_container(parent)?;
        (tile.children().filter(|c| self.tree.tiles.is_visible(**c)).count() == 1).then_some(parent)
    }

    /// Sizes of the usual arrangement in a window of this size, in points: columns that are wide enough to read,
    /// and on the left as much height for model and puzzle as they need.
    pub(super) fn fit(&mut self, room: Vec2) {
        let u = self.usual;
        let left = (0.235 * room.x).clamp(236.0, 320.0);
        let right = (0.31 * room.x).clamp(240.0, 470.0);
        self.share(u.root, &[(u.left, left), (u.right, right), (u.middle, (room.x - left - right).max(120.0))]);
        let needs = |pane: Pane, usual: f32| {
            let content = self.heights.iter().find(|(p, _)| *p == pane).map_or(usual, |(_, h)| *h);
            content + TABS + 14.0
        };
        let (model, puzzle) = (needs(Pane::Model, 96.0), needs(Pane::Puzzle, 110.0));
        // Two thirds at the most: the selected cell is looked at all the time. The shares are points: what the gaps
        // between the three take is not shared out.
        let height = room.y - 2.0 * GAP;
        let less = (0.66 * height / (model + puzzle)).min(1.0);
        let (model, puzzle) = (less * model, less * puzzle);
        self.share(u.left, &[(u.model, model), (u.puzzle, puzzle), (u.cell, (height - model - puzzle).max(100.0))]);
    }

    /// A panel that was dropped on one half of a group of tabs stands beside the whole group; as the drop leaves it,
    /// it shares one tab with the panel it was dropped on.
    pub(super) fn settle_drop(&mut self) {
        let Some(dropped) = self.dragged.take() else { return };
        let tiles = &mut self.tree.tiles;
        let Some(split) = tiles.parent_of(dropped) else { return };
        let Some(tabs) = tiles.parent_of(split) else { return };
        let above = tiles.parent_of(tabs);
        let Some(Tile::Container(Container::Linear(pair))) = tiles.get_mut(split) else { return };
        let Some(at) = pair.children.iter().position(|c| *c != dropped).filter(|_| pair.children.len() == 2) else {
            return;
        };
        let target = pair.children[at];
        if !matches!(tiles.get(tabs), Some(Tile::Container(Container::Tabs(_)))) {
            return;
        }
        // tabs[.. split[target, dropped] ..] becomes split[tabs[.. target ..], dropped].
        replace(tiles, tabs, split, target);
        replace(tiles, split, target, tabs);
        match above {
            Some(above) => replace(tiles, above, tabs, split),
            None => self.tree.root = Some(split),
        }
    }

    fn share(&mut self, container: TileId, shares: &[(TileId, f32)]) {
        if let Some(Tile::Container(Container::Linear(linear))) = self.tree.tiles.get_mut(container) {
            shares.iter().for_each(|(id, share)| linear.shares.set_share(*id, *share));
        }
    }

    /// Where a panel is on screen, in points; nothing where it is closed or behind another one.
    #[cfg(test)]
    pub(super) fn rect(&self, pane: Pane) -> Option<Rect> {
        let there = self.shown.contains(&pane);
        self.tile(pane).filter(|_| there).and_then(|id| self.tree.tiles.rect(id))
    }
}

/// Puts one child of a container in the place of another.
fn replace(tiles: &mut Tiles<Pane>, container: TileId, old: TileId, new: TileId) {
    let swap = |children: &mut Vec<TileId>| children.iter_mut().filter(|c| **c == old).for_each(|c| *c = new);
    match tiles.get_mut(container) {
        Some(Tile::Container(Container::Tabs(tabs))) => {
            swap(&mut tabs.children);
            tabs.active = Some(new);
        }
        Some(Tile::Container(Container::Linear(linear))) => {
            swap(&mut linear.children);
            linear.shares.replace_with(old, new);
        }
        // Nothing here makes grids.
        _ => {}
    }
}

fn tile_of(tree: &Tree<Pane>, pane: Pane) -> Option<TileId> {
    tree.tiles.iter().find(|(_, tile)| **tile == Tile::Pane(pane)).map(|(id, _)| *id)
}

/// An arrangement from text, with every panel that this version has; nothing where it cannot be one.
fn read(text: &str) -> Option<Tree<Pane>> {
    let mut tree: Tree<Pane> = serde_json::from_str(text).ok()?;
    let mut seen = Vec::new();
    walk(&tree.tiles, tree.root?, &mut seen, 32)?;
    let twice = (1..seen.len()).any(|i| seen[..i].contains(&seen[i]));
    if twice || !seen.contains(&Pane::Board) {
        return None;
    }
    // What is not in the tree is rubbish.
    let found = tree.tiles.iter().filter(|(_, t)| t.is_pane()).count();
    if found != seen.len() {
        return None;
    }
    if let Some(id) = tile_of(&tree, Pane::Board) {
        tree.tiles.set_visible(id, true);
    }
    // A panel that came with a later version joins the plots, or any tabs there are.
    for pane in Pane::all().filter(|p| !seen.contains(p)) {
        let has_plots = |tile: &Tile<Pane>| match tile {
            Tile::Container(Container::Tabs(tabs)) => {
                Some(tabs.children.iter().any(|c| matches!(tree.tiles.get(*c), Some(Tile::Pane(Pane::Plots(_))))))
            }
            _ => None,
        };
        let tabs = tree
            .tiles
            .iter()
            .filter_map(|(id, tile)| Some((has_plots(tile)?, *id)))
            .max_by_key(|(plots, id)| (*plots, id.0));
        let tabs = tabs.map(|(_, id)| id)?;
        let id = tree.tiles.insert_pane(pane);
        if let Some(Tile::Container(container)) = tree.tiles.get_mut(tabs) {
            container.add_child(id);
        }
    }
    Some(tree)
}

/// Collects the panels under a tile; nothing where a tile is missing or the tree is no tree.
fn walk(tiles: &Tiles<Pane>, id: TileId, seen: &mut Vec<Pane>, depth: usize) -> Option<()> {
    match tiles.get(id)? {
        Tile::Pane(pane) => seen.push(*pane),
        Tile::Container(container) => {
            let depth = depth.checked_sub(1)?;
            for child in container.children() {
                walk(tiles, *child, seen, depth)?;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_panel_has_words_of_its_own() {
        let all: Vec<Pane> = Pane::all().collect();
        for (i, pane) in all.iter().enumerate() {
            assert_eq!(Pane::try_from(String::from(*pane)), Ok(*pane));
            assert!(!pane.tab().is_empty() && pane.explain().ends_with('.'), "{pane:?}");
            assert!(all[..i].iter().all(|p| p.name() != pane.name()), "{pane:?}");
        }
        assert!(Pane::try_from("attic".to_owned()).is_err());
    }

    #[test]
    fn what_is_kept_comes_back_and_rubbish_does_not() {
        let mut dock = Dock::default();
        dock.close(Pane::Puzzle);
        let text = serde_json::to_string(&dock.tree).expect("JSON");
        let tree = read(&text).expect("an arrangement");
        assert!(tree == dock.tree);
        for rubbish in
            ["", "{}", "[]", &text.replace("\"board\"", "\"attic\""), &text.replace("\"board\"", "\"model\"")]
        {
            assert!(read(rubbish).is_none(), "{rubbish}");
        }
    }

    #[test]
    fn a_panel_of_a_later_version_joins_the_plots() {
        let mut dock = Dock::default();
        let routing = dock.tile(Pane::Plots(PlotPage::Routing)).expect("a tile");
        dock.tree.remove_recursively(routing);
        let text = serde_json::to_string(&dock.tree).expect("JSON");
        let tree = read(&text).expect("an arrangement");
        let id = tile_of(&tree, Pane::Plots(PlotPage::Routing));
        let parent = tree.tiles.parent_of(id.expect("it is there again")).expect("in a container");
        assert_eq!(parent, dock.usual.right);
    }
}
