"""The module scores as hansa does, with nothing of hansa or numpy in its process."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np

from hansa.horizontal.to_python import as_python
from tests.horizontal.cards import BRANCH, CARD, DEBT, HOME, MISSING, rows, scores

MAIN = """
if __name__ == "__main__":
    import sys
    rows = json.load(open(sys.argv[1], encoding="utf-8"))
    found = [score(row) for row in rows]
    json.dump([found, list(map(grade, found)), list(map(probability, found)), sorted(sys.modules)], sys.stdout)
"""


def test_it_scores_alike_in_a_bare_python(tmp_path):
    (tmp_path / "card.py").write_text(as_python(CARD, MISSING) + MAIN, "ascii")
    (tmp_path / "rows.json").write_text(json.dumps(rows()), "utf-8")
    words = [sys.executable, "-I", "-S", "card.py", "rows.json"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    found, grades, chances, modules = json.loads(done.stdout)
    np.testing.assert_array_equal(found, scores())
    np.testing.assert_array_equal(grades, CARD.grade(scores()))
    np.testing.assert_allclose(chances, CARD.probability(scores()), rtol=1e-9)
    assert not {"hansa", "numpy"} & {name.partition(".")[0] for name in modules}


def test_its_errors_name_the_column_and_no_value(tmp_path):
    row = {DEBT: 1.0, HOME: "own", BRANCH: 1}
    wrong = [{HOME: "own"}, {**row, DEBT: "Ingrid-Tischbein-4711"}, {**row, DEBT: float("inf")}]
    (tmp_path / "card.py").write_text(as_python(CARD, MISSING), "ascii")
    (tmp_path / "wrong.json").write_text(json.dumps(wrong), "utf-8")
    code = """
import card, json
for row in json.load(open("wrong.json", encoding="utf-8")):
    try:
        card.score(row)
    except ValueError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 3
    assert "The row lacks column" in done.stdout
    assert "holds a label" in done.stdout
    assert "infinite" in done.stdout
    assert "Tischbein" not in done.stdout
