# The functions of jq that are written in jq itself. After jq's own builtin.jq:
# Copyright (C) 2012 Stephen Dolan and the contributors of jq, MIT licence.
# Each sees those above it. A name with an underscore is one of ours, or a function of the engine.

def error: error_empty as $x | .;
def error(msg): (msg | error_empty) as $x | .;
def select(f): if f then . else empty end;
def map(f): [.[] | f];
def map_values(f): .[] |= f;
def values: select(. != null);
def isboolean: type == "boolean";
def isnumber: type == "number";
def isstring: type == "string";
def isarray: type == "array";
def isobject: type == "object";
def add(f): reduce f as $x (null; . + $x);
def add: add(.[]);
def recurse: _recurse;
def recurse(f): def r: ., (f | r); r;
def recurse(f; cond): def r: ., (f | select(cond) | r); r;
def env: $ENV;
def tostring: "\(.)";
def tojson: _tojson;
def @json: _tojson;
def @text: tostring;

# Iteration
def range($x): range(0; $x; 1);
def range($from; $upto): range($from; $upto; 1);
def while(cond; update): def _while: if cond then ., (update | _while) else empty end; _while;
def until(cond; next): def _until: if cond then . else (next | _until) end; _until;
def repeat(f): def _repeat: f, _repeat; _repeat;
def limit($n; f):
  if $n > 0 then _limit($n; f)
  elif $n == 0 then empty
  else error("limit doesn't support negative count") end;
def skip($n; f):
  if $n > 0 then _skip($n; f)
  elif $n == 0 then f
  else error("skip doesn't support negative count") end;
def nth($n): .[$n];
def nth($n; f):
  if $n < 0 then error("nth doesn't support negative indices") else first(_skip($n; f)) end;
def first: .[0];
def last: .[-1];
def isempty(g): first((g | false), true);
def all(generator; condition): isempty(generator | condition and empty);
def any(generator; condition): isempty(generator | condition or empty) | not;
def all(condition): all(.[]; condition);
def any(condition): any(.[]; condition);
def all: all(.[]; .);
def any: any(.[]; .);
def combinations:
  if length == 0 then []
  else .[0][] as $x | (.[1:] | combinations) as $y | [$x] + $y end;
def combinations(n): . as $dot | [range(n) | $dot] | combinations;

# Kinds
def nulls: select(. == null);
def booleans: select(type == "boolean");
def numbers: select(type == "number");
def strings: select(type == "string");
def arrays: select(type == "array");
def objects: select(type == "object");
def iterables: select(type | . == "array" or . == "object");
def scalars: select(type | . != "array" and . != "object");
def isinfinite: _number | . == infinite or . == -infinite;
def isnan: _isnan;
def isfinite: type == "number" and (isinfinite | not);
def isnormal: _number | . != 0 and (isnan | not) and (isinfinite | not) and (fabs >= 2.2250738585072014e-308);
def finites: select(isfinite);
def normals: select(isnormal);
def abs: if . < 0 then -. else . end;
def toarray: if type == "array" then . else [.] end;
def have_literal_numbers: true;
def have_decnum: true;

