import re
from html import unescape

from ctbench.report import build_report
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.page.page_figures import every_figure


def test_every_figure_of_the_page_is_written(small_runs, tmp_path):
    """As SVG and as PDF, under names that differ; the page shows these figures and no others."""
    runs = small_runs(raters=("reader1", "reader2", "unet", "atlas"))
    built = build_report(runs, tmp_path / "page.html", datasets={}, figures=tmp_path / "figures")
    files = list((tmp_path / "figures").iterdir())
    assert all(path.stat().st_size > 1000 for path in files)
    assert {path.suffix for path in files} == {".svg", ".pdf"}
    (results,) = gather(runs)
    described = [figure.description for figure in every_figure(results, None)]
    assert len(files) == 2 * len(described)
    page = built.read_text(encoding="utf-8")
    shown = re.findall(r'<svg[^>]*role="img"[^>]*><title>(.*?)</title>', page)
    assert sorted(set(map(unescape, shown))) == sorted(set(described))
