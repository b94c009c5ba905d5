"""From runs to one page."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib.metadata import version
from itertools import chain, count
from os import PathLike
from pathlib import Path
from typing import Any

from ctbench.datasets import Dataset
from ctbench.files import write_text
from ctbench.report.frames.case_calls import can_detect
from ctbench.report.frames.cohorts import Cohort, cohorts_of, comparable_models, shared_models
from ctbench.report.frames.comparable_runs import ComparableRuns, gather
from ctbench.report.frames.confusion import can_confuse
from ctbench.report.frames.equivalence import MARGIN, can_be_equivalent
from ctbench.report.frames.indeterminate import indeterminate
from ctbench.report.frames.lesion_summaries import can_find_lesions, compared_lesions
from ctbench.report.frames.lesions import LesionTables
from ctbench.report.frames.multiverse import can_turn
from ctbench.report.frames.pooled import can_pool
from ctbench.report.frames.rankings import can_rank
from ctbench.report.frames.reader_population import can_be_population
from ctbench.report.frames.subgroups import LOW_DICE, can_fail
from ctbench.report.frames.tables import VOLUME_LIMIT_ML
from ctbench.report.frames.uncertainty import can_be_uncertain
from ctbench.report.page import provenance
from ctbench.report.page.cells import model_fold
from ctbench.report.page.cohorts import cohort_comparisons
from ctbench.report.page.confusion import confusions
from ctbench.report.page.detection import detections
from ctbench.report.page.equivalence import equivalences
from ctbench.report.page.layout import Section, page
from ctbench.report.page.lesions import lesion_findings
from ctbench.report.page.markup import Html, how_to_read, join, paragraph
from ctbench.report.page.models_vs_readers import comparisons, paper_comparisons
from ctbench.report.page.multiverse import surviving_conclusions
from ctbench.report.page.overview import at_a_glance
from ctbench.report.page.page_figures import every_figure, write_figures
from ctbench.report.page.pictures import gallery, legend, pictures
from ctbench.report.page.pooled import pooled_samples
from ctbench.report.page.published import can_show_published, published_results
from ctbench.report.page.rankings import rankings
from ctbench.report.page.reader_lesions import can_have_reader_lesions, lesions_among_readers
from ctbench.report.page.reader_population import reader_population
from ctbench.report.page.readers_among_themselves import can_compare_readers, readers_among_themselves
from ctbench.report.page.structures import can_correlate, per_structure, sizes, volumes
from ctbench.report.page.subgroups import low_scores
from ctbench.report.page.uncertainty import uncertainties
from ctbench.report.page.verdict import verdict
from ctbench.runs import Run

__all__ = ["build_report"]

Progress = Callable[[str, Iterable[Any], int], Iterable[Any]]
"""Shows how far the work is: takes its name, its steps as they end, and how many there will be."""


def build_report(
    runs: Sequence[Run],
    path: str | PathLike[str],
    *,
    datasets: Mapping[str, Dataset],
    overlays: bool = True,
    title: str = "Head-CT segmentation: models and readers",
    command: str | None = None,
    stamp: str | None = None,
    margin: float = MARGIN,
    low_dice: float = LOW_DICE,
    volume_limit: float = VOLUME_LIMIT_ML,
    focus: Collection[str] = (),
    figures: Path | None = None,
    progress: Progress = lambda _name, steps, _total: steps,
) -> Path:
    """Write one self-contained page about runs; the same arguments give the same bytes.

    Args:
        runs: Runs of models and readers, on one dataset or several, or on several splits of one.
        path: Path of the page.
        datasets: name -> dataset, for the patient of each case, pictures and all that masks tell; a dataset that is
            not there has none of these.
        overlays: Whether images and masks of the datasets are read. False: they only say whose the cases are.
        title: Title of the page.
        command: The command that repeats the page, printed on it.
        stamp: when or by whom it was made; None keeps the bytes reproducible.
        margin: the largest difference in Dice that does not matter, for equivalence to readers.
        low_dice: a Dice below it is listed as a failure.
        volume_limit: The largest difference of a volume that counts as near, mL.
        focus: Names of the models whose details are not folded away; ``all``: everything is unfolded.
        figures: A folder, made if needed, in which every figure of the page is written as SVG and PDF; None: none is.
        progress: called once, with the parts of the page as steps.

    Returns:
        ``path``.

    Raises:
        UsageError: no runs, runs of one dataset that cannot be compared, or a margin that is not positive.
        DataError: an image or a label map of a dataset cannot be read.
        StoreError: a run's files cannot be read, or the page cannot be written.
    """
    results = gather(runs, datasets)
    cohorts = cohorts_of(results)
    read = datasets if overlays else {}
    scored = [_lesions(one, read.get(one.dataset)) for one in results]
    plans = [
        _plan(one, read.get(one.dataset), lesions, margin, low_dice, volume_limit, focus)
        for one, lesions in zip(results, scored, strict=True)
    ]
    judge = [partial(verdict, one.results, margin, one.name if len(cohorts) > 1 else None) for one in cohorts]
    makers: list[Callable[[], Html]] = [*judge, *(make for plan in plans for make in plan.values())]
    bodies = iter(progress("report", (make() for make in makers), len(makers)))
    parts = [Section("verdict", "Verdict", join([next(bodies) for _ in results]))]
    parts += [
        _section(anchor, cohort.name, plan, bodies)
        for anchor, cohort, plan in zip(_anchors(cohorts), cohorts, plans, strict=True)
    ]
    if _can_compare(cohorts):
        parts.append(Section("cohorts", "One model on several datasets or splits", cohort_comparisons(cohorts)))
    parts.append(Section("definitions", "Metric definitions", provenance.definitions(results)))
    parts.append(Section("repeat", "How this page was made", provenance.repeat(results, command, stamp)))
    whole = page(title, _lead(cohorts), parts, version("ctbench"))
    write_text(path, whole.replace("<details", "<details open") if ALL in focus else whole)
    if figures is not None:
        drawn = (every_figure(one, lesions and lesions()) for one, lesions in zip(results, scored, strict=True))
        write_figures(chain.from_iterable(drawn), figures)
    return Path(path)


def _can_compare(cohorts: Sequence[Cohort]) -> bool:
    """Return whether some model has a Dice of one structure on all of several datasets."""
    if len(cohorts) < 2 or not all("dice" in one.results.metrics for one in cohorts):
        return False
    return bool(shared_models(cohorts)) and comparable_models(cohorts) == shared_models(cohorts)


def _lead(cohorts: Sequence[Cohort]) -> Html:
    names = " and ".join(one.name for one in cohorts)
    return paragraph(
        f"How well models and human readers segment {names}, measured against what the readers agree on. Every mean "
        "says how many cases it counts; nothing that failed is left out."
    )


def _anchors(cohorts: Sequence[Cohort]) -> list[str]:
    """Return an id for the section of each dataset or split: its name in words, with a number where the id is taken."""
    taken = {"verdict", "cohorts", "definitions", "repeat"}
    anchors = []
    for one in cohorts:
        words = _anchor(one.name)
        free = next(name for name in chain([words], (f"{words}-{at}" for at in count(2))) if name not in taken)
        taken.add(free)
        anchors.append(free)
    return anchors


def _anchor(title: str) -> str:
    """Return the words of a title as the id of a section."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"


