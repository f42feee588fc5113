"""A package of an institution's own, as pip would leave it: nothing of it runs unless its name and file are allowed."""

from __future__ import annotations

import importlib.util
import py_compile
import sys
import tomllib
import types
from hashlib import sha256

import numpy as np
import pytest

import hansa as hs
from hansa import own_parts
from hansa.core.codec import build, plain
from hansa.core.link import Link
from hansa.core.trainer import Trainer
from hansa.errors import ConfigError, PolicyRefusal
from hansa.own_parts import allowing
from hansa.running.scenario import parse_job
from hansa.running.verb import run

LINK = """
from dataclasses import dataclass
from typing import ClassVar, final

from hansa.core.link import Link
from hansa.links import rule


@final
@dataclass(frozen=True)
class halved(Link):
    stage: ClassVar[str] = "party"
    times: int = 1

    def apply(self, load, told, mine, draws):
        return load.replace(delta=load["delta"] / 2**self.times), mine


@rule
def middle(updates, weights):
    return (updates.min(axis=0) + updates.max(axis=0)) / 2


class loose:
    pass
"""
NET = """
from dataclasses import dataclass
from typing import final

import torch


@final
@dataclass(frozen=True)
class bank_net:
    width: int = 4

    def build(self, inputs, outputs):
        return torch.nn.Sequential(torch.nn.Linear(len(inputs.names), self.width), torch.nn.Linear(self.width, outputs))
"""
POINTS = """[hansa.parts]
bank_net = bank_net:bank_net
halved = bank_parts.links:halved
middle = bank_parts.links:middle
loose = bank_parts.links:loose
absent = bank_parts.links:nothing
broken = bank_broken:part
lost = bank_lost:part
"""
MEAN = '["by_examples", "weighted_mean"]'


