"""The child process of an isolated predictor: ``python -m ctbench.predictors.child``, started by `Session`.

Requests are JSON lines on standard input; each is answered by one JSON line on standard output. The raw bytes of a
label map follow its line, which says their number, then the codes of the probabilities that its line names, if they are
wanted; the bytes of an image lie in a file. The parent process checks every
answer, as the predictor's code could forge it.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from io import FileIO
from typing import Any, BinaryIO

import numpy as np

from ctbench.errors import CtbenchError
from ctbench.predictors.answers import score_and_findings
from ctbench.predictors.conformance import check_conformance
from ctbench.predictors.contract import check_prediction, encoded_probabilities
from ctbench.predictors.folder import FolderPredictions
from ctbench.predictors.info import info_to_json
from ctbench.predictors.isolation import Isolation, Limits, enforce
from ctbench.predictors.predictor import Predictor
from ctbench.predictors.resolve import load_predictor
from ctbench.volume import Volume

__all__ = ["main"]

_TEXT = 2000
_PRINTED = 2**17
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Answer requests until standard input ends."""
    requests, answers = _take_streams()
    host = _Host()
    while line := requests.readline():
        request = json.loads(line)
        answer = {"number": request.pop("number"), **host.answer(request)}
        answers.write(json.dumps(answer).encode() + b"\n")
        for piece in host.take_payload():
            answers.write(piece)
        answers.flush()


class _Host:
    """The predictor, and a method for each kind of request: the only key of a request names the method."""

    def __init__(self) -> None:
        self._predictor: Predictor | None = None
        self._payload: list[memoryview] = []

    def take_payload(self) -> list[memoryview]:
        """Return the bytes that follow the last answer, in pieces."""
        payload, self._payload = self._payload, []
        return payload

    def answer(self, request: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """Return the answer to a request; an exception is an answer, too."""
        acts: dict[str, Callable[..., dict[str, Any]]]
        acts = {"make": self._make, "predict": self._predict, "check": self._check}
        try:
            ((act, arguments),) = request.items()
            return acts[act](**arguments)
        except CtbenchError as error:
            printed = "\n".join(getattr(error, "__notes__", ()))[-_PRINTED:]
            refused = {name: base64.b64encode(content).decode() for name, content in error.refused.items()}
            return {"error": type(error).__name__, "text": str(error)[:_TEXT], "printed": printed, "refused": refused}
        except BaseException as error:  # noqa: BLE001  # sys.exit() in a plugin ends a case, not the process
            what = f"{type(error).__name__}: {error}"[:_TEXT]
            return {"raised": what, "trace": traceback.format_exc()[-_TEXT:]}

    def _make(
        self,
        spec: str,
        options: dict[str, Any],
        limits: dict[str, Any],
        running: int,
        sandboxed: bool,
    ) -> dict[str, Any]:
        if not sandboxed:
            _stay_with_parent()
        isolation = Isolation(limits=Limits(**limits))
        enforce(isolation.limits, running=running)
        predictor = load_predictor(spec, options, isolation)
        assert not isinstance(predictor, FolderPredictions), "a folder needs no process"
        self._predictor = predictor
        return {"info": info_to_json(predictor.info)}

    def _predict(self, image: dict[str, Any], probabilities: bool = False) -> dict[str, Any]:
        assert self._predictor is not None, "the first request makes the predictor"
        dtype, shape = np.dtype(image.pop("dtype")), tuple(image.pop("shape"))
        array = np.fromfile(image.pop("path"), dtype).reshape(shape)
        volume = Volume(array, stored_axes=tuple(image.pop("stored_axes")), **image)
        prediction = check_prediction(self._predictor.predict(volume), volume, self._predictor.info)
        labels = prediction.labels.reshape(-1).view(np.uint8).data
        codes = encoded_probabilities(prediction, self._predictor.info) if probabilities else {}
        named = {"probabilities": list(codes)} if codes else {}
        self._payload = [labels, *(np.ascontiguousarray(array).reshape(-1).data for array in codes.values())]
        return {"labels": labels.nbytes, **named, **score_and_findings(prediction)}

    def _check(self) -> dict[str, Any]:
        assert self._predictor is not None, "the first request makes the predictor"
        return {"results": [asdict(result) for result in check_conformance(self._predictor)]}


def _take_streams() -> tuple[FileIO, BinaryIO]:
    """Reserve standard input and output for requests and answers; what the predictor prints goes to standard error."""
    requests, answers = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def _stay_with_parent() -> None:
    """End with the parent process, and become the parent of orphaned descendants, so that they are found."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)


if __name__ == "__main__":
    main()
