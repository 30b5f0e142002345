//! What runs a program: the kinds that jaq's engine works with, and what a running program knows of the world outside.

use jaq_core::data::{DataT, HasLut};
use jaq_core::native::Fun;

use crate::value::Value;

/// The data that native functions of programs see: see [`super::native`].
#[derive(Debug)]
pub struct Jq;

pub(super) type Lut = jaq_core::Lut<Jq>;
pub(super) type Cv<'a> = jaq_core::Cv<'a, Jq>;
pub(super) type Values<'a> = jaq_core::ValXs<'a, Value>;
pub(super) type Natives = Vec<Fun<Jq>>;

impl DataT for Jq {
    type V<'a> = Value;
    type Data<'a> = Data<'a>;
}

/// What one run of a program holds.
#[derive(Clone, Copy)]
pub struct Data<'a> {
    pub(super) lut: &'a Lut,
    pub(super) host: &'a dyn Host,
    pub(super) stack: Stack,
}

impl<'a> HasLut<'a, Jq> for Data<'a> {
    fn lut(&self) -> &'a Lut {
        self.lut
    }
}

/// The world outside, as a program sees it.
pub(super) trait Host {
    /// The next value of the input: `None` behind the last one.
    fn next(&self) -> Option<Result<Value, String>>;
    /// What `debug` says.
    fn debug(&self, value: &Value);
    /// What `stderr` says.
    fn stderr(&self, value: &Value);
    /// The name of the file that is read.
    fn file(&self) -> Value;
    /// The line that was read last.
    fn line(&self) -> Value;
    /// Where modules are looked for.
    fn search_list(&self) -> Value;
    /// Keep what `halt_error` says.
    fn halt(&self, value: Value);
    /// What `halt_error` said in the run that ended last.
    fn said(&self) -> Option<Value>;
}

/// How much of the stack of its thread a program may use. Functions that call themselves ask before they go on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stack {
    base: usize,
    allowed: usize,
}

impl Stack {
    /// From here on, so many bytes.
    pub(super) fn from_here(allowed: usize) -> Self {
        Self {
            base: here(),
            allowed,
        }
    }

    /// Whether all of it is used.
    pub(super) fn is_used(self) -> bool {
        self.base.abs_diff(here()) > self.allowed
    }
}

/// About where the stack of this thread ends now: the address of something that lies on it.
#[inline(never)]
fn here() -> usize {
    let on_the_stack = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&on_the_stack)).addr()
}
