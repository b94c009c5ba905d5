"""Explanations of methods and figures, in the words that the static page and the leaderboard both show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ctbench.report.wording import fixed, interval
from ctbench.scores import without

__all__ = [
    "AUDIT",
    "AVERAGE_PRECISION",
    "BLAND_ALTMAN",
    "BOXES",
    "COHORTS",
    "CONTESTED_SLICES",
    "CONTRIBUTE",
    "CONTRIBUTE_EFFECT",
    "DETECTION",
    "DIFFERENCE_LINES",
    "DISPUTED_LESIONS",
    "DISPUTED_PICTURES",
    "ERROR_WORDS",
    "FALSE_ALARMS",
    "FALSE_VOLUME",
    "FORECAST_FIGURES",
    "FORECAST_TITLES",
    "FROC",
    "FROC_LINES",
    "LESIONS",
    "LESION_BAND",
    "LESION_NUMBERS",
    "LESION_VOLUMES",
    "LIMIT_FORMS",
    "LOST",
    "MEANS",
    "MISSES",
    "MODELS_ON_SUBSETS",
    "MULTIVERSE",
    "NOTHING_DISPUTED",
    "PHANTOM",
    "POOLED",
    "POPULATION",
    "POSITIVES",
    "PUBLISHED",
    "RANK_INTERVALS",
    "READER_BAND",
    "READER_BORDERS",
    "READER_LESIONS",
    "READER_LESION_PRESENCE",
    "READING_COMPONENTS",
    "READING_PAIRS",
    "RELIABILITY_LINES",
    "RULES_OF_CONSENSUS",
    "SIZE",
    "SIZE_CLASSES",
    "SPECIFICITY",
    "STAPLE",
    "STRATA",
    "SUBSETS_OF_READERS",
    "TOLERANCES",
    "VALUES_WHERE_EMPTY",
    "VOLUME_LIMITS",
    "VOLUME_LINES",
    "conditions_compared",
    "detection_references",
    "equivalent",
    "lesion_candidates",
    "limit_lines",
    "marks",
    "paper_marks",
    "readers_as_one",
    "stability",
    "uncertainty",
]

AUDIT = (
    "Every figure that follows from other printed figures is computed again, with each of those anywhere in its "
    "rounding interval. Reproduced: it follows. Undecidable: within the rounding it may or may not. Contradicted: no "
    "values within the rounding lead to it."
)
"""What the verdicts of the audit of the papers' tables mean."""

BLAND_ALTMAN = "Solid: the bias. Dashed: the limits between which 95 % of differences are expected."
"""Legend of a Bland-Altman plot."""

VOLUME_LINES = "Each dot is a case. Dashed: identity. Solid: the least-squares fit. Dotted: a LOESS curve."
"""Legend of measured volumes over those of the reference."""

DIFFERENCE_LINES = "Dotted: a LOESS curve."
"""Addition to the legend of a Bland-Altman plot that has a LOESS curve."""


def limit_lines(limit_ml: float) -> str:
    """Return what the coloured lines of a Bland-Altman plot are, at a fixed difference in mL."""
    return f"Coloured: differences of {limit_ml:g} mL."


BOXES = "Boxes hold the middle half of the cases, the line is the median, whiskers reach to 1.5 times the box's length."
"""Legend of box plots."""

COHORTS = (
    "One model on cohorts of different patients, each scored against the reference of its own; the first cohort is the "
    "baseline. P is that of Welch's t test, which lets the cohorts' variances differ; Holm's correction is over the "
    "structures. Asterisks mark the better cohort by the paper's own test (P < .05, categorical regression, not "
    "corrected). A patient's scans count as one value in both tests. Cohorts may differ in image quality, disease, "
    "reader and annotated slices at once: a difference does not say which of these made it."
)
"""What a comparison of cohorts does and does not say."""

CONTESTED_SLICES = (
    "The slice with the most contested voxels, of the cases with the most of them; from blue (few readers disagree) to "
    "yellow (half or more)."
)
"""Legend of the pictures of contested voxels."""

