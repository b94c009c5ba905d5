# ruff: noqa: I001  # one import a module: lazy-loader and type checkers read the public names here
from . import consensus as consensus, metrics as metrics, statistics as statistics
from .annotations import Naming as Naming, StructureFiles as StructureFiles, read_annotation as read_annotation
from .datasets import Case as Case, Dataset as Dataset, load_dataset as load_dataset
from .errors import CtbenchError as CtbenchError
from .labels import LabelSet as LabelSet
from .predictors import (
    Finding as Finding,
    Prediction as Prediction,
    Predictor as Predictor,
    PredictorInfo as PredictorInfo,
    check_conformance as check_conformance,
    load_predictor as load_predictor,
)
from .reference import Reference as Reference
from .report import build_report as build_report
from .runs import Run as Run, open_run as open_run
from .runs.starting import run as run
from .scoring import score as score
from .volume import (
    Volume as Volume,
    read_label_map as read_label_map,
    read_volume as read_volume,
    write_volume as write_volume,
)
