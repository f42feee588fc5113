"""Hold the rules of the house that no other tool holds; one finding a line, as `file:line what`.

    python tools/check_house.py [ROOT]

Sizes and names hold for every Python file of the project; the rest holds for `src`. The reasons stand in
`docs/decisions` and in the rules' own words below. Exit code 1 says that something was found.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

FILE_LINES = 400
FUNCTION_LINES = 60
ARGUMENTS = 7
EXAMPLE_LINES = 40
ROOMS = ("src", "tests", "tools", "examples", "benches")

BANNED_FILES = re.compile(r"utils?|compat|mixins?|v\d+|_src")
BANNED_IMPORTS = frozenset({"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"})
YAML = "builds any object: the house speaks TOML"
BANNED_NAMES = {
    "compile": "runs text as code",
    "eval": "runs text as code",
    "exec": "runs text as code",
    "hasattr": "guesses at a type: ask for a second protocol",
    "torch.jit.load": "runs the code in a file: keep arrays as safetensors",
    "torch.load": "unpickles: keep arrays as safetensors",
    "types.new_class": "makes a class that no rule sees: write it down",
    **{f"yaml.{how}load{end}": YAML for how in ("", "full_", "unsafe_") for end in ("", "_all")},
}
CHANGES = frozenset({"add", "append", "clear", "discard", "extend", "insert", "pop", "remove", "setdefault", "update"})
ABSTRACT = frozenset({"abc.ABC", "typing.Protocol", "typing_extensions.Protocol"})
VALUES = frozenset(
    {"enum.Enum", "enum.Flag", "enum.IntEnum", "enum.IntFlag", "enum.StrEnum", "typing.NamedTuple", "typing.TypedDict"}
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@final
@dataclass(frozen=True, order=True)
class Finding:
    """One breach of a rule, at a line of a file."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.what}"


@final
@dataclass(frozen=True)
class Source:
    """One Python file, parsed; `names` tells what each imported or defined name of the file stands for."""

    path: str
    module: str
    text: str
    tree: ast.Module
    names: Mapping[str, str]

    def at(self, node: ast.stmt | ast.expr, what: str) -> Finding:
        """Return a finding at a node's line."""
        return Finding(self.path, node.lineno, what)

    def meaning(self, node: ast.expr) -> str:
        """Return what an expression names, dotted and in full (`np.load` is `numpy.load`), or an empty text."""
        match node:
            case ast.Name():
                return self.names.get(node.id, node.id)
            case ast.Attribute():
                before = self.meaning(node.value)
                return f"{before}.{node.attr}" if before else ""
            case ast.Subscript() | ast.Call():
                return self.meaning(node.value if isinstance(node, ast.Subscript) else node.func)
        return ""


@final
@dataclass(frozen=True)
class Classes:
    """All classes of `src` by their full names, to tell who inherits from whom."""

    sources: Mapping[str, Source]
    found: Mapping[str, tuple[Source, ast.ClassDef]]

    def resolve(self, name: str) -> str:
        """Follow a name through the packages that hand it on, to where it is defined."""
        for _ in range(10):
            module, _, last = name.rpartition(".")
            source = self.sources.get(module)
            if name in self.found or source is None or source.names.get(last, name) == name:
                break
            name = source.names[last]
        return name

    def bases(self, name: str) -> list[str]:
        """Return the full names of a class's direct bases."""
        source, node = self.found[name]
        return [self.resolve(source.meaning(base)) for base in node.bases]

    def is_exception(self, name: str) -> bool:
        """Tell whether a class is an exception, of ours or of another library."""
        if name in self.found:
            return any(self.is_exception(base) for base in self.bases(name))
        kind = getattr(builtins, name, None)
        return name.endswith(("Error", "Exception")) or (isinstance(kind, type) and issubclass(kind, BaseException))

    def is_abstract(self, name: str) -> bool:
        """Tell whether a class cannot be made as it is: a protocol, an ABC, or one with abstract methods."""
        source, node = self.found[name]
        methods = (item for item in node.body if isinstance(item, Function))
        return not ABSTRACT.isdisjoint(self.bases(name)) or any(
            source.meaning(mark).endswith("abstractmethod") for item in methods for mark in item.decorator_list
        )

    def is_sealed(self, name: str) -> bool:
        """Tell whether a class is a value or final, so that nobody overrides it."""
        source, node = self.found[name]
        marks = {source.meaning(mark).rpartition(".")[2] for mark in node.decorator_list}
        frozen = any(
            isinstance(mark, ast.Call)
            and source.meaning(mark) == "dataclasses.dataclass"
            and any(word.arg == "frozen" and is_true(word.value) for word in mark.keywords)
            for mark in node.decorator_list
        )
        return frozen or "final" in marks or not VALUES.isdisjoint(self.bases(name))


