import hashlib
import json
import re
from dataclasses import replace

import pandas as pd
import pytest

from ctbench.datasets import load_dataset
from ctbench.errors import UsageError
from ctbench.interchange import export_croissant
from ctbench.interchange.croissant import Publication

OURS = Publication(("A. Maker", "B. Maker"), "2026-01-31")
REQUIRED = ("@context", "@type", "conformsTo", "name", "description", "license", "url", "creator", "datePublished")
ATOMIC = {"sc:Boolean", "sc:Date", "sc:Float", "sc:Integer", "sc:Text", "sc:URL"}


def violations(content):
    """Return how a description breaks the rules of Croissant 1.0, as sentences; written from its specification."""
    found = [f"{name} is missing" for name in REQUIRED if not content.get(name)]
    if content.get("@type") != "sc:Dataset":
        found.append("@type is not sc:Dataset")
    if content.get("conformsTo") != "http://mlcommons.org/croissant/1.0":
        found.append("conformsTo is not version 1.0")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", str(content.get("datePublished"))):
        found.append("datePublished is not a date")
    sets, files = content.get("recordSet", []), content.get("distribution", [])
    fields = [field for one in sets for field in one["field"]]
    ids = [thing.get("@id") for thing in (*files, *sets, *fields)]
    found += [f"@id {key} is not unique" for key in {key for key in ids if ids.count(key) > 1}]
    for file in files:
        if file["@type"] not in {"cr:FileObject", "cr:FileSet"}:
            found.append(f"{file['@id']} is neither FileObject nor FileSet")
        found += [
            f"{file['@id']} has no {name}" for name in ("name", "contentUrl", "encodingFormat") if not file.get(name)
        ]
        if not re.fullmatch(r"[0-9a-f]{64}", file.get("sha256", "")):
            found.append(f"{file['@id']} has no SHA-256")
    for one in sets:
        keys = one["key"] if isinstance(one["key"], list) else [one["key"]]
        own = {field["@id"] for field in one["field"]}
        found += [f"{one['@id']} has a key that is no field of it" for key in keys if key["@id"] not in own]
        found += [f"{key} is not prefixed with {one['@id']}/" for key in own if not key.startswith(f"{one['@id']}/")]
        found += [f"a record of {one['@id']} has other fields" for record in one.get("data", []) if set(record) != own]
    for field in fields:
        if field.get("dataType") not in ATOMIC:
            found.append(f"{field['@id']} has no atomic type")
        source = field.get("source")
        if source and source["fileObject"]["@id"] not in {file["@id"] for file in files}:
            found.append(f"{field['@id']} has an unknown source")
        reference = field.get("references")
        if reference and reference["@id"] not in {other["@id"] for other in fields}:
            found.append(f"{field['@id']} references an unknown field")
    return found


@pytest.fixture
def licensed(study):
    """The study with the licence and the page that Croissant requires."""
    study.write_text(study.read_text() + "  licence: CC BY 4.0\n  url: https://example.org/study\n")
    return load_dataset(study)


def test_the_metadata_follow_the_rules_of_the_specification(licensed, tmp_path):
    """Required properties, unique ids, keys and references that exist; the checker finds faults that are made."""
    content = json.loads(export_croissant(licensed, tmp_path / "out", OURS).read_text())
    assert violations(content) == []
    assert content["license"] == "https://spdx.org/licenses/CC-BY-4.0"
    assert [creator["name"] for creator in content["creator"]] == ["A. Maker", "B. Maker"]
    broken = json.loads(json.dumps(content))
    broken["creator"] = []
    broken["distribution"][0]["sha256"] = "x"
    broken["recordSet"][0]["field"][1]["references"]["@id"] = "nowhere"
    assert len(violations(broken)) == 3


def test_every_file_stands_with_its_digest_and_the_tables_hold_the_rest(licensed, tmp_path):
    """Digests are those of the bytes; the columns are the fields; labels and splits are embedded; patients are not."""
    path = export_croissant(licensed, tmp_path / "out", OURS)
    content = json.loads(path.read_text())
    files = {file["@id"]: file for file in content["distribution"]}
    assert len(files) == 2 + 3 + 9
    mask = files["anna/c1.nii.gz"]
    data = (licensed.root / mask["contentUrl"]).read_bytes()
    assert (mask["sha256"], mask["contentSize"]) == (hashlib.sha256(data).hexdigest(), f"{len(data)} B")
    sets = {one["@id"]: one for one in content["recordSet"]}
    for name in ("cases", "masks"):
        table = pd.read_csv(path.parent / f"{name}.csv", keep_default_na=False)
        assert [field["name"] for field in sets[name]["field"]] == list(table.columns)
    assert len(pd.read_csv(path.parent / "masks.csv")) == 9
    assert sets["labels"]["data"] == [
        {"labels/name": "iph", "labels/code": 4},
        {"labels/name": "ivh", "labels/code": 9},
    ]
    assert [record["splits/url"] for record in sets["splits"]["data"]] == ["cr:TrainingSplit", "cr:TestSplit"]
    assert "patient" not in (path.parent / "cases.csv").read_text()


def test_label_descriptions_are_published_with_the_masks(licensed, study, tmp_path):
    """Nobody could read the label maps without ITK-SNAP's names of the codes; a shared file stands once."""
    (tmp_path / "labels.txt").write_text('4 255 0 0 1 1 1 "iph"\n9 0 255 0 1 1 1 "ivh"\n')
    study.write_text(study.read_text() + "  label_descriptions: labels.txt\n")
    content = json.loads(export_croissant(load_dataset(study), tmp_path / "out", OURS).read_text())
    assert [file["@id"] for file in content["distribution"]].count("labels.txt") == 1


def test_the_key_of_the_masks_is_unique_where_a_file_holds_all_cases(licensed, tmp_path):
    """An annotation program may write the masks of all cases and readers into one file."""
    shared = licensed.root / "anna" / "c1.nii.gz"
    cases = tuple(replace(case, reader_paths=dict.fromkeys(case.readers, shared)) for case in licensed)
    path = export_croissant(replace(licensed, cases=cases), tmp_path / "out", OURS)
    masks = next(one for one in json.loads(path.read_text())["recordSet"] if one["@id"] == "masks")
    table = pd.read_csv(path.parent / "masks.csv", keep_default_na=False)
    assert len(table) == 9
    assert not table.duplicated([key["@id"].removeprefix("masks/") for key in masks["key"]]).any()


def test_facts_that_are_not_known_are_asked_for_and_not_invented(study, licensed, tmp_path):
    """All of them in one sentence; nothing is written, and nothing is overwritten."""
    text = study.read_text().replace("  licence: CC BY 4.0\n  url: https://example.org/study\n", "")
    (tmp_path / "bare.yaml").write_text(text)
    missing = r"not known of our-study: licence \(in the YAML\), url or doi .*, --creator, --published"
    with pytest.raises(UsageError, match=missing):
        export_croissant(load_dataset(tmp_path / "bare.yaml"), tmp_path / "out", Publication((), ""))
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match=r"cases\.csv exists"):
        export_croissant(licensed, tmp_path, OURS)
