"""Canaries on every way in: whatever a file or a message holds, nothing in it is run.

Each payload, read by the library that it is made for, would make a folder. It takes the place of every file that a
project, a coordinator and a bank have, and then everything that reads them is called; and it is put into messages,
sheets, rows and models that are sound but for it.
"""

from __future__ import annotations

import asyncio
import io
import os
import pickle
import shutil
import struct
import zipfile
from contextlib import suppress
from hashlib import sha256

import msgpack
import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from typer.testing import CliRunner

from hansa.cli.main import app
from hansa.cli.rig import Rig
from hansa.core.bodies import ask_of, word_of
from hansa.core.codec import unpack
from hansa.core.job import Job
from hansa.core.message import Name
from hansa.core.table import Table
from hansa.core.wire import Parcel, read
from hansa.data.csv_file import read_csv
from hansa.data.parquet import read_parquet
from hansa.engines.network.calls import Caller
from hansa.engines.network.coordinator import Coordinator
from hansa.engines.network.identity import Identity
from hansa.engines.network.journal import JobJournal
from hansa.engines.network.passes import Pass
from hansa.engines.network.sheet import pick_up
from hansa.engines.network.site_store import SiteStore, read_ledger
from hansa.engines.network.store import Store
from hansa.engines.network.stream import Inbox
from hansa.engines.network.words import Word
from hansa.errors import HansaError
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.rounds import Learning, Train
from hansa.running.model import load
from tests.engines.network.federation import TEXT, believe


class Canary:
    """Unpickled, it makes a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def torch_file(inner):
    """What torch.save writes: a ZIP with a pickle in it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr("archive/data.pkl", inner)
        file.writestr("archive/version", "3\n")
    return held.getvalue()


def npy(path, *, many):
    held, array = io.BytesIO(), np.array([Canary(path)], object)
    if many:
        np.savez(held, x=array)
    else:
        np.save(held, array, allow_pickle=True)
    return held.getvalue()


def payloads(path):
    """By name: what some library would run."""
    plain = pickle.dumps(Canary(path))
    return {
        "pickle": plain,
        "pickle 0": pickle.dumps(Canary(path), 0),
        "cloudpickle": b"\x80\x04ccloudpickle.cloudpickle\nsubimport\n\x8c\x02os\x85R0" + plain[2:],
        "torch": torch_file(plain),
        "npy of objects": npy(path, many=False),
        "npz of objects": npy(path, many=True),
        "msgpack ext": msgpack.packb({"x": msgpack.ExtType(1, plain), "y": msgpack.ExtType(5, b"os")}),
        "a type's name": msgpack.packb({"__type__": "os.mkdir", "__class__": "os.mkdir", "args": [str(path)]}),
        "yaml": f"!!python/object/apply:os.mkdir ['{path}']\n".encode(),
        "toml": f'use = "os.mkdir"\nname = "!!python/object/apply:os.mkdir [\'{path}\']"\n'.encode(),
        "json": f'{{"use": "os:mkdir", "py/object": "os.mkdir", "args": ["{path}"]}}'.encode(),
        "jinja": f"{{{{ cycler.__init__.__globals__.os.mkdir('{path}') }}}},=cmd|'/C mkdir'!A0\n1,2\n".encode(),
    }


KINDS = tuple(payloads("x"))


def test_the_canaries_do_sing(tmp_path):
    for i, song in enumerate((pickle.loads, lambda data: np.load(io.BytesIO(data), allow_pickle=True))):
        data = payloads(tmp_path / str(i))["npy of objects" if i else "pickle"]
        song(data)
        assert (tmp_path / str(i)).exists()


def tried(*calls):
    """Call everything; whatever is wrong is one of the house's errors."""
    for call in calls:
        with suppress(HansaError, SafetensorError):
            call()


