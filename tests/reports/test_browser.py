"""The page in a real browser: pictures are drawn, nothing is fetched, nothing complains."""

import json
import re
import shutil
import subprocess

import pytest

from hwmodel.reports import build_report

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
# Looks at the page from inside: what is drawn, what overflows it, what was fetched.
PROBE = """
<script>
window.addEventListener("load", () => {
  const pictures = [...document.querySelectorAll("svg")].map(svg => {
    const box = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].map(t => [t, t.getBoundingClientRect()]);
    return {
      width: box.width, height: box.height,
      marks: svg.querySelectorAll("[role=graphics-symbol]").length,
      outside: texts.filter(([t, r]) => r.width > 0 && (r.left < box.left - 2
        || r.right > box.right + 2 || r.bottom > box.bottom + 2)).map(([t]) => t.textContent),
    };
  });
  const found = {
    pictures,
    wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    fetched: performance.getEntriesByType("resource").map(e => e.name),
    broken: [...document.querySelectorAll("nav a")].map(a => a.getAttribute("href"))
      .filter(href => !document.querySelector(href)),
  };
  const note = document.createElement("pre");
  note.id = "probe";
  note.textContent = JSON.stringify(found);
  document.body.append(note);
});
</script>
"""


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [1200, 420])
def test_page_is_drawn_offline(results, tmp_path, width):
    page = build_report(results, tmp_path / "report")
    probed = tmp_path / "probed.html"
    probed.write_text(page.read_text().replace("</body>", PROBE + "</body>"))
    run = subprocess.run(
        [
            CHROMIUM,
            *FLAGS,
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={width},900",
            "--dump-dom",
            probed.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in run.stderr
    found = json.loads(re.search(r'<pre id="probe">(.*?)</pre>', run.stdout, re.DOTALL)[1])
    assert len(found["pictures"]) == 6
    for picture in found["pictures"]:
        assert picture["width"] > 300
        assert picture["height"] > 100
        assert picture["marks"] > 10
        assert picture["outside"] == []
    assert found["wider"] <= 0
    assert found["fetched"] == []
    assert found["broken"] == []
