//! Python's `cbor2` and `msgpack`.

use sockeye_data::record::{Error, ReadRecords};
use sockeye_data::value::Value;
use sockeye_data::{cbor, msgpack};
use sockeye_testkit::{peers, within};

use super::{Random, canonical, hex, python, unhex};

/// What cbor2 makes of our bytes, and what it writes of the same: usual, canonical, and without lengths.
const CBOR: &str = r"
import cbor2
for line in sys.stdin:
    value = cbor2.loads(bytes.fromhex(line.strip()))
    forms = [cbor2.dumps(value), cbor2.dumps(value, canonical=True)]
    print(canonical(value), *[form.hex() for form in forms])
";

/// The same of msgpack.
const MSGPACK: &str = r"
import msgpack
for line in sys.stdin:
    value = msgpack.unpackb(bytes.fromhex(line.strip()), strict_map_key=False)
    print(canonical(value), msgpack.packb(value).hex(), msgpack.packb(value, use_single_float=False).hex())
";

fn values(seed: u64) -> Vec<Value> {
    let mut random = Random(seed);
    let mut values: Vec<Value> = (0..250).map(|_| random.value(4)).collect();
    // Lengths of each size.
    for length in [23, 24, 31, 32, 255, 256, 65_535, 65_536] {
        values.push(Value::from("x".repeat(length)));
        values.push(Value::bytes(vec![7; length]));
        if length < 1_000 {
            values.push(Value::array(vec![Value::Null; length]));
        }
    }
    values
}

/// Both ways: `write` is read by the script, and what the script wrote is read by `read`.
fn agree(
    module: &str,
    script: &'static str,
    seed: u64,
    write: impl Fn(&Value) -> Vec<u8> + Send + 'static,
    read: impl Fn(&[u8]) -> Result<Value, Error> + Send + 'static,
) {
    let Some(path) = peers::python_with(&[module]) else {
        return;
    };
    within(move || {
        let values = values(seed);
        let lines: Vec<String> = values.iter().map(|value| hex(&write(value))).collect();
        let answers = python(&path, script, &lines);
        assert_eq!(answers.len(), values.len());
        for (value, answer) in values.iter().zip(&answers) {
            let wanted = canonical(value);
            let mut words = answer.split(' ');
            assert_eq!(words.next(), Some(wanted.as_str()));
            for form in words {
                let read = read(&unhex(form)).unwrap_or_else(|error| panic!("{error}: {form}"));
                assert_eq!(canonical(&read), wanted, "{form}");
            }
        }
    });
}

#[test]
fn cbor2_reads_what_we_write_and_we_what_it_writes() {
    agree(
        "cbor2",
        CBOR,
        0x5eed_cb02,
        |value| cbor::to_vec(value).unwrap(),
        cbor::parse,
    );
}

#[test]
fn msgpack_reads_what_we_write_and_we_what_it_writes() {
    let write = |value: &Value| msgpack::to_vec(value).unwrap();
    agree("msgpack", MSGPACK, 0x5eed_3a9c, write, msgpack::parse);
}

/// What cbor2 makes of bytes that are mostly none of CBOR: whether it takes them, and how many it needs.
const TAKES: &str = r"
import cbor2, io
for line in sys.stdin:
    source = io.BytesIO(bytes.fromhex(line.strip()))
    try:
        cbor2.CBORDecoder(source, read_size=1).decode()
        print('yes')
    except Exception:
        print('no')
";

#[test]
fn what_we_take_cbor2_takes() {
    let Some(path) = peers::python_with(&["cbor2"]) else {
        return;
    };
    within(move || {
        let mut random = Random(0x0a11_cb02);
        // Heads of all kinds, few bytes each; no tags that cbor2 makes other objects of.
        let cases: Vec<Vec<u8>> = (0..1_200)
            .map(|_| {
                let length = 1 + random.below(6);
                let bytes = (0..length).map(|_| random.below(256) as u8);
                bytes.filter(|byte| byte >> 5 != 6).collect()
            })
            .collect();
        let lines: Vec<String> = cases.iter().map(|bytes| hex(bytes)).collect();
        let answers = python(&path, TAKES, &lines);
        assert_eq!(answers.len(), cases.len());
        let options = cbor::ReadOptions {
            duplicates: sockeye_data::members::Duplicates::Last,
            ..cbor::ReadOptions::default()
        };
        let mut taken = 0;
        for (bytes, answer) in cases.iter().zip(&answers) {
            let ours = cbor::Reader::new(&bytes[..], &options).next_record();
            let is_taken = matches!(ours, Ok(Some(_)));
            taken += usize::from(is_taken);
            assert_eq!(is_taken, answer == "yes", "{} {ours:?}", hex(bytes));
        }
        assert!(taken > 300, "{taken} are taken");
    });
}
