//! jq programs: no text makes the compiler panic, and what compiles ends with values or failures.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye::data::jq::{Inputs, Program, Settings};
use sockeye::data::value::Value;

fuzz_target!(|text: &str| {
    let Ok(program) = Program::compile(text, &Settings::default()) else {
        return;
    };
    let _ = (program.streaming(), program.reads(), program.is_stateless());
    let inputs = Inputs::none();
    let input = Value::array(vec![1.into(), "a".into(), Value::Null]);
    // Programs may run for ever by themselves: those that can are left out.
    if text.contains(['*', '@']) || ["repeat", "range", "recurse", "until", "while", "def", "limit", "combinations"].iter().any(|word| text.contains(word)) {
        return;
    }
    for output in program.run(input, &inputs).take(100) {
        if let Ok(value) = output {
            assert!(!value.to_string().is_empty());
        }
    }
});
