"""What needs an optional library that is not installed is skipped, and the skip names the extra that brings it.

It holds for test files, tests and doctests alike, so that `make test` passes with any set of extras. Every other failed
import is an error, of a test file too. Under HANSA_NO_SKIPS=1 these skips fail the run, as all do.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from hansa.extras import EXTRAS

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from types import ModuleType

    Wrapper = Generator[None, pytest.CollectReport, pytest.CollectReport]
    TestWrapper = Generator[None, pytest.TestReport, pytest.TestReport]

MISSING = {library: extra for library, extra in EXTRAS.items() if find_spec(library) is None}


def lack(error: BaseException | None) -> str:
    """Say which missing library an error comes from, and its extra; an empty text where it comes from none."""
    failures = getattr(error, "failures", None)  # of a doctest: what follows the first one follows from it
    error = getattr(failures[0] if failures else error, "exc_info", (None, error))[1]
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name in MISSING:
            return f"needs {error.name} (extra '{MISSING[error.name]}')"
        error = error.__cause__ or error.__context__
    return ""


def is_half_made(name: str, module: ModuleType, path: Path) -> bool:
    """Tell whether pytest has begun to import a module on the way to `path`, and broken off."""
    package, _, last = name.rpartition(".")
    ours = {str(path), *(str(folder / "__init__.py") for folder in path.parents)}
    return getattr(module, "__file__", None) in ours and getattr(sys.modules.get(package), last, None) is not module


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Wrapper:
    """Skip a file whose import lacks an optional library, and forget what a failed import has left behind."""
    known = set(sys.modules)
    report = yield
    if not report.failed:
        return report
    for name in set(sys.modules) - known:
        if is_half_made(name, sys.modules[name], collector.path):
            del sys.modules[name]  # pytest would take it for the whole module the next time
    _skip(report, report.call.excinfo.value, (str(collector.path), 0))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> TestWrapper:
    """Skip a test or a doctest that ends for want of an optional library."""
    report = yield
    if report.failed and call.excinfo is not None:
        _skip(report, call.excinfo.value, (str(item.path), item.location[1] or 0))
    return report


def _skip(report: pytest.CollectReport | pytest.TestReport, error: BaseException, place: tuple[str, int]) -> None:
    reason = lack(error)
    if reason:
        report.outcome, report.longrepr = "skipped", (*place, f"Skipped: {reason}")