# Paths
def paths: path(_recurse) | select(length > 0);
def paths(f): path(_recurse | select(f)) | select(length > 0);
def leaf_paths: paths(scalars);
def del(f): delpaths([path(f)]);
def to_entries: [key_values[] as [$key, $value] | {$key, $value}];
def from_entries:
  reduce .[] as $x ({};
    . + ($x | {(.key // .Key // .name // .Name): (if has("value") then .value else .Value end)}));
def with_entries(f): to_entries | map(f) | from_entries;
def walk(f):
  def w: if type == "object" then map_values(w) elif type == "array" then map(w) else . end | f;
  w;
def pick(pathexps): . as $in | reduce path(pathexps) as $a (null; setpath($a; $in | getpath($a)));
def tostream:
  path(def r: (.[]? | r), .; r) as $p
  | getpath($p)
  | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def truncate_stream(stream):
  . as $n | null | stream | . as $input
  | if (.[0] | length) > $n then setpath([0]; $input[0][$n:]) else empty end;
def truncate_stream($n; stream): $n | truncate_stream(stream);
def fromstream(i): {x: null, e: false} as $init
  | foreach i as $i ($init;
      if .e then $init else . end
      | if $i | length == 2
        then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0]; $i[1])
        else setpath(["e"]; $i[0] | length == 1) end;
      if .e then .x else empty end);

# Arrays
def unique_by(f): [group_by(f)[] | .[0]];
def unique: unique_by(.);
def min_by(f): reduce min_by_or_empty(f) as $x (null; $x);
def max_by(f): reduce max_by_or_empty(f) as $x (null; $x);
def min: min_by(.);
def max: max_by(.);
def _flatten($x):
  reduce .[] as $i ([]; if $i | type == "array" and $x != 0 then . + ($i | _flatten($x - 1)) else . + [$i] end);
def flatten($x): if $x < 0 then error("flatten depth must not be negative") else _flatten($x) end;
def flatten: _flatten(-1);
def transpose: [range(0; map(length) | max // 0) as $i | [.[][$i]]];
def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def index($i): indices($i) | .[0];
def rindex($i): indices($i) | .[-1:][0];
def INDEX(stream; idx_expr): reduce stream as $row ({}; .[$row | idx_expr | tostring] = $row);
def INDEX(idx_expr): INDEX(.[]; idx_expr);
def JOIN($idx; idx_expr): [.[] | [., $idx[idx_expr]]];
def JOIN($idx; stream; idx_expr): stream | [., $idx[idx_expr]];
def JOIN($idx; stream; idx_expr; join_expr): stream | [., $idx[idx_expr]] | join_expr;
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def ascii: [.] | implode;

# Strings
def join($x):
  reduce .[] as $i (null;
    (if . == null then "" else . + $x end)
    + ($i | if type == "boolean" or type == "number" then tojson else . // "" end)
  ) // "";
def _arguments(f): if type == "string" then [., null]
  elif type == "array" and length > 0 then [.[0], .[1]]
  else error(type + " not a string or array") end;
def test($re; $flags): _match($re; $flags; true);
def test($val): ($val | _arguments(.)) as [$re, $flags] | test($re; $flags);
def match($re; $flags): _match($re; $flags; false)[];
def match($val): ($val | _arguments(.)) as [$re, $flags] | match($re; $flags);
def _captures: reduce (.captures[] | select(.name != null)) as $c ({}; . + {($c.name): $c.string});
def capture($re; $flags): match($re; $flags) | _captures;
def capture($val): ($val | _arguments(.)) as [$re, $flags] | capture($re; $flags);
def scan($re; $flags):
  match($re; "g" + $flags) | if (.captures | length) > 0 then [.captures[].string] else .string end;
def scan($re): scan($re; null);
def split($re; $flags):
  . as $in
  | [foreach (match($re; $flags + "g"), null) as $m
      ({next: 0};
       {start: .next, end: ($m.offset // null), next: (if $m then $m.offset + $m.length else .next end)};
       $in[.start:.end])];
def split($sep):
  if type == "string" and ($sep | type == "string") then . / $sep
  else error("split input and separator must be strings") end;
def splits($re; $flags): split($re; $flags)[];
def splits($re): splits($re; null);
def sub($re; s; $flags):
  . as $in
  | (reduce match($re; $flags) as $edit ({result: [], previous: 0};
        $in[.previous:$edit.offset] as $gap
      | [$edit | _captures | s] as $inserts
      | reduce range(0; $inserts | length) as $ix (.; .result[$ix] += $gap + $inserts[$ix])
      | .previous = ($edit | .offset + .length))
    | .result[] + $in[.previous:])
    // $in;
def sub($re; s): sub($re; s; "");
def gsub($re; s; $flags): sub($re; s; $flags + "g");
def gsub($re; s): sub($re; s; "g");
def trimstr($x): ltrimstr($x) | rtrimstr($x);

# Numbers
def logb:
  if . == 0.0 then -infinite elif isinfinite then infinite elif isnan then . else ilogb | . + 0.0 end;
def significand:
  if isinfinite or isnan then . elif . == 0.0 then 0.0 else scalbln(.; ilogb | -1 * .) end;
def gamma: lgamma;
def drem($l; $r): remainder($l; $r) | if . == 0 then copysign(.; $l) else . end;
def nexttoward($x; $y): nextafter($x; $y);
def scalb($x; $e): $x * pow(2.0; $e);
def pow10: pow(10.0; .);
def exp10: pow(10.0; .);

# Dates
def _parsed: type == "array" and length >= 3 and all(.[:6][]; type == "number");
def _padded: .[:6] + [0, 0, 0][length - 3:];
def mktime:
  if type != "array" then error("mktime requires array of 6 numbers")
  elif _parsed then _padded | _mktime
  else error("mktime requires parsed datetime inputs") end;
def gmtime: if type != "number" then error("gmtime() requires a number") else _gmtime end;
def localtime: if type != "number" then error("localtime() requires a number") else _localtime end;
def _broken($who): if type == "number" then _gmtime elif _parsed then _padded else error($who + " requires parsed datetime inputs") end;
def strftime($format):
  _broken("strftime/1") | if $format | type == "string" then _strftime($format) else error("strftime/1 requires a string format") end;
def strflocaltime($format):
  if type == "number" then . else _broken("strflocaltime/1") end
  | if $format | type == "string" then _strflocaltime($format) else error("strflocaltime/1 requires a string format") end;
def strptime($format):
  if type != "string" then error("strptime/1 requires string inputs and arguments: \(_shown)") else _strptime($format) end;
def todateiso8601: strftime("%Y-%m-%dT%H:%M:%SZ");
def fromdateiso8601: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime;
def todate: todateiso8601;
def fromdate: fromdateiso8601;
def date: todate;
def dateadd(u; n): . + n;
def datesub(u; n): . - n;

# Messages and the end
def debug: (_debug as $x | .), .;
def debug(msg): (msg | _debug | empty), .;
def stderr: (_stderr as $x | .), .;
def halt: _halt(0; null; false);
def halt_error($code): if $code | type == "number" then _halt($code; .; true) else error("halt_error/1: number required") end;
def halt_error: halt_error(5);

# Formats
def format($f):
  if $f == "json" then _tojson elif $f == "text" then tostring elif $f == "csv" then @csv elif $f == "tsv" then @tsv
  elif $f == "html" then @html elif $f == "uri" then @uri elif $f == "urid" then @urid elif $f == "sh" then @sh
  elif $f == "base64" then @base64 elif $f == "base64d" then @base64d
  elif $f == "base32" then @base32 elif $f == "base32d" then @base32d
  else error(($f | tostring) + " is not a valid format") end;
