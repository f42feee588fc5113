"""The course of a selection: what tables and sums decide, with a reason for each column that goes."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.errors import DataError
from hansa.horizontal.binning_table import BinningTable
from hansa.horizontal.course import Course, begun
from hansa.horizontal.optimal import Limits
from hansa.horizontal.selection import Select
from hansa.horizontal.stepwise import Standing
from hansa.horizontal.woe import Cells


def table(name, goods=(90.0, 60.0), bads=(10.0, 40.0)):
    edges = tuple(float(k) for k in range(len(goods) - 1))
    counts = np.array([[*goods, 0.0], [*bads, 0.0]])
    return BinningTable(Cells(name, edges=edges), counts, tuple(range(len(goods))))


STRONG, WEAK = table("strong"), table("weak", (76.0, 74.0), (24.0, 26.0))
TURNING = table("turning", (90.0, 50.0, 85.0), (10.0, 50.0, 15.0))
FLAT = table("flat", (80.0,), (20.0,))


def test_tables_alone_tell_what_is_weak_strong_turning_constant_or_forbidden():
    course = begun(Select(max_iv=0.89, forbidden=("sex",)), (STRONG, WEAK, TURNING, FLAT, table("sex")))
    assert course.names == ("strong",)
    assert course.dropped == {
        "weak": f"its information value {WEAK.iv:.3g} is below 0.02",
        "turning": f"its information value {TURNING.iv:.3g} is above 0.89",
        "sex": "it is forbidden",
        "flat": "its information value 0 is below 0.02",
    }
    assert begun(Select(), (STRONG, TURNING)).dropped == {"turning": "its event rates rise and fall"}
    assert begun(Select(monotonic=False), (STRONG, TURNING)).dropped == {}


def test_what_is_forced_stays_and_what_speaks_against_it_is_told():
    course = begun(Select(forced=("weak", "turning")), (STRONG, WEAK, TURNING))
    assert course.names == ("strong", "weak", "turning")
    assert set(course.against) == {"weak", "turning"}
    course = begun(Select(min_iv=0.0, forced=("flat",)), (STRONG, FLAT))
    assert (course.names, course.dropped, course.against) == (("strong",), {"flat": "it is constant"}, {})


def test_names_that_were_not_binned_and_nothing_left_are_errors():
    with pytest.raises(DataError, match=r"'stron' was not binned. Did you mean 'strong'"):
        begun(Select(forced=("stron",)), (STRONG,))
    with pytest.raises(DataError, match=r"keeps no column. 'weak': its .* below 0.02. Lower min_iv"):
        begun(Select(), (WEAK,))


def test_a_leak_and_a_book_of_one_outcome_are_named_as_such():
    leak = np.array([[40.0, 40.0, 20.0, 0.0, 0.0, 0.0], [0.0, 0.0, 20.0, 40.0, 40.0, 0.0]])
    table = BinningTable.of(Cells("repaid", edges=(1.0, 2.0, 3.0, 4.0)), leak, Limits(), "optimal")
    assert begun(Select(), (STRONG, table)).dropped["repaid"].startswith("it tells the outcome nearly by itself")
    good = BinningTable.of(Cells("age", edges=(1.0, 2.0, 3.0, 4.0)), leak * [[1], [0]], Limits(), "optimal")
    with pytest.raises(DataError, match="'age': no bank has told rows of both outcomes"):
        begun(Select(), (good,))


def products(R):
    """Sums of products of 100 rows of standardised columns with these correlations."""
    whole = np.eye(1 + len(R))
    whole[1:, 1:] = R
    return 100 * whole


def test_of_two_alike_the_one_that_tells_less_goes_and_a_forced_one_stays():
    R = np.array([[1.0, 0.95, 0.1], [0.95, 1.0, 0.2], [0.1, 0.2, 1.0]])
    tables = (table("less", (85.0, 65.0), (15.0, 35.0)), STRONG, table("other"))
    course, places = begun(Select(), tables).thinned(products(R))
    assert (course.names, places, course.inside) == (("strong", "other"), [1, 2], ())
    assert course.dropped == {"less": "it correlates 0.950 with strong"}
    forced, _ = begun(Select(forced=("less",), stepwise="none"), tables).thinned(products(R))
    assert (forced.names, forced.inside) == (("less", "other"), (0, 1))
    both, _ = begun(Select(forced=("less", "strong")), tables).thinned(products(R))
    assert both.against == {"less": "it correlates 0.950 with strong"}
    assert both.inside == (0, 1)


def test_the_most_inflated_goes_until_none_is():
    c = 0.69
    R = np.array([[1.0, 0.0, c], [0.0, 1.0, c], [c, c, 1.0]])
    tables = tuple(table(name) for name in ("one", "two", "sum"))
    course, _ = begun(Select(), tables).thinned(products(R))
    assert course.names == ("one", "two")
    assert course.dropped["sum"] == f"its variance inflation is {1 / (1 - 2 * c**2):.4g}"
    forced, _ = begun(Select(forced=("sum",)), tables).thinned(products(R))
    assert forced.names == ("two", "sum")
    assert begun(Select(max_vif=0.0), tables).thinned(products(R))[0].names == ("one", "two", "sum")


def moves(rules, beta, gradient, inside):
    tables = tuple(table(name) for name in ("one", "two", "three"))
    point = Standing(np.array([0.0, *beta]), 9.0, np.array([0.0, *gradient]), np.diag([50.0, 4.0, 4.0, 4.0]))
    course = Course(rules, tables, inside)
    return course, course.moved(point), point


def test_the_best_enters_the_worst_leaves_and_signs_come_first():
    _, moved, _ = moves(Select(), (0, 0, 0), (-5, -6, 9), ())
    assert moved.path == ("+ two",)
    _, moved, _ = moves(Select(signs=False), (0, 0, 0), (-5, -6, 9), ())
    assert moved.path == ("+ three",)
    _, moved, _ = moves(Select(), (-2, 0.3, 0.2), (0, 0, 0), (0, 1, 2))
    assert moved.path == ("- two",)
    assert moved.dropped == {"two": "its coefficient has the wrong sign"}
    assert moved.cleared(np.arange(4.0)).tolist() == [0.0, 1.0, 0.0, 3.0]
    _, moved, _ = moves(Select(signs=False), (-2, 0.3, 0.2), (0, 0, 0), (0, 1, 2))
    assert moved.dropped == {"three": "its Wald test has p = 0.689"}
    assert moves(Select(stepwise="none", signs=False), (-2, 0.3, 0.2), (0, 0, 0), (0, 1, 2))[1] is None
    assert moves(Select(stepwise="forward"), (-2, -0.3, -0.2), (0, 0, 0), (0, 1, 2))[1] is None


def test_the_end_names_a_reason_for_each():
    rules = Select(forced=("three",))
    course, moved, point = moves(rules, (0, 0, 1.0), (-1, 9, 0), (2,))
    assert moved is None
    found = course.selection(point)
    assert found.kept == ("three",)
    assert found.dropped == {
        "one": "its score test has p = 0.617",
        "two": "its coefficient would have the wrong sign",
    }
    assert found.against == {"three": "its coefficient has the wrong sign"}
    course, _, point = moves(Select(), (0, 0, 0), (0, 0, 0), ())
    with pytest.raises(DataError, match=r"keeps no column\. None passes"):
        course.selection(point)
