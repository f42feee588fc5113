"""`hansa serve` keeps to this machine unless it is told otherwise, and serves scorecards alone."""

from __future__ import annotations


def test_what_cannot_be_served_is_said_so(hansa, project):
    (run,) = (project / "runs").iterdir()
    assert "is no scorecard" in hansa("serve", run, code=2)
    assert "--to-others" in hansa("serve", run, "--host", "0.0.0.0", code=2)  # noqa: S104 - it is refused
