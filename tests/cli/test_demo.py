import json

import pytest

from ctbench.cli.demo import DEMO


@pytest.mark.slow
def test_the_demo_goes_from_nothing_to_a_report_and_reuses_what_is_there(ctbench, tmp_path):
    """Both phantoms are made, 12 and 24 test cases scored, the page written; then all of it is reused."""
    first = ctbench("demo", "--json")
    assert first.exit_code == 0
    rows = json.loads(first.out)
    assert {row["rater"] for row in rows} >= {name for names in DEMO.values() for name in names}
    for dataset, cases in (("phantom-anatomy", 12), ("phantom-hemorrhage", 24)):
        for rater in (*DEMO[dataset], "readers"):
            manifest = json.loads((tmp_path / "work" / "demo" / dataset / rater / "run.json").read_text())
            assert len(manifest["cases"]) == cases
            assert not {"failed", "missing"} & set(manifest["counts"])
    readers = {row["dataset"]: row["dice"] for row in rows if row["rater_kind"] != "model"}
    assert all(0.75 < dice < 0.97 for dice in readers.values())
    page = tmp_path / "work" / "demo" / "report.html"
    assert page.stat().st_size < 5_000_000
    second = ctbench("demo", "--json")
    assert json.loads(second.out) == rows
    runs = sum(len(names) + 1 for names in DEMO.values())
    assert second.err.count("reused: ") == runs
    assert second.err.count("reused from") == 2
