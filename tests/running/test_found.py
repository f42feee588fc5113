"""What a result tells beside its model: only what was found."""

from __future__ import annotations

import json

import numpy as np

from hansa.core.job import Job
from hansa.core.step import Done
from hansa.horizontal.binning import Binning
from hansa.horizontal.binning_process import BinningProcess
from hansa.horizontal.binning_table import BinningTable
from hansa.horizontal.card import Card, Characteristic
from hansa.horizontal.parity import Counted, Parity
from hansa.horizontal.regression import Regression
from hansa.horizontal.scorecard import CardFound, MakeCard
from hansa.horizontal.selected import Selection
from hansa.horizontal.tally import Tally
from hansa.horizontal.woe import Cells
from hansa.running.found import found_by, left_out


def test_it_tells_what_there_is_as_plain_data():
    counts = np.array([[90.0, 60.0, 0.0], [10.0, 40.0, 0.0]])
    process = BinningProcess((BinningTable(Cells("age", edges=(30.0,)), counts, (0, 1)),))
    regression = Regression(("const",), np.array([-1.0]), np.eye(1), rows=200, converged=True, selected=True)
    told = found_by(Done((process, Selection(("age",), path=("+ age",)), regression)))
    assert told["information_values"] == process.ivs
    assert told["selection"]["path"] == ["+ age"]
    assert told["regression"]["coefficients"]["const"]["coef"] == -1.0
    assert "not valid after selection" in told["regression"]["notes"][0]
    assert json.loads(json.dumps(told)).keys() == {"information_values", "selection", "regression"}
    assert found_by(Done()) == {}


def test_a_scorecard_is_told_cell_by_cell_with_its_tables():
    one = Characteristic(Cells("age", edges=(30.0,)), (-9, 11, 2), (-0.6, 0.7, 0.0))
    tally = Tally(591, np.tile([[9.0], [1.0]], 21))
    found = CardFound(Card((one,), 600, grades=(0.02,)), tally, tally, gain=1.0, loss=5.0)
    told = found_by(Done((found,)))["scorecard"]
    assert told["points"] == {"age": {"(-inf, 30]": -9, "(30, inf)": 11, "Missing": 2}}
    assert (told["lowest"], told["highest"], told["base"]) == (591, 611, 600)
    assert told["grades"][0]["observed"] == 0.1
    assert told["best"]["profit"] == np.max([cut["profit"] for cut in told["cut_offs"]])
    assert json.loads(json.dumps(told))["calibration"]["on"] == "validation"


def test_a_scorecard_is_told_with_the_bins_of_what_it_took_and_of_nothing_else():
    counts = np.array([[90.0, 60.0, 0.0], [10.0, 40.0, 0.0]])
    tables = tuple(BinningTable(Cells(name, edges=(30.0,)), counts, (0, 1)) for name in ("age", "income"))
    card = Card((Characteristic(Cells("age", edges=(30.0,)), (-9, 11, 2), (-0.6, 0.7, 0.0)),), 600)
    tally = Tally(591, np.tile([[9.0], [1.0]], 21))
    told = found_by(Done((BinningProcess(tables), CardFound(card, tally, tally))))["scorecard"]["bins"]
    assert told == {"age": tables[0].as_dict()}
    assert (told["age"]["goods"], told["age"]["bads"]) == ([90.0, 60.0, 0.0], [10.0, 40.0, 0.0])


def test_disparities_are_told_group_by_group():
    sums = np.zeros((4, 7))
    sums[:2, :2] = [[60.0, 40.0], [160.0, 40.0]]
    told = found_by(Done((Parity(540, (Counted(Cells("sex", labels=(("f",), ("m",))), sums),)),)))["fairness"]
    assert (told["cut_off"], told["groups"][0]["group"], told["groups"][0]["adverse"]) == (540, "f", True)
    assert round(told["groups"][0]["ratio"]["value"], 9) == 0.75


def test_what_a_scorecard_leaves_out_is_told_with_the_reason():
    binning, card = Binning(drop=("SEX", "region", "rating")), MakeCard(protected=("rating", "elsewhere"))
    assert left_out(Job("card", (binning, card))) == {
        "SEX": "sex is prohibited by Regulation B, 12 CFR 1002.6(b)",
        "region": "the job leaves it out",
        "rating": "it was named as protected",
    }
    assert left_out(Job("plain", (binning,))) == {}
