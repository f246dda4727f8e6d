"""Ids are functions of what they name, in the form that Prisma's clients expect."""

import re
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from americano_assets.core.base.ids import cuid, cuids
from americano_assets.core.models.scorer import episode_id

parts = st.lists(st.text(st.characters(exclude_characters="\x1f", exclude_categories=["Cs"])), min_size=1, max_size=4)


@given(parts)
def test_an_id_has_the_form_of_a_cuid_and_never_changes(named: list[str]) -> None:
    assert re.fullmatch(r"c[a-z0-9]{24}", cuid(*named))
    assert cuid(*named) == cuid(*named)


@given(st.lists(parts, max_size=5))
def test_ids_of_many_are_those_of_each(named: list[list[str]]) -> None:
    assert cuids(named) == [cuid(*one) for one in named]


@given(parts, parts)
def test_different_names_have_different_ids(one: list[str], other: list[str]) -> None:
    assert (cuid(*one) == cuid(*other)) == (one == other)


def test_published_ids_stay_what_they_are() -> None:
    # Were these to change, every prediction would be published a second time.
    assert cuid("prediction", "a", "b", "2026-03-11") == "ccoy3apefpjbrcqrzz77y0k0a"
    assert episode_id("a", "b", date(2026, 3, 11)) == cuid("prediction", "a", "b", "2026-03-11")