def is_true(node: ast.expr) -> bool:
    """Tell whether an expression is the literal True."""
    return isinstance(node, ast.Constant) and node.value is True


def names_of(tree: ast.Module, module: str, *, package: bool) -> dict[str, str]:
    """Return what the imported names, and the classes, of a file stand for."""
    names = {node.name: f"{module}.{node.name}" for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                first = item.name.partition(".")[0]
                names[item.asname or first] = item.name if item.asname else first
        elif isinstance(node, ast.ImportFrom):
            up = module.split(".")[: len(module.split(".")) - node.level + package] if node.level else []
            start = ".".join([*up, *([node.module] if node.module else [])])
            names.update({item.asname or item.name: f"{start}.{item.name}" for item in node.names})
    return names


def read(root: Path, path: Path) -> Source | Finding:
    """Parse one file; one that does not parse is a finding."""
    place = path.relative_to(root)
    parts = place.with_suffix("").parts
    parts = parts[1:] if parts[0] == "src" else parts
    package = parts[-1] == "__init__"
    module = ".".join(parts[:-1] if package else parts)
    text = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        return Finding(place.as_posix(), error.lineno or 1, f"does not parse: {error.msg}")
    return Source(place.as_posix(), module, text, tree, names_of(tree, module, package=package))


def sizes(source: Source) -> Iterator[Finding]:
    """Files, functions and signatures stay small enough to be read at once."""
    lines = len(source.text.splitlines())
    if lines > FILE_LINES:
        yield Finding(source.path, lines, f"the file has {lines} lines: at most {FILE_LINES}")
    owned = {id(item) for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef) for item in node.body}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Lambda) and counted(node.args) > ARGUMENTS:
            yield source.at(node, f"a lambda takes {counted(node.args)} arguments: at most {ARGUMENTS}")
        if not isinstance(node, Function):
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES:
            yield source.at(node, f"{node.name} has {length} lines: at most {FUNCTION_LINES}")
        static = any(source.meaning(mark) == "staticmethod" for mark in node.decorator_list)
        own = id(node) in owned and not static
        count = counted(node.args) - own
        if count > ARGUMENTS:
            yield source.at(node, f"{node.name} takes {count} arguments: at most {ARGUMENTS}, then a dataclass")


def counted(args: ast.arguments) -> int:
    """Return how many arguments a signature has; `*rest` and `**more` are one each."""
    named = len(args.posonlyargs) + len(args.args) + len(args.kwonlyargs)
    return named + (args.vararg is not None) + (args.kwarg is not None)


def file_names(source: Source) -> Iterator[Finding]:
    """A file is named after what it holds, and an API that is replaced goes."""
    for part in Path(source.path).with_suffix("").parts[1:]:
        if BANNED_FILES.fullmatch(part):
            yield Finding(source.path, 1, f"{part!r} is no name for a room of this house")


