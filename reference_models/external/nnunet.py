"""``nnunet:MODEL_FOLDER``: a model that nnU-Net trained, run by nnU-Net's own code."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ctbench.annotations.nnunet import DATASET_JSON, labels_of_nnunet, read_dataset_json
from ctbench.errors import DataError, MissingFileError, UsageError
from ctbench.extras import import_extra
from ctbench.files import sha256
from ctbench.predictors import Prediction, PredictorInfo
from ctbench.predictors.folds import joined_digest
from ctbench.volume import Volume, read_label_map, write_volume
from reference_models.external.exported import network_device
from reference_models.inference.devices import denormals_as_zero

__all__ = ["NnunetPredictor", "nnunet"]

_ALL = "all"


class NnunetPredictor:
    """Predictor of the models in one folder of nnU-Net; the logits of several folds are averaged.

    The image is written to a file in the model's format and read by nnU-Net's own reader, so that the answer is that of
    ``nnUNetv2_predict_from_modelfolder``.

    Args:
        folder: The folder ``TRAINER__PLANS__CONFIGURATION``, with ``dataset.json``, ``plans.json`` and ``fold_*``.
        folds: Names of the folds without ``fold_``.
        checkpoint: Name of the file of weights in each fold.
        device: auto, cpu, cuda or cuda:N.
        threads: Number of threads on a CPU; None: what the environment says.
        step_size: Distance of neighbouring tiles, as a share of their side.
        mirroring: Average over mirrored images, along the axes that the training allowed.
    """

    def __init__(
        self,
        folder: Path,
        folds: Sequence[str],
        checkpoint: str,
        device: str,
        threads: int | None,
        *,
        step_size: float,
        mirroring: bool,
    ) -> None:
        module = import_extra("nnunetv2.inference.predict_from_raw_data", "nnunet:MODEL_FOLDER")
        place = network_device(device, threads)
        content = read_dataset_json(folder)
        channels = content.get("channel_names", content.get("modality", {}))
        if len(channels) != 1:
            msg = f"{folder} was trained on {len(channels)} images a case ({channels}); a case of ctbench has one"
            raise UsageError(msg)
        self._model = module.nnUNetPredictor(
            tile_step_size=step_size,
            use_mirroring=mirroring,
            perform_everything_on_device=place.type == "cuda",
            device=place,
            allow_tqdm=False,
        )
        try:
            self._model.initialize_from_trained_model_folder(str(folder), tuple(folds), checkpoint)
        except (KeyError, RuntimeError, OSError) as error:
            msg = f"{folder} cannot be read as a model of nnU-Net: {type(error).__name__}: {str(error)[:300]}"
            raise DataError(msg) from error
        self._ending = str(content.get("file_ending", ".nii.gz"))
        files = [folder / f"fold_{fold}" / checkpoint for fold in folds]
        self.info = PredictorInfo(
            name=_name(folder, self._model.plans_manager.dataset_name),
            version="1",
            labels=labels_of_nnunet(content, str(folder / DATASET_JSON)),
            description=f"nnU-Net, {folder.name}.",
            paper="10.1038/s41592-020-01008-z",
            weights_digest=sha256(files[0]) if len(files) == 1 else joined_digest([sha256(file) for file in files]),
            training_datasets=tuple(filter(None, (str(content.get("name", "")),))),
            parameters={"folds": list(folds), "checkpoint": checkpoint, "step_size": step_size, "mirroring": mirroring},
            size=sum(weight.numel() for weight in self._model.network.parameters()),
        )

    def predict(self, image: Volume) -> Prediction:
        """Segment one image."""
        reader = self._model.plans_manager.image_reader_writer_class()
        with _files(image, self._ending) as (taken, answered), denormals_as_zero():
            array, properties = reader.read_images([str(taken)])
            found = self._model.predict_single_npy_array(array, properties)
            reader.write_seg(found, str(answered), properties)
            return Prediction(read_label_map(answered, image=image.geometry, labels=self.info.labels).array)


def nnunet(
    folder: Path,
    /,
    *,
    folds: str | int | Sequence[int | str] | None = None,
    checkpoint: str = "checkpoint_final.pth",
    device: str = "auto",
    threads: int | None = None,
    step_size: float = 0.5,
    mirroring: bool = True,
) -> NnunetPredictor:
    """Return the predictor of a folder of nnU-Net.

    Args:
        folder: The folder ``TRAINER__PLANS__CONFIGURATION``, with ``dataset.json``, ``plans.json`` and ``fold_*``.
        folds: Folds whose logits are averaged, e.g. ``[0,1]``. ``all``: the model of all cases (``fold_all``) if there
            is one, else every fold. Default: every fold, as nnU-Net does.
        checkpoint: Name of the file of weights in each fold.
        device: auto, cpu, cuda or cuda:N.
        threads: Number of threads on a CPU; None: what the environment says.
        step_size: Distance of neighbouring tiles, as a share of their side.
        mirroring: Average over mirrored images; eight times slower in 3D.

    Raises:
        MissingFileError: The folder, its ``dataset.json`` or the weights of a fold do not exist.
        DataError: nnU-Net cannot read the model.
        UsageError: nnunetv2 is not installed, or the model takes several images a case.
    """
    if not (folder / "plans.json").is_file():
        msg = f"no model of nnU-Net at {folder}; expected the folder TRAINER__PLANS__CONFIGURATION with plans.json"
        raise MissingFileError(msg)
    chosen = _chosen(folder, folds, checkpoint)
    return NnunetPredictor(folder, chosen, checkpoint, device, threads, step_size=step_size, mirroring=mirroring)


def _chosen(folder: Path, folds: str | int | Sequence[int | str] | None, checkpoint: str) -> list[str]:
    """Return the names of the folds that have weights."""
    there = sorted(path.parent.name.removeprefix("fold_") for path in folder.glob(f"fold_*/{checkpoint}"))
    numbered = [name for name in there if name != _ALL]
    if folds is None:
        wanted = numbered or there
    elif folds == _ALL:
        wanted = [_ALL] if _ALL in there else numbered
    else:
        wanted = [str(fold) for fold in ([folds] if isinstance(folds, (str, int)) else folds)]
    absent = [fold for fold in wanted if fold not in there]
    if absent or not wanted:
        have = f"it has {checkpoint} in fold {', '.join(there)}" if there else f"no fold has a {checkpoint}"
        msg = f"{folder} has no {checkpoint} in fold {', '.join(absent) or 'any'}; {have}"
        raise MissingFileError(msg)
    return wanted


@contextlib.contextmanager
def _files(image: Volume, ending: str) -> Iterator[tuple[Path, Path]]:
    """Write an image in a model's format; yield its path and that of the answer."""
    with TemporaryDirectory() as folder:
        taken = Path(folder, f"case_0000{ending}")
        write_volume(image, taken)
        yield taken, Path(folder, f"case{ending}")


def _name(folder: Path, dataset: str) -> str:
    """Return the data set's name and the configuration: ``Dataset901_heads-3d_fullres``."""
    return f"{dataset}-{folder.name.rpartition('__')[2]}"
