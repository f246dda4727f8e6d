"""Each planted bug is a bug of today's code, and a test sees it."""

import pytest

from americano_assets.installation import PROJECT_ROOT
from americano_assets_tests.planted_bugs import MUTATIONS
from americano_assets_tests.planted_bugs.planting import CAUGHT, Mutation, run

_SAMPLE = next(one for one in MUTATIONS if one.touches == "days_until_exam")


def _named(mutation: Mutation) -> str:
    return f"{mutation.file}: {mutation.planted or 'nothing'}"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=_named)
def test_each_can_be_planted(mutation: Mutation) -> None:
    assert mutation.path.read_text().count(mutation.text) == 1
    assert mutation.planted != mutation.text
    for test in mutation.tests.split():
        path, _, name = test.partition("::")
        assert f"def {name}" in (PROJECT_ROOT / path).read_text()


@pytest.mark.long
def test_one_of_them_is_caught() -> None:
    verdict, tests = run(_SAMPLE)
    assert verdict == CAUGHT, tests


@pytest.mark.full
@pytest.mark.parametrize("mutation", MUTATIONS, ids=_named)
def test_each_is_caught(mutation: Mutation) -> None:
    verdict, tests = run(mutation)
    assert verdict == CAUGHT, tests
