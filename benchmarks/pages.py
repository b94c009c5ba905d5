"""Page times of a large board in a real browser with a real server: 500 runs x 500 cases x 11 structures.

    python benchmarks/pages.py                 makes the board, serves it, clicks through it
    python benchmarks/pages.py --keep FOLDER   keeps the board there, and uses it if it is there already
    python benchmarks/pages.py --rankings      ranks in this process instead, without a browser

A choice is timed from the click on the option until the page stands still again, the browser's own work included.
The board is made in its derived form: the partitions that ``ctbench submit`` would have made of the runs.
"""

from __future__ import annotations

import argparse
import http.client
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scale import READERS, expect_whole, timed, write_run

from ctbench.boards import open_board
from ctbench.boards.index import index_row, write_index
from ctbench.boards.partitions import write_partition
from ctbench.boards.storage import Place
from ctbench.report.frames.comparable_runs import comparable_runs
from ctbench.report.frames.standings import standings
from ctbench.report.frames.tables import LEAVE_ONE_OUT
from ctbench.scores import left_out, without

METRICS = {"dice": "1", "hd95": "mm", "volume_ml": "mL"}
PAGES = (
    *("equivalence", "compare", "structures", "readers", "detection", "lesions", "multiverse", "uncertainty", "case"),
    *("methods", "about"),
)
PATIENCE_S = 240
"""How long a busy machine may take for a page."""
REFERENCES = ("majority", *(without("majority", reader) for reader in READERS))


def make_board(root: Path, runs: int, cases: int, structures: int) -> None:
    """Write the partitions and the index of simulated runs to a board."""
    place, labels = Place.of(root), {f"structure{number}": number + 1 for number in range(structures)}
    names = [f"case{number:04d}" for number in range(cases)]
    models = [f"model{number:03d}" for number in range(runs)]
    digests = {name: write_run(root, name, labels, names, METRICS) for name in (*models, "readers")}
    rows = [index_row(digest, place / "runs" / digest, lambda *_: 0) for digest in digests.values()]
    generator = np.random.default_rng(0)
    quality, hard = 0.9 - 0.3 * generator.random((runs, 1, 1)), generator.normal(0, 0.05, (1, cases, 1))
    for metric, unit in METRICS.items():
        for reference in REFERENCES:
            noise = generator.normal(0, 0.08, (runs, cases, structures))
            table = _table(np.clip(quality + hard + noise, 0, 1), digests, models, "model", names, list(labels))
            who = READERS if reference == "majority" else (str(left_out(reference)),)
            drawn = np.clip(0.88 + hard + generator.normal(0, 0.05, (len(who), cases, structures)), 0, 1)
            table = _joined(table, _table(drawn, digests, who, "reader", names, list(labels)), unit)
            write_partition(place, ("tiny", metric, reference), table, list(digests.values()))
    write_index(place, pd.DataFrame(rows))


def _table(
    values: np.ndarray[Any, Any], digests: dict[str, str], raters: Any, kind: str, cases: list[str], labels: list[str]
) -> Any:
    """Code raters x cases x structures as a partition's table."""
    import pyarrow as pa

    at = np.indices(values.shape, np.int32).reshape(3, -1)
    nothing = np.zeros(values.size, np.int32)
    run = [digests.get(name, digests["readers"]) for name in raters]
    coded = {
        "run": (at[0], run) if kind == "model" else (nothing, run[:1]),
        "case": (at[1], cases),
        "rater": (at[0], list(raters)),
        "rater_kind": (nothing, [kind]),
        "label": (at[2], labels),
        "value": None,
        "status": (nothing, ["ok"]),
        "detail": (nothing, [""]),
    }
    return pa.table(
        {
            name: pa.array(values.ravel()) if how is None else pa.DictionaryArray.from_arrays(how[0], pa.array(how[1]))
            for name, how in coded.items()
        }
    )


def _joined(one: Any, other: Any, unit: str) -> Any:
    import pyarrow as pa

    return pa.concat_tables([one, other]).unify_dictionaries().replace_schema_metadata({b"unit": unit.encode()})


@contextmanager
def served(board: Path) -> Iterator[tuple[str, int]]:
    """Serve a board; return its address and the process id."""
    with closing(socket.socket()) as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    start = [sys.executable, "-c", "from ctbench.cli import main; main()"]
    process = subprocess.Popen([*start, "leaderboard", str(board), "--port", str(port)])
    try:
        for _ in range(4 * PATIENCE_S):
            with closing(http.client.HTTPConnection("localhost", port, timeout=1)) as connection, suppress(OSError):
                connection.request("GET", "/_stcore/health")
                if connection.getresponse().read():
                    break
            time.sleep(0.25)
        yield f"http://localhost:{port}", process.pid
    finally:
        process.terminate()
        process.wait()


