"""What a policy has against a job: all of it at once, each with its mend; and what is not set is refused."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from hansa.core.job import Job
from hansa.errors import ConfigError
from hansa.governance.policy import CEILINGS, FLOORS, JOBS, Policy
from tests.governance.policies import ASKS, AT, NAMES, job, policy


def judged(found, one=None, names=NAMES, submitter="risk-team", at=AT):
    return [refusal.what for refusal in found.judge(one or job(), names, submitter, at)]


def test_a_job_within_the_policy_is_let_through():
    assert judged(policy()) == []


def test_an_empty_policy_refuses_everything_and_says_all_of_it():
    found = judged(Policy(), names=(), submitter="")
    for word in (*FLOORS, *(set(CEILINGS) - {"max_steps"}), "min_batch", "when jobs may run", "'Train'", "'linear'"):
        assert any(word in one for one in found), word
    assert any("'loans' is not allowed" in one for one in found)
    assert any("may not submit" in one for one in found)
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    "unset", [field.name for field in fields(Policy) if field.name not in {"parts", "max_steps", "sums", *JOBS}]
)
def test_each_setting_that_is_not_set_refuses(unset):
    assert judged(policy(**{unset: None})), unset


def test_steps_are_bounded_where_a_job_counts_steps():
    counting = job(("epochs = 1", "steps = 60"))
    assert judged(policy(max_epochs=None), counting) == [
        "The job asks for 60 (steps a round); at most 50 is allowed.",
    ]
    assert "max_steps" in judged(policy(max_steps=None), counting)[0]


@pytest.mark.parametrize("ask", ASKS)
def test_each_kind_of_ask_is_allowed_by_name(ask):
    assert judged(policy(asks=[one for one in ASKS if one != ask])) == [f"The ask '{ask}' is not allowed."]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("rounds = 3", "rounds = 21", "21 (rounds); at most 20"),
        ("epochs = 1", "epochs = 1_000_000_000", "1,000,000,000 (epochs a round); at most 2"),
        ("learning_rate = 0.1", "learning_rate = 1e30", "1e+30 (learning rate); at most 1"),
        ("batch = 64", "batch = 1", "takes 1 rows; at least 32"),
        ("rounds = 3", 'rounds = 3\ntrainer = "tabular"', "trainer or network 'tabular'"),
        ('"weighted_mean"', '"coordinate_median"', "link 'coordinate_median'"),
        ('keep = ["x0", "x1"]', 'keep = ["x0", "salary"]', "column 'salary'"),
        ('target = "y"', 'target = "late"', "column 'late'"),
        ('target = "y"', 'target = "y"\nid = "who"', "column 'who'"),
        ('target = "y"', 'target = "y"\nweight = "mass"', "column 'mass'"),
        ('table = "loans"', 'table = "staff"', "table 'staff' is not allowed"),
        ('name = "scores"', 'name = "scores"\nmin_rows = 1', "promises 1 rows behind"),
        ('name = "scores"', 'name = "scores"\nmin_cell = 2', "promises 2 customers"),
        ('name = "scores"', 'name = "scores"\nmin_parties = 2', "promises 2 parties"),
        ('name = "scores"', 'name = "scores"\nquorum = 2', "goes on with 2 parties"),
        ('chain = ["by_examples"', 'chain = [{ use = "fixed", k = 2 }, "by_examples"', "asks 2 parties"),
    ],
)
def test_what_a_job_may_not(old, new, what):
    found = judged(policy(), job((old, new)))
    assert any(what in one for one in found), found


def test_a_regression_counts_its_steps_as_rounds():
    asks = ["Regressed", "Totals", "Gram", "Climb", "Lean", "Meat"]
    text = 'name = "scores"\ndata = {table = "loans", target = "y"}\nsteps = [{use = "glm", max_iter = %d}]'
    allowed = policy(asks=asks)
    assert judged(allowed, Job.from_toml(text % 20)) == []
    assert judged(allowed, Job.from_toml(text % 21)) == ["The job asks for 21 (rounds); at most 20 is allowed."]
    (unset,) = judged(policy(asks=asks, max_parameters=None), Job.from_toml(text % 5))
    assert "max_parameters" in unset


def test_a_batch_of_all_rows_is_a_large_one():
    assert judged(policy(), job(("batch = 64", "batch = 0"))) == []


def test_a_schema_names_columns_too():
    schema = """[data.schema]
use = "schema"
fields = [
    { name = "x0", kind = "float" },
    { name = "salary", kind = "float" },
    { name = "note", kind = "text", role = "ignore" },
    { name = "y", kind = "integer", role = "target" },
]

[[steps]]
use = "prepare\""""
    found = judged(policy(), job(('[[steps]]\nuse = "prepare"', schema)))
    assert found == ["The column 'salary' is not allowed."]


def test_the_only_table_need_not_be_named():
    unnamed = job(('table = "loans"', ""))
    assert judged(policy(), unnamed) == []
    two = policy(columns={"loans": ["x0", "x1", "y"], "cards": ["x0", "x1", "y"]})
    assert judged(two, unnamed) == ["The job does not say which table it reads."]


def test_who_comes_with_whom_and_when():
    assert judged(policy(), submitter="stranger") == ["'stranger' may not submit jobs here."]
    assert judged(policy(), names=("bank-a", "bank-b", "bank-b")) == [
        "The job has 2 parties; at least 3 are asked for."
    ]
    assert judged(policy(), at=AT + timedelta(hours=12)) == ["Jobs do not run here at this time."]


def test_jobs_are_bounded_also_where_a_file_does_not_say_so():
    assert Policy().judge_others(15, 99) == ()
    assert [one.what for one in Policy().judge_others(16, 100)] == [
        "It would be one of 17 jobs open at once; at most 16 is allowed.",
        "It would be one of 101 jobs begun in 24 hours; at most 100 is allowed.",
    ]
    few = policy(max_jobs=1, max_jobs_a_day=2)
    assert [len(few.judge_others(*pair)) for pair in ((0, 1), (1, 1), (0, 2))] == [0, 1, 1]
    assert all("raise max_jobs" in one.mend for one in few.judge_others(1, 2))


def test_code_of_ones_own_is_allowed_by_name_and_file():
    own = replace(job(), parts={"bank_net": "ab" * 32})
    assert judged(policy(), own) == ["The part 'bank_net' of somebody's own is not allowed."]
    assert judged(policy(parts={"bank_net": "cd" * 32}), own)
    assert judged(policy(parts={"bank_net": "AB" * 32}), own) == []


def test_each_refusal_says_its_mend():
    for found in (Policy(), policy(asks=[], links=[], trainers=[])):
        assert all(one.what and one.mend for one in found.judge(job(), (), "", AT))


@pytest.mark.parametrize(
    "wrong",
    [{name: value} for name in (*FLOORS, *CEILINGS, *JOBS, "min_batch") for value in (0, -1)]
    + [{"max_learning_rate": float("inf")}, {"max_learning_rate": float("nan")}, {"parts": {"net": "ab"}}],
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        policy(**wrong)


def test_a_misspelt_setting_names_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'min_rows'"):
        policy(min_row=3)