CONTRIBUTE = "readers contribute to this reference"
"""The warning beside scores of readers on a reference that was made from their own label maps."""

CONTRIBUTE_EFFECT = f"The {CONTRIBUTE}: they score higher on it than equals who did not."
"""What this does to their scores."""

DETECTION = (
    "A case is positive if the reference holds any voxel of the structure. Intervals are 95 % (Wilson; AUC: Newcombe). "
    "A case without a prediction counts as wrongly called."
)
"""How cases are called positive, and how detection is counted."""

NOTHING_DISPUTED = "Every reader found every lesion candidate of the places that he read."
"""Stands where no lesion candidate is disputed."""

DISPUTED_LESIONS = (
    "Candidates that some reader found and another one missed: first those about which the readers are most evenly "
    "divided, then the largest."
)
"""Which lesion candidates are listed, and in which order."""

DISPUTED_PICTURES = (
    "The first of them, in the slice with most of each; from blue (one reader drew the voxel) to yellow (all who read "
    "the place)."
)
"""Legend of the pictures of disputed lesion candidates."""

FROC = (
    "Marks are predicted pieces, whose confidence is the mean of their probabilities, or the boxes of a detector. "
    "Marks below a threshold are left out; at each number of false marks per case, over all cases, the lowest "
    "threshold that keeps to it counts. The last is the mean of the others. Lesions and pieces are matched once, in "
    "the whole label map. A box hits the lesion in which its centre lies (box-centre), or with whose own box in the "
    "slice it has an intersection over union of at least .1 (box-iou). Several boxes on one lesion count once, every "
    "false box counts, and one whose centre lies in a voxel that does not count is neither."
)
"""What the sensitivity at a number of false marks per case is."""

FROC_LINES = (
    "Bands are 95 % intervals of a bootstrap of patients; squares are single readers, on the reference made without "
    "them, those outside the axis at its edge."
)
"""Legend of FROC curves."""

AVERAGE_PRECISION = (
    "Average precision: the area below precision over sensitivity, in steps, of all marks in the order of their "
    "confidence; lesions without a mark are never found. Under picai it is that of the challenge PI-CAI."
)
"""What the average precision of marks on lesions is."""

LESIONS = (
    "A lesion is a connected piece of the structure in the reference; it is detected if at least one of its voxels is "
    "predicted. A predicted piece that overlaps no lesion is false, unless it lies where some reader drew the "
    "structure: there readers did not agree. A case without a prediction has missed all its lesions."
)
"""What a lesion is, and when it is detected."""

LESION_BAND = "The grey bars span the single readers."
"""Legend of the readers in a figure of sensitivities."""

LESION_NUMBERS = (
    "Agreement on how many lesions a case has: Gwet's AC2 with linear weights on 0, 1, 2, 3, 4, and 5 or more, so that "
    "one lesion more is a smaller disagreement than three more. The interval is clustered by patient."
)
"""How agreement on the number of lesions is measured."""

LESION_VOLUMES = (
    "Dashed: equal volumes. A missed lesion stands at the lower edge; one predicted piece may cover several lesions."
)
"""Legend of the predicted over the reference volumes of lesions."""

LOST = "cases without a prediction; they count with the worst value"
"""What the column of failed cases counts."""

MISSES = "of the positives: nothing was drawn where the reference holds the structure"
FALSE_ALARMS = "of the negatives: something was drawn where the reference holds nothing"
SPECIFICITY = "share of the negatives in which nothing was drawn"
FALSE_VOLUME = "mean volume drawn in a negative"
"""What the columns beside a mean over positives count."""

ERROR_WORDS = {
    "true positive": "agreed",
    "false positive": "drawn by the rater only",
    "false negative": "missed by the rater",
    "other structure": "another structure than in the reference",
}
"""Kind of a voxel in pictures of errors -> what happened there."""

RELIABILITY_LINES = "The band spans the single readers, the dashed diagonal is a perfect forecast."
"""Legend of a reliability diagram."""