def banned(source: Source) -> Iterator[Finding]:
    """What src never does: assert, global state, text as code, foreign objects from bytes."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Assert():
                yield source.at(node, "assert vanishes under -O: raise an error of hansa.errors")
            case ast.Global():
                yield source.at(node, "global state: pass the value, or return it")
            case ast.Import():
                yield from banned_imports(source, node, [item.name for item in node.names])
            case ast.ImportFrom():
                yield from banned_imports(source, node, [f"{node.module}.{item.name}" for item in node.names])
            case ast.Call():
                yield from banned_call(source, node)
            case ast.Name(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()):
                name = source.meaning(node).removeprefix("builtins.")
                if name in BANNED_NAMES:
                    yield source.at(node, f"{name} {BANNED_NAMES[name]}")


def banned_imports(source: Source, node: ast.stmt | ast.expr, names: Iterable[str]) -> Iterator[Finding]:
    """Bytes of another house are never turned into objects."""
    for name in names:
        if name.partition(".")[0] in BANNED_IMPORTS:
            yield source.at(node, f"import of {name.partition('.')[0]}: bytes from elsewhere must not become code")
        elif name in BANNED_NAMES:
            yield source.at(node, f"{name} {BANNED_NAMES[name]}")


def banned_call(source: Source, node: ast.Call) -> Iterator[Finding]:
    """A call may open the same doors by a keyword or by an import in a string."""
    for word in node.keywords:
        if word.arg == "allow_pickle" and not (isinstance(word.value, ast.Constant) and word.value.value is False):
            yield source.at(node, "allow_pickle lets a file run code")
    name, values = source.meaning(node.func), [*node.args, *(word.value for word in node.keywords)]
    if name == "numpy.load":
        third = [arg for arg in node.args[2:3] if not (isinstance(arg, ast.Constant) and arg.value is False)]
        if third or any(isinstance(arg, ast.Starred) for arg in node.args) or not all(w.arg for w in node.keywords):
            yield source.at(node, "allow_pickle lets a file run code: say allow_pickle=False")
    if name.rpartition(".")[2] in {"import_module", "__import__"}:
        texts = [arg.value for arg in values if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        yield from banned_imports(source, node, texts)
    if name.removeprefix("builtins.") == "type" and isinstance(node.func, ast.Name | ast.Attribute) and len(values) > 1:
        yield source.at(node, "type() makes a class that no rule sees: write it down")


def tops(source: Source) -> set[str]:
    """Return the full names of the values at the top of a file."""
    nodes = (node for node in source.tree.body if isinstance(node, ast.Assign | ast.AnnAssign))
    names = (name for node in nodes for name in (node.targets if isinstance(node, ast.Assign) else [node.target]))
    return {f"{source.module}.{name.id}" for name in names if isinstance(name, ast.Name)}


def changed(source: Source, known: set[str]) -> Iterator[Finding]:
    """A table at the top of a file is written once: a function that changes it is global state by another name."""
    for function in ast.walk(source.tree):
        if not isinstance(function, Function):
            continue
        nodes = list(ast.walk(function))
        own = {node.arg for node in nodes if isinstance(node, ast.arg)}
        own |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        for node in nodes:
            match node:
                case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()):
                    name = source.meaning(value)
                case ast.Call(func=ast.Attribute(value=value, attr=verb)) if verb in CHANGES:
                    name = source.meaning(value)
                case _:
                    continue
            if name.partition(".")[0] not in own and not known.isdisjoint({name, f"{source.module}.{name}"}):
                yield source.at(node, f"{name} is changed by a function: global state; pass the value, or return it")


def classes_of(sources: Iterable[Source]) -> Classes:
    """Gather the classes of all files, inner ones too."""
    known = {source.module: source for source in sources}
    found = {
        f"{source.module}.{node.name}": (source, node)
        for source in known.values()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
    }
    return Classes(known, found)


def classes(house: Classes) -> Iterator[Finding]:
    """Classes are frozen dataclasses, protocols, or abstract-or-final; none inherits from a concrete one."""
    for name, (source, node) in house.found.items():
        if "mixin" in node.name.lower():
            yield source.at(node, f"{node.name} is a mix-in: hold the part in a field")
        for base in house.bases(name):
            if base in house.found and not house.is_abstract(base) and not house.is_exception(base):
                yield source.at(node, f"{node.name} inherits from the concrete {base}: hold one in a field")
        if not (house.is_abstract(name) or house.is_sealed(name) or house.is_exception(name)):
            yield source.at(node, f"{node.name} is neither a frozen dataclass, nor a protocol, nor abstract, nor final")


def examples(source: Source) -> Iterator[Finding]:
    """An example is short and ends by asserting what it has shown."""
    lines = len(source.text.splitlines())
    if lines > EXAMPLE_LINES:
        yield Finding(source.path, lines, f"the example has {lines} lines: at most {EXAMPLE_LINES}")
    body: list[ast.stmt] = source.tree.body
    while body and isinstance(body[-1], ast.If):  # if __name__ == "__main__"
        body = body[-1].body
    if not (body and isinstance(body[-1], ast.Assert)):
        yield Finding(source.path, lines, "the example does not end in an assert")


def docs(source: Source, house: Classes) -> Iterator[Finding]:
    """A public name shows how it is used: its docstring, or another of its file, has an example that runs.

    Protocols, errors, enumerations and named tuples are shown by those who use them; a verb by its --help.
    """
    if source.module.startswith("hansa.cli"):
        return
    shown = " ".join(re.findall(r"^ *(?:>>>|\.\.\.) .*$", source.text, re.MULTILINE))
    for node in source.tree.body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        name = f"{source.module}.{node.name}"
        if isinstance(node, ast.ClassDef):
            spared = house.is_exception(name) or not (ABSTRACT | VALUES).isdisjoint(house.bases(name))
        else:
            spared = any(source.meaning(mark) == "typing.overload" for mark in node.decorator_list)
        own = ">>>" in (ast.get_docstring(node) or "")
        if not (spared or own or re.search(rf"\b{node.name}\b", shown)):
            yield source.at(node, f"{node.name} is public and no example shows it")


def mirror(source: Source, root: Path) -> Iterator[Finding]:
    """The test of a file stands at the file's own place under tests."""
    if not source.path.startswith("src/hansa/"):
        yield Finding(source.path, 1, "src holds hansa and nothing else")
        return
    place = Path(source.path).relative_to("src/hansa")
    test = Path("tests") / place.with_name(f"test_{place.name}")
    if place.name not in {"__init__.py", "__main__.py"} and not (root / test).exists():
        yield Finding(source.path, 1, f"no test stands at {test.as_posix()}")


