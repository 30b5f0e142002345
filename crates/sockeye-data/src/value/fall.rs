//! How deep values fall apart: the first levels by plain recursion, all below from a list of this thread, so that a value nested a
//! million times needs no stack.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::Value;

/// As many levels fall by recursion.
const PLAIN: u32 = 100;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static LATER: RefCell<Vec<Value>> = const { RefCell::new(Vec::new()) };
}

/// Whether the last reference to something nested goes when this value goes.
pub(super) fn is_nested(value: &Value) -> bool {
    match value {
        Value::Array(array) => Arc::strong_count(array) == 1,
        Value::Object(object) => Arc::strong_count(object) == 1,
        _ => false,
    }
}

/// Drop these values.
pub(super) fn apart(values: impl Iterator<Item = Value>) {
    // While a thread ends, its list may be gone: plain recursion is what remains.
    let Ok(depth) = DEPTH.try_with(Cell::get) else {
        return values.for_each(drop);
    };
    if depth >= PLAIN {
        let _ = LATER.try_with(|later| later.borrow_mut().extend(values.filter(is_container)));
        return;
    }
    DEPTH.set(depth + 1);
    values.for_each(drop);
    DEPTH.set(depth);
    if depth == 0 {
        later();
    }
}

fn is_container(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_))
}

/// Drop what was put off.
fn later() {
    while let Ok(Some(value)) = LATER.try_with(|later| later.borrow_mut().pop()) {
        DEPTH.set(1);
        drop(value);
        DEPTH.set(0);
    }
}
