"""Bugs in what loads logs and Anki collections: what is an interaction, whose it is, and when it is the same one."""

from americano_assets_tests.planted_bugs.planting import Mutation

_T = "americano_assets_tests/loading/imports"
_ANKI, _IMPORT = f"{_T}/test_anki.py", f"{_T}/test_import.py"
_CARDS, _FILES = "loading/imports/anki/cards.py", "loading/imports/anki/files.py"

MUTATIONS = (
    Mutation(
        "a card that was moved is another card",
        "loading/imports/app_rows.py",
        'item_key(objective, item) AS item"',
        'item_key(objective, item) AS concat_ws(chr(31), objective, item)"',
        _IMPORT,
    ),
    Mutation(
        "an answer that is corrected is another answer",
        "loading/imports/sql/numbered.sql",
        "epoch_us(occurred_at), row_number()",
        "epoch_us(occurred_at), score, row_number()",
        _IMPORT,
    ),
    Mutation(
        "previews count as answers",
        "loading/imports/anki/collection.py",
        "kind == _FILTERED and factor == 0",
        "kind == _FILTERED and factor < 0",
        _ANKI,
    ),
    Mutation(
        "a card in a filtered deck counts to that",
        _CARDS,
        "CASE WHEN c.odid <> 0 THEN c.odid ELSE c.did END",
        "c.did",
        _ANKI,
    ),
    Mutation("suspended cards are due", _CARDS, "queue != _SUSPENDED and", "queue is not None and", _ANKI),
    Mutation(
        "an answer by a wrong clock is a collection's present",
        _CARDS,
        "WHERE ease > 0 AND id <= ?",
        "WHERE ease > 0 AND id <= 10 * ?",
        _IMPORT,
    ),
    Mutation("a package is unpacked without end", _FILES, "if size > most:", "if size < 0:", _ANKI),
    Mutation("what Anki has open is read all the same", _FILES, "if is_open:", "if is_open is None:", _ANKI),
)