def holds_tests(source: Source) -> Iterator[Finding]:
    """A file of tests holds at least one."""
    if not any(isinstance(node, Function) and node.name.startswith("test") for node in ast.walk(source.tree)):
        yield Finding(source.path, 1, "the file holds no test")


def check(root: Path) -> list[Finding]:
    """Return all findings under a project's root, in the order of files and lines."""
    paths = [path for room in ROOMS for path in sorted((root / room).rglob("*.py"))]
    outcome = [read(root, path) for path in paths]
    findings = [item for item in outcome if isinstance(item, Finding)]
    sources = [item for item in outcome if isinstance(item, Source)]
    inside = [source for source in sources if source.path.startswith("src/")]
    house = classes_of(inside)
    known = {name for source in inside for name in tops(source)}
    for source in sources:
        findings += [*sizes(source), *file_names(source)]
        if source.path.startswith("examples/"):
            findings += examples(source)
        if source.path.startswith("tests/") and Path(source.path).name.startswith("test_"):
            findings += holds_tests(source)
    for source in inside:
        findings += [*banned(source), *changed(source, known), *docs(source, house), *mirror(source, root)]
    return sorted({*findings, *classes(house)})


def main() -> int:
    """Print the findings under the root that the command line names; return the exit code."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    findings = check(root)
    for finding in findings:
        print(finding)
    return int(bool(findings))


if __name__ == "__main__":
    raise SystemExit(main())
