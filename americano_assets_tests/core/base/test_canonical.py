"""The canonical form of queries and of code: what may change without a new key, and what may not."""

import pytest

from americano_assets.core.base.canonical import canonical_python, canonical_sql

QUERY = """-- Grain: one row a learner (the learner's own).
SELECT "a--b",  'it''s -- no comment' AS c -- a comment with an apostrophe's
FROM t /* of
several lines */ WHERE x = '  two  blanks'
"""
CODE = '''"""What it is."""

import math  # why


def area(r):
    """Of a circle."""
    if r:
        r = r * 2
    return math.pi * r ** 2, "a string"
'''


def test_a_query_keeps_what_is_in_quotes_and_nothing_of_its_layout() -> None:
    assert canonical_sql(QUERY) == """SELECT "a--b", 'it''s -- no comment' AS c FROM t WHERE x = '  two  blanks'"""


@pytest.mark.parametrize(
    "other",
    [
        QUERY.replace("the learner's own", "another's"),
        QUERY.replace(" -- a comment with an apostrophe's", ""),
        QUERY.replace("\n", "\n\n    "),
    ],
)
def test_comments_and_white_space_are_no_change(other: str) -> None:
    assert canonical_sql(other) == canonical_sql(QUERY)


@pytest.mark.parametrize(
    ("old", "new"), [("'  two", "' two"), ("no comment", "comment"), ("x =", "y ="), ("a--b", "a")]
)
def test_a_word_or_a_value_is_a_change(old: str, new: str) -> None:
    assert canonical_sql(QUERY.replace(old, new)) != canonical_sql(QUERY)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("What it is.", "What it was."),
        ('    """Of a circle."""\n', ""),
        ("  # why", ""),
        ("\n\n\n", "\n\n# more\n\n"),
        ("return math.pi", "return   math.pi"),
    ],
)
def test_docstrings_comments_and_layout_of_code_are_no_change(old: str, new: str) -> None:
    assert old in CODE
    assert canonical_python(CODE.replace(old, new)) == canonical_python(CODE)


@pytest.mark.parametrize(
    ("old", "new"), [("r ** 2", "r ** 3"), ("a string", "another"), ("    return", "        return")]
)
def test_another_statement_string_or_block_is_a_change(old: str, new: str) -> None:
    assert canonical_python(CODE.replace(old, new)) != canonical_python(CODE)
