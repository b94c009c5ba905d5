"""Catalogues of datasets (YAML), case tables and tables of printed figures (CSV)."""

import numpy as np
import pytest

from ctbench.volume import Volume, write_volume

ENTRY = """\
toy:
  title: A toy
  modality: CT
  task: segmentation
  labels: {iph: 1}
  image: images/{case}.nii.gz
  readers: readers/{reader}/{case}.nii.gz
"""
LAUGHS = "\n".join(["a0: &a0 [lol, lol]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 40)])


@pytest.fixture
def toy(tmp_path):
    """A dataset of one case with two readers; gives the path of its YAML."""
    grid = Volume(np.zeros((3, 4, 5), np.uint8), (5.0, 1.0, 1.0))
    for path in ("images/a", "readers/r1/a", "readers/r2/a"):
        write_volume(grid, tmp_path / f"{path}.nii.gz")
    (tmp_path / "toy.yaml").write_text(ENTRY)
    return tmp_path / "toy.yaml"


def test_the_whole_one_is_read(guard, toy):
    """What the others are made of is fine."""
    assert guard.ask("dataset", toy)["outcome"] == "read"


YAML = {
    "nothing": b"",
    "only a comment": b"# soon\n",
    "zeros": b"\0" * 100,
    "Latin-1": "toy: {title: Schädel}".encode("latin-1"),
    "UTF-16": ENTRY.encode("utf-16"),
    "a control character": ENTRY.replace("A toy", "A\x07toy").encode(),
    "a list": b"- toy\n- other\n",
    "a number": b"42\n",
    "no entry below the name": b"toy:\n",
    "the fields without a name": ENTRY.replace("toy:\n", "", 1).replace("\n  ", "\n").encode(),
    "two documents": (ENTRY + "---\n" + ENTRY).encode(),
    "a key twice": (ENTRY + "  title: Another\n").encode(),
    "a dataset twice": (ENTRY + ENTRY).encode(),
    "an open bracket": (ENTRY + "  groups: {h: [iph\n").encode(),
    "tabs": ENTRY.replace("  title", "\ttitle").encode(),
    "a Python object": (ENTRY + "  notes: !!python/object/apply:os.system [true]\n").encode(),
    "an unknown tag": (ENTRY + "  notes: !wine red\n").encode(),
    "a list that holds itself": (ENTRY + "  builder_options: {a: &a [*a]}\n").encode(),
    "a bomb of aliases": (LAUGHS + "\n").encode(),
    "a bomb below an entry": (ENTRY + "  builder_options:\n    " + LAUGHS.replace("\n", "\n    ") + "\n").encode(),
    "a deep nest": ("toy: " + "[" * 100_000).encode(),
    "a deep nest that closes": ("toy: " + "[" * 20_000 + "]" * 20_000).encode(),
    "an unhashable key": b"? [a, b]\n: {title: x}\n",
    "a label called yes": ENTRY.replace("{iph: 1}", "{yes: 1}").encode(),
    "a label called null": ENTRY.replace("{iph: 1}", "{null: 1}").encode(),
    "a label called 1": ENTRY.replace("{iph: 1}", "{1: 1}").encode(),
    "a dataset called no": ENTRY.replace("toy:", "no:", 1).encode(),
    "a reader in braces": ENTRY.replace("readers/{reader}/{case}.nii.gz", "{r1: readers/r1/{case}.nii.gz}").encode(),
    "an alias to nothing": (ENTRY + "  notes: *nothing\n").encode(),
    "a key too many": (ENTRY + "  colour: red\n").encode(),
    "another modality": ENTRY.replace("CT", "PET").encode(),
    "no labels but a group": ENTRY.replace("{iph: 1}", "{}\n  groups: {h: [iph]}").encode(),
    "a label of zero": ENTRY.replace("{iph: 1}", "{iph: 0}").encode(),
    "a negative label": ENTRY.replace("{iph: 1}", "{iph: -1}").encode(),
    "a label of text": ENTRY.replace("{iph: 1}", "{iph: one}").encode(),
    "a label of a million digits": ENTRY.replace("{iph: 1}", "{iph: " + "9" * 1_000_000 + "}").encode(),
    "two labels of one code": ENTRY.replace("{iph: 1}", "{iph: 1, ivh: 1}").encode(),
    "a pattern that climbs": ENTRY.replace("images/{case}", "../{case}").encode(),
    "a pattern from the root": ENTRY.replace("images/{case}", "/etc/{case}").encode(),
    "a pattern without a case": ENTRY.replace("images/{case}", "images/x").encode(),
    "a pattern with a stranger": ENTRY.replace("images/{case}", "images/{case}{hat}").encode(),
    "a pattern of braces": ENTRY.replace("images/{case}", "images/{{case}").encode(),
    "a reader that climbs": ENTRY.replace("readers/{reader}/{case}.nii.gz", "{../x: 'r/{case}.nii.gz'}").encode(),
    "a NaN tolerance": (ENTRY + "  tolerance_mm: .nan\n").encode(),
    "a negative tolerance": (ENTRY + "  tolerance_mm: -1\n").encode(),
    "a root that is not there": (ENTRY + "  root: /no/such/folder\n").encode(),
    "a root with a NUL": (ENTRY + '  root: "a\\0b"\n').encode(),
    "a root of a variable that is not set": (ENTRY + "  root: ${NO_SUCH_VARIABLE_AT_ALL}/x\n").encode(),
    "a very long root": (ENTRY + "  root: " + "x" * 10_000 + "\n").encode(),
    "a builder that is no name": (ENTRY + "  builder: 'os.system(1)'\n").encode(),
    "a builder that is not there": (ENTRY + "  builder: no_such_module_at_all:make\n").encode(),
    "a case table that climbs": (ENTRY + "  cases: ../../../../../../etc/passwd\n").encode(),
    "a case table that is a folder": (ENTRY + "  cases: images\n").encode(),
}


@pytest.mark.parametrize("what", YAML)
def test_catalogues(toy, refused, what):
    """What is no YAML, no catalogue, or says what cannot be."""
    toy.write_bytes(YAML[what])
    refused("dataset", toy)


def test_a_pattern_that_takes_for_ever(toy, survived):
    """Many stars against a long name that nearly fits."""
    toy.write_text(ENTRY.replace("images/{case}", "images/{case}" + "*a" * 30 + "b"))
    (toy.parent / "images" / ("a" * 200 + ".nii.gz")).touch()
    survived("dataset", toy)


TABLE = {
    "nothing": b"",
    "zeros": b"\0" * 100,
    "Latin-1": "case,split\nä,test\n".encode("latin-1"),
    "UTF-16": "case,split\na,test\n".encode("utf-16"),
    "a NUL in a cell": b"case,split\na\0,test\n",
    "no case": b"name,split\na,test\n",
    "a column twice": b"case,split,split\na,test,test\n",
    "a cell too many": b"case,split\na,test,x\n",
    "a cell too few": b"case,split\na\n",
    "an open quote": b'case,split\n"a,test\n',
    "a case twice": b"case\na\na\n",
    "a case without a name": b"case,split\n,test\n",
    "a case that climbs": b"case\n../../etc/passwd\n",
    "a case from the root": b"case\n/etc/passwd\n",
    "a case of a drive": b"case\nC:a\n",
    "a hidden case": b"case\n.a\n",
    "a case of two folders": b"case\na/b\n",
    "a case that is not there": b"case\nzz\n",
    "a reader that climbs": b"case,readers\na,../r1\n",
    "an unknown split": b"case,split\na,exam\n",
    "a label that nobody knows": b"case,not_assessed\na,toes\n",
    "a cell of a megabyte": b"case,notes\na," + b"x" * 1_000_000 + b"\n",
    "only line ends": b"\n" * 1000,
    "a page of HTML": b"<html>\n<body>404</body>\n</html>\n",
}


@pytest.mark.parametrize("what", TABLE)
def test_case_tables(toy, refused, what):
    """What is no CSV, or names cases that cannot be."""
    toy.write_text(ENTRY + "  cases: cases.csv\n")
    (toy.parent / "cases.csv").write_bytes(TABLE[what])
    refused("dataset", toy)


@pytest.mark.parametrize("slices", ["x", "-1", "5-2", "0-", "1e3", "0-99999", "99999", "0;;2", "3.5", "all;2", "٣"])
def test_annotated_slices(toy, refused, slices):
    """Numbers that are none, or are no slices of this volume."""
    toy.write_text(ENTRY + "  cases: cases.csv\n  annotated: {column: seen}\n")
    (toy.parent / "cases.csv").write_text(f"case,seen\na,{slices}\n", encoding="utf-8")
    refused("dataset", toy)


FIGURES = {
    "nothing": b"",
    "zeros": b"\0" * 100,
    "no columns of ours": b"a,b\n1,2\n",
    "Latin-1": "paper,table\nä,1\n".encode("latin-1"),
    "a value of text": b"paper,table,dataset,label,rater,metric,statistic,value\np,1,toy,iph,m,dice,mean,high\n",
    "a cell too many": b"paper,table,dataset,label,rater,metric,statistic,value\np,1,toy,iph,m,dice,mean,1,2,3\n",
    "half a figure of cases": b"paper,table,dataset,label,rater,metric,statistic,value,n\np,1,toy,i,m,d,s,1,2.5\n",
    "an open quote": b'paper,table,dataset,label,rater,metric,statistic,value\n"p,1,toy,iph,m,dice,mean,1\n',
}


@pytest.mark.parametrize("what", FIGURES)
def test_printed_figures(toy, refused, what):
    """Tables of figures that cannot be read as such."""
    toy.write_text(ENTRY + "  published: figures.csv\n")
    (toy.parent / "figures.csv").write_bytes(FIGURES[what])
    refused("published", toy)


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b" + b"\0" * 50, b"hello"])
@pytest.mark.parametrize("which", ["images/a", "readers/r1/a"])
def test_volumes_of_a_dataset(toy, refused, which, content):
    """The case, and the reader whose file it is, are named."""
    (toy.parent / f"{which}.nii.gz").write_bytes(content)
    said = refused("dataset", toy)
    assert "case 'a'" in said
    assert ("reader 'r1'" if "r1" in which else "image") in said


def test_links_in_a_circle(toy, refused):
    """An image that is a link to itself is not there."""
    image = toy.parent / "images" / "a.nii.gz"
    image.unlink()
    image.symlink_to(image)
    refused("dataset", toy)


@pytest.mark.parametrize("which", ["images/a", "readers/r1/a", "readers/r2/a"])
def test_links_that_lead_nowhere(toy, refused, which):
    """A file that was not fetched is missing by its name, image or mask."""
    path = toy.parent / f"{which}.nii.gz"
    path.unlink()
    path.symlink_to("../not-fetched")
    assert f"{which}.nii.gz is a broken link to ../not-fetched" in refused("dataset", toy)
