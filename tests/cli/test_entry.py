"""Ctrl-C before there is a command line."""

from __future__ import annotations

import subprocess
import sys

import pytest

STOPPED = """
import sys

class Impatient:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Impatient())
{start}
"""
SCRIPT = "from hansa.cli.entry import main; sys.exit(main())"
MODULE = "import runpy; runpy.run_module('hansa', run_name='__main__')"


@pytest.mark.parametrize("start", [SCRIPT, MODULE], ids=["hansa", "python -m hansa"])
@pytest.mark.parametrize("name", ["typer", "hansa.cli.main", "hansa.errors"])
def test_an_interrupt_while_it_loads_is_one_line(name, start):
    code = STOPPED.format(name=name, start=start)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr == "hansa: stopped.\n"
