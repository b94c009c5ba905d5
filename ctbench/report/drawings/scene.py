"""Scene: the image of one case, its references, and the label maps of all raters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ctbench.datasets import Case
from ctbench.errors import CtbenchError, MissingFileError
from ctbench.labels import LabelSet
from ctbench.matching import match_labels
from ctbench.predictors import Finding
from ctbench.reference import Reference
from ctbench.references import read_references
from ctbench.report.drawings.overlays import Mistakes, mistakes
from ctbench.report.drawings.view import View
from ctbench.report.frames.masks import numbered
from ctbench.runs import Manifest, Run
from ctbench.scores import RaterKind
from ctbench.volume import Volume, on_grid

__all__ = ["Drawing", "Scene", "read_scene"]


@dataclass(frozen=True, eq=False)
class Drawing:
    """The label map and findings of one rater.

    Args:
        kind: Kind of the rater.
        labels: z,y,x codes.
        structures: Label or group -> its codes.
        findings: Boxes of a model that predicts them.
    """

    kind: RaterKind
    labels: NDArray[np.integer]
    structures: Mapping[str, tuple[int, ...]]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, eq=False)
class Scene:
    """A case with its image, references and label maps; all arrays are on one grid.

    Args:
        case: Id of the case.
        labels: Label set of the dataset.
        image: Image of the case; zeros if it has masks only.
        has_image: Whether the case has an image.
        references: Name -> reference; the first is the one of all readers, or the given one.
        without: Reader -> name of the reference made without this reader.
        drawings: Rater -> its drawing, readers first.
        lacking: Rater -> why it has no drawing.
    """

    case: str
    labels: LabelSet
    image: Volume
    has_image: bool
    references: Mapping[str, Reference]
    without: Mapping[str, str]
    drawings: Mapping[str, Drawing]
    lacking: Mapping[str, str]

    @cached_property
    def view(self) -> View:
        """The view of all slices."""
        return View.of(self.image)

    def shared(self, rater: str, structures: Sequence[str]) -> tuple[str, ...]:
        """Return those of the structures that a rater supports."""
        return tuple(name for name in structures if name in self.drawings[rater].structures)

    def drawn(self, rater: str, structures: Sequence[str], z: int | slice = slice(None)) -> NDArray[np.uint16]:
        """Return a rater's label map of some structures, numbered from 1 in their order; of one slice, or of all.

        Raises:
            KeyError: The rater has no drawing, or does not support one of the structures.
        """
        own = self.drawings[rater]
        return numbered(own.labels[z], [own.structures[name] for name in structures])

    def judged_by(self, reference: str, structures: Sequence[str]) -> Reference:
        """Return the reference of some structures: a single group has a reference of its own."""
        whole = self.references[reference]
        (name, *others) = structures or ("",)
        if others or name not in whole.groups:
            return whole
        return whole.structure(name, self.labels.codes_of(name))

    def true(self, reference: str, structures: Sequence[str], z: int | slice = slice(None)) -> NDArray[np.uint16]:
        """Return the label map of a reference in the same way."""
        own, whole = self.judged_by(reference, structures), self.references[reference]
        codes = [self.labels.codes_of(name) for name in structures] if own is whole else [(1,)]
        return numbered(own.labels[z], codes)

    def mistakes(self, rater: str, reference: str, structures: Sequence[str], z: int | slice = slice(None)) -> Mistakes:
        """Compare a rater with a reference, voxel by voxel, in the structures that the rater supports."""
        known = self.shared(rater, structures)
        uncounted = self.judged_by(reference, known).uncounted[z]
        return mistakes(self.true(reference, known, z), self.drawn(rater, known, z), uncounted)


def read_scene(case: Case, manifest: Manifest, models: Mapping[str, Run]) -> Scene:
    """Read a case and the predictions of some models.

    Args:
        case: Case of the dataset.
        manifest: Manifest of any run on the dataset, with its labels and consensus.
        models: Name -> run.

    Returns:
        The scene; a model without a prediction on the grid of the image is among ``lacking``.

    Raises:
        DataError: The image, or a label map of the case, cannot be read.
    """
    labels = LabelSet(manifest.labels, manifest.groups)
    readings = read_references(case, manifest.consensus)
    codes = {name: labels.codes_of(name) for name in labels.names}
    drawings = {reader: Drawing(RaterKind.READER, drawn.array, codes) for reader, drawn in readings.label_maps.items()}
    lacking: dict[str, str] = {}
    for name, run in models.items():
        try:
            drawings[name] = _predicted(run, case.id, readings.grid)
        except MissingFileError:
            lacking[name] = "it gave no prediction for this case, or the board keeps none"
        except CtbenchError as error:
            lacking[name] = str(error)
    image = case.image() if case.image_path is not None else None
    return Scene(
        case=case.id,
        labels=labels,
        image=readings.grid.with_array(np.zeros(readings.grid.shape, np.int16)) if image is None else image,
        has_image=image is not None,
        # Where a label is possible is not drawn, and a mask for each label is much to keep.
        references={name: replace(reference, possible=None) for name, reference in readings.references.items()},
        without=readings.without,
        drawings=drawings,
        lacking=lacking,
    )


def _predicted(run: Run, case: str, grid: Volume) -> Drawing:
    card = run.manifest.predictor
    assert card is not None  # a run of readers has no prediction
    name = f"the prediction of {run.manifest.rater}"
    prediction = on_grid(run.prediction(case), grid.geometry, found_name=name, expected_name=f"case {case}")
    match = match_labels(run.label_set, card.info.labels)
    return Drawing(RaterKind.MODEL, prediction.array, match.structures, run.findings(case)[1])