ALL = "all"
"""The focus that unfolds everything."""

_Plan = dict[str, Callable[[], Html]]
"""Title of a part -> what makes it; the first stands under the dataset's own heading."""


_Lesions = Callable[[], LesionTables] | None
"""Returns the tables of lesions, which are made once; None where there are none."""


def _lesions(results: ComparableRuns, dataset: Dataset | None) -> _Lesions:
    if dataset is None or not can_find_lesions(results):
        return None
    return cache(partial(compared_lesions, results, dataset))


def _plan(
    results: ComparableRuns,
    dataset: Dataset | None,
    lesions: _Lesions,
    margin: float,
    low_dice: float,
    volume_limit: float,
    focus: Collection[str],
) -> _Plan:
    plan: _Plan = {"": partial(_facts, results, dataset), "Overall": partial(at_a_glance, results)}
    if can_rank(results):
        plan["Ranking"] = partial(rankings, results)
    if can_show_published(results):
        plan["Printed by papers"] = partial(published_results, results)
    if can_pool(results):
        plan["All structures as one sample"] = partial(pooled_samples, results)
    if results.models and results.leave_one_out:
        plan["Models against readers"] = partial(comparisons, results, focus)
    if results.models and results.readers:
        plan["The papers' own test"] = partial(paper_comparisons, results, focus)
    if can_be_equivalent(results):
        plan["Equivalence to readers"] = partial(equivalences, results, margin, focus)
        if can_be_population(results):
            plan["Models against readers as a population"] = partial(reader_population, results, margin)
    plan["By structure"] = partial(per_structure, results)
    if dataset is not None and can_confuse(results):
        plan["What is taken for what"] = partial(confusions, results, dataset)
    plan["Volumes"] = partial(volumes, results, volume_limit, focus)
    if can_detect(results):
        plan["Detection"] = partial(detections, results, dataset)
    if dataset is not None and lesions is not None:
        plan["Lesions"] = partial(lesion_findings, results, dataset, lesions)
    if dataset is not None and can_compare_readers(results, dataset):
        plan["Readers among themselves"] = partial(readers_among_themselves, results, dataset)
    if dataset is not None and can_have_reader_lesions(results):
        plan["Lesions among readers"] = partial(lesions_among_readers, results, dataset)
    if can_be_uncertain(results):
        plan["Uncertainty"] = partial(uncertainties, results)
    if can_fail(results):
        plan["Low Dice"] = partial(low_scores, results, dataset, low_dice, focus)
    if can_correlate(results):
        plan["Dice and size"] = partial(sizes, results)
    if results.models and dataset is not None:
        plan["Worst, median and best case"] = partial(_pictures, results, dataset, focus)
    if can_turn(results):
        plan["Which conclusions survive"] = partial(surviving_conclusions, results, lesions)
    plan["Failures and gaps"] = partial(provenance.problems, results)
    if results.models:
        plan["The models"] = partial(provenance.predictors, results, focus)
    return plan


def _section(anchor: str, name: str, plan: _Plan, bodies: Iterator[Html]) -> Section:
    facts, *parts = (next(bodies) for _ in plan)
    titles = list(plan)[1:]
    inner = (Section(f"{anchor}-{_anchor(title)}", title, body) for title, body in zip(titles, parts, strict=True))
    return Section(anchor, name, facts, tuple(inner))


def _facts(results: ComparableRuns, dataset: Dataset | None) -> Html:
    if dataset is None:
        return provenance.facts(results, "", None)
    return provenance.facts(results, dataset.title, indeterminate(results, dataset))


def _pictures(results: ComparableRuns, dataset: Dataset, focus: Collection[str]) -> Html:
    how = (
        "The cases are ranked by the overall Dice against the reference of all readers; each picture shows the slice "
        "with the most wrong voxels, in a brain window (level 40, width 80 HU), plain and with the mistakes over it."
    )
    parts = [how_to_read(how), legend()]
    for model in results.models:
        drawn = list(pictures(results, model, dataset))
        shown = gallery(drawn) if drawn else paragraph("No case has a prediction and an overall Dice.")
        parts.append(model_fold(results, model, shown, focus=[*focus, results.models[0]]))
    return join(parts)
