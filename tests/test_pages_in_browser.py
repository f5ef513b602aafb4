"""The pages that scripts write, in a real browser."""

from pathlib import Path

from tests.browser import chromium, fits, open_page, serious_findings
from tests.captioning.caption_command import caption, save_pictures
from tests.tiny_evaluation import evaluate_tiny
from tests.tiny_run import TinyRun, run_tiny

PAGES = ("report/report.html", "explained.html", "look/data.html")


def test_pages_are_accessible_fit_and_need_no_network(trained: TinyRun, tmp_path: Path) -> None:
    with chromium() as browser:
        evaluate_tiny(tmp_path / "report", trained.best)
        caption(trained.best, *save_pictures(tmp_path, ["a.png"]), "--num", 2, "--explain", tmp_path / PAGES[1])
        run_tiny(tmp_path / "look", "data.look=true")
        for name in PAGES:
            for width, dark in ((1400, True), (400, False)):
                page, outside = open_page(browser, (tmp_path / name).as_uri(), width=width, dark=dark)
                page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
                assert serious_findings(page) == [], name
                assert fits(page), name
                assert outside == []
                page.context.close()
