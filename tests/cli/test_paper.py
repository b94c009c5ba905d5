"""`ctbench paper`."""

import json


def test_a_paper_is_written(ctbench, work, blobs_folder, tmp_path):
    """The folder is named as the paper unless told otherwise, and holds a page; an unknown paper is refused."""
    ctbench("run", "users_model:Model", "-d", blobs_folder / "blobs.yaml", "-j", 1)
    runs = list((tmp_path / "work" / "runs" / "blobs").iterdir())
    result = ctbench("paper", "cai2020", *runs, "--catalog", blobs_folder / "blobs.yaml", "--json")
    assert result.exit_code == 0
    assert isinstance(json.loads(result.out), list)
    assert "ctbench paper cai2020" in (tmp_path / "work" / "cai2020" / "index.html").read_text(encoding="utf-8")
    result = ctbench("paper", "cai2021", *runs)
    assert result.exit_code == 2
    assert "unknown paper 'cai2021'; did you mean 'cai2020'" in result.err
