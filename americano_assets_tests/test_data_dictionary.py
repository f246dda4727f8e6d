"""The page of columns is what the assets themselves say."""

import pytest

from americano_assets.core.models.risk import CONFIDENCE_MEANS, P_MEANS
from americano_assets.installation import PROJECT_ROOT
from tools.data_dictionary import data_dictionary


def test_the_page_is_current() -> None:
    page = (PROJECT_ROOT / "docs" / "data-dictionary.md").read_text()
    assert data_dictionary() == page, "python -m tools.data_dictionary > docs/data-dictionary.md"


@pytest.mark.parametrize(
    "page",
    ["docs/data-dictionary.md", "docs/app-tables.md", "docs/api-bodies.md", "examples/nextjs/prisma/schema.prisma"],
)
def test_no_page_calls_the_score_of_the_rules_a_probability(page: str) -> None:
    text = (PROJECT_ROOT / page).read_text()
    assert P_MEANS in text
    assert CONFIDENCE_MEANS in text
    assert "Probability of a struggle" not in text
    assert "P(struggle" not in text
