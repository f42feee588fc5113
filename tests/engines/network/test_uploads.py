"""Large words on their way: into their file as they come, on from where they were cut off, gone with whoever died."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hansa.core.load import Load
from hansa.core.message import Answer, Name, Refusal
from hansa.engines.network import stream
from hansa.engines.network.board import Board
from hansa.engines.network.hub import Hub
from hansa.engines.network.journal import JobJournal
from hansa.engines.network.names import COORDINATOR
from hansa.engines.network.sayings import VERSION, Offer, holds_in, plainly, word_parcel
from hansa.engines.network.store import Store
from hansa.engines.network.stream import Ends, Inbox, Line, Tube
from hansa.errors import HansaError, PartyLost
from tests.engines.network.disks import Disk
from tests.engines.network.federation import UNSIGNED, believe, job_of

NAME, SIZE = Name(0, 0, 0), 40_000
UPDATE = np.random.default_rng(0).random((1, SIZE))


class Counted:
    """A pipe that is cut after so many messages from the bank."""

    def __init__(self, ends, most):
        self.ends, self.left, self.sent, self.over = ends, most, 0, False

    async def read(self):
        return await self.ends.read()

    async def write(self, message):
        if not self.left and not self.over:
            await self.ends.out.queue.put(None)
        if not self.left or self.over:
            raise PartyLost("The wire was cut.")
        self.left -= 1
        self.sent += 1
        await self.ends.write(message)

    def end(self, _):
        """The other end is gone: whoever writes is told, and whoever reads."""
        self.over = True
        while not self.ends.out.queue.empty():
            self.ends.out.queue.get_nowait()
        self.ends.back.queue.put_nowait(None)


class Centre:
    """A coordinator with one open job; what a bank sends is told by what is in its store."""

    def __init__(self, folder, disk=None):
        self.folder, self.job = folder, job_of()
        self.store = Store(folder, disk or Disk(), inline=256)
        self.store.submit(self.job.to_toml(), "anna", ["bank-0"])
        self.hub = Hub(self.store, lambda digest: UNSIGNED, believe)
        offer = Offer(self.job.to_toml(), {"bank-0": ""})
        self.hub.open_job(Board(self.hub, self.job.digest, offer, JobJournal(self.store, self.job)))

    async def upload(self, most=10**9):
        """Dial, say hello and send the update; how much was held before, messages sent, and whether it is heard."""
        there, back = Tube(), Tube()
        pipe = Counted(Ends(there, back), most + 1)
        serving = asyncio.create_task(self.hub.attend(Ends(back, there), "bank-0"))
        serving.add_done_callback(pipe.end)
        line = Line(pipe, "bank-0", COORDINATOR, lambda digest: UNSIGNED, Inbox(believe))
        heard = False
        try:
            await line.send(plainly("Hello", "bank-0", COORDINATOR, body={"version": VERSION, "holds": {}, "jobs": []}))
            line.held = holds_in(await line.receive())
            said = Answer(Load({"delta": UPDATE, "weight": np.ones((1, 1))}))
            await line.send(word_parcel(self.job.digest, NAME, "Train", said, "bank-0", COORDINATOR))
            while not heard:
                heard = (await asyncio.wait_for(line.receive(), 10)).kind == "Ack"
        except (PartyLost, AttributeError):
            pass
        finally:
            if heard:
                await there.queue.put(None)
            ended = await asyncio.gather(serving, return_exceptions=True)
        assert all(one is None or isinstance(one, HansaError) for one in ended)
        return sum(line.held.values()), pipe.sent - 1, heard

    def files(self):
        return [path.name for path in (self.folder / "sheets").iterdir()]

    def stop(self):
        self.hub.stop()
        self.store.close()

    def holds_the_update(self):
        said = self.store.word(self.job.digest, NAME, "bank-0")
        return said is not None and said.load["delta"].tobytes() == UPDATE.tobytes()


@pytest.fixture(autouse=True)
def _small_messages(monkeypatch):
    monkeypatch.setattr(stream, "CHUNK", 10_000)
    monkeypatch.setattr(stream, "_LARGE", 5_000)


def test_an_update_is_written_as_it_comes_and_needs_no_second_file(tmp_path):
    async def whole():
        centre = Centre(tmp_path)
        held, sent, heard = await centre.upload()
        assert (held, heard) == (0, True)
        assert sent == -(-(8 * SIZE + 8 + 500) // 10_000)
        assert centre.holds_the_update()
        assert len(centre.files()) == 1
        centre.stop()

    asyncio.run(whole())


@pytest.mark.parametrize("why", ["over", "not in it", "shut", "not asked yet"])
def test_an_update_that_will_not_be_kept_is_never_written(tmp_path, monkeypatch, why):
    async def refused():
        centre = Centre(tmp_path)
        board = centre.hub.boards[centre.job.digest]
        monkeypatch.setattr(centre.store, "room_for", None)
        if why == "over":
            centre.hub.close_job(centre.job.digest)
        if why == "not in it":
            board.roster = {"bank-1": ""}
        if why == "shut":
            board.shut["bank-0"] = Refusal("No.")
        if why == "not asked yet":
            board._kept = -1
        _, _, heard = await centre.upload()
        assert heard  # it is not offered again
        assert centre.files() == []
        assert centre.store.word(centre.job.digest, NAME, "bank-0") is None
        centre.stop()

    asyncio.run(refused())


def test_an_update_that_is_cut_again_and_again_goes_on_where_it_stopped(tmp_path):
    async def cut():
        centre, total, before = Centre(tmp_path), 0, 0
        for most in (3, 1, 7, 2):
            held, sent, heard = await centre.upload(most)
            assert not heard
            assert held == before
            before += 10_000 * sent
            assert [name[:5] for name in centre.files()] == [".new-"]
            total += sent
        held, sent, heard = await centre.upload()
        assert (held, heard) == (before, True)
        assert total + sent == -(-(8 * SIZE + 8 + 500) // 10_000), "nothing was sent twice"
        assert centre.holds_the_update()
        assert len(centre.files()) == 1
        centre.stop()

    asyncio.run(cut())


def test_half_an_update_is_swept_away_when_the_coordinator_starts_again_and_it_comes_anew(tmp_path):
    async def again():
        centre = Centre(tmp_path)
        await centre.upload(5)
        (half,) = centre.files()
        data = (tmp_path / "sheets" / half).read_bytes()
        centre.stop()
        del centre
        (tmp_path / "sheets" / half).write_bytes(data)  # a process that is killed leaves it
        centre = Centre(tmp_path)
        assert centre.files() == []
        assert (await centre.upload())[::2] == (0, True)
        assert centre.holds_the_update()
        centre.stop()

    asyncio.run(again())


@pytest.mark.parametrize("seed", range(3))
def test_whichever_call_of_the_disk_fails_the_update_comes_again_and_counts_once(tmp_path, seed):
    """ENOSPC at one call of the disk after the other, in turn with cuts of the wire."""
    draw = random.Random(seed)

    async def full():
        disk = Disk(how=28)
        centre = Centre(tmp_path / "0", disk)
        calls, rounds = disk.calls, 0
        heard = False
        for n in range(1, 60):
            disk.n = disk.calls + n
            heard = (await centre.upload(draw.choice([10**9, 5, 20])))[2]
            if heard:
                break
            rounds += 1
        assert heard
        assert rounds
        assert disk.calls > calls
        assert centre.holds_the_update()
        assert len(centre.files()) == 1
        assert centre.store.database.rows("SELECT count(*) FROM words") == [(1,)]
        centre.stop()

    asyncio.run(full())


_LARGE = """
import asyncio, sys
from pathlib import Path
import numpy as np
from hansa.core.fold import Sum
from tests.engines.network import test_uploads as here

def peak():
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024

async def main():
    here.UPDATE = np.zeros((1, 20_000_000))
    centre = here.Centre(Path(sys.argv[1]))
    before = peak()
    assert (await centre.upload())[2]
    came = peak() - before
    said = centre.store.word(centre.job.digest, here.NAME, "bank-0")
    fold = Sum()
    total = fold.close(fold.add(fold.add(fold.zero([0, 1]), [0], said), [1], said))
    print(came, peak() - before - total["delta"].nbytes // 2**20)
    centre.stop()

asyncio.run(main())
"""


def test_an_update_of_160_mb_costs_little_memory_on_its_way_and_its_sum_nothing_but_the_sum(tmp_path):
    command = [sys.executable, "-c", _LARGE, str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    came, summed = map(int, found.stdout.split())
    assert came < 40  # MiB
    assert summed < 40
