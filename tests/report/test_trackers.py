import json
import math
import sys
import types
from contextlib import contextmanager
from pathlib import Path

import pytest

from ctbench.errors import StoreError, UsageError
from ctbench.report import expect_tracker, log_run, trackers
from ctbench.report.frames.shared_means import shared_means


@pytest.fixture
def short_page(monkeypatch):
    """Reports of one line: the whole page takes seconds."""

    def build(runs, path, *, datasets, overlays):
        assert not overlays, "slices of patients would leave the machine"
        told.append(datasets)
        path.write_text(f"<p>{', '.join(run.manifest.rater for run in runs)}</p>")
        return path

    told = []
    monkeypatch.setattr(trackers, "build_report", build)
    return told


@pytest.fixture
def by_name(runs):
    """The runs by the name of the rater."""
    return {run.manifest.rater: run for run in runs}


@pytest.fixture
def fake_mlflow(monkeypatch):
    """A module that keeps what is logged, in place of MLflow."""
    kept = {"files": {}}
    module = types.ModuleType("mlflow")

    @contextmanager
    def start_run(run_name):
        kept["run"] = run_name
        yield types.SimpleNamespace(info=types.SimpleNamespace(run_id="id1"))

    module.set_experiment = lambda name: kept.update(experiment=name)
    module.start_run = start_run
    module.log_params = lambda found: kept.update(parameters=found)
    module.log_metrics = lambda found: kept.update(values=found)
    module.log_dict = lambda content, name: kept["files"].update({name: content})
    module.log_text = lambda text, name: kept["files"].update({name: text})
    module.log_artifact = lambda path: kept["files"].update(page=Path(path).read_text())
    module.get_tracking_uri = lambda: "here"
    monkeypatch.setitem(sys.modules, "mlflow", module)
    return kept


def test_card_means_and_report_are_logged(short_page, by_name, results, fake_mlflow):
    """Under names that MLflow allows; the values are those of the frame, without unknown ends of intervals."""
    told = log_run(by_name["unet"], [by_name["readers"]], "mlflow")
    assert told == "MLflow run id1 of the experiment ctbench-toy in here"
    assert (fake_mlflow["experiment"], fake_mlflow["run"]) == ("ctbench-toy", "unet")
    assert fake_mlflow["files"]["card.json"]["name"] == "unet"
    assert fake_mlflow["files"]["page"] == "<p>unet, readers</p>"
    assert fake_mlflow["parameters"]["consensus"] == "majority"
    means = shared_means(results).set_index(["rater", "metric", "label"])
    values = fake_mlflow["values"]
    assert values["dice/caudate/mean"] == pytest.approx(means.loc[("unet", "dice", "caudate"), "mean"])
    assert values["dice/overall/low"] < values["dice/overall/mean"] < values["dice/overall/high"]
    assert values["dice/caudate/cases"] == 12
    assert all(map(math.isfinite, values.values()))


def test_the_logged_report_knows_the_patients(short_page, by_name, dataset, fake_mlflow):
    """It is made with the datasets, as `ctbench report` is, so that intervals are clustered by patient."""
    log_run(by_name["unet"], [], "mlflow", {"toy": dataset})
    assert short_page == [{"toy": dataset}]


def test_a_refusal_says_that_the_run_is_whole(short_page, by_name, fake_mlflow):
    """A server that is away loses no run."""

    def away(_name):
        msg = "connection refused"
        raise ConnectionError(msg)

    sys.modules["mlflow"].set_experiment = away
    with pytest.raises(StoreError, match=r"unet is whole, but mlflow could not log it: ConnectionError: connection"):
        log_run(by_name["unet"], [], "mlflow")


@pytest.mark.parametrize("tracker", ["mlflow", "wandb"])
def test_a_missing_package_is_one_sentence_with_the_command(monkeypatch, tracker):
    """Before anything is computed."""
    monkeypatch.setitem(sys.modules, tracker, None)
    with pytest.raises(UsageError, match=rf"--log {tracker} needs {tracker}.*pip install .*\[{tracker}\]"):
        expect_tracker(tracker)


@pytest.mark.filterwarnings("ignore")  # what MLflow and its dependencies warn about is not ours
def test_mlflow_keeps_it_in_a_local_folder(short_page, by_name, tmp_path, monkeypatch):
    """The real library, offline: what was logged is read back with its client."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow = pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")
    monkeypatch.chdir(tmp_path)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"file:{tmp_path}/mlruns")
    try:
        log_run(by_name["unet"], [], "mlflow")
        client = mlflow.MlflowClient()
        experiment = client.get_experiment_by_name("ctbench-toy")
        (found,) = client.search_runs([experiment.experiment_id])
        assert found.data.params["dataset"] == "toy"
        assert 0 < found.data.metrics["dice/overall/mean"] < 1
        artifacts = {file.path for file in client.list_artifacts(found.info.run_id)}
        assert artifacts == {"card.json", "means.csv", "report.html"}
    finally:
        mlflow.set_tracking_uri(before)


@pytest.mark.filterwarnings("ignore")  # as above, of W&B
def test_wandb_keeps_it_in_a_local_folder(short_page, by_name, tmp_path, monkeypatch):
    """The real library in its offline mode: summary, table and report are below `wandb`, nothing is sent."""
    for name, value in {"MODE": "offline", "SILENT": "true", "DIR": str(tmp_path), "ERROR_REPORTING": "false"}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    for folder in ("CACHE", "CONFIG", "DATA", "ARTIFACT"):
        monkeypatch.setenv(f"WANDB_{folder}_DIR", str(tmp_path / folder.lower()))
    pytest.importorskip("wandb", reason="the extra `wandb` is not installed")
    monkeypatch.chdir(tmp_path)
    told = log_run(by_name["unet"], [], "wandb")
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    assert str(folder) in told
    (table,) = folder.glob("files/media/table/means_*.json")
    content = json.loads(table.read_text())
    assert {"label", "metric", "mean", "low", "high"} <= set(content["columns"])
    (transaction,) = folder.glob("*.wandb")
    written = transaction.read_bytes()
    assert b"dice/overall/mean" in written
    assert b"report.html" in written


def test_a_server_in_the_working_folder_gets_no_key(tmp_path, monkeypatch):
    """W&B would read it from there; whoever names the server themselves may go on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "wandb", types.ModuleType("wandb"))
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    monkeypatch.delenv("WANDB_DIR", raising=False)
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "settings").write_text("[default]\nproject = mine\n")
    expect_tracker("wandb")
    (tmp_path / "wandb" / "settings").write_text("[default]\nbase_url = https://elsewhere.example\n")
    with pytest.raises(UsageError, match=r"settings names the server to which W&B would send this run and your key"):
        expect_tracker("wandb")
    monkeypatch.setenv("WANDB_BASE_URL", "https://mine.example")
    expect_tracker("wandb")
