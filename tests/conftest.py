"""What every test run shares: quiet BLAS, hypothesis without deadlines, workers that fit, and no unexpected skip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before the first import of numpy: workers share the machine

settings.register_profile("hansa", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("hansa")

MOST_WORKERS = 8
SKIPPED = pytest.StashKey[list[str]]()


def shared_root() -> Path:
    """Return the folder of the data sets that are not in the repository; HANSA_SHARED names it."""
    return Path(os.environ.get("HANSA_SHARED", Path(__file__).parents[1].parent / "shared"))


def is_expected(reason: str) -> bool:
    """Tell whether a skip is one that CI may have: a soak test, or shared data on a machine that holds none."""
    return reason.startswith("soak") or (reason.startswith("shared data") and not shared_root().is_dir())


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder `data` of the shared data sets, or skip the test that asks for it."""
    path = shared_root() / "data"
    if not path.is_dir():
        pytest.skip("shared data: set HANSA_SHARED to the folder that holds data/")
    return path


@pytest.fixture
def tell(record_property):
    """Return a way to say a figure that stands at the end of the run, also where nothing fails."""
    return lambda line: record_property("tells", line)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return as many workers as there are cores to use, counting a container's share of them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = Path("/sys/fs/cgroup/cpu.max")
    if limit.is_file():
        quota, period = limit.read_text(encoding="ascii").split()
        cores = min(cores, max(1, int(quota) // int(period))) if quota != "max" else cores
    return min(cores, MOST_WORKERS)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SKIPPED] = []


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config):
    result = yield
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, line in report.user_properties if report.when == "call" else ():
            if name == "tells":
                terminalreporter.write_line(line)
    for line in config.stash[SKIPPED]:
        terminalreporter.write_line(f"unexpected skip: {line}", red=True)
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under HANSA_NO_SKIPS=1 a skip that nobody expects fails the run, here and not on xdist's workers."""
    if not os.environ.get("HANSA_NO_SKIPS") or hasattr(session.config, "workerinput"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    found = session.config.stash[SKIPPED]
    for report in reporter.stats.get("skipped", []):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        if not is_expected(reason):
            found.append(f"{report.nodeid}: {reason}")
    if found and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
