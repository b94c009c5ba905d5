import inspect
import json

import pytest
import yaml

from ctbench.cli.demo import DEMO, WITH_PROBABILITIES
from ctbench.datasets import catalogs
from ctbench.phantom import build_anatomy, build_hemorrhage

CASES = {"phantom-anatomy": 1, "phantom-hemorrhage": 2}
SEEDS = {"phantom-hemorrhage": {"seed": 3}}
"""Of the two heads one is normal, and one has two hemorrhages, of whose types no reader takes one for another."""


@pytest.fixture
def few_cases(monkeypatch, tmp_path):
    """The phantoms of the catalogue with a few test cases and one of training; scans have their real size."""
    entries = yaml.safe_load(catalogs.builtin_catalog().read_text(encoding="utf-8"))
    for name, cases in CASES.items():
        entries[name]["builder_options"] = {"train": 1, "validation": 0, "test": cases, **SEEDS.get(name, {})}
    path = tmp_path / "datasets.yaml"
    path.write_text(yaml.safe_dump(entries, sort_keys=False), encoding="utf-8")
    monkeypatch.setattr(catalogs, "builtin_catalog", lambda: path)


@pytest.mark.slow
def test_the_demo_goes_from_nothing_to_a_report_and_reuses_what_is_there(ctbench, few_cases, tmp_path, monkeypatch):
    """Both phantoms are made, all test cases scored, the page written; then all of it is reused."""
    first = ctbench("demo", "--json", "-j", 1)
    assert first.exit_code == 0
    rows = json.loads(first.out)
    assert {row["rater"] for row in rows} >= {name for names in DEMO.values() for name in names}
    for dataset, cases in CASES.items():
        for rater in (*DEMO[dataset], "readers"):
            manifest = json.loads((tmp_path / "work" / "demo" / dataset / rater / "run.json").read_text())
            assert len(manifest["cases"]) == cases
            assert not {"failed", "missing"} & set(manifest["counts"])
    readers = {row["dataset"]: row["dice"] for row in rows if row["rater_kind"] != "model"}
    assert all(0.75 < dice < 0.97 for dice in readers.values())
    page = tmp_path / "work" / "demo" / "report.html"
    assert page.stat().st_size < 4_400_000
    html = page.read_text(encoding="utf-8")
    assert "<h3>Lesions</h3>" in html
    assert "<h3>Uncertainty</h3>" in html
    # Equal runs make equal pages (tests/report/page/test_build.py): it need not be drawn a second time.
    drawn = []
    monkeypatch.setattr("ctbench.report.build_report", lambda runs, path, **_: drawn.append(len(runs)) or path)
    second = ctbench("demo", "--json", "-j", 1)
    assert json.loads(second.out) == rows
    runs = sum(len(names) + 1 for names in DEMO.values())
    assert drawn == [runs]
    assert second.err.count("reused: ") == runs
    assert second.err.count("reused from") == 2


@pytest.mark.parametrize(
    ("name", "builder", "cases"), [("anatomy", build_anatomy, 12), ("hemorrhage", build_hemorrhage, 24)]
)
def test_the_demo_has_12_and_24_test_cases(name, builder, cases):
    """The catalogue asks for the builders' own numbers, of which these are the test cases."""
    assert catalogs.find_entry(f"phantom-{name}").entry.builder_options == {}
    assert inspect.signature(builder).parameters["test"].default == cases


def test_probabilities_are_kept_of_models_of_the_demo():
    """Each of them is run on some dataset."""
    assert set(WITH_PROBABILITIES) <= {name for names in DEMO.values() for name in names}
