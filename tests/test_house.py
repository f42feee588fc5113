"""The rules of the house: each small breach is found, and what stands is in order."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import check_house

ROOT = Path(__file__).parents[1]
PLACE = "src/hansa/core/room.py"

Found = Callable[..., list[str]]


@pytest.fixture
def found(tmp_path: Path) -> Found:
    """Check a house of one room (and of other files, by path), and return what was found in it."""

    def look(text: str, place: str = PLACE, **others: str) -> list[str]:
        files = {place: text, "tests/core/test_room.py": ""} | {f"src/hansa/{k}.py": v for k, v in others.items()}
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        wanted = [str(finding) for finding in check_house.check(tmp_path)]
        return [line for line in wanted if line.startswith(place)]

    return look


def test_a_good_room_has_no_findings(found: Found):
    text = '''
from dataclasses import dataclass
from typing import Protocol, final
from abc import ABC, abstractmethod
from enum import Enum
import numpy as np

class Trainer(Protocol):
    def fit(self, a, b, c, d, e, f, g): ...

class Ask(ABC):
    @abstractmethod
    def inner(self): ...

@final
@dataclass(frozen=True)
class Train(Ask):
    """Train.

    >>> Train(1).inner()
    """
    a: int; b: int; c: int; d: int; e: int; f: int; g: int; h: int

    def inner(self):
        return self

class Colour(Enum):
    RED = 1

class Lost(ValueError):
    pass

class PartyLost(Lost):
    pass

def load(path, model):
    """Load.

    >>> load("x", model)
    """
    model.eval()
    return np.load(path, allow_pickle=False)
'''
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("assert 1", "assert vanishes"),
        ("x = eval('1')", "eval runs text"),
        ("exec('1')", "exec runs text"),
        ("import builtins\nbuiltins.exec('1')", "exec runs text"),
        ("x = map(eval, [])", "eval runs text"),
        ("x = hasattr(1, 'a')", "hasattr guesses"),
        ("import torch\nx = torch.load('a')", "torch.load unpickles"),
        ("import torch as t\nx = t.load('a')", "torch.load unpickles"),
        ("from torch import load", "torch.load unpickles"),
        ("import yaml\nx = yaml.load('a')", "yaml.load builds"),
        ("import numpy as np\nx = np.load('a', allow_pickle=True)", "allow_pickle"),
        ("import numpy as np\nx = np.load('a', allow_pickle=a)", "allow_pickle"),
        ("import pickle", "import of pickle"),
        ("import cloudpickle", "import of cloudpickle"),
        ("from dill import loads", "import of dill"),
        ("import marshal as m", "import of marshal"),
        ("from joblib.externals import loky", "import of joblib"),
        ("import importlib\nx = importlib.import_module('pickle')", "import of pickle"),
        ("import importlib\nx = importlib.import_module(name='pickle')", "import of pickle"),
        ("import numpy as np\nx = np.load('a', None, True)", "allow_pickle"),
        ("import numpy as np\nx = np.load('a', **a)", "allow_pickle"),
        ("import numpy as np\nx = np.load(*a)", "allow_pickle"),
        ("import yaml\nx = yaml.unsafe_load('a')", "yaml.unsafe_load builds"),
        ("from yaml import full_load_all", "yaml.full_load_all builds"),
        ("import torch\nx = torch.jit.load('a')", "torch.jit.load runs"),
        ("x = compile('1', '', 'eval')", "compile runs text"),
        ("x = type('_A', (int,), {})", "type() makes a class"),
        ("import types\nx = types.new_class('_A')", "types.new_class makes a class"),
        ("x = lambda a, b, c, d, e, f, g, h, i: a", "a lambda takes 9 arguments"),
        ("def _f():\n    global x\n    x = 1", "global state"),
        ("T = {}\ndef _f():\n    T['a'] = 1", "T is changed by a function"),
        ("T: dict[str, int] = {}\ndef _f():\n    del T['a']", "T is changed by a function"),
        ("T = {}\ndef _f():\n    T['a'] += 1", "T is changed by a function"),
        ("T = []\ndef _f():\n    T.append(1)", "T is changed by a function"),
        ("from dataclasses import field\nT = set()\nasync def _f(a):\n    T.add(a)", "T is changed by a function"),
        ("class _A:\n    pass", "neither a frozen dataclass"),
        ("from dataclasses import dataclass\n@dataclass\nclass _A:\n    a: int", "neither a frozen dataclass"),
        ("from typing import final\n@final\nclass _A: ...\nclass _B(_A): ...", "inherits from the concrete hansa.core"),
        ("class _SumMixin: ...", "mix-in"),
        ("def f():\n    '''Do it.'''", "f is public and no example shows it"),
        ("from typing import final\n@final\nclass A:\n    '''It.'''", "A is public and no example shows it"),
        ("x = 1 +", "does not parse"),
    ],
)
def test_a_breach_is_found_once_at_its_line(found: Found, text: str, what: str):
    lines = [line for line in found(text) if what in line]
    assert len(lines) == 1
    assert re.match(rf"{PLACE}:\d+ ", lines[0])


@pytest.mark.parametrize(
    "text",
    [
        "T = {'a': 1}\nx = T['a']\nT['b'] = 2",  # while the file is read
        "T = {}\ndef _f(T):\n    T['a'] = 1",
        "T = {}\ndef _f():\n    T = {}\n    T['a'] = 1",
        "T = {}\ndef _f():\n    return T.get('a')",
        "import re\nx = re.compile('a')",
        "x = lambda a, b, c, d, e, f, g: a",
        "x = type(1)(2, 3)",
        "import numpy as np\nx = np.load('a', None, False)",
    ],
)
def test_what_only_looks_like_a_breach_is_none(found: Found, text: str):
    assert found(text) == []


def test_a_table_of_another_file_that_is_changed_is_found(found: Found):
    others = {"core/table": "TABLE = {}\n", "core/__init__": "from hansa.core.table import TABLE\n"}
    for text in (
        "from hansa.core.table import TABLE\ndef _f():\n    TABLE['a'] = 1\n",
        "from hansa.core import table\ndef _f():\n    table.TABLE.update(a=1)\n",
    ):
        assert found(text, **others) == [
            f"{PLACE}:3 hansa.core.table.TABLE is changed by a function: global state; pass the value, or return it"
        ]


def test_a_file_of_tests_without_one_is_found(found: Found):
    place = "tests/core/test_other.py"
    assert found("", place) == [f"{place}:1 the file holds no test"]
    assert found("def test_one():\n    assert 1\n", place) == []
    assert found("class TestAll:\n    async def test_one(self): ...\n", place) == []
    assert found("", "tests/core/toys.py") == []


def test_the_line_is_the_one_of_the_breach(found: Found):
    assert found("x = 1\n\nimport pickle\n")[0].startswith(f"{PLACE}:3 ")


def test_a_base_is_followed_through_the_package_that_hands_it_on(found: Found):
    base = "from typing import final\n@final\nclass _Table: ...\n"
    text = "from typing import final\nfrom hansa.core import _Table as Base\n@final\nclass _Mine(Base): ...\n"
    others = {"core/table": base, "core/__init__": "from hansa.core.table import _Table\n"}
    assert found(text, **others) == [
        f"{PLACE}:4 _Mine inherits from the concrete hansa.core.table._Table: hold one in a field"
    ]


def test_a_generic_and_a_relative_base_are_seen(found: Found):
    base = "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass _Box(Generic[T]): ...\n"
    text = "from typing import final\nfrom .table import _Box\n@final\nclass _Mine(_Box[int]): ...\n"
    assert any(
        "inherits from the concrete hansa.core.table._Box" in line for line in found(text, **{"core/table": base})
    )


@pytest.mark.parametrize(
    ("lines", "count"), [(check_house.FUNCTION_LINES - 1, 0), (check_house.FUNCTION_LINES, 1)], ids=["at", "over"]
)
def test_a_long_function_is_found(found: Found, lines: int, count: int):
    assert len(found("def _f():\n" + "    x = 1\n" * lines)) == count


@pytest.mark.parametrize(
    ("lines", "count"), [(check_house.FILE_LINES, 0), (check_house.FILE_LINES + 1, 1)], ids=["at", "over"]
)
def test_a_long_file_is_found(found: Found, lines: int, count: int):
    assert len(found("x = 1\n" * lines)) == count


@pytest.mark.parametrize(
    ("head", "count"),
    [
        ("def _f(a, b, c, d, e, f, g)", 0),
        ("def _f(a, b, c, /, d, e, *, f, g, h)", 1),
        ("async def _f(a, b, c, d, e, f, g, h)", 1),
        ("def _f(a, b, c, d, e, f, *rest)", 0),
        ("def _f(a, b, c, d, e, f, g, *rest)", 1),
        ("def _f(a, b, c, d, e, f, g, **more)", 1),
    ],
)
def test_too_many_arguments_are_found(found: Found, head: str, count: int):
    assert len(found(f"{head}: ...")) == count


def test_self_is_not_counted_but_a_static_methods_first_argument_is(found: Found):
    text = """from typing import final