def typed(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    said = done.output + (done.stderr if done.stderr_bytes is not None else "")
    assert "Traceback" not in said
    assert done.exit_code in range(7), said
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A job file, tables and a finished run, as `hansa new` and `hansa run` make them."""
    folder = tmp_path_factory.mktemp("project") / "p"
    typed("new", folder)
    typed(
        "run", folder / "job.toml", "--set", "rounds=2", "--runs", folder / "runs", "--workers", "1", "--no-baselines"
    )
    (made,) = (folder / "runs").iterdir()
    made.rename(folder / "runs" / "one")
    (folder / "schema.toml").write_text(typed("schema", "infer", next(folder.glob("**/*.csv"))).output, "utf-8")
    return folder


def use_project(folder):
    """All that reads a project's files: how its commands ended."""
    table, run = next(iter(sorted(folder.glob("**/*.csv")))), folder / "runs" / "one"
    tried(lambda: load(run / "model"), lambda: read_csv(table), lambda: read_parquet(table))
    return [
        typed("check", folder / "job.toml"),
        typed("quality", folder / "job.toml", "--pages", folder / "pages"),
        typed("run", "--resume", run, "--workers", "1"),
        typed("predict", run / "model", table),
        typed("report", run),
        typed("runs", "list", folder / "runs"),
        typed("runs", "compare", run, run),
        typed("schema", "check", folder / "schema.toml", table),
    ]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A coordinator's folder and a bank's, with stores in which a job has begun."""
    folder = tmp_path_factory.mktemp("house") / "h"
    job = Job.from_toml(Job.from_toml(TEXT).to_toml())
    rows = Table.of({"a": [1.0, 2.0] * 50, "b": [0.0, 3.0] * 50, "late": [0, 1] * 50}, target="late")
    rig = Rig.lay_out(folder, job, {"bank-0": rows})
    store, site = Store(folder / "consortium" / "store"), SiteStore(folder / "bank-0" / "state")
    store.submit(job.to_toml(), "anna", ["bank-0"])
    site.open(job.to_toml(), job.digest)
    store.close()
    site.close()
    typed("invite", "bank-9", "--consortium", rig.folder / "consortium", "--out", folder / "bank-9.invitation.toml")
    return folder


def use_house(folder):
    """All that reads a coordinator's and a bank's files: how its commands ended."""
    org, bank = folder / "consortium", folder / "bank-0"
    stop = asyncio.Event()
    stop.set()

    async def served():
        await Coordinator(org).serve("127.0.0.1:0", lambda port: None, stop)

    tried(
        lambda: asyncio.run(served()),
        lambda: Pass.read(folder / "anna.toml"),
        lambda: Identity.read(bank / "keys"),
        lambda: opened(bank / "state"),
        lambda: read_ledger(bank / "state").lines(),
    )
    return [
        typed("consortium", "members", "--consortium", org),
        typed("invite", "bank-8", "--consortium", org, "--out", folder / "bank-8.invitation.toml"),
        typed("revoke", "bank-0", "--consortium", org),
        typed("enroll", folder / "bank-9.invitation.toml", "--request", folder / "r.toml", "--keys", folder / "keys"),
        typed("node", "check", bank / "node.toml"),
    ]


def opened(state):
    site = SiteStore(state)
    try:
        return site.verify()
    finally:
        site.close()


@pytest.mark.parametrize(("place", "use"), [("project", use_project), ("house", use_house)])
def test_all_of_it_is_read_where_nothing_is_wrong(tmp_path, request, place, use):
    ended = use(shutil.copytree(request.getfixturevalue(place), tmp_path / "copy"))
    assert [done.output for done in ended if done.exit_code] == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("place", "use"), [("project", use_project), ("house", use_house)])
def test_no_file_of_a_folder_runs_anything(tmp_path, request, place, use, kind):
    whole, canary = request.getfixturevalue(place), tmp_path / "canary"
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file() and path.suffix != ".lock")
    assert len(files) >= 12
    for number, path in enumerate(files[KINDS.index(kind) % 3 :: 3]):  # each file meets a third of the payloads
        copy = shutil.copytree(whole, tmp_path / str(number))
        (copy / path).write_bytes(payloads(canary)[kind])
        use(copy)
        assert not canary.exists(), path
        shutil.rmtree(copy)


def sheets_of(data):
    """Sheets of both versions that hold this, and what their digests are over."""
    first, second = (
        struct.pack("<4sHQ", b"HNSS", 1, len(data)) + data,
        b"HNSS\2\0" + data + struct.pack("<Q", len(data)),
    )
    return (data, data), (first, first), (second, data)


@pytest.mark.parametrize("kind", KINDS)
def test_no_message_runs_anything(tmp_path, kind):
    canary = tmp_path / "canary"
    data = payloads(canary)[kind]
    framed = b"HNSA" + struct.pack("<HI", 1, len(data)) + sha256(data).digest() + data
    first = struct.pack("<BQQ32s64s", 1, 0, len(framed), sha256(data).digest(), bytes(64))
    inside = b"".join(Parcel("Word", "", Name(0, 0, 0), "bank-0", "coordinator", 1, {"load": data}).frame())
    tried(
        lambda: read(data),
        lambda: read(framed),
        lambda: word_of(read(inside).body),
        lambda: ask_of(read(inside).body, {"Train": Train}),
        lambda: ask_of({"kind": "Train", "ask": {"params": data, "use": data}}, {"Train": Train}),
        lambda: Inbox(believe).take("bank-0", first + framed),
        lambda: Inbox(believe).take("bank-0", data),
        lambda: Caller(None, lambda asked: framed).status(),
        *(lambda sheet=sheet, head=head: pick_up(sheet, sha256(head).hexdigest()) for sheet, head in sheets_of(data)),
        lambda: unpack(Learning, data),
        lambda: unpack(Prepared, data),
        lambda: load_tensors(data),
        lambda: load_tensors(struct.pack("<Q", len(data)) + data),
    )
    assert not canary.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_no_row_of_a_store_runs_anything(tmp_path, kind):
    canary = tmp_path / "canary"
    data = payloads(canary)[kind]
    job = Job.from_toml(Job.from_toml(TEXT).to_toml())
    store = Store(tmp_path / "store")
    digest, named = store.submit(job.to_toml(), "anna", ["bank-0"]), sha256(data).hexdigest()
    journal, name = JobJournal(store, job), Name(0, 0, 0)
    word = Word(name, "bank-0", "Train", word_of({"refusal": ["No.", "", ""]}))
    store.put(digest, [word])
    with store.database.transaction() as connection:  # the digests are right: somebody who has the disk did it
        connection.execute("UPDATE words SET body = ?, digest = ?, size = ?", (data, named, len(data)))
        row = (digest, 0, named, len(data), "row", data)
        connection.execute("INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, ?)", row)
        connection.execute("INSERT INTO closings VALUES (?, 0, 0, 0, 0, ?, ?)", (digest, named, data))
    for call in (lambda: store.word(digest, name, "bank-0"), journal.latest, lambda: journal.closing(name)):
        with pytest.raises(HansaError, match="damaged"):
            call()
    store.close()
    assert not canary.exists()
