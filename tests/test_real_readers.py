"""Four real readers of six nodules, from a user's YAML to the scores of a run."""

import numpy as np
import pytest
import SimpleITK
from scipy.spatial.distance import cdist

from ctbench.datasets import load_dataset
from ctbench.metrics.registry import chosen_metrics
from ctbench.runs import run

CASE = "LIDC-IDRI-0001_nodule4"
READERS = ("reader1", "reader2", "reader3", "reader4")
YAML = """
nodules:
  title: Six lung nodules, each outlined by four readers
  modality: CT
  task: segmentation
  labels: {{nodule: 1}}
  root: {root}
  readers: "{{case}}_{{reader}}.nii.gz"
"""


@pytest.fixture(scope="module")
def folder(real_data):
    """Where the masks lie."""
    return real_data / "readers_lidc"


@pytest.fixture(scope="module")
def scores(folder, tmp_path_factory):
    """The scores of a run of all readers, made from a YAML as a user would write it."""
    work = tmp_path_factory.mktemp("nodules")
    (work / "nodules.yaml").write_text(YAML.format(root=folder))
    dataset = load_dataset(work / "nodules.yaml")
    assert len(dataset) == 6
    return run(dataset, "readers", work / "run", jobs=1).scores


@pytest.fixture(scope="module")
def masks(folder):
    """Reader -> z,y,x bool of one nodule, read without ctbench."""
    return {
        reader: SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / f"{CASE}_{reader}.nii.gz"))) > 0
        for reader in READERS
    }


@pytest.fixture(scope="module")
def spacing(folder):
    """Spacing z,y,x in mm of that nodule."""
    return np.array(SimpleITK.ReadImage(str(folder / f"{CASE}_reader1.nii.gz")).GetSpacing()[::-1])


def elements(mask, spacing):
    """Positions and areas of the surface elements of the 2x2x2 neighbourhoods, and the neighbourhoods' indices."""
    surface_distance = pytest.importorskip("surface_distance")
    area_of = surface_distance.lookup_tables.create_table_neighbour_code_to_surface_area(tuple(spacing))
    padded = np.pad(mask, 1)
    size = np.array(padded.shape) - 1
    code = np.zeros(size, int)
    for bit, (z, y, x) in enumerate(np.ndindex(2, 2, 2)):
        code += padded[z : z + size[0], y : y + size[1], x : x + size[2]].astype(int) << (7 - bit)
    where = np.argwhere((code > 0) & (code < 255))
    return where * spacing, area_of[code[tuple(where.T)]], where


def touches(where, mask):
    """Whether any of the eight voxels of a neighbourhood is in the mask."""
    padded = np.pad(mask, 1)
    return np.any([padded[tuple((where + offset).T)] for offset in np.ndindex(2, 2, 2)], axis=0)


def voxel_surface(mask):
    """Indices of the voxels that share a face with the outside."""
    padded = np.pad(mask, 1)
    core = padded.copy()
    for axis in range(3):
        core &= np.roll(padded, 1, axis) & np.roll(padded, -1, axis)
    return np.argwhere((padded & ~core)[1:-1, 1:-1, 1:-1])


def percentile(distances, areas):
    """The first distance at which 95 % of the area is reached."""
    order = np.argsort(distances)
    reached = np.cumsum(areas[order]) >= 0.95 * areas.sum() * (1 - 1e-12)
    return distances[order][np.argmax(reached)]


def figures(truth, excluded, possible, prediction, spacing):
    """Work out the figures of a mask against a reference with excluded voxels, by plain numpy."""
    voxel_ml = spacing.prod() / 1000
    a, b = truth & ~excluded, prediction & ~excluded
    both = (a & b).sum()
    volume, reference = b.sum() * voxel_ml, a.sum() * voxel_ml
    at, area_t, where_t = elements(truth, spacing)
    ap, area_p, where_p = elements(prediction, spacing)
    band, _, _ = elements(truth | possible, spacing)
    keep_t, keep_p = ~touches(where_t, excluded), ~touches(where_p, excluded)
    from_t = cdist(at[keep_t], ap).min(axis=1)
    from_p = cdist(ap[keep_p], np.concatenate([at, band])).min(axis=1)
    area_t, area_p = area_t[keep_t], area_p[keep_p]
    total = area_t.sum() + area_p.sum()
    summed = (from_t * area_t).sum(), (from_p * area_p).sum()
    within = area_t[from_t <= 1.0].sum() + area_p[from_p <= 1.0].sum()
    return {
        "dice": 2 * both / (a.sum() + b.sum()),
        "jaccard": both / (a | b).sum(),
        "sensitivity": both / a.sum(),
        "precision": both / b.sum(),
        "volume_ml": volume,
        "reference_volume_ml": reference,
        "volume_difference_ml": volume - reference,
        "volume_difference_absolute_ml": abs(volume - reference),
        "rvd": (volume - reference) / reference,
        "rvd_absolute": abs(volume - reference) / reference,
        "hd": max(from_t.max(), from_p.max()),
        "hd95": max(percentile(from_t, area_t), percentile(from_p, area_p)),
        "assd": sum(summed) / total,
        "masd": (summed[0] / area_t.sum() + summed[1] / area_p.sum()) / 2,
        "nsd": within / total,
    }


