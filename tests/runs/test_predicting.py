import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.predictors import IsolatedPredictor, Isolation, Limits, isolated
from ctbench.predictors.isolation import sandbox, session
from ctbench.runs import run
from ctbench.runs.folder import RunFolder
from ctbench.runs.predicting import PredictorSource, predict_case
from ctbench.runs.privacy import HIDDEN

MODEL = """
import os, subprocess, sys, time
import numpy as np
import ctbench


class Model:
    def __init__(self, attack="none", path=""):
        self.attack, self.path = attack, path
        self.info = ctbench.PredictorInfo(name="model", version="1", labels=ctbench.LabelSet({"hemorrhage": 1}))

    def predict(self, image):
        labels = (image.array > 50).astype(np.uint8)
        if labels[1, 6, 6] and not labels[1, 6, 5]:
            getattr(self, self.attack)()
        return ctbench.Prediction(labels, score=0.9)

    def none(self):
        pass

    def read(self):
        open("".join(self.path), "rb").read()

    def sleep(self):
        time.sleep(100)

    def leave(self):
        subprocess.Popen(["sleep", "100"])

    def allocate(self):
        np.ones(100 * 2**30, np.uint8)

    def tell(self):
        print("read " + os.environ["HF_TOKEN"])
        raise RuntimeError("access denied for " + os.environ["HF_TOKEN"])

    def crash(self):
        print("about to crash")
        os.abort()
"""


@pytest.fixture
def model(tmp_path, monkeypatch):
    """The working folder of a user who wrote a module."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "users_model.py").write_text(MODEL)
    monkeypatch.chdir(work)
    return "users_model:Model"


@pytest.fixture
def tight(monkeypatch):
    """A few seconds for a case, a little memory; to start its process a predictor has longer, on a busy machine."""
    original = session.Session._start

    def start(self):
        info = original(self)
        self._live.process.limits = replace(self._live.process.limits, seconds=3)
        return info

    monkeypatch.setattr(session.Session, "_start", start)
    return Isolation(limits=Limits(seconds=120, memory_gb=2))


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        ("sleep", "model took more than 3 s on case c"),
        ("leave", "model left 1 processes running on case c"),
        ("allocate", "model raised MemoryError on case c: Unable to allocate"),
        ("crash", "model died on case c: it was ended by SIGABRT"),
    ],
)
def test_a_case_on_which_a_predictor_goes_too_far_fails_and_the_run_goes_on(
    blobs, model, tight, tmp_path, attack, reason
):
    """The other cases have their predictions, the failed one its reason in every row."""
    result = run(blobs, model, tmp_path / "run", options={"attack": attack}, isolation=tight, jobs=1, cached=False)
    rows = result.scores[result.scores["label"] == "hemorrhage"]
    assert set(rows.loc[rows["case"] == "c", "status"]) == {"failed"}
    details = set(rows.loc[rows["case"] == "c", "detail"])
    assert len(details) == 1
    assert details.pop().startswith(reason)
    assert set(rows.loc[rows["case"] != "c", "status"]) <= {"ok"}
    traces = [message.get("trace", "") for message in result.messages() if message["case"] == "c"]
    assert len(traces) == 1
    assert "about to crash" in traces[0] or attack != "crash"


@pytest.mark.skipif(not sandbox.is_sandboxed(), reason="needs bubblewrap")
def test_a_predictor_in_a_run_cannot_read_a_readers_mask(blobs, blobs_folder, model, tmp_path):
    """The case fails, because for the predictor there is no such file; an option that names one is refused."""
    mask = str(blobs_folder / "readers" / "r1" / "c.nii.gz")
    with pytest.raises(UsageError, match="by which it would be judged"):
        run(blobs, model, tmp_path / "named", options={"attack": "read", "path": mask}, jobs=1, cached=False)
    options = {"attack": "read", "path": [mask]}  # no text that names a file, so that nothing is shown
    result = run(blobs, model, tmp_path / "run", options=options, jobs=1, cached=False)
    lost = result.scores[result.scores["status"] == "failed"]
    assert set(lost["case"]) == {"c"}
    assert "raised FileNotFoundError on case c" in lost["detail"].iloc[0]


def test_a_secret_variable_is_kept_nowhere(blobs, model, tmp_path):
    """The value of `--env HF_TOKEN=...`, which the predictor prints and repeats in its error, is not in the run."""
    isolation = Isolation(environment=(("HF_TOKEN", "s3cr3t-t0ken"),))
    result = run(blobs, model, tmp_path / "run", options={"attack": "tell"}, isolation=isolation, jobs=1, cached=False)
    assert any(f"access denied for {HIDDEN}" in str(line["message"]) for line in result.messages())
    assert any(f"read {HIDDEN}" in str(line.get("trace")) for line in result.messages())
    assert result.manifest.predictor.environment == {"HF_TOKEN": HIDDEN}
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert [path for path in files if b"s3cr3t-t0ken" in path.read_bytes()] == []
    assert set(result.scores.loc[result.scores["case"] == "c", "status"]) >= {"failed"}
    assert not result.scores["detail"].str.contains("s3cr3t-t0ken").any()


def test_a_bomb_fails_its_case_and_takes_nothing_with_it(blobs, tmp_path, monkeypatch):
    """10 GB of zeros in 10 MB, as the prediction of a command, are inflated no further than the image is large."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    header = gzip.decompress((blobs["a"].reader_path("r1")).read_bytes())[:352]
    (work / "bomb.nii.gz").write_bytes(gzip.compress(header) + gzip.compress(bytes(2**26)) * 160)
    (work / "labels.json").write_text('{"labels": {"hemorrhage": 1}, "name": "bomber"}')
    (work / "model.sh").write_text('cp bomb.nii.gz "$2"\n')
    isolation = Isolation(mounts=(work / "bomb.nii.gz",), limits=Limits(seconds=20, memory_gb=1))
    result = run(
        blobs, "command:sh model.sh {image} {output}", tmp_path / "run", isolation=isolation, jobs=1, cached=False
    )
    lost = result.scores[result.scores["label"] == "hemorrhage"]
    assert set(lost["status"]) == {"failed"}
    assert all("decompresses to more than the 3456 bytes" in detail for detail in lost["detail"])