@final
class _A:
    def f(self, a, b, c, d, e, f, g): ...
    @staticmethod
    def g(a, b, c, d, e, f, g, h): ...
"""
    assert found(text) == [f"{PLACE}:6 g takes 8 arguments: at most 7, then a dataclass"]


@pytest.mark.parametrize(
    "place", ["src/hansa/core/utils.py", "src/hansa/compat/a.py", "src/hansa/v2/a.py", "src/hansa/_src/a.py"]
)
def test_a_banned_file_name_is_found(found: Found, place: str):
    assert any("is no name for a room" in line for line in found("", place))


def test_a_room_without_its_test_is_found(found: Found):
    assert found("", "src/hansa/data/schema.py") == [
        "src/hansa/data/schema.py:1 no test stands at tests/data/test_schema.py"
    ]


def test_a_name_may_be_shown_by_an_example_of_its_file(found: Found):
    text = "def f():\n    '''Do it.'''\n\ndef g():\n    '''Do more.\n\n    >>> g(f())\n    '''\n"
    assert found(text) == []


def test_what_is_not_hansa_does_not_stand_in_src(found: Found):
    assert found("", "src/other/room.py") == ["src/other/room.py:1 src holds hansa and nothing else"]


def test_assert_may_stand_in_tests(found: Found):
    assert found("def test_one():\n    assert 1\n", "tests/core/test_other.py") == []


def test_an_example_is_short_and_ends_in_an_assert(found: Found):
    place = "examples/risk.py"
    assert found("x = 1\nif __name__ == '__main__':\n    assert x\n", place) == []
    assert found("x = 1\n", place) == [f"{place}:1 the example does not end in an assert"]
    assert len(found("x = 1\n" * 40 + "assert x\n", place)) == 1


def test_the_command_prints_its_findings_and_fails(tmp_path: Path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "room.py").write_text("assert 1\n", encoding="utf-8")
    command = [sys.executable, str(ROOT / "tools" / "check_house.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "src/room.py:1 assert vanishes" in done.stdout


def test_the_map_names_every_room():
    house, shown = ROOT / "src" / "hansa", (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    rooms = [path.parent for path in house.rglob("__init__.py") if path.parent != house]
    rooms += [path for path in house.glob("*.py") if not path.name.startswith("__")]
    missing = [room.name for room in rooms if room.name not in shown]
    assert missing == []


def test_constraints_are_exact_pins_and_nothing_else():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9A-Za-z.]*", pin)] == []
    assert pins == sorted(pins)


def test_every_direct_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(item for extra in project["optional-dependencies"].values() for item in extra),
    ]
    names = {re.split(r"[\[<>=]", item)[0] for item in wanted} - {"hansa"}
    pinned = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()}
    assert names - pinned == set()


def test_every_rule_that_ruff_is_told_to_leave_out_has_its_reason():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("[tool.ruff.lint]")[2].partition("\n]")[0]
    rules = [line for line in block.splitlines() if line.startswith("    ")]
    assert rules
    assert [line for line in rules if not re.search(r'",  # .{10}', line)] == []
