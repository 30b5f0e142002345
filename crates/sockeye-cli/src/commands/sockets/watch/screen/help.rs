//! What the keys do, as a window over the view.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::widgets::{Block, Clear, Widget};

/// Keys and what they do; `docs/sockets-watch.md` has the same table.
pub(super) const KEYS: [(&str, &str); 13] = [
    ("↑ ↓ PgUp PgDn", "choose a row (also k, j); Home and End"),
    ("Enter", "details of the chosen socket, with plots"),
    ("Tab 1 2 3", "sockets, closed ones, processes"),
    ("< >", "order by another column (also ← →)"),
    ("r", "the other way round"),
    ("/", "filter as you type; Enter keeps it, Esc takes it back"),
    ("p", "stand still, or go on (also the space bar)"),
    ("Ctrl-L", "draw everything again"),
    ("?", "this help"),
    ("Esc", "close what is open, else leave"),
    ("q Ctrl-C", "leave"),
    ("", ""),
    (
        "",
        "Rates are of TCP: bytes that were sent for the first time.",
    ),
];

/// Draw the window in the middle.
pub(super) fn draw(area: Rect, buffer: &mut Buffer) {
    let width = 76.min(area.width);
    let height = (KEYS.len() as u16 + 2).min(area.height);
    let window = Rect::new(
        area.x + (area.width - width) / 2,
        area.y + (area.height - height) / 2,
        width,
        height,
    );
    Clear.render(window, buffer);
    let block = Block::bordered().title(" keys ");
    let inside = block.inner(window);
    block.render(window, buffer);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    for ((key, what), y) in KEYS.iter().zip(inside.y..inside.bottom()) {
        let room = usize::from(inside.width);
        buffer.set_stringn(inside.x + 1, y, key, room.saturating_sub(1), bold);
        buffer.set_stringn(
            inside.x + 16,
            y,
            what,
            room.saturating_sub(16),
            Style::new(),
        );
    }
}