def toml(chain, beside=""):
    return f'name = "own"\nsteps = ["prepare", {{use = "rounds", rounds = 2, chain = {chain}}}]\n{beside}'


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The folder of an installed package; what it says of itself stands in its dist-info."""
    (tmp_path / "bank_parts").mkdir()
    (tmp_path / "bank_parts" / "__init__.py").write_text('"""Parts of a bank."""\n')
    (tmp_path / "bank_parts" / "links.py").write_text(LINK)
    (tmp_path / "bank_net.py").write_text(NET)
    (tmp_path / "bank_broken.py").write_text("1 / 0\n")
    (tmp_path / "bank_parts-1.0.dist-info").mkdir()
    (tmp_path / "bank_parts-1.0.dist-info" / "METADATA").write_text("Name: bank-parts\nVersion: 1.0\n")
    (tmp_path / "bank_parts-1.0.dist-info" / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    own_parts.installed.cache_clear()
    yield tmp_path
    own_parts.installed.cache_clear()
    for name in set(sys.modules) - before:
        if name.startswith("bank_"):
            del sys.modules[name]


def digest(package, file="bank_parts/links.py"):
    return sha256((package / file).read_bytes()).hexdigest()


def banks():
    found = []
    for i in range(3):
        rng = np.random.default_rng(i)
        x = rng.normal(size=60)
        found.append(hs.Party(f"bank-{i}", {"x": x, "late": (x > rng.normal(size=60)).astype(int)}, target="late"))
    return found


def test_a_part_that_nobody_allowed_is_refused_before_it_runs(package):
    text = toml('["by_examples", "middle"]')
    with pytest.raises(PolicyRefusal, match="'middle' is not allowed here") as refused:
        hs.Job.from_toml(text)
    assert f'parts = {{ middle = "{digest(package)}" }}' in refused.value.mend
    assert not any(name.startswith("bank_parts") for name in sys.modules)
    with pytest.raises(PolicyRefusal, match="its file has changed"):
        hs.Job.from_toml(text, {"middle": "0" * 64})
    with pytest.raises(PolicyRefusal):  # another name's permission is none for this one
        hs.Job.from_toml(text, {"halved": digest(package)})
    assert not any(name.startswith("bank_parts") for name in sys.modules)


def test_a_changed_file_is_no_longer_allowed(package):
    allowed = {"middle": digest(package)}
    with (package / "bank_parts" / "links.py").open("a") as file:
        file.write("\n# a line more\n")
    with pytest.raises(PolicyRefusal, match="its file has changed"):
        hs.Job.from_toml(toml('["by_examples", "middle"]'), allowed)


def test_an_allowed_part_travels_in_the_job_and_its_digest(package):
    allowed = {"middle": digest(package), "halved": digest(package), "unused": "0" * 64}
    job = hs.Job.from_toml(toml('["by_examples", {use = "halved", times = 3}, "middle"]'), allowed)
    assert dict(job.parts) == {"middle": digest(package), "halved": digest(package)}
    text = job.to_toml()
    assert 'use = "halved"' in text
    assert hs.Job.from_toml(text, allowed) == job
    with pytest.raises(PolicyRefusal):
        hs.Job.from_toml(text)
    before = job.digest
    with (package / "bank_parts" / "links.py").open("a") as file:
        file.write("\n# a line more\n")
    newer = dict.fromkeys(allowed, digest(package))
    with pytest.raises(PolicyRefusal, match="other versions"):
        hs.Job.from_toml(text, newer)
    assert hs.Job.from_toml(toml('["by_examples", {use = "halved", times = 3}, "middle"]'), newer).digest != before


def test_it_runs_as_a_shipped_part_does_in_workers_too(package):
    tree = {
        "name": "own",
        "steps": ["prepare", {"use": "rounds", "rounds": 2, "chain": ["by_examples", "halved", "weighted_mean"]}],
        "simulation": {"files": {"a": "a.csv"}, "parts": {"halved": digest(package)}},
    }
    file = parse_job(tree, {"times": 2})
    assert file.job.steps[1].chain[1].times == 2
    assert parse_job(tomllib.loads(file.to_toml())) == file
    kept = [run(file.job, on=hs.Simulation(banks(), workers=n), baselines=False).model.params for n in (1, 2)]
    plain_job = hs.Job.from_toml(toml(MEAN))
    shipped = run(plain_job, on=hs.Simulation(banks(), workers=1), baselines=False).model.params
    assert (kept[0] == kept[1]).all()
    assert (kept[0] != shipped).any()


def test_a_part_of_the_wrong_kind_is_refused(package):
    with allowing({"halved": digest(package), "loose": digest(package), "absent": digest(package)}):
        assert plain(build(Link, {"use": "halved", "times": 4})) == {"use": "halved", "times": 4}
        assert plain(build(Link, "halved")) == "halved"
        with pytest.raises(ConfigError, match="is no trainer"):
            build(Trainer, "halved", "trainer")
        with pytest.raises(ConfigError, match="no frozen dataclass"):
            build(Link, "loose")
        with pytest.raises(ConfigError, match="no frozen dataclass"):
            build(Link, "absent")


def test_what_cannot_be_loaded_is_one_clear_error(package):
    with allowing({"broken": digest(package, "bank_broken.py")}):
        with pytest.raises(ConfigError, match="cannot be loaded: ZeroDivisionError"):
            build(Link, "broken")
        with pytest.raises(ConfigError, match="is not there"):
            build(Link, "lost")
        with pytest.raises(ConfigError, match="Did you mean 'halved'"):
            build(Link, "halve", "chain[0]")


def test_a_package_may_not_hide_code_above_its_part(package):
    (package / "bank_parts" / "__init__.py").write_text("import os\n")
    with allowing({"halved": digest(package)}), pytest.raises(ConfigError, match="holds code"):
        build(Link, "halved")


def test_a_module_from_elsewhere_is_not_taken_for_the_allowed_one(package, monkeypatch):
    monkeypatch.setitem(sys.modules, "bank_parts.links", types.ModuleType("bank_parts.links"))
    with allowing({"halved": digest(package)}), pytest.raises((PolicyRefusal, ConfigError)):
        build(Link, "halved")


def test_two_packages_of_one_name_are_told(package):
    other = package / "other_parts-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Name: other-parts\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text("[hansa.parts]\nhalved = other:halved\n")
    own_parts.installed.cache_clear()
    with pytest.raises(ConfigError, match="Two packages have a part 'halved'"):
        own_parts.installed()


def test_a_job_made_in_python_says_what_it_lacks_to_travel(package):
    from bank_parts.links import halved

    chain = (hs.Job.from_toml(toml(MEAN)).steps[1].chain[0], halved(), hs.Job.from_toml(toml(MEAN)).steps[1].chain[1])
    job = hs.Job("own", (hs.Rounds(chain=chain),))
    with pytest.raises(ConfigError, match="'halved' is not allowed"):
        job.to_toml()
    assert 'use = "rounds"' in hs.Job("own", job.steps, parts={"halved": digest(package)}).to_toml()


def test_a_model_of_an_own_network_is_saved_by_name_and_loads_where_it_is_allowed(package):
    pytest.importorskip("torch")
    from typer.testing import CliRunner

    from hansa.cli.main import app

    module = digest(package, "bank_net.py")
    trainer = 'trainer = {use = "torch", device = "cpu", module = {use = "bank_net", width = 3}}'
    text = f'name = "own"\nsteps = ["prepare", {{use = "rounds", rounds = 1, {trainer}}}]'
    job = hs.Job.from_toml(text, {"bank_net": module})
    model = run(job, on=hs.Simulation(banks(), workers=1), baselines=False).model
    folder, table = model.save(package / "model"), {"x": [0.5, -1.0]}
    with pytest.raises(PolicyRefusal, match="'bank_net' is not allowed"):
        hs.load(folder)
    again = hs.load(folder, parts={"bank_net": module})
    assert (again.predict_proba(table) == model.predict_proba(table)).all()
    assert again.save(package / "copy").joinpath("manifest.json").read_text() == (folder / "manifest.json").read_text()
    (package / "new.csv").write_text("x\n0.5\n-1.0\n")
    words = ["predict", str(folder), str(package / "new.csv")]
    assert CliRunner().invoke(app, words).exit_code == 4
    assert CliRunner().invoke(app, [*words, "--part", "bank_net"]).exit_code == 2
    done = CliRunner().invoke(app, [*words, "--part", f"bank_net={module}"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("probability")


def test_compiled_code_beside_the_allowed_file_does_not_run(package):
    """An unchecked cache is what Python runs without a look at the source."""
    file = package / "bank_parts" / "links.py"
    evil = package / "evil.py"
    evil.write_text(f"import pathlib\npathlib.Path({str(package / 'ran')!r}).touch()\n" + LINK, encoding="utf-8")
    cache = importlib.util.cache_from_source(str(file))
    py_compile.compile(str(evil), cache, str(file), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    assert hs.Job.from_toml(
        toml('["by_examples", {use = "halved", times = 2}, "weighted_mean"]'), {"halved": digest(package)}
    )
    assert not (package / "ran").exists()
    assert sys.pycache_prefix is None
