#!/usr/bin/env python3
"""Writes protocol/src/messages/*.rs and protocol/src/api_key.rs from the message schemas inside the Kafka jars.

    python3 protocol/codegen/generate.py LIBS           writes the files (rustfmt must be on the path)
    python3 protocol/codegen/generate.py LIBS --check   exits 1 if what is checked in is not what would be written

LIBS is the directory with the jars of the Kafka version named below. Only facts are taken from the schemas: names, types, versions,
defaults. No package beyond Python's own is needed.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile

import tables
from tables import HEAD, KAFKA

JARS = {
    "kafka-clients": "clients",
    "kafka-metadata": "metadata",
    "kafka-group-coordinator": "group",
    "kafka-share-coordinator": "share",
    "kafka-transaction-coordinator": "transaction",
    "kafka-storage": "storage",
    "kafka-raft": "raft",
}
KEYWORDS = {"type", "match", "ref", "move", "use", "in", "self", "mod", "fn", "loop", "where", "as", "box", "final", "async"}
TAKEN = {"Option", "Result", "Vec", "Some", "None", "Ok", "Err", "Box", "String", "Str", "Bytes", "Uuid", "Records", "Reader", "Writer",
         "Message", "Request", "DecodeError", "EncodeError", "ApiKey", "Default", "Clone", "Debug", "PartialEq"}
# type -> (Rust type, reader, bytes, default)
FIXED = {
    "bool": ("bool", 1), "int8": ("i8", 1), "int16": ("i16", 2), "uint16": ("u16", 2), "int32": ("i32", 4),
    "uint32": ("u32", 4), "int64": ("i64", 8), "float64": ("f64", 8), "uuid": ("Uuid", 16),
}
VARIABLE = {"string": ("Str", "str"), "bytes": ("Bytes", "bytes"), "records": ("Records", "records")}
FOREVER = 32767


def snake(name):
    name = name.replace("KRaft", "Kraft")
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
    return name + "_" if name in KEYWORDS else name


def versions(text):
    """'0-5', '3+', '7', 'none' -> (low, high) or None."""
    if text is None or text == "none":
        return None
    if text.endswith("+"):
        return int(text[:-1]), FOREVER
    low, _, high = text.partition("-")
    return int(low), int(high or low)


def meet(a, b):
    if a is None or b is None:
        return None
    low, high = max(a[0], b[0]), min(a[1], b[1])
    return (low, high) if low <= high else None


def condition(span, valid, v="v"):
    """Rust for "v lies in span", given that it lies in valid; '' if always."""
    parts = []
    if valid[0] < span[0] < span[1] < valid[1]:
        return f"({span[0]}..={span[1]}).contains(&{v})"
    if span[0] == span[1] and valid[0] < span[0] and span[1] < valid[1]:
        return f"{v} == {span[0]}"
    if span[0] > valid[0]:
        parts.append(f"{v} >= {span[0]}")
    if span[1] < valid[1]:
        parts.append(f"{v} <= {span[1]}")
    return " && ".join(parts)


class Field:
    def __init__(self, spec, message):
        self.message = message
        self.json_name = spec["name"]
        self.name = snake(spec["name"])
        kind = spec["type"]
        self.array = kind.startswith("[]")
        self.type = kind[2:] if self.array else kind
        self.span = meet(versions(spec.get("versions", spec.get("taggedVersions"))), message.valid)
        self.null_span = meet(versions(spec.get("nullableVersions")), self.span)
        self.nullable = self.null_span is not None
        tagged = meet(versions(spec.get("taggedVersions")), self.span)
        self.tag = spec.get("tag") if tagged else None
        assert tagged is None or tagged == self.span, (message.name, self.name, "tagged in some versions only")
        assert spec.get("flexibleVersions") is None, (message.name, self.name)
        self.ignorable = spec.get("ignorable", False)
        self.struct = self.type not in FIXED and self.type not in VARIABLE
        default = spec.get("default")
        self.default_null = self.nullable and (default == "null" or self.type == "records")
        self.default = self.plain_default(default)

    def plain_default(self, text):
        """The Rust value of the default, null aside."""
        text = "" if text is None else str(text)
        if self.array or self.struct:
            assert text in ("", "null"), (self.message.name, self.name, text)
            return "Vec::new()" if self.array else f"{self.type}::default()"
        if self.type == "string":
            return f'Str::from_static("{text}")' if text not in ("", "null") else "Str::default()"
        if self.type in ("bytes", "records"):
            assert text in ("", "null")
            return {"bytes": "Bytes::new()", "records": "Records::default()"}[self.type]
        if self.type == "bool":
            return text.lower() or "false"
        if self.type == "uuid":
            assert text == ""
            return "Uuid::ZERO"
        if self.type == "float64":
            return repr(float(text or 0))
        return str(int(text or "0", 0))

    def element(self):
        if self.type in FIXED:
            return FIXED[self.type][0]
        return VARIABLE[self.type][0] if self.type in VARIABLE else self.type

    def rust_type(self):
        inner = f"Vec<{self.element()}>" if self.array else self.element()
        return f"Option<{inner}>" if self.nullable else inner

    def rust_default(self):
        if self.default_null:
            return "None"
        return f"Some({self.default})" if self.nullable else self.default

    def default_is_zero(self):
        if self.nullable:
            return self.default_null
        return self.array or self.struct or self.default in (
            "0", "0.0", "false", "Str::default()", "Bytes::new()", "Records::default()", "Uuid::ZERO")

    def is_set(self):
        """Rust for "differs from the default"."""
        me = f"self.{self.name}"
        if self.default_null:
            return f"{me}.is_some()"
        sized = self.array or (self.type in VARIABLE and "from_static" not in self.default)
        if self.nullable:
            if sized:
                return f"{me}.as_ref().is_none_or(|x| !x.is_empty())"
            return f"{me}.as_ref() != Some(&{self.default})"
        if sized:
            return f"!{me}.is_empty()"
        if self.type == "bool":
            return me if self.default == "false" else f"!{me}"
        return f"{me} != {self.default}"

    def min_size(self, v):
        """The fewest bytes this field can take in version v, outside a tagged section."""
        flex = self.message.flexible(v)
        if self.array or self.type in ("bytes", "records"):
            return 1 if flex else 4
        if self.type in FIXED:
            return FIXED[self.type][1]
        if self.type == "string":
            return 1 if flex else 2
        if meet(self.null_span, (v, v)):
            return 1
        return self.message.structs[self.type].min_size(v)

    def has_arrays(self):
        """Whether an element has arrays in it, at any depth."""
        return self.struct and any(f.array or f.has_arrays() for f in self.message.structs[self.type].fields)

    def element_min(self):
        """The fewest bytes one element takes, in any version that has the array."""
        if self.type in FIXED:
            return FIXED[self.type][1]
        sizes = []
        for v in range(self.span[0], self.span[1] + 1):
            flex = self.message.flexible(v)
            if self.type in VARIABLE:
                sizes.append(1 if flex else {"string": 2}.get(self.type, 4))
            else:
                sizes.append(self.message.structs[self.type].min_size(v))
        assert min(sizes) >= 1, (self.message.name, self.name, "elements that may be empty cannot be bounded")
        return min(sizes)

    # --- code ---

    def null_test(self):
        """Rust for "null may be" when that depends on the version; '' if always."""
        return condition(self.null_span, self.span)

    def read_one(self, flex):
        """Reads one element of an array, as a closure or path."""
        if self.type in FIXED:
            return f"Reader::{FIXED[self.type][0].lower()}"
        if self.type in VARIABLE:
            return f"|r| r.{VARIABLE[self.type][1]}({flex})"
        return f"|r| {self.type}::read(r, v)"

    def read_expr(self, flex):
        tagged = "_tagged" if self.tag is not None else ""
        if self.array:
            plain, null = (f"r.{f}({flex}, {self.element_min()}, {self.read_one(flex)})?"
                           for f in (("nested", "nested_null") if self.has_arrays() else ("array", "array_null")))
        elif self.type in FIXED:
            assert not self.nullable
            return f"r.{FIXED[self.type][0].lower()}()?"
        elif self.type in VARIABLE:
            plain, null = (f"r.{VARIABLE[self.type][1]}{s}({flex})?" for s in ("", "_null"))
        else:
            plain = f"{self.type}::read(r, v)?"
            null = f"if r.present{tagged}()? {{ Some({plain}) }} else {{ None }}"
        if not self.nullable:
            return plain
        test = self.null_test()
        return f"if {test} {{ {null} }} else {{ Some({plain}) }}" if test else null

    def write_one(self, flex):
        if self.type in FIXED:
            return f"|w, e| {{ w.{FIXED[self.type][0].lower()}(*e); Ok(()) }}"
        if self.type in VARIABLE:
            return f"|w, e| w.{VARIABLE[self.type][1]}({flex}, e)"
        return "|w, e| e.write(w, v)"

    def write_value(self, me, flex):
        """Writes the value `me` (a place or a reference), null aside."""
        if self.array:
            return f"w.array({flex}, {me}, {self.write_one(flex)})?;"
        if self.type in VARIABLE:
            return f"w.{VARIABLE[self.type][1]}({flex}, {me})?;"
        return f"{me}.write(w, v)?;"

    def write_stmt(self, flex):
        me = f"self.{self.name}"
        if self.type in FIXED and not self.array:
            return f"w.{FIXED[self.type][0].lower()}({me});"
        if not self.nullable:
            return self.write_value(me if self.struct and not self.array else "&" + me, flex)
        test = self.null_test()
        if self.struct and not self.array:
            tagged = "_tagged" if self.tag is not None else ""
            assert not test, (self.message.name, self.name)
            return (f"w.present{tagged}({me}.is_some()); if let Some(x) = &{me} {{ x.write(w, v)?; }}")
        if self.array:
            whole = f"w.array_null({flex}, &{me}, {self.write_one(flex)})?;"
        else:
            whole = f"w.{VARIABLE[self.type][1]}_null({flex}, &{me})?;"
        if not test:
            return whole
        assert test.startswith("v >= "), (self.message.name, self.name)
        return f"if {test.replace('>=', '<')} && {me}.is_none() {{ return Err(EncodeError::UnexpectedNull); }} {whole}"


class Struct:
    def __init__(self, name, fields, message):
        assert name not in TAKEN, (message.name, name)
        self.name, self.message = name, message
        self.fields = [f for f in (Field(s, message) for s in fields) if f.span]

    def min_size(self, v):
        size = 1 if self.message.flexible(v) else 0
        return size + sum(f.min_size(v) for f in self.fields if f.tag is None and f.span[0] <= v <= f.span[1])

    def code(self, top):
        m = self.message
        plain = [f for f in self.fields if f.tag is None]
        tagged = sorted((f for f in self.fields if f.tag is not None), key=lambda f: f.tag)
        assert [f.tag for f in tagged] == sorted({f.tag for f in tagged})
        flex_cond = condition(m.flex, m.valid) if m.flex else None
        flex = "false" if m.flex is None else ("f" if flex_cond else "true")
        out = []
        derive = all(f.default_is_zero() for f in self.fields)
        out.append(f"#[derive(Clone, Debug, PartialEq{', Default' if derive else ''})]")
        out.append(f"pub struct {self.name} {{" + "".join(f"pub {f.name}: {f.rust_type()}," for f in self.fields) + "}\n")
        if not derive:
            out.append(f"impl Default for {self.name} {{ fn default() -> Self {{ {self.name} {{"
                       + "".join(f"{f.name}: {f.rust_default()}," for f in self.fields) + "} } }\n")

        r, w = [], []
        for f in plain:
            cond = condition(f.span, m.valid)
            read = f"m.{f.name} = {f.read_expr(flex)};"
            r.append(f"if {cond} {{ {read} }}" if cond else read)
            write = f.write_stmt(flex)
            if cond:
                write = f"if {cond} {{ {write} }}"
                if not f.ignorable:
                    write += f' else {{ absent({f.is_set()}, "{f.json_name}", v)?; }}'
            w.append(write)
        if m.flex:
            arms = ""
            count, puts = [], []
            for i, f in enumerate(tagged):
                cond = condition(f.span, m.valid)
                arms += f"{f.tag}{' if ' + cond if cond else ''} => m.{f.name} = {f.read_expr('true')},"
                flag = f"t{f.tag}"
                puts.append(f"if {flag} {{ w.tag({f.tag}, |w| {{ {f.write_stmt('true')} Ok(()) }})?; }}")
                count.append(f"u32::from({flag})")
                w.append(f"let {flag} = {cond + ' && ' if cond else ''}{'(' if cond and '||' in f.is_set() else ''}{f.is_set()}{')' if cond and '||' in f.is_set() else ''};")
                low = condition((max(f.span[0], m.flex[0]), f.span[1]), m.valid)
                if low and not f.ignorable:
                    w.append(f'absent(!{flag} && {f.is_set()}, "{f.json_name}", v)?;')
            read = f"r.tags(|r, tag| {{ match tag {{ {arms} _ => return Ok(false), }} Ok(true) }})?;" if tagged else "r.skip_tags()?;"
            write = f"w.uvarint({' + '.join(count)}); {' '.join(puts)}" if tagged else "w.u8(0);"
            r.append(f"if f {{ {read} }}" if flex_cond else read)
            w.append(f"if f {{ {write} }}" if flex_cond else write)

        def body(lines, tail):
            text = "\n".join(lines)
            lead = f"let f = {flex_cond};\n" if flex_cond and re.search(r"\bf\b", text) else ""
            return lead + text + "\n" + tail

        mutable = "let mut m" if r and any("m." in x for x in r) else "let m"
        read = body([f"{mutable} = Self::default();"] + r, "Ok(m)")
        write = body(w, "Ok(())")
        if top:
            read = "readable::<Self>(v)?;\n" + read
            write = "writable::<Self>(v)?;\n" + write

        def uses(text, name):
            return name if re.search(rf"\b{name}\b", text) else "_" + name

        head_r = f"fn read({uses(read, 'r')}: &mut Reader, {uses(read, 'v')}: i16) -> Result<Self, DecodeError>"
        head_w = f"fn write(&self, {uses(write, 'w')}: &mut Writer, {uses(write, 'v')}: i16) -> Result<(), EncodeError>"
        if top:
            consts = (f'const NAME: &\'static str = "{m.name}"; const MIN: i16 = {m.valid[0]}; const MAX: i16 = {m.valid[1]};'
                      f" const FLEXIBLE_FROM: Option<i16> = {f'Some({m.flex[0]})' if m.flex else 'None'};\n")
            out.append(f"impl Message for {self.name} {{ {consts}\n {head_r} {{ {read} }}\n\n {head_w} {{ {write} }} }}\n")
        else:
            out.append(f"impl {self.name} {{ {head_r} {{ {read} }}\n\n {head_w} {{ {write} }} }}\n")
        return "\n".join(out)


class Msg:
    def __init__(self, spec, group):
        self.spec, self.group = spec, group
        self.name, self.kind, self.key = spec["name"], spec["type"], spec.get("apiKey")
        self.valid = versions(spec["validVersions"])
        self.unstable = spec.get("latestVersionUnstable", False)
        if self.valid is None or self.kind == "header":
            return
        self.flex = meet(versions(spec["flexibleVersions"]), self.valid)
        self.file = snake(self.name)
        self.structs = {}
        for common in spec.get("commonStructs", []):
            self.collect(common["name"], common["fields"])
        self.walk(spec["fields"])
        self.structs[self.name] = Struct(self.name, spec["fields"], self)

    def walk(self, fields):
        for f in fields:
            if "fields" in f:
                self.collect(f["type"].removeprefix("[]"), f["fields"])

    def collect(self, name, fields):
        self.walk(fields)
        assert name not in self.structs, (self.name, name)
        if any(meet(versions(f.get("versions", f.get("taggedVersions"))), self.valid) for f in fields):
            self.structs[name] = Struct(name, fields, self)

    def flexible(self, v):
        return self.flex is not None and self.flex[0] <= v <= self.flex[1]

    def used(self):
        """Struct names reachable from the top in some version, top first."""
        seen, todo = [], [self.name]
        while todo:
            name = todo.pop(0)
            if name not in seen:
                seen.append(name)
                todo += [f.type for f in self.structs[name].fields if f.struct]
        return seen

    def about(self):
        kinds = {
            "request": "request", "response": "response", "metadata": "record", "coordinator-key": "record key",
            "coordinator-value": "record value", "data": "payload",
        }
        return f"`{self.name}`, a {kinds[self.kind]} of versions {self.valid[0]} to {self.valid[1]}: its fields, and how each version lays them out."

    def code(self):
        body = "\n".join(self.structs[n].code(n == self.name) for n in self.used())
        if self.kind == "request":
            body += (f"\nimpl Request for {self.name} {{ type Response = super::{self.name.removesuffix('Request')}Response;"
                     f" const KEY: ApiKey = ApiKey::{self.name.removesuffix('Request')}; }}\n")
        if self.kind in ("coordinator-key", "coordinator-value"):
            body += (f"\nimpl {self.name} {{ /// The type of record in its key, before the key's fields.\n"
                     f"pub const KEY_TYPE: i16 = {self.key}; }}\n")
        if self.kind == "metadata" and self.group == "metadata":
            body += (f"\nimpl {self.name} {{ /// The type of record in its frame.\n pub const RECORD_TYPE: i16 = {self.key}; }}\n")
        names = [n for n in ("DecodeError", "EncodeError", "Message", "Reader", "Request", "Writer", "absent", "readable", "writable")
                 if re.search(rf"\b{n}\b", body)]
        types = [n for n in ("Records", "Str", "Uuid") if re.search(rf"\b{n}\b", body)]
        use = ""
        if re.search(r"\bBytes\b", body):
            use += "use bytes::Bytes;\n\n"
        if re.search(r"\bApiKey\b", body):
            use += "use crate::api_key::ApiKey;\n"
        if types:
            use += f"use crate::types::{{{', '.join(types)}}};\n"
        use += f"use crate::wire::{{{', '.join(names)}}};\n\n"
        return HEAD.format(about=self.about()) + use + body


def load(libs):
    out = []
    for jar, group in JARS.items():
        with zipfile.ZipFile(os.path.join(libs, f"{jar}-{KAFKA}.jar")) as z:
            for entry in sorted(z.namelist()):
                if re.fullmatch(r"(common/)?(message|metadata)/\w+\.json", entry):
                    text = z.read(entry).decode()
                    text = re.sub(r"(?m)^\s*//.*$", "", text)
                    out.append(Msg(json.loads(text), group))
    live = [m for m in out if m.valid and m.kind != "header"]
    names = [m.name for m in live]
    assert len(names) == len(set(names)), "two messages of one name"
    return sorted(live, key=lambda m: m.name)


def main():
    args = [a for a in sys.argv[1:] if not a.startswith("--")]
    if len(args) != 1:
        sys.exit(__doc__)
    src = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src")
    messages = load(args[0])
    files = {f"messages/{m.file}.rs": m.code() for m in messages}
    files["messages/mod.rs"] = tables.module(messages)
    files["messages/kinds.rs"] = tables.kinds(messages)
    files["messages/table.rs"] = tables.table(messages)
    files["messages/metadata_record.rs"] = tables.metadata_record(messages)
    files["messages/group_record.rs"] = tables.coordinator_record(messages, "group", "Group", "__consumer_offsets")
    files["messages/transaction_record.rs"] = tables.coordinator_record(messages, "transaction", "Transaction", "__transaction_state")
    files["messages/share_record.rs"] = tables.coordinator_record(messages, "share", "Share", "__share_group_state")
    files["api_key.rs"] = tables.api_key(messages)
    assert len(files) == len(messages) + 8

    with tempfile.TemporaryDirectory() as tmp:
        os.mkdir(os.path.join(tmp, "messages"))
        for name, text in files.items():
            with open(os.path.join(tmp, name), "w") as f:
                f.write(text)
        subprocess.run(["rustfmt", "--edition", "2024"]
                       + [os.path.join(tmp, n) for n in files], check=True)
        files = {name: open(os.path.join(tmp, name)).read() for name in files}

    have = {f"messages/{n}" for n in os.listdir(os.path.join(src, "messages"))} | {"api_key.rs"}
    stale = sorted(n for n in have | set(files)
                   if n not in files or n not in have or open(os.path.join(src, n)).read() != files[n])
    if "--check" in sys.argv:
        if stale:
            sys.exit("not what the generator writes: " + ", ".join(stale))
        print(f"{len(messages)} messages are as the generator writes them")
        return
    for name in stale:
        path = os.path.join(src, name)
        if name in files:
            with open(path, "w") as f:
                f.write(files[name])
        else:
            os.remove(path)
    print(f"{len(messages)} messages, {len(stale)} files changed")


main()
