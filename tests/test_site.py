"""The documentation as a site: pages that are made from the code, and the examples."""

import importlib.util
import json
import re
import runpy
from functools import partial
from pathlib import Path

import pytest
import typer
import yaml

import ctbench
from ctbench import phantom
from ctbench.cli.app import app
from ctbench.metrics import METRICS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.fixture(scope="module")
def site_pages():
    """The module that makes pages, which Sphinx finds beside its configuration."""
    pytest.importorskip("pygments")
    spec = importlib.util.spec_from_file_location("site_pages", DOCS / "site_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands(group, name):
    """The full names of a group's commands."""
    for short, command in group.commands.items():
        yield f"{name} {short}"
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {short}")


def test_every_command_has_a_heading_and_no_text_is_cut(site_pages):
    """The page of the command line is whole; typer's lists of commands end in dots."""
    page = site_pages.command_line()
    headings = set(re.findall(r"^#+ `(.*)`$", page, re.MULTILINE))
    assert headings == set(commands(typer.main.get_command(app), "ctbench"))
    assert not re.search(r"^\* `[\w-]+`: .*\.\.\.$", page, re.MULTILINE)


def test_every_metric_has_a_heading(site_pages):
    """In the order of the registry, each with what it is."""
    page = site_pages.metrics()
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == list(METRICS)
    assert all(metric.definition in page for metric in METRICS.values())


def test_every_public_name_is_listed_with_what_it_is(site_pages):
    """The page of Python names has a row for each, and none is empty."""
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", site_pages.python(), re.MULTILINE)
    assert [name for name, _ in rows] == list(ctbench.__all__)
    assert all(len(text) > 10 for _, text in rows)


def test_the_modules_with_a_page_exist(site_pages):
    """A module that was renamed has no page with nothing on it."""
    for name in site_pages.MODULES:
        assert importlib.import_module(f"ctbench.{name}").__all__


def test_the_schema_knows_every_key_of_the_catalogue(site_pages):
    """An editor that checks a YAML by it accepts those that come with ctbench."""
    keys = json.loads(site_pages.schema())["$defs"]["Entry"]["properties"]
    catalogue = yaml.safe_load((ROOT / "datasets.yaml").read_text(encoding="utf-8"))
    assert {key for entry in catalogue.values() for key in entry} <= set(keys)


def test_every_page_stands_in_a_table_of_contents():
    """A page that no other names is never found; the pages that are made from the code count by their own list."""
    named = set()
    for page in DOCS.rglob("*.md"):
        for block in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.splitlines():
                if line and not line.startswith(":"):
                    named |= set((page.parent).glob(f"{line}.md")) or {(page.parent / f"{line}.md")}
    resolved = {path.resolve() for path in named}
    generated = {DOCS / "reference", DOCS / "gallery", DOCS / "_build"}
    written = {path for path in DOCS.rglob("*.md") if not generated & set(path.parents)}
    assert written - resolved == {DOCS / "index.md"}


@pytest.fixture(scope="module")
def small_heads(tmp_path_factory):
    """The phantom of the examples at half the size, made once; ``make docs`` runs them at full size."""
    small = partial(phantom.build_hemorrhage, shape=(16, 96, 96), jobs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phantom, "build_hemorrhage", small)
        yield tmp_path_factory.mktemp("heads")


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_runs(example, small_heads, monkeypatch, capsys):
    """A script of the gallery ends without an error, and leaves the figure that the page shows, if it has one."""
    monkeypatch.setenv("CTBENCH_CACHE", str(small_heads))
    monkeypatch.chdir(example.parent)
    left = runpy.run_path(str(example))
    if "figure" in example.read_text(encoding="utf-8"):
        assert hasattr(left["figure"], "to_dict") or left["figure"].shape[-1] == 3


def test_the_scraper_draws_a_figure_once(site_pages, tmp_path):
    """A chart becomes a picture below its block and not below the next one too."""
    pytest.importorskip("sphinx_gallery")
    import altair as alt
    import pandas as pd

    chart = alt.Chart(pd.DataFrame({"x": [1, 2]})).mark_point().encode(x="x:Q")
    names = {"figure": chart}
    variables = {"example_globals": names, "image_path_iterator": iter([str(tmp_path / "a.png")])}
    assert "a.png" in site_pages.scraper(None, variables, {"src_dir": str(tmp_path)})
    assert (tmp_path / "a.png").stat().st_size > 1000
    assert site_pages.scraper(None, variables, {"src_dir": str(tmp_path)}) == ""
