"""Names that a stranger chose neither control the terminal nor run in a spreadsheet."""

import csv
import io
import json
import logging

import pandas as pd
import pytest
import yaml

from ctbench.agreement import study_readers, write_tables
from ctbench.cli.output import note, print_frame
from ctbench.datasets import load_dataset
from ctbench.report import write_csv
from ctbench.runs import run

SEQUENCES = ("\x1b[2J\x1b[1;31mowned", "\x9b2Jowned", "\x1b]0;title\x07", "a\rb", "a\x08b", "\u202eowned")
FORMULAS = ("=HYPERLINK(1)", "+1", "-1+1", "@SUM(1)", "\t=1")


def acts(text):
    """The characters of a text that a terminal would act on, but for the ends of its lines."""
    return {sign for sign in text if not sign.isprintable() and sign != "\n"}


@pytest.mark.parametrize("name", SEQUENCES)
def test_tables_show_names_and_obey_none(capsys, name):
    """Printed for people, as JSON and as CSV, in cells, headings and titles; JSON still says the name itself."""
    frame = pd.DataFrame({"rater": [name], name: [1.0]})
    print_frame(frame, title=name)
    print_frame(frame, as_csv=True)
    note(name)
    captured = capsys.readouterr()
    assert acts(captured.out + captured.err) == set()
    print_frame(frame, as_json=True)
    shown = capsys.readouterr().out
    assert acts(shown) == set()
    assert json.loads(shown) == [{"rater": name, name: 1.0}]


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_strangers_catalogue_does_not_control_the_terminal(ctbench, tmp_path, name):
    """`ctbench datasets` and `show` print the texts of a stranger's YAML."""
    entry = {"title": name, "notes": name, "modality": "CT", "task": "segmentation", "labels": {"iph": 1}}
    path = tmp_path / "theirs.yaml"
    path.write_text(yaml.safe_dump({"theirs": entry}))
    for command in (("datasets", "--catalog", path), ("datasets", "show", path)):
        done = ctbench(*command)
        assert done.exit_code == 0
        assert acts(done.out + done.err) == set()


def test_log_messages_are_escaped(ctbench, blobs_folder, monkeypatch):
    """What libraries log of a file's header is shown like every other text."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    assert ctbench("datasets", "check", blobs_folder / "blobs.yaml").exit_code == 0
    record = logging.LogRecord("x", logging.WARNING, "", 0, SEQUENCES[0], None, None)
    assert acts(root.handlers[0].format(record)) == set()


def cells(text):
    """All cells of a CSV, headings too."""
    return [cell for row in csv.reader(io.StringIO(text)) for cell in row]


@pytest.mark.parametrize("formula", FORMULAS)
def test_printed_csv_holds_no_formula(capsys, formula):
    """`--csv` puts text that a spreadsheet would run behind an apostrophe; numbers stay numbers."""
    print_frame(pd.DataFrame({"rater": [formula], formula: [-1.5]}), as_csv=True)
    found = cells(capsys.readouterr().out)
    assert not [cell for cell in found if cell.startswith(("=", "+", "@", "\t", "-1+"))]
    assert found[-1] == "-1.5"


def test_csv_files_hold_no_formula(blobs_folder, tmp_path):
    """`report --tables` and the tables of a reader study name a reader `=r1` behind an apostrophe."""
    (blobs_folder / "readers" / "r1").rename(blobs_folder / "readers" / "=r1")
    dataset = load_dataset(blobs_folder / "blobs.yaml")
    kept = run(dataset, "readers", tmp_path / "run", metrics=["dice"], jobs=1)
    written = [*write_csv([kept], tmp_path / "tables"), *write_tables(study_readers(dataset), tmp_path / "study")]
    found = [cell for path in written for cell in cells(path.read_text(encoding="utf-8"))]
    assert "'=r1" in found
    assert not [cell for cell in found if cell.startswith("=")]


def test_the_command_line_of_a_dry_run_is_escaped(stranger):
    """`run --dry-run` names the files beside a stranger's module, whatever they are called."""
    (stranger.folder / "model.py").write_text("")
    (stranger.folder / "a\x1b[2Jb.py").write_text("")
    done = stranger.ctbench("run", "model:Model", "-d", "x", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert acts(done.stdout) == set()
    assert "model:Model" in done.stdout or "ctbench.predictors.child" in done.stdout
