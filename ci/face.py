"""Reads what rustdoc says of a crate (JSON) and prints its public items, one a line and sorted; ci/face.sh calls it.

Each item stands at every path by which users can name it; what belongs to a type (methods, fields, traits that it implements) stands
at the shortest of them. Auto traits, blanket impls and the pages of documentation are left out.

With `--without-example` it prints those items instead whose page has no example: neither the item's docs nor those of its methods.
What users are given, and only name or await, needs none of its own if its first paragraph links to what makes or takes it, and that has
an example or is called in one on the page of its type. Given and named are a type alias, a trait without methods, a type without public
fields, variants and methods, and a future, stream or iterator.
"""

import json
import re
import sys

# Of rustdoc's JSON, whose format is not stable.
FORMATS = range(50, 65)
# The exit status where it is another.
UNKNOWN = 3


def last(path):
    return path.rsplit("::", 1)[-1]


def join(parts, between=", "):
    return between.join(part for part in parts if part)


class Face:
    def __init__(self, crate):
        self.index, self.lines, self.paths = crate["index"], set(), {}
        root = self.index[str(crate["root"])]
        self.docs = f"{root['name']}::docs"
        self.walk(root, root["name"], set())
        for key, path in list(self.paths.items()):
            self.members(self.index[key], path)

    # Items by path.

    def walk(self, module, path, above):
        if module["id"] in above:
            return
        for number in module["inner"]["module"]["items"]:
            item = self.index[str(number)]
            if item["visibility"] == "public" or "macro" in item["inner"]:
                self.reach(item, path, item["name"], above | {module["id"]})

    def reach(self, item, path, name, above):
        (kind, inner), = item["inner"].items()
        if kind == "use":
            target = self.index.get(str(inner["id"]))
            if target is None:
                self.lines.add((f"{path}::{inner['name']}", f"use {path}::{inner['name']} = {inner['source']}"))
            elif inner["is_glob"]:
                self.walk(target, path, above)
            elif "module" in target["inner"] and target["visibility"] != "public":
                pass  # What was meant is the function of that name: `use` takes along no more than all may see.
            else:
                self.reach(target, path, inner["name"], above)
            return
        here, key = f"{path}::{name}", str(item["id"])
        if here == self.docs:
            return
        if key not in self.paths or (here.count("::"), here) < (self.paths[key].count("::"), self.paths[key]):
            self.paths[key] = here
        self.lines.add((here, self.head(kind, inner, here)))
        if kind == "module":
            self.walk(item, here, above)

    def head(self, kind, inner, path):
        generics = lambda: self.generics(inner["generics"])
        match kind:
            case "function":
                return self.function(inner, path)
            case "module":
                return f"mod {path}"
            case "macro":
                return f"macro {path}"
            case "struct" | "enum" | "union":
                return f"{kind} {path}{generics()}"
            case "trait":
                supers = join(map(self.bound, inner["bounds"]), " + ")
                return f"trait {path}{generics()}{': ' + supers if supers else ''}{self.where(inner['generics'])}"
            case "type_alias":
                return f"type {path}{generics()} = {self.type(inner['type'])}"
            case "constant" | "static":
                return f"{kind} {path}: {self.type(inner['type'])}"
        return f"{kind} {path}"

    # What belongs to an item.

    def members(self, item, path):
        (kind, inner), = item["inner"].items()
        if kind == "enum":
            for number in inner["variants"]:
                self.variant(self.index[str(number)], path)
        if kind == "struct" and "plain" in (inner["kind"] if isinstance(inner["kind"], dict) else ()):
            self.fields(inner["kind"]["plain"]["fields"], path)
        if kind == "trait":
            self.associated(inner["items"], path, trait=True)
        for number in inner.get("impls", ()) if kind in ("struct", "enum", "union") else ():
            block = self.index[str(number)]["inner"]["impl"]
            if block["is_synthetic"] or block["blanket_impl"] or (block["trait"] or {}).get("path") == "StructuralPartialEq":
                continue
            subject = self.type(block["for"]).replace(last(path), path, 1)
            if block["trait"] is None:
                self.associated(block["items"], subject, key=path)
            else:
                head = f"impl{self.generics(block['generics'])} {self.path(block['trait'])} for {subject}"
                self.lines.add((path, head + self.where(block["generics"])))

    def fields(self, numbers, path):
        for item in (self.index.get(str(number)) for number in numbers):
            if item and item["visibility"] in ("public", "default"):
                name = f"{path}::{item['name']}"
                self.lines.add((name, f"field {name}: {self.type(item['inner']['struct_field'])}"))

    def variant(self, item, path):
        name, kind = f"{path}::{item['name']}", item["inner"]["variant"]["kind"]
        text = ""
        if isinstance(kind, dict) and "tuple" in kind:
            inside = [self.index[str(n)]["inner"]["struct_field"] for n in kind["tuple"] if n is not None]
            text = f"({join(map(self.type, inside))})"
        elif isinstance(kind, dict):
            self.fields(kind["struct"]["fields"], name)
        self.lines.add((name, f"variant {name}{text}"))

    def associated(self, numbers, path, key=None, trait=False):
        for item in (self.index[str(number)] for number in numbers):
            if not trait and item["visibility"] != "public":
                continue
            (kind, inner), = item["inner"].items()
            name = f"{path}::{item['name']}"
            if kind == "function":
                text = self.function(inner, name) + (" { … }" if trait and inner["has_body"] else "")
            else:
                bounds = join(map(self.bound, inner.get("bounds") or ()), " + ")
                is_const, of = kind == "assoc_const", inner.get("type")
                text = f"{kind.removeprefix('assoc_')} {name}{': ' + bounds if bounds else ''}"
                text += f"{':' if is_const else ' ='} {self.type(of)}" if of else ""
            self.lines.add((f"{key or path}::{item['name']}", text))

    # Items without an example.

    def without_example(self):
        return sorted(path for key, path in self.paths.items() if not self.is_shown(self.index[key]))

    def is_shown(self, item):
        if self.has_example(item) or any(map(self.has_example, self.methods(item))):
            return True
        if not self.is_only_named(item):
            return False
        first = (item["docs"] or "").split("\n\n")[0]
        linked = [self.index.get(str(number)) for link, number in item["links"].items() if f"[{link}]" in first or f"]({link})" in first]
        return any(target and (self.has_example(target) or self.is_called(target)) for target in linked)

    def is_called(self, method):
        """Whether an example on the page of its type calls it."""
        owners = [self.index[key] for key in self.paths if method in self.methods(self.index[key])]
        shown = [item for owner in owners for item in (owner, *self.methods(owner)) if self.has_example(item)]
        return any(f".{method['name']}(" in item["docs"] for item in shown)

    def has_example(self, item):
        blocks = re.findall(r"^ *```(.*)$", item["docs"] or "", re.M)[::2]
        return any(not re.search(r"text|toml|ignore|no_run|compile_fail", tags) for tags in blocks)

    def is_only_named(self, item):
        (kind, inner), = item["inner"].items()
        match kind:
            case "type_alias":
                return True
            case "trait":
                return not any("function" in self.index[str(number)]["inner"] for number in inner["items"])
            case "enum":
                return not inner["variants"] and not self.methods(item)
            case "struct":
                return not self.public_fields(inner["kind"]) and (self.is_awaited(inner) or not self.methods(item))
        return False

    def is_awaited(self, inner):
        traits = [self.index[str(number)]["inner"]["impl"]["trait"] for number in inner["impls"]]
        return any(last(trait["path"]) in ("Future", "Stream", "Iterator") for trait in traits if trait)

    def methods(self, item):
        (kind, inner), = item["inner"].items()
        if kind == "trait":
            return [self.index[str(number)] for number in inner["items"]]
        blocks = [self.index[str(number)]["inner"]["impl"] for number in inner.get("impls", ())] if kind in ("struct", "enum") else ()
        own = [self.index[str(number)] for block in blocks if block["trait"] is None for number in block["items"]]
        return [method for method in own if method["visibility"] == "public"]

    def public_fields(self, kind):
        numbers = kind.get("tuple") or kind.get("plain", {}).get("fields", ()) if isinstance(kind, dict) else ()
        fields = [self.index.get(str(number)) for number in numbers if number is not None]
        return [field for field in fields if field and field["visibility"] == "public"]

    # Types, as one reads them, by the last name of each path.

    def function(self, inner, path):
        header = inner["header"]
        words = [word for word in ("const", "async", "unsafe") if header.get(f"is_{word}")]
        return f"{join([*words, 'fn'], ' ')} {path}{self.generics(inner['generics'])}{self.signature(inner['sig'])}" + self.where(
            inner["generics"]
        )

    def signature(self, sig):
        arguments = join(self.argument(*argument) for argument in sig["inputs"])
        return f"({arguments}){' -> ' + self.type(sig['output']) if sig['output'] else ''}"

    def argument(self, name, type):
        text = self.type(type)
        if name == "self":
            return {"Self": "self", "&Self": "&self", "&mut Self": "&mut self"}.get(text, f"self: {text}")
        return text if name in ("", "_") else f"{name}: {text}"

    def generics(self, generics):
        named = [p for p in generics["params"] if not p["name"].startswith("impl ")]
        params = join(map(self.parameter, named))
        return f"<{params}>" if params else ""

    def parameter(self, param):
        (kind, inner), = param["kind"].items()
        if kind == "const":
            return f"const {param['name']}: {self.type(inner['type'])}"
        if kind == "lifetime":
            bounds, default = " + ".join(inner["outlives"]), None
        else:
            bounds, default = join(map(self.bound, inner["bounds"]), " + "), inner["default"]
        return f"{param['name']}{': ' + bounds if bounds else ''}{' = ' + self.type(default) if default else ''}"

    def where(self, generics):
        texts = []
        for predicate in generics["where_predicates"]:
            (kind, inner), = predicate.items()
            if kind == "bound_predicate":
                texts.append(f"{self.type(inner['type'])}: {join(map(self.bound, inner['bounds']), ' + ')}")
            elif kind == "lifetime_predicate":
                texts.append(f"{inner['lifetime']}: {' + '.join(inner['outlives'])}")
            else:
                texts.append(f"{self.type(inner['lhs'])} == …")
        return f" where {join(texts)}" if texts else ""

    def bound(self, bound):
        (kind, inner), = bound.items()
        if kind == "trait_bound":
            sign = {"maybe": "?", "none": ""}.get(inner["modifier"], f"{inner['modifier']} ")
            return sign + self.path(inner["trait"])
        return inner if kind == "outlives" else f"use<{join(str(p) if isinstance(p, str) else join(p.values()) for p in inner)}>"

    def path(self, path):
        return last(path["path"]) + self.arguments(path["args"])

    def arguments(self, args):
        if not args or isinstance(args, str):
            return ""
        if "parenthesized" in args:
            return self.signature({**args["parenthesized"], "inputs": [("", t) for t in args["parenthesized"]["inputs"]]})
        inner = args["angle_bracketed"]
        texts = [self.generic_argument(arg) for arg in inner["args"]]
        for constraint in inner["constraints"]:
            (kind, value), = constraint["binding"].items()
            if kind == "equality":
                texts.append(f"{constraint['name']} = {self.generic_argument(value)}")
            else:
                texts.append(f"{constraint['name']}: {join(map(self.bound, value), ' + ')}")
        return f"<{join(texts)}>" if texts else ""

    def generic_argument(self, arg):
        if isinstance(arg, str):
            return "_"
        (kind, inner), = arg.items()
        return inner if kind == "lifetime" else self.type(inner) if kind == "type" else inner["expr"]

    def type(self, type):
        if isinstance(type, str):
            return "_"
        (kind, inner), = type.items()
        match kind:
            case "resolved_path":
                return self.path(inner)
            case "generic":
                return inner
            case "primitive":
                return "!" if inner == "never" else inner
            case "borrowed_ref":
                lifetime = f"{inner['lifetime']} " if inner["lifetime"] else ""
                return f"&{lifetime}{'mut ' if inner['is_mutable'] else ''}{self.type(inner['type'])}"
            case "raw_pointer":
                return f"*{'mut' if inner['is_mutable'] else 'const'} {self.type(inner['type'])}"
            case "tuple":
                return f"({join(map(self.type, inner))}{',' if len(inner) == 1 else ''})"
            case "slice":
                return f"[{self.type(inner)}]"
            case "array":
                return f"[{self.type(inner['type'])}; {inner['len']}]"
            case "impl_trait":
                return f"impl {join(map(self.bound, inner), ' + ')}"
            case "dyn_trait":
                traits = [self.path(poly["trait"]) for poly in inner["traits"]]
                return f"dyn {join([*traits, inner['lifetime']], ' + ')}"
            case "function_pointer":
                return f"fn{self.signature(inner['sig'])}"
            case "qualified_path":
                trait = self.path(inner["trait"]) if inner["trait"] and inner["trait"]["path"] else ""
                subject = self.type(inner["self_type"])
                return f"<{subject} as {trait}>::{inner['name']}" if trait else f"{subject}::{inner['name']}"
        return kind


def main():
    with open(sys.argv[1]) as file:
        crate = json.load(file)
    if crate["format_version"] not in FORMATS:
        sys.exit(UNKNOWN)
    face = Face(crate)
    if "--without-example" in sys.argv:
        for path in face.without_example():
            print(path)
        return
    at_root = [line for path, line in face.lines if path.count("::") == 1 and f" {path}" in line and not line.startswith("impl")]
    modules = [line for line in at_root if line.startswith("mod ")]
    print(f"# {len(at_root) - len(modules)} items at the root, and {len(modules)} modules")
    for _, line in sorted(face.lines):
        print(line)


main()
