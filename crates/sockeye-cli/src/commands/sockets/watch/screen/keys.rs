//! What each key does.

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::filter::Typed;
use super::view::{After, Page, View};
use crate::exit::Outcome;

impl View {
    /// A key was pressed, or the terminal has another size.
    pub(super) fn on(&mut self, event: &Event) -> After {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.on_key(key),
            Event::Resize(..) => {
                for list in &mut self.lists {
                    list.widths.forget();
                }
                After::Draw
            }
            _ => After::Draw,
        }
    }

    fn on_key(&mut self, key: &KeyEvent) -> After {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return After::Leave(Outcome::Interrupted),
            KeyCode::Char('l') if control => return After::DrawAll,
            _ => {}
        }
        if self.filter.typing {
            if self.filter.on(key) == Typed::Changed {
                self.chosen = None;
                self.lists[Page::Sockets as usize].widths.forget();
                self.choose_rows();
            }
            return After::Draw;
        }
        if self.help {
            self.help = false;
            return match key.code {
                KeyCode::Char('q') => After::Leave(Outcome::Done),
                _ => After::Draw,
            };
        }
        match key.code {
            KeyCode::Char('q') => return After::Leave(Outcome::Done),
            KeyCode::Esc if self.details && self.page == Page::Sockets => self.show_details(false),
            KeyCode::Esc => return After::Leave(Outcome::Done),
            KeyCode::Enter | KeyCode::Char('d') if self.page == Page::Sockets => {
                self.show_details(!self.details);
            }
            KeyCode::Char('?' | 'h') => self.help = true,
            KeyCode::Char('/') => {
                self.page = Page::Sockets;
                self.filter.begin();
            }
            KeyCode::Char('p' | ' ') => self.pause(),
            KeyCode::Char('r') => self.reverse(),
            KeyCode::Char('<') | KeyCode::Left => self.order_by(false),
            KeyCode::Char('>') | KeyCode::Right => self.order_by(true),
            KeyCode::Tab => self.turn(1),
            KeyCode::BackTab => self.turn(Page::ALL.len() - 1),
            KeyCode::Char('1') => self.page = Page::Sockets,
            KeyCode::Char('2') => self.page = Page::Closed,
            KeyCode::Char('3') => self.page = Page::Processes,
            other => self.walk(other),
        }
        After::Draw
    }

    fn walk(&mut self, key: KeyCode) {
        let (at, height) = (self.list().at, self.list().height);
        match key {
            KeyCode::Up | KeyCode::Char('k') => self.go(at.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.go(at + 1),
            KeyCode::PageUp => self.go(at.saturating_sub(height)),
            KeyCode::PageDown => self.go(at + height),
            KeyCode::Home | KeyCode::Char('g') => self.go(0),
            KeyCode::End | KeyCode::Char('G') => self.go(usize::MAX),
            _ => {}
        }
    }

    fn turn(&mut self, pages: usize) {
        let next = (self.page as usize + pages) % Page::ALL.len();
        self.page = Page::ALL[next];
    }

    fn show_details(&mut self, details: bool) {
        self.details = details;
        self.follow();
    }
}
