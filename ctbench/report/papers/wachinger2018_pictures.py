"""Pictures of Wachinger et al. 2018: the two steps of the segmentation, examples, enlarged structures, agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctbench.errors import DataError
from ctbench.report.drawings.scene import Scene, read_scene
from ctbench.report.drawings.slices import WINDOWS, Layer, draw_slice, first_slice
from ctbench.report.frames.comparable_runs import ComparableRuns
from ctbench.report.frames.pooled import pooled_labels, pooled_scores, usual_baseline
from ctbench.report.papers.part import Material, NotAvailableError
from ctbench.report.wording import shortened
from ctbench.runs.folder import RunFolder
from ctbench.statistics import overall, paired_tests

__all__ = ["Sheet", "agreement", "enlarged", "examples", "hierarchy"]

_LARGEST = 400
_MOST_MODELS, _MOST_STRUCTURES = 4, 3
_MARGIN = 12
"""Pixels around an enlarged structure."""
_RIGHT, _WRONG = 255, 128

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Sheet:
    """Pictures of a figure.

    Args:
        pictures: Title -> picture, y,x,3, row by row.
        description: What they show.
        columns: Number of pictures in a row; None: all.
        notes: What differs from the paper.
    """

    pictures: Mapping[str, Picture]
    description: str
    columns: int | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class _View:
    """A case with what is drawn over it."""

    scene: Scene
    reference: str
    structures: tuple[str, ...]
    window: tuple[float, float] | None

    def draw(self, z: int, kind: str, rater: str | None = None, structures: Sequence[str] = ()) -> Picture:
        chosen = tuple(structures) or self.structures
        layer = Layer(kind, (rater,), self.reference, chosen, boxes=False)  # type: ignore[arg-type]  # one of its kinds
        return draw_slice(self.scene, z, layer, window=self.window, largest=_LARGEST)

    def numbers(self, z: int, rater: str | None, structures: Sequence[str]) -> NDArray[np.uint16]:
        """Return the label map of a slice in the pixels of its picture."""
        drawn = (
            self.scene.true(self.reference, structures, z)
            if rater is None
            else self.scene.drawn(rater, self.scene.shared(rater, structures), z)
        )
        return self.scene.view.nearest(drawn, self.scene.view.pixels(_LARGEST))


def hierarchy(results: ComparableRuns, material: Material) -> Sheet:
    """Draw the image, its foreground and its structures as the chief model finds them."""
    model = _chief(results)
    view = _read(results, material, _median_case(results, model), [model])
    z = first_slice(view.scene, None, view.reference, view.structures)
    found = view.numbers(z, model, view.structures) > 0
    foreground = np.repeat(np.where(found, _RIGHT, 0).astype(np.uint8)[..., None], 3, axis=-1)
    return Sheet(
        {
            "image": view.draw(z, "none"),
            "step 1: foreground": foreground,
            "step 2: structures": view.draw(z, "structures", model),
        },
        f"Slice {z + 1} of case {view.scene.case}: the image, the foreground and the structures by {model}.",
        notes=["The paper's diagram of the networks is drawn by hand; here are the two steps on a case."],
    )


def examples(results: ComparableRuns, material: Material) -> Sheet:
    """Draw the manual segmentation and those of up to four models in one slice of the median case."""
    chief = _chief(results)
    models = [chief, *(name for name in results.models if name != chief)][:_MOST_MODELS]
    view = _read(results, material, _median_case(results, chief), models)
    z = first_slice(view.scene, None, view.reference, view.structures)
    shown = {"image": view.draw(z, "none"), "reference": view.draw(z, "structures")}
    shown |= {shortened(name): view.draw(z, "structures", name) for name in models if name in view.scene.drawings}
    return Sheet(
        shown,
        f"Slice {z + 1} of case {view.scene.case}, the median case of {chief}: reference and predictions.",
        columns=3,
        notes=["The case is the median one by the mean Dice over structures; the paper does not say how it chose."],
    )


def enlarged(results: ComparableRuns, material: Material) -> Sheet:
    """Enlarge the structures in which the chief model and its rival differ most, in the case where they do."""
    chief, rival, tests = _differences(results)
    shown: dict[str, Picture] = {}
    said = []
    for label in tests["label"].head(_MOST_STRUCTURES):
        view = _read(results, material, _case_of(results, label, chief, rival), [chief, rival])
        z = first_slice(view.scene, None, view.reference, (label,))
        cut = _around(view.numbers(z, None, (label,)) > 0)
        titled = {"image": None, "reference": None, rival: rival, chief: chief}
        for title, rater in titled.items():
            kind = "none" if title == "image" else "structures"
            shown[f"{shortened(label, 18)}: {shortened(title, 14)}"] = view.draw(z, kind, rater)[cut]
        said.append(f"{label} (case {view.scene.case}, slice {z + 1})")
    return Sheet(shown, f"Enlarged: {', '.join(said)}; reference, {rival} and {chief}.", columns=4, notes=[_CHOSEN])


def agreement(results: ComparableRuns, material: Material) -> Sheet:
    """Show where two models agree with the reference in the structure in which they differ most."""
    chief, rival, tests = _differences(results)
    label = str(tests["label"].iloc[0])
    view = _read(results, material, _case_of(results, label, chief, rival), [chief, rival])
    z = first_slice(view.scene, None, view.reference, (label,))
    true = view.numbers(z, None, (label,)) > 0
    cut = _around(true)
    shown = {"reference": view.draw(z, "structures", None, (label,))[cut]}
    for name in (rival, chief):
        drawn = view.numbers(z, name, (label,)) > 0
        grey = np.where(drawn & true, _RIGHT, np.where(drawn | true, _WRONG, 0)).astype(np.uint8)
        shown[shortened(name)] = np.repeat(grey[..., None], 3, axis=-1)[cut]
    return Sheet(
        shown,
        f"{label} in slice {z + 1} of case {view.scene.case}: correct voxels are white, errors gray.",
        notes=[_CHOSEN],
    )


_CHOSEN = (
    "Structures are those with the smallest p of the two methods, and each case is the one in which their Dice differs "
    "most; the paper chose by eye among its significant structures."
)


def _chief(results: ComparableRuns) -> str:
    scores = pooled_scores(results)
    return usual_baseline(scores) if len(scores) else results.models[0]


def _differences(results: ComparableRuns) -> tuple[str, str, pd.DataFrame]:
    """Return the chief model, the best of the others, and their tests by structure, the smallest p first."""
    scores = pooled_scores(results)
    chief = _chief(results)
    means = scores.groupby("rater", sort=False, observed=True)["value"].mean().drop(chief, errors="ignore")
    if means.empty:
        msg = f"needs runs of two models of the same structures, got {chief} alone"
        raise NotAvailableError(msg)
    rival = str(means.idxmax())
    tests = paired_tests(scores[scores["rater"].isin([chief, rival])], baseline=chief)
    return chief, rival, tests.sort_values("p", kind="stable", na_position="last")


def _case_of(results: ComparableRuns, label: str, first: str, second: str) -> str:
    """Return the case, among those with both predictions, in which the Dice of two models differs most."""
    scores = pooled_scores(results, models=[first, second])
    kept = scores["case"].isin(_drawable(results, [first, second]))
    wide = scores[kept & (scores["label"] == label)].pivot_table(index="case", columns="rater", values="value")
    return str((wide[first] - wide[second]).abs().idxmax())


def _drawable(results: ComparableRuns, models: Sequence[str]) -> list[str]:
    """Return the cases of which the runs of all models keep a prediction.

    Raises:
        NotAvailableError: There is none.
    """
    folders = [RunFolder(results.open_run(name).folder) for name in models]
    cases = [case for case in results.cases if all(folder.prediction(case).is_file() for folder in folders)]
    if not cases:
        msg = f"needs predictions of {' and '.join(models)} for one case at least, which their runs do not keep"
        raise NotAvailableError(msg)
    return cases


def _median_case(results: ComparableRuns, model: str) -> str:
    scores = pooled_scores(results, models=[model])
    by_case = overall(scores, labels=pooled_labels(results)).dropna(subset="value").sort_values(["value", "case"])
    drawable = set(_drawable(results, [model]))
    ranked = [case for case in by_case["case"] if case in drawable]
    if not ranked:
        msg = f"needs a prediction of {model} with a Dice"
        raise NotAvailableError(msg)
    return str(ranked[(len(ranked) - 1) // 2])


def _read(results: ComparableRuns, material: Material, case: str, models: Sequence[str]) -> _View:
    dataset = material.dataset(results)
    runs = {name: results.open_run(name) for name in models}
    try:
        scene = read_scene(dataset[case], results.manifest, runs)
    except DataError as error:
        raise NotAvailableError(str(error)) from error
    window = WINDOWS["brain"] if dataset.modality == "CT" else None
    return _View(scene, results.common, pooled_labels(results), window)


def _around(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the box of a mask with a margin; the whole where the mask is empty."""
    if not mask.any():
        return slice(None), slice(None)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    box = [
        slice(max(int(found[0]) - _MARGIN, 0), min(int(found[-1]) + 1 + _MARGIN, size))
        for found, size in zip((rows, columns), mask.shape, strict=True)
    ]
    return box[0], box[1]