SUBSETS_OF_READERS = (
    "The consensus of every subset of readers against that of all readers, of whom they are a part: means over the "
    "cases in which that holds the structure, with the band down to the worst subset. Recommended, with a ring, is the "
    "smallest number to which no larger adds .01 of Dice; of few readers, all."
)
"""How the number of readers is judged."""

MEANS = "Dots are means over cases, lines their 95 % intervals (from five cases on)."
"""Legend of a figure of overall means."""

MULTIVERSE = (
    "A comparison stands on choices that could have been others: the metric, leave-one-out or common reference, which "
    "cases count (positives; false alarms as 0; both empty as 1), mean, median or mean rank, and the protocol by which "
    "lesions are scored. Here the same scores are ranked under every combination of them; the protocols of lesions, "
    "where they are shown, rank the models on the common reference, each by its own figure. What holds in all of them "
    "does not depend on the choice; what turns with one is a statement about that choice too. The shares are no "
    "probabilities."
)
"""What the share of combinations says."""

MODELS_ON_SUBSETS = (
    "Models on the consensus of every subset of readers: each mean is over the cases whose reference holds the "
    "structure, and models are ranked by it on each reference (1 is the best; a prediction that is missing counts 0). "
    "Where ranks depend on who read, the data set has too few readers to rank these models."
)
"""How models stand on the references of subsets of readers."""

RULES_OF_CONSENSUS = (
    "What each rule makes of the same readers: volumes, and the Dice with the majority; indeterminate voxels are not "
    "drawn."
)
"""What the rules of the consensus are compared by."""

TOLERANCES = (
    "The tolerance that readers keep with each other, for the data set's YAML: the mean over cases and pairs of the "
    "95th percentile of the distances between two readers' surfaces."
)
"""Where tolerances of surface distances come from."""

READING_PAIRS = (
    "First sessions of different readers, and sessions of the same reader, under each condition. A case counts by the "
    "mean over its pairs; intervals (95 %) are over cases. The range is that of readers or pairs."
)
"""How readings are paired."""

READING_COMPONENTS = (
    "Components of variance from all sessions under the condition that makes references (two-way random effects with "
    "interaction; Christensen et al. 2020). Reproducibility: limits of one reading around the mean of all readings of "
    "its case. Repeatability: around the mean of the same reader's readings; without a second session it is unknown."
)
"""What the components of variance between readings are."""

VOLUME_LIMITS = (
    "Bland-Altman limits of the volumes of each pair of readers under the condition that makes references. Sessions of "
    "a case measure the same volume, scans of a patient different ones (Bland and Altman 2007 have a form for each); "
    "of others it is the usual analysis of one volume by each reader in each case."
)
"""From which readings limits of agreement are estimated."""

LIMIT_FORMS = {"single": "one reading", "constant": "sessions", "varies": "scans of a patient"}
"""Form of limits of agreement -> what it is estimated from."""

READER_BORDERS = (
    "How far each reader's border lies outside of the one estimated from all readings of the condition that makes "
    "references (continuous STAPLE on signed distances); negative: inside. Spread: of the border about that one, "
    "without the bias; of two readers it cannot be told apart. Drift: change per reading in the order of reading, with "
    "its 95 % interval, clustered by patient."
)
"""What the bias, the spread and the drift of a reader's border are."""

READER_BAND = "The grey band spans the means of the single readers."
"""Legend of the band of readers in a figure of overall means."""

READER_LESION_PRESENCE = (
    "Positive agreement is how probable it is that a second reader finds what one reader found (of two readers the F1 "
    "of their lesions). Somebody found each candidate, so kappa of lesions is low by construction; AC1 is less so. "
    "Intervals are over patients."
)
"""What agreement of readers on the presence of lesions is."""

READER_LESIONS = (
    "Each reader against the others: a lesion of the others is one that more than half of them found; exactly half "
    "counts neither way. Splits are parts of a lesion that the reader drew as several pieces, merges are pieces that "
    "hold several parts; parts are what more than half of the finders drew."
)
"""How a reader is compared with the other readers' lesions."""

PHANTOM = (
    "This dataset is a phantom, and a phantom ranks nobody: whoever has the published code that makes it can make its "
    "truth again. The ranks show how to read such a table."
)
"""What ranks on a phantom say."""

