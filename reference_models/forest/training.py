"""Fitting of ``forest``: candidate voxels of a few scans, a random forest, and a cut-off chosen on held-out scans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctbench.datasets import Dataset, load_dataset
from ctbench.errors import DataError, UsageError
from ctbench.labels import LabelSet
from ctbench.references import common_reference
from reference_models.forest import MODEL
from reference_models.forest.features import FEATURES, BrainBox, NormalBrain
from reference_models.forest.predictor import LIMITED, Forest, ForestConfiguration, within, without_small_pieces
from reference_models.forest.trees import Trees
from reference_models.hemorrhage import LABEL, hemorrhage_codes
from reference_models.inference.weightsfile import Weights, demo_weights
from reference_models.scans.brain import BrainFinder
from reference_models.scans.brain_source import brain_source
from reference_models.training.setup import Cases

__all__ = ["fit_demo_forest", "fit_forest", "forest_configuration"]

_DEMO = ForestConfiguration(trees=40, depth=12, leaf=10, smallest_voxels=30)
_QUANTILES = (0.005, 0.995)
_CUTOFFS = np.linspace(0.05, 0.95, 19)


@dataclass(frozen=True, eq=False)
class _Scan:
    """One scan: the box of its brain, and in it the hemorrhage and the voxels that count."""

    brain: BrainBox
    blood: NDArray[np.bool_]
    counted: NDArray[np.bool_]


def forest_configuration(preset: str, options: Mapping[str, Any]) -> ForestConfiguration:
    """Return the settings of a preset, paper or demo, changed by options; the cut-off is no option.

    Raises:
        UsageError: There is no such option.
    """
    known = {field.name for field in fields(ForestConfiguration)} - {"cutoff", "brain"}
    if unknown := sorted(options.keys() - known):
        msg = f"training has no option {unknown[0]!r}; expected one of {', '.join(sorted({*known, 'brain'}))}"
        raise UsageError(msg)
    return replace(_DEMO if preset == "demo" else ForestConfiguration(), **options)


def fit_forest(
    dataset: Dataset, training: Cases, validation: Cases, preset: str, options: Mapping[str, Any], seed: int
) -> tuple[Weights, dict[str, Any]]:
    """Fit the forest and return its weights, and what a card says about them.

    Args:
        dataset: Dataset whose labels are learnt: all as hemorrhage, unless one is called so.
        training: Scans to learn from, with their references.
        validation: Scans on which the cut-off with the highest mean Dice is chosen.
        preset: Paper: 500 full trees; demo: 40 small ones.
        options: Fields of ``ForestConfiguration`` but the cut-off; ``brain`` as for ``brain_source``.
        seed: Random seed of the drawn voxels and of the trees.

    Returns:
        The weights, and ``plan``, ``held_out_dice``, ``cutoff`` and ``importance`` (predictor -> share).

    Raises:
        DataError: No training scan, or no held-out scan, shows hemorrhage in a brain.
        UsageError: There is no such option.
    """
    from sklearn.ensemble import RandomForestClassifier

    options = dict(options)
    brain = brain_source(options.pop("brain", None))
    configuration = replace(forest_configuration(preset, options), brain=brain.text)
    codes = hemorrhage_codes(dataset.labels)
    scans = _scans(training, codes, brain.find, "training")
    normal = NormalBrain.of((scan.brain, scan.blood) for scan in scans)
    features, target = _drawn(scans, normal, configuration.share, np.random.default_rng(seed))
    columns = [FEATURES.index(name) for name in LIMITED]
    limits = np.quantile(features[target][:, columns], _QUANTILES, axis=0).T.astype(np.float32)
    kept = within(features, limits)
    fitted = RandomForestClassifier(
        configuration.trees,
        max_depth=configuration.depth,
        min_samples_leaf=configuration.leaf,
        random_state=seed,
    ).fit(features[kept], target[kept])
    found = Forest(Trees.of(fitted), normal, limits)
    cutoff, dice = _best_cutoff(_scans(validation, codes, brain.find, "held-out"), found, configuration)
    weights = Weights(MODEL.name, asdict(replace(configuration, cutoff=cutoff)), LabelSet({LABEL: 1}), found.arrays())
    importance = dict(zip(FEATURES, fitted.feature_importances_.round(4).tolist(), strict=True))
    return weights, {"plan": asdict(configuration), "held_out_dice": dice, "cutoff": cutoff, "importance": importance}


def fit_demo_forest() -> Path:
    """Fit the forest that comes with the package on the training split of ``phantom-hemorrhage``; return its path."""
    dataset = load_dataset("phantom-hemorrhage")
    cases = [((case, common_reference(case)) for case in dataset.split(split)) for split in ("train", "validation")]
    weights, _ = fit_forest(dataset, cases[0], cases[1], "demo", {}, seed=0)
    path = demo_weights(MODEL.name)
    replace(weights, trained_on=(dataset.name,), phantoms_only=True).save(path)
    return path


def _scans(cases: Cases, codes: tuple[int, ...], find: BrainFinder, which: str) -> list[_Scan]:
    scans = []
    for case, reference in cases:
        brain = BrainBox.of(case.image(), find)
        if brain is not None:
            blood = np.isin(reference.structure(LABEL, codes).labels, (0,), invert=True)
            scans.append(_Scan(brain, brain.cut(blood), brain.cut(~reference.structure(LABEL, codes).uncounted)))
    if not any((scan.blood & scan.brain.candidates()).any() for scan in scans):
        msg = f"no {which} scan shows hemorrhage of 30 to 100 HU in a brain, so there is nothing to learn"
        raise DataError(msg)
    return scans


def _drawn(
    scans: list[_Scan], normal: NormalBrain, share: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return predictors and hemorrhage of a share of the candidate voxels of each scan."""
    features, target = [], []
    for scan in scans:
        drawn = scan.brain.candidates() & scan.counted & (rng.random(scan.blood.shape) < share)
        features.append(scan.brain.features(drawn, normal))
        target.append(scan.blood[drawn])
    found = np.concatenate(target)
    if found.all() or not found.any():
        msg = "the voxels drawn from the training scans are all of one kind; use more scans or a larger share"
        raise DataError(msg)
    return np.concatenate(features), found


def _best_cutoff(scans: list[_Scan], forest: Forest, configuration: ForestConfiguration) -> tuple[float, float]:
    """Return the cut-off with the highest mean Dice over the scans with hemorrhage, and that Dice."""
    dice = []
    for scan in scans:
        if not (scan.blood & scan.counted).any():
            continue
        probability = forest.probability(scan.brain)
        found = [without_small_pieces(probability > cutoff, configuration) & scan.counted for cutoff in _CUTOFFS]
        truth = scan.blood & scan.counted
        dice.append(
            [2 * np.count_nonzero(one & truth) / (np.count_nonzero(one) + np.count_nonzero(truth)) for one in found]
        )
    mean = np.mean(dice, axis=0)
    best = int(np.argmax(mean))
    return float(_CUTOFFS[best].round(2)), float(mean[best])
