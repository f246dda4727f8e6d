"""The page of columns is what the assets themselves say."""

from americano_assets.installation import PROJECT_ROOT
from tools.data_dictionary import data_dictionary


def test_the_page_is_current() -> None:
    page = (PROJECT_ROOT / "docs" / "data-dictionary.md").read_text()
    assert data_dictionary() == page, "python -m tools.data_dictionary > docs/data-dictionary.md"