def test_isolation_does_not_show_in_the_results(blobs, model, tmp_path):
    """Sandboxed in one or two processes a model's results are the same bytes; of a trusted one run.json says so."""
    for name, isolation, jobs in (("one", None, 1), ("two", None, 2), ("trusted", Isolation(trust=True), 1)):
        run(blobs, model, tmp_path / name, isolation=isolation, jobs=jobs, cached=False)
    names = ["run.json", "scores.parquet", "predictions/a.nii.gz", "predictions/a.json"]
    one, two, trusted = ([(tmp_path / run / name).read_bytes() for name in names] for run in ("one", "two", "trusted"))
    assert one == two
    assert one[1:] == trusted[1:]
    plain, said = json.loads(one[0]), json.loads(trusted[0])
    assert said["predictor"].pop("trusted") is True
    assert said == plain


def test_the_log_says_what_is_not_enforced(blobs, model, tmp_path, monkeypatch):
    """A trusted predictor, and a machine without bubblewrap, are said in the log of the run."""
    trusted = run(blobs, model, tmp_path / "trusted", isolation=Isolation(trust=True), jobs=1, cached=False)
    assert any("is trusted: it runs in ctbench's own process" in str(line["message"]) for line in trusted.messages())
    monkeypatch.setattr(sandbox, "_problem", lambda: "bubblewrap is not installed")
    bare = run(blobs, model, tmp_path / "bare", isolation=Isolation(unsandboxed=True), jobs=1, cached=False)
    said = " ".join(str(line["message"]) for line in bare.messages())
    assert "bubblewrap is not installed" in said
    assert "can read and write every file that you can" in said
    assert set(bare.scores["status"]) <= {"ok", "unsupported", "not_assessed"}


@pytest.mark.parametrize("mounted", ["", "readers/r1", "readers/r2/b.nii.gz"])
def test_what_would_show_a_mask_is_refused(blobs, blobs_folder, model, tmp_path, mounted):
    """A mount of the dataset's folder, of a part of it or of one mask ends the run before it begins."""
    isolation = Isolation(mounts=(blobs_folder / mounted,))
    with pytest.raises(UsageError, match=r"the predictor may read .*blobs.*by which it would be judged"):
        run(blobs, model, tmp_path / "run", isolation=isolation, jobs=1)
    assert not (tmp_path / "run").exists()


def test_a_link_to_the_dataset_is_seen_through(blobs, blobs_folder, model, tmp_path):
    """Another name for the same folder shows the same masks."""
    (tmp_path / "link").symlink_to(blobs_folder)
    with pytest.raises(UsageError, match="by which it would be judged"):
        run(blobs, model, tmp_path / "run", isolation=Isolation(mounts=(tmp_path / "link",)), jobs=1)


def test_a_case_is_predicted_wherever_the_worker_stands(blobs, model, tmp_path, monkeypatch):
    """A module of the working folder is found there also by a process that is elsewhere."""
    source = PredictorSource(model, {})
    monkeypatch.chdir("/")
    outcome = predict_case(source, "a", blobs["a"].image_path, RunFolder(tmp_path / "run"))
    assert outcome.status == "ok", outcome
    assert outcome.seconds > 0
    assert json.loads((tmp_path / "run" / "predictions" / "a.json").read_text())["score"] == 0.9


def test_a_released_predictor_holds_no_process(blobs, model):
    """What was made for its card gives its memory back before the workers make theirs."""
    source = PredictorSource(model, {"attack": "none"})
    predictor = source.predictor()
    assert isinstance(predictor, IsolatedPredictor)
    assert predictor.info.name == "model"
    assert predictor._session.is_live
    source.release()
    assert not predictor._session.is_live
    np.testing.assert_array_equal(predictor.predict(blobs["a"].image()).labels, blobs["a"].image().array > 50)


def test_models_of_ctbench_run_here(blobs):
    """They are as trusted as the rest of it."""
    source = PredictorSource("threshold", {})
    assert not isinstance(source.predictor(), IsolatedPredictor)
    assert source.unenforced() == ()
    source.expect_hidden([blobs.root])
    assert isolated.unenforced("threshold", Isolation()) == ()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes")
def test_workers_leave_neither_processes_nor_folders(blobs_folder, model, tmp_path):
    """After a run in two processes nothing of its predictors is left."""
    code = (
        "from ctbench import load_dataset\n"
        "from ctbench.runs import run\n"
        f"run(load_dataset({str(blobs_folder / 'blobs.yaml')!r}), {model!r}, 'run', jobs=2, cached=False)"
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"TMPDIR": str(temporary)})
    assert not list(temporary.glob("ctbench-predictor-*"))
    assert str(temporary) not in subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout  # noqa: S607
