"""The site has every page, in its navigation."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
NAV = re.compile(r"^ +- (?:[^:\n]+: )?([\w/-]+\.md)$", re.MULTILINE)


def test_every_page_is_in_the_navigation() -> None:
    """Whoever adds a page adds its line to mkdocs.yml; decisions are listed by themselves."""
    text = (DOCS.parent / "mkdocs.yml").read_text().partition("\nnav:")[2].partition("\n\n")[0]
    named = set(NAV.findall(text))
    there = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    there = {page for page in there if not page.startswith("decisions/")}
    made = {page for page in named if page.startswith(("reference/", "decisions/"))}
    assert there == named - made