DEMO = "simulated heads alone, so what it draws in patients means nothing, and it has no rank there"
"""What models that saw phantoms only are told by."""

POOLED = (
    "Over structures x subjects the sample is counted as larger than it is, since structures of one subject are not "
    "independent: standard errors and p are too small (pseudo-replication; Wachinger et al. 2018 test in this way). "
    "Over subjects each value is a subject's mean over the structures."
)
"""Two units of one sample of all structures."""

POSITIVES = (
    "Means, tests and ranks are over the positives, the cases whose reference holds the structure, the same for all "
    "raters: a miss and a case without a prediction count with the worst value. What is drawn in negatives is in no "
    "mean; false alarms, specificity and the volume drawn there stand beside it."
)
"""Over which cases means, tests and ranks are taken."""

PUBLISHED = (
    "Printed results are of the papers' own cases and are never ranked. Measured means are over positives. The last "
    "column says why a measured mean is not even the same quantity: cases, reference, unit or tolerance."
)
"""What stands beside results that papers printed."""

RANK_INTERVALS = (
    "Rank intervals hold the true ranks of all raters at once, with 95 % confidence (all pairs of raters compared on "
    "the same cases): read the interval, not the rank. Not separable from the first (P ≥ .05 that it is the best "
    "itself) is no proof of equality."
)
"""What the interval of a rank and a tie mean."""

SIZE = (
    "A voxel at the border weighs more in a small structure: a high correlation says that size explains differences in "
    "scores; it does not say who is better."
)
"""How to read correlations of scores with the volumes of structures."""

SIZE_CLASSES = "Sizes are those of Chang et al.: large > 25 mL, medium from 5 mL, small from .01 mL, punctate below."
"""The size classes of lesions."""

STAPLE = (
    "STAPLE estimates each reader's sensitivity and specificity together with the hidden truth, separately for each "
    "structure of each case; the specificity is that within the box around what any reader drew, one voxel wider."
)
"""What STAPLE's sensitivity and specificity are."""

STRATA = (
    "Each stratum has its own positive cases and all negative ones: specificity is the same in all, and predictive "
    "values depend on how many negative cases there are."
)
"""How detection is counted by type or size of the positive cases."""

VALUES_WHERE_EMPTY = "Formula: computed as defined. Diagonal: that of the image, in mm."
"""Words in the table of the values of metrics where a mask is empty."""


POPULATION = (
    "Readers and cases are samples: differences of the model's mean from that of the readers, with 95 % intervals for "
    "new readers and new cases (Obuchowski and Rockette, with Hillis' degrees of freedom). Model and reader j are "
    "scored on the reference made without reader j; n counts cases in which all have a value on all references."
)
"""What the comparison of models with readers as a population is."""


def stability(row: Mapping[Any, Any]) -> str:
    """Return how stable a ranking is.

    Args:
        row: A row of ``ctbench.statistics.rank_stability``.
    """
    left_out = f"; {row['cases_left_out']} were left out, for not all raters have a value there"
    counted = f"n = {row['n']} cases{left_out if row['cases_left_out'] else ''}."
    if math.isnan(row["tau"]):
        return f"How stable the ranking is cannot be said: {counted}"
    return (
        f"Stability: Kendall's τ of the ranking with those of other samples of patients is {fixed(row['tau'])} on "
        f"average (95 % from {interval(row['low'], row['high'])}; 1 is the same order, −1 the reverse); {counted}"
    )


def equivalent(margin: float) -> str:
    """Return when a model is called equivalent to a reader within a margin of Dice, or not inferior."""
    return (
        "Not different (P > .05) is not equivalence: a small study finds nothing different. A model is called "
        f"equivalent to a reader if the 90 % interval of its paired difference in Dice lies within ± {margin:g} (two "
        "one-sided t tests at 5 %, which allow for several scans of a patient), and not inferior if the interval "
        f"lies above −{margin:g}. It is called different by the test of readers against models, with Holm's "
        "correction over the readers; equivalence to all readers must be shown for each of them, which needs no "
        "correction."
    )