def peak_mib(process: int) -> float:
    """Return the peak memory of a process."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def drawn(tab: Any) -> None:
    """Wait until the page has been drawn whole and stays so."""
    tab.wait_for_selector(".words, [data-testid='stAlert']", state="attached", timeout=1e3 * PATIENCE_S)
    tab.wait_for_selector("[data-testid='stApp'][data-test-script-state='notRunning']", timeout=1e3 * PATIENCE_S)
    tab.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')", timeout=1e3 * PATIENCE_S)


def choose(tab: Any, control: str, option: str) -> Callable[[], None]:
    """Open the list of a control and return an interaction that chooses one of its options."""
    tab.get_by_label(control, exact=True).first.click()
    listed = tab.get_by_role("option", name=option, exact=True)
    listed.wait_for()
    return listed.click


def processor_seconds(process: int) -> float:
    """Return the processor time of a process so far, which depends less on other load than wall time."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(tab: Any, process: int, name: str, act: Callable[[], None]) -> None:
    """Print how long the page takes to be redrawn after an interaction."""
    start, used = time.perf_counter(), processor_seconds(process)
    act()
    with suppress(Exception):  # a page that is drawn at once never shows that it is running
        tab.wait_for_selector("[data-testid='stApp'][data-test-script-state='running']", timeout=150)
    drawn(tab)
    seconds, server = time.perf_counter() - start, processor_seconds(process) - used
    memory = f"at most {peak_mib(process):.0f} MiB so far"
    print(f"  {name}: {seconds:.2f} s, processor of the server {server:.2f} s, {memory}", flush=True)


def click_through(url: str, process: int) -> None:
    """Open the pages and change controls, and print what each takes."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.set_default_timeout(1e3 * PATIENCE_S)
        measure = partial(measured, tab, process)
        measure("first page, first visitor", lambda: tab.goto(url))
        measure("first page, again", lambda: tab.goto(url))
        measure("structure", choose(tab, "Structure", "structure3"))
        measure("metric", choose(tab, "Metric", "HD95"))
        measure("reference", choose(tab, "Reference", "majority"))
        measure("find", lambda: (tab.get_by_label("Find a rater").fill("model1"), tab.keyboard.press("Enter")))
        for page in PAGES:
            measure(f"page {page}", lambda page=page: tab.goto(f"{url}/{page}"))
            if page == "compare":
                measure("second rater", choose(tab, "Second rater", "model007"))
                measure("metric", choose(tab, "Metric", "HD95"))
        browser.close()


def rank_here(root: Path) -> None:
    """Print the processor time of rankings that the page Ranking would show one after the other."""
    (runs,) = comparable_runs(open_board(root), "tiny")
    whole, one, other = runs.labels, runs.labels[3:4], runs.labels[4:5]
    asked = {
        "first ranking, with imports": (whole, "dice", LEAVE_ONE_OUT),
        "one structure": (one, "dice", LEAVE_ONE_OUT),
        "another metric": (one, "hd95", LEAVE_ONE_OUT),
        "another structure": (other, "hd95", LEAVE_ONE_OUT),
        "all structures by another metric": (whole, "hd95", LEAVE_ONE_OUT),
        "another reference": (whole, "dice", runs.common),
    }
    for name, (over, metric, reference) in asked.items():
        start = time.process_time()
        standings(runs, runs.grids(metric, reference), over, metric, reference)
        print(f"  {name}: processor {time.process_time() - start:.2f} s", flush=True)
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def main() -> None:
    """Make the board, serve it, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--structures", type=int, default=11)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--rankings", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ctbench-leaderboard-") as name:
        root = given.keep or Path(name) / "board"
        if not (root / "index.parquet").exists():
            with timed(f"making a board of {given.runs} runs, {given.cases} cases, {given.structures} structures"):
                make_board(root, given.runs, given.cases, given.structures)
        expect_whole(open_board(root))
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        if given.rankings:
            rank_here(root)
            return
        with served(root) as (url, process):
            click_through(url, process)
            print(f"most memory of the server: {peak_mib(process):.0f} MiB")


if __name__ == "__main__":
    main()
