"""The child's answers, in this process: limits are not set, so that the tests go on."""

import json
import subprocess
import sys

import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.predictors import child
from ctbench.predictors.child import _Host
from ctbench.predictors.info import info_to_json
from ctbench.predictors.predictor import Prediction
from ctbench.probability_codes import encode

MAKE = {"make": {"spec": "mine", "options": {}, "limits": {}, "running": 0, "sandboxed": True}}


@pytest.fixture
def host(monkeypatch, bright):
    """A host that makes the well-behaved predictor, and what it was asked to enforce."""
    enforced = []
    monkeypatch.setattr(child, "enforce", lambda limits, running: enforced.append((limits, running)))
    monkeypatch.setattr(child, "load_predictor", lambda spec, options, isolation: bright(**options))
    made = _Host()
    made.enforced = enforced
    return made


@pytest.fixture
def request_for(tmp_path, image):
    """The request to predict the small image, whose voxels lie in a file."""
    image.array.tofile(tmp_path / "image")
    header = {"dtype": "int16", "shape": list(image.shape), "path": str(tmp_path / "image")}
    header |= {"spacing_mm": list(image.spacing_mm), "origin_mm": [0, 0, 0], "stored_axes": [0, 1, 2]}
    return {"predict": {"image": header}}


def test_making_sets_the_limits_and_returns_the_card(host, bright):
    """Limits and the number of processes that run already are those of the request; options reach the predictor."""
    request = {"make": {**MAKE["make"], "options": {"above": 10}, "limits": {"seconds": 5.0}, "running": 3}}
    assert host.answer(request) == {"info": info_to_json(bright().info)}
    ((limits, running),) = host.enforced
    assert (limits.seconds, running) == (5.0, 3)
    assert host._predictor.above == 10


def test_a_prediction_is_answered_as_bytes(host, request_for, image):
    """The label map follows the answer, z,y,x without a header; the answer has their number, score and findings."""
    host.answer(MAKE)
    answer = host.answer(request_for)
    assert answer == {"labels": image.array.size, "score": None, "findings": []}
    (payload,) = host.take_payload()
    labels = np.frombuffer(payload, np.uint8).reshape(image.shape)
    np.testing.assert_array_equal(labels, image.array > 60)
    assert not host.take_payload()
    assert json.loads(json.dumps(answer)) == answer


def test_probabilities_follow_the_labels_if_they_are_wanted(host, request_for, image):
    """As codes of 8 bits, in the order in which the answer names them; else the answer does not name them."""
    host.answer(MAKE)
    share = np.linspace(0, 1, image.array.size, dtype=np.float32).reshape(image.shape)
    host._predictor.predict = lambda _: Prediction((share > 0.5).astype(np.uint8), probabilities={"hemorrhage": share})
    wanted = {"predict": {"image": dict(request_for["predict"]["image"]), "probabilities": True}}
    assert host.answer(wanted)["probabilities"] == ["hemorrhage"]
    labels, codes = host.take_payload()
    assert labels.nbytes == image.array.size
    np.testing.assert_array_equal(np.frombuffer(codes, np.uint8), encode(share).ravel())
    assert "probabilities" not in host.answer(request_for)
    assert len(host.take_payload()) == 1


def test_the_contract_is_checked_by_questions(host):
    """Every check of the conformance test has its name and its outcome."""
    host.answer(MAKE)
    results = host.answer({"check": {}})["results"]
    assert len(results) > 3
    assert all(result["passed"] for result in results)


@pytest.mark.parametrize("stop", [RuntimeError("CUDA went away"), SystemExit("bye"), KeyboardInterrupt()])
def test_whatever_a_predictor_raises_is_an_answer(host, request_for, stop):
    """Also what would end the process: name, text and traceback, and the next request is answered."""

    def predict(image):
        raise stop

    host.answer(MAKE)
    host._predictor.predict = predict
    answer = host.answer(dict(request_for))
    assert answer["raised"].startswith(type(stop).__name__)
    assert "Traceback" in answer["trace"]
    assert host.answer(MAKE)["info"]["name"] == "bright"


def test_an_error_of_ours_keeps_its_class_and_a_short_text(host, monkeypatch):
    """The parent makes it anew from its name; a text of megabytes is cut."""

    def refuse(*_):
        raise UsageError("x" * 10**6)

    monkeypatch.setattr(child, "load_predictor", refuse)
    answer = host.answer(MAKE)
    assert answer["error"] == "UsageError"
    assert 0 < len(answer["text"]) <= 2000


@pytest.mark.parametrize("request_", [{}, {"delete": {}}, {"predict": {"image": {}}, "check": {}}])
def test_an_unknown_request_is_answered(host, request_):
    """One key that names a method, or it is told as an error."""
    assert "raised" in host.answer(request_)


@pytest.mark.skipif(sys.platform == "win32", reason="Unix only")
def test_a_closed_pipe_is_the_end():
    """Requests are answered in their order with their numbers; when no more can come, the process ends."""
    command = [sys.executable, "-P", "-m", "ctbench.predictors.child"]
    requests = b'{"number": 3, "x": {}}\n{"number": 4, "y": {}}\n'
    done = subprocess.run(command, input=requests, capture_output=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["number"] for answer in answers] == [3, 4]
    assert all("raised" in answer for answer in answers)


def test_the_child_starts_light():
    """Its start counts against the limit of time: neither pandas nor SciPy, which take a second or two."""
    code = "import sys, ctbench.predictors.child; print(sorted({'pandas', 'scipy', 'statsmodels'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