def marks(model: str) -> str:
    """Return what the asterisk and the dagger beside readers on leave-one-out references mean.

    Args:
        model: The model in words, as in "the model".
    """
    return (
        f"{_better(model)}: P < .05 in a t test of the differences of the same cases, which allows for several scans "
        "of a patient, after Holm's correction over the readers; one test per structure, not corrected for their "
        "number. Not different (P > .05) is not equivalence."
    )


def paper_marks(model: str) -> str:
    """Return what the asterisk and the dagger mean in the papers' own test.

    Args:
        model: The model in words, as in "the model".
    """
    return (
        f"{_better(model)}: P < .05 in a categorical linear regression with pooled variance, which takes the scores of "
        "one case by several raters as independent; where cases differ in difficulty it finds too little (it rejects "
        "0.1 to 1.4 % of true null hypotheses instead of 5 %)."
    )


def _better(model: str) -> str:
    return f"* the reader is better than {model}, † {model} is better"


def readers_as_one(consensus: str) -> str:
    """Return how readers are ranked on leave-one-out references.

    Args:
        consensus: Name of the reference of all readers.
    """
    return (
        f"The readers compete as one: readers and models are scored on {without(consensus, 'k')}, the reference "
        "without reader k, and their scores are averaged over the readers k. Scores on different references are never "
        "ranked together, so single readers have no rank."
    )


def lesion_candidates(tolerance_mm: float) -> str:
    """Return what a lesion candidate of several readers is.

    Args:
        tolerance_mm: How far apart their pieces may lie.
    """
    near = f", or are at most {tolerance_mm:g} mm apart" if tolerance_mm else ""
    return (
        f"A candidate is what several readers' connected pieces are together if they overlap{near}. A reader counts "
        "where he was asked for the structure and annotated the slices of at least half of the candidate. "
        f"{SIZE_CLASSES}"
    )


def conditions_compared(voting: str) -> str:
    """Return how readings under other conditions are compared with those under the voting condition."""
    return (
        f"Each condition against {voting}, paired by reader and case, each reading on the reference made without its "
        "reader. Intervals are over cases; the share of time saved is that of geometric means."
    )


def detection_references(consensus: str) -> str:
    """Return on which references the detection of models and readers is judged.

    Args:
        consensus: Name of the reference of all readers.
    """
    return f"Models are judged on {consensus}, a reader on the reference without it; do not rank them together."


FORECAST_FIGURES = {
    "ece": "expected calibration error: |mean probability - share of readers| in 20 bins, by voxels; 0 is best",
    "ks": "Kolmogorov-Smirnov calibration error, without bins; 0 is best",
    "brier": "mean squared difference of probability and readers; 0 is best",
    "nll": "negative log-likelihood in nats, probabilities kept half a stored code from 0 and 1; lower is better",
    "auroc": "chance that a positive voxel has a higher probability than a negative one; 1 is best",
    "average_precision": "precision over the steps of recall; 1 is best",
    "soft_dice_qubiq": "mean Dice of both maps cut at .1, .2 ... .9; 1 is best",
}
"""Figure of a probability forecast -> its definition in a sentence."""

FORECAST_TITLES = {
    "ece": "ECE",
    "ks": "KS",
    "brier": "Brier",
    "nll": "NLL",
    "auroc": "AUROC",
    "average_precision": "AP",
    "soft_dice_qubiq": "soft Dice",
}
"""Figure of a probability forecast -> its title in a table."""


def uncertainty(domain: str) -> str:
    """Return how the probabilities of models are compared with the readers.

    Args:
        domain: Which voxels count, in words.
    """
    return (
        f"All voxels of all cases count together {domain}; calibration depends on the voxels that count, so figures of "
        "different domains cannot be compared. Against the mean of readers a voxel's outcome is the share of readers "
        "who drew it; against each reader every reading is an observation. The vote share of the other readers, scored "
        "as if it were a model, is a ceiling. 95 % intervals are of a bootstrap of patients. A probability of 8 bits "
        "is what a run keeps."
    )
