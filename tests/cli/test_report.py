def test_report_is_one_page(ctbench, work, blobs_folder, tmp_path):
    """`ctbench report` writes the page where it is told."""
    ctbench("run", "users_model:Model", "-d", blobs_folder / "blobs.yaml", "-j", 1, "--metric", "dice", "--trust")
    runs = tmp_path / "work" / "runs" / "blobs"
    catalog = ("--catalog", blobs_folder / "blobs.yaml")
    result = ctbench("report", *runs.iterdir(), "--out", tmp_path / "page.html", *catalog)
    assert result.exit_code == 0
    page = (tmp_path / "page.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "mine" in page


def test_report_takes_other_forms(ctbench, work, blobs_folder, tmp_path, monkeypatch):
    """`--latex` and `--tables` write beside the page; limits are checked; `--pdf` says at once if nothing can print."""
    catalog = ("--catalog", blobs_folder / "blobs.yaml")
    ctbench("run", "users_model:Model", "-d", blobs_folder / "blobs.yaml", "-j", 1)
    runs = list((tmp_path / "work" / "runs" / "blobs").iterdir())
    written = ("--out", "page.html", "--latex", "tables.tex", "--tables", "tables", "--margin", 0.1)
    result = ctbench("report", *runs, *catalog, *written)
    assert result.exit_code == 0
    assert "\\toprule" in (tmp_path / "work" / "tables.tex").read_text(encoding="utf-8")
    assert "blobs-equivalence.csv" in {path.name for path in (tmp_path / "work" / "tables").iterdir()}
    assert "--margin 0.1" in (tmp_path / "work" / "page.html").read_text(encoding="utf-8")
    assert ctbench("report", *runs, "--margin", 0).exit_code == 2
    monkeypatch.setenv("CTBENCH_BROWSER", "no-such-browser")
    result = ctbench("report", *runs, *catalog, "--out", "other.html", "--pdf", "page.pdf")
    assert result.exit_code == 2
    assert "no-such-browser" in result.err
    assert not (tmp_path / "work" / "other.html").exists()
