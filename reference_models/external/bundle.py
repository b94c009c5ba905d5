"""``bundle:PATH``: a bundle in MONAI's format, run by the transforms and the inferer of its own configs."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ctbench.errors import DataError, MissingFileError, UsageError
from ctbench.extras import import_extra
from ctbench.files import sha256
from ctbench.predictors import Prediction, PredictorInfo, info_from_json
from ctbench.predictors.info import labels_content
from ctbench.volume import Volume, read_label_map, write_volume
from reference_models.external.channels import labels_of_channels
from reference_models.external.exported import network_device
from reference_models.inference.devices import denormals_as_zero

__all__ = ["BundlePredictor", "bundle"]

_CONFIGS = ("inference.json", "inference.yaml", "inference.yml")
_CHECKPOINTS = ("model.pt", "model.ts")
_IMAGE, _ANSWER = "image", "pred"
_WRITES = "SaveImage"
"""Start of the names of the transforms that write files; the answer is taken before them."""


class BundlePredictor:
    """Predictor of a bundle: the steps of its ``inference`` config on one image at a time.

    Of the config these are used: ``preprocessing``, ``network_def`` or ``network``, ``inferer`` and ``postprocessing``,
    without the transform that saves the answer. A label map of several channels (0 or 1 each) becomes one of codes;
    where channels overlap, the last one counts.

    Args:
        folder: The bundle.
        info: Its card.
        checkpoint: Path of the weights: a state (``.pt``), or a whole network in TorchScript (``.ts``).
        device: Device of the network.
    """

    def __init__(self, folder: Path, info: PredictorInfo, checkpoint: Path, device: torch.device) -> None:
        self.info, self.device = info, device
        parser = _parser(folder, device)
        try:
            self._before = parser.get_parsed_content("preprocessing")
            self._infer = parser.get_parsed_content("inferer")
            self._after = parser.get_parsed_content("postprocessing")
            self._network = _network(parser, checkpoint, device)
        except (KeyError, ValueError, RuntimeError, TypeError, ImportError) as error:
            msg = f"the configs of the bundle {folder} cannot be used: {type(error).__name__}: {str(error)[:300]}"
            raise DataError(msg) from error

    def predict(self, image: Volume) -> Prediction:
        """Segment one image."""
        with TemporaryDirectory() as folder, denormals_as_zero():
            taken, answered = Path(folder, "case.nii.gz"), Path(folder, "answer.nii.gz")
            write_volume(image, taken)
            data = self._before({_IMAGE: str(taken)})
            with torch.inference_mode():
                found = self._infer(inputs=data[_IMAGE][None].to(self.device), network=self._network)
            data[_ANSWER] = found[0].cpu()
            answer = self._after(data)[_ANSWER]
            nibabel = import_extra("nibabel", "bundle:PATH")
            codes = self._codes(np.asarray(answer.cpu()))
            nibabel.save(nibabel.Nifti1Image(codes, np.asarray(answer.affine, np.float64)), answered)
            return Prediction(read_label_map(answered, image=image.geometry, labels=self.info.labels).array)

    def _codes(self, answer: NDArray[Any]) -> NDArray[np.uint16]:
        """Return codes from an answer channel,x,y,z: one channel of codes, or one of 0 and 1 for each label."""
        if len(answer) == 1:
            whole: NDArray[np.uint16] = np.rint(answer[0]).astype(np.uint16)
            return whole
        labels = sorted(self.info.labels.values())
        channels = answer[len(answer) - len(labels) :]
        codes = np.zeros(answer.shape[1:], np.uint16)
        for code, channel in zip(labels, channels, strict=True):
            codes[channel > 0.5] = code  # 0 or 1 as a float
        return codes


def bundle(
    folder: Path,
    /,
    *,
    labels: Mapping[str, Any] | None = None,
    checkpoint: str | None = None,
    device: str = "auto",
    threads: int | None = None,
) -> BundlePredictor:
    """Return the predictor of a MONAI bundle.

    Args:
        folder: The bundle, with ``configs/inference.json``, ``configs/metadata.json`` and ``models/``.
        labels: Content of a ``labels.json``; None: the channels that the metadata name (``channel_def``).
        checkpoint: File in ``models``; default: ``model.pt``, else ``model.ts``.
        device: auto, cpu, cuda or cuda:N.
        threads: Number of threads on a CPU; None: what the environment says.

    Raises:
        MissingFileError: There is no bundle, or no such checkpoint.
        DataError: Its configs or its metadata cannot be used.
        UsageError: Nothing says which labels its channels are.
    """
    place = network_device(device, threads)
    weights = _weights(folder, checkpoint)
    return BundlePredictor(folder, _card(folder, labels, weights), weights, place)


def _weights(folder: Path, checkpoint: str | None) -> Path:
    if not any((folder / "configs" / name).is_file() for name in _CONFIGS):
        msg = f"no bundle at {folder}; expected a folder with configs/inference.json and models/"
        raise MissingFileError(msg)
    names = (checkpoint,) if checkpoint else _CHECKPOINTS
    found = [folder / "models" / name for name in names if (folder / "models" / name).is_file()]
    if not found:
        there = ", ".join(sorted(path.name for path in folder.glob("models/*"))) or "nothing"
        msg = f"{folder}/models has no {' or '.join(names)}; it has {there}: choose one with -o checkpoint=NAME"
        raise MissingFileError(msg)
    return found[0]


def _card(folder: Path, labels: Mapping[str, Any] | None, weights: Path) -> PredictorInfo:
    path = folder / "configs" / "metadata.json"
    try:
        metadata = dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
    except (ValueError, TypeError, RecursionError) as error:
        msg = f"{path} is not a JSON object: {error}"
        raise DataError(msg) from error
    named = labels or labels_of_channels(metadata)
    if not named:
        msg = f'{path} does not name the channels (channel_def); add -o \'labels={{"iph": 1, "ivh": 2}}\''
        raise UsageError(msg)
    references = metadata.get("references") or [""]
    return info_from_json(
        labels_content(named, "labels"),
        str(path),
        name=str(metadata.get("name") or folder.resolve().name),
        version=str(metadata.get("version", "1")),
        description=str(metadata.get("description", "")),
        paper=str(references[0]),
        weights_digest=sha256(weights),
        parameters={"checkpoint": weights.name},
    )


def _parser(folder: Path, device: torch.device) -> Any:
    """Return MONAI's parser of the config, without the transforms that write files."""
    from monai.bundle.config_parser import ConfigParser

    config = next(folder / "configs" / name for name in _CONFIGS if (folder / "configs" / name).is_file())
    parser = ConfigParser()
    parser.read_config(str(config))
    parser["bundle_root"], parser["device"] = str(folder), f"$torch.device('{device}')"
    for step in _transforms(parser.get("postprocessing") or {}):
        if str(step.get("_target_", "")).rpartition(".")[2].startswith(_WRITES):
            step["_disabled_"] = True
    return parser


def _transforms(config: Any) -> Iterator[dict[str, Any]]:
    """Yield the transforms of a ``Compose``, also of one inside another."""
    for step in config.get("transforms", ()) if isinstance(config, dict) else ():
        if isinstance(step, dict):
            yield step
            yield from _transforms(step)


def _network(parser: Any, checkpoint: Path, device: torch.device) -> torch.nn.Module:
    if checkpoint.suffix == ".ts":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            load: Any = torch.jit.load  # torch does not type it
            network = load(str(checkpoint), map_location=device)
    else:
        network = parser.get_parsed_content("network_def" if "network_def" in parser else "network").to(device)
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        network.load_state_dict(state.get("model", state.get("state_dict", state)))
    module: torch.nn.Module = network.eval()
    return module
