"""A real PostgreSQL for the tests that need one: its own folder, its own port, gone at the end."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

_FOLDERS = ("/usr/local/bin", "/usr/local/pgsql/bin", *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin"))))


@pytest.fixture(scope="session")
def postgres():
    """Start a server and give its URL; its password stands in the environment variable HANSA_TEST_PASSWORD."""
    pytest.importorskip("sqlalchemy", reason="needs sqlalchemy (extra 'sql')")
    pytest.importorskip("psycopg", reason="needs psycopg (extra 'postgres')")
    tools = [shutil.which(name, path=os.pathsep.join((*_FOLDERS, os.environ["PATH"]))) for name in ("initdb", "pg_ctl")]
    if None in tools:
        pytest.skip("needs PostgreSQL's initdb and pg_ctl (Debian: apt install postgresql)")
    initdb, pg_ctl = tools
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        secret = Path(folder, "secret")
        secret.write_text("pass/word", encoding="ascii")
        user = _owner(folder, secret)
        _run(
            [initdb, "-D", f"{folder}/data", "-U", "risk", "--auth=scram-sha-256", f"--pwfile={secret}", "-E", "UTF8"],
            user,
        )
        port = _free_port()
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        _run([pg_ctl, "-D", f"{folder}/data", "-o", options, "-l", f"{folder}/log", "-w", "start"], user)
        try:
            os.environ["HANSA_TEST_PASSWORD"] = "pass/word"
            yield f"postgresql://risk:${{HANSA_TEST_PASSWORD}}@127.0.0.1:{port}/postgres"
        finally:
            _run([pg_ctl, "-D", f"{folder}/data", "-m", "immediate", "stop"], user)


def _owner(folder: str, secret: Path) -> str | None:
    """The server refuses to run as root: then it is another user's, and so is its folder."""
    if os.geteuid() != 0:
        return None
    for path in (Path(folder), secret):
        shutil.chown(path, "nobody")
    return "nobody"


def _run(command: list[str], user: str | None) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    done = subprocess.run(
        command,
        user=user,
        cwd="/",
        env=clean,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
