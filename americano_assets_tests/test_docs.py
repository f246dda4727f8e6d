"""What the documentation points to is there: files of the project, links between pages and to their headings."""

import re
from pathlib import Path

import pytest

from americano_assets.installation import PROJECT_ROOT, __version__

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "examples/*/*.md", "americano_assets/**/*.md")
    for path in PROJECT_ROOT.glob(pattern)
    if "node_modules" not in path.parts
)
# Where a path in a text may begin.
ROOTS = (
    PROJECT_ROOT,
    PROJECT_ROOT / "americano_assets",
    PROJECT_ROOT / "americano_assets_tests",
    PROJECT_ROOT / "americano_assets" / "stages",
)
_FILE = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|sql|md|toml|yaml|yml|lock|j2))(?:::\w+)?`")
_LINK = re.compile(r"\]\(([^)\s:]+)\)")


def there(path: str, page: Path) -> bool:
    return any((root / path).exists() for root in (*ROOTS, page.parent))


def anchors(page: Path) -> set[str]:
    """Headings as links name them: in lower case, blanks as hyphens, without other signs."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_ROOT)))
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    assert [path for path in _FILE.findall(page.read_text()) if not there(path, page)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    missing = []
    for link in _LINK.findall(page.read_text()):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            missing.append(link)
    assert missing == []


def test_the_index_names_every_page() -> None:
    docs = PROJECT_ROOT / "docs"
    named = set(_LINK.findall((docs / "index.md").read_text()))
    assert {path.name for path in docs.glob("*.md")} - {"index.md"} <= named


def test_the_changelog_tells_of_this_version() -> None:
    assert f"\n## [{__version__}]" in (PROJECT_ROOT / "CHANGELOG.md").read_text()