def found(scores, reader, reference):
    """The rows of the nodule by metric."""
    rows = scores[(scores["case"] == CASE) & (scores["rater"] == reader) & (scores["reference"] == reference)]
    return rows.set_index("metric")


def references(masks):
    """Name -> (label, excluded, possible) by counting votes, for all readers and without each of them."""
    made = {}
    for left_out in (None, *READERS):
        stack = np.array([mask for reader, mask in masks.items() if reader != left_out])
        votes, half = stack.sum(axis=0), len(stack) / 2
        undecided = votes == half
        name = "majority" if left_out is None else f"majority-without-{left_out}"
        made[name] = (votes > half, undecided, undecided & (votes > 0))
    return made


def test_every_figure_of_a_nodule_equals_plain_numpy(scores, masks, spacing):
    """Each reader on the majority of four (with ties excluded) and on the majority of the other three."""
    pairs = [(reader, name) for reader in READERS for name in ("majority", f"majority-without-{reader}")]
    for reader, name in pairs:
        truth, excluded, possible = references(masks)[name]
        expected = figures(truth, excluded, possible, masks[reader], spacing)
        rows = found(scores, reader, name)
        assert set(rows["status"]) == {"ok"}
        for metric, value in expected.items():
            assert rows["value"][metric] == pytest.approx(value, rel=1e-9, abs=1e-9), (reader, name, metric)


def test_voxel_count_figures_of_a_nodule_equal_plain_numpy(scores, masks, spacing):
    """`hd95_pooled` and `nsd_voxel` on a reference without excluded voxels (the majority of three)."""
    for reader in READERS:
        name = f"majority-without-{reader}"
        truth, excluded, _ = references(masks)[name]
        assert not excluded.any()
        first, second = (voxel_surface(mask) * spacing for mask in (truth, masks[reader]))
        distances = cdist(first, second)
        pooled = np.concatenate([distances.min(axis=1), distances.min(axis=0)])
        values = found(scores, reader, name)["value"]
        assert values["hd95_pooled"] == pytest.approx(np.percentile(pooled, 95), rel=1e-9)
        assert values["nsd_voxel"] == pytest.approx((pooled <= 1.0).mean(), rel=1e-9)


def test_abc2_of_a_nodule_equals_a_search_over_directions(scores, masks, spacing):
    """A and B found by trying all pairs of pixel edges and projecting on the perpendicular."""
    for reader in READERS:
        mask = masks[reader]
        areas = mask.sum(axis=(1, 2))
        candidates = []
        for z in np.flatnonzero(areas == areas.max()):
            pixels = np.argwhere(mask[z])
            edges = np.concatenate([pixels + step for step in ((0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5))])
            points = edges * spacing[1:]
            chords = points[:, None] - points[None]
            lengths = np.linalg.norm(chords, axis=-1)
            i, j = np.unravel_index(lengths.argmax(), lengths.shape)
            direction = chords[i, j] / lengths[i, j]
            # Chords across: pairs of points of the hull at (nearly) the same height along A bound B from below.
            along, across = points @ direction, points @ [-direction[1], direction[0]]
            near = np.abs(along[:, None] - along[None]) < 0.02 * lengths[i, j]
            below = np.where(near, np.abs(across[:, None] - across[None]), 0).max()
            candidates.append((lengths[i, j] * below, lengths[i, j] * np.ptp(across)))
        weight = np.where(areas > 0.75 * areas.max(), 1.0, np.where(areas >= 0.25 * areas.max(), 0.5, 0.0))
        factor = weight.sum() * spacing[0] / 2 / 1000
        name = f"majority-without-{reader}"  # of three, so that every voxel counts
        value = found(scores, reader, name)["value"]["abc2_ml"]
        low = max(low for low, _ in candidates) * factor
        high = max(high for _, high in candidates) * factor
        assert low * 0.97 <= value <= high * (1 + 1e-9)


def test_pairwise_overlap_of_the_readers_is_what_is_published_of_them(masks):
    """The masks are those that were meant: pairwise Dice lies between 0.60 and 0.95."""
    arrays = list(masks.values())
    dice = [2 * (a & b).sum() / (a.sum() + b.sum()) for i, a in enumerate(arrays) for b in arrays[:i]]
    assert 0.60 <= min(dice) <= max(dice) <= 0.95


def test_every_nodule_has_every_reader_metric_and_both_references(scores):
    """Six nodules, four readers, two references, all metrics; nothing is undefined."""
    assert len(scores) == 6 * 4 * 2 * len(chosen_metrics(None))
    assert set(scores["status"]) == {"ok"}
