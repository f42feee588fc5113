"""Train on a Parquet folder larger than the memory it may take: columns and designs lie on disk, batches in memory.

    python benches/memory.py --gigabytes 5 --json memory.json

A made-up book of random floats (they do not compress) is written to the temporary folder, read with `on_disk`,
prepared, trained on for one epoch and evaluated, at one party. The figure is the peak of the process's resident memory
(VmHWM) less what the interpreter takes once hansa and its readers are imported.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

COLUMNS, BLOCK, MOST = 50, 250_000, 1.0


def write(folder: Path, gigabytes: float) -> int:
    """Write files of a few row groups each; the number of rows."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = int(gigabytes * 1e9 / (8 * (COLUMNS + 1)))
    for part, start in enumerate(range(0, rows, BLOCK)):
        rng = np.random.default_rng(part)
        x = rng.normal(size=(min(BLOCK, rows - start), COLUMNS))
        late = rng.random(len(x)) < 1 / (1 + np.exp(2 - x[:, 0] + x[:, 1] * x[:, 2]))
        columns = {f"x{i}": x[:, i] for i in range(COLUMNS)}
        table = pa.table({"who": np.arange(start, start + len(x)), **columns, "late": late.astype(np.int8)})
        parquet.write_table(table, folder / f"part-{part:04}.parquet", row_group_size=BLOCK // 4, use_dictionary=False)
    return rows


def train(folder: Path, batch: int, *, on_disk: bool) -> dict[str, float]:
    """Read, prepare, train and evaluate at one party; seconds of each and the peak of the memory."""
    import pyarrow.dataset

    import hansa as hs

    del pyarrow
    before, begun = _peak(), time.perf_counter()
    table = hs.read_parquet(folder, hs.Reading(on_disk=on_disk), target="late", id="who")
    read = time.perf_counter()
    rounds = hs.Rounds(
        hs.Tabular((64, 32)), hs.Local(epochs=1, batch=batch, learning_rate=0.05), rounds=1, check_every=1
    )
    job = hs.Job("large", (hs.Prepare(), rounds, hs.Evaluate(compare=False)), min_parties=1)
    result = hs.run(job, on=hs.Simulation([hs.Party("bank", table)], workers=1), baselines=False)
    return {
        "rows": len(table),
        "read_seconds": read - begun,
        "run_seconds": time.perf_counter() - read,
        "auc": float(result.metrics["federated"]["auc"]),
        "before_gb": before,
        "peak_gb": _peak(),
        "grown_gb": _peak() - before,
    }


def _peak() -> float:
    """VmHWM in GB; what getrusage tells begins with the parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024 / 1e9


def main() -> None:
    """Write the folder, train on it in a process of its own, and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=0.5)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--in-memory", action="store_true", help="for comparison: columns lie in memory")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.folder:
        print(json.dumps(train(given.folder, given.batch, on_disk=not given.in_memory)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, given.gigabytes)
        size = sum(file.stat().st_size for file in folder.iterdir()) / 1e9
        command = [sys.executable, __file__, "--folder", name, "--batch", str(given.batch)]
        command += ["--in-memory"] * given.in_memory
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)  # noqa: S603
    found |= {"parquet_gb": size, "pass": found["grown_gb"] <= MOST}
    print(f"{found['rows']:,} rows x {COLUMNS}, {size:.1f} GB of Parquet; batches of {given.batch}")
    print(
        f"resident memory beyond the interpreter's {found['before_gb']:.2f} GB: {found['grown_gb']:.2f} GB (<= {MOST})"
    )
    print(f"read in {found['read_seconds']:.0f} s; prepared, trained, tested in {found['run_seconds']:.0f} s")
    print(f"AUC {found['auc']:.3f}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    sys.exit(0 if found["pass"] else 1)


if __name__ == "__main__":
    main()
