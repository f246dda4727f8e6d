"""Text from elsewhere is shown as what it is, on each output in its own way."""

import io
import sys
from csv import reader

import pandas as pd
import pytest

from americano_assets.cli import main
from americano_assets.cli.display.terminal import Table, echo, say
from americano_assets.core.base.escaping import chat, csv, label, markdown, plain, plain_lines
from americano_assets.errors import AmericanoError
from americano_assets.stages.common.charts import drift_plot
from americano_assets.stages.common.metadata import markdown_table
from americano_assets_tests.frames import HOSTILE, is_still

ORDINARY = (
    "Physiology",
    "Größe & Form",
    "heart_rate",
    "β-Blocker, 2. Teil",
    "\u0646\u200c\u0647",
    "O'Neil",
    "100 %",
    "",
)


@pytest.mark.parametrize("text", ORDINARY)
def test_what_people_call_things_stays_as_it_is(text: str) -> None:
    assert plain(text) == plain_lines(text) == label(text) == text
    assert markdown(text).replace("\\&", "&") == text
    assert list(reader(io.StringIO(csv(pd.DataFrame({"name": [text], "n": [1]}))))) == [["name", "n"], [text, "1"]]


def test_what_cannot_be_seen_is_written_out() -> None:
    assert plain("a\x1b[31mb\u202ec\r\nd\te\x9bf\u2028") == r"a\x1b[31mb\u202ec\r\nd\te\x9bf\u2028"
    assert plain_lines("a\nb\rc") == "a\nb\\rc"
    assert is_still(plain(HOSTILE))
    assert "\n" not in plain(HOSTILE)


def test_a_cell_of_markdown_is_one_cell_without_markup() -> None:
    shown = markdown_table([{"course": HOSTILE, "n": 3, "rate": 0.25}]).md_str
    assert shown is not None
    head, rule, row = shown.split("\n")
    assert (head, rule) == ("| course | n | rate |", "| --- | --- | --- |")
    assert row.replace("\\|", "").count("|") == 4
    assert row.endswith("| 3 | 0.250 |")
    assert is_still(row)
    for markup in ("<img", "[d](", "`a", " _b", "*c", "http://", "<!"):
        assert markup not in row.replace(f"\\{markup[0]}", "").replace("\\:", ""), markup


def test_a_cell_of_csv_is_never_a_formula_and_numbers_stay_numbers() -> None:
    cells = ["=1+1", "+SUM(A1)", "-2+3", "@x", "\t=1", "\r=1", "\uff1d1", "-2.5", "+1e3", "1,5", 'say "x"']
    told = list(reader(io.StringIO(csv(pd.DataFrame({"=name": cells, "n": [-1.5] * len(cells)})))))
    assert told[0] == ["'=name", "n"]
    assert [row[0] for row in told[1:]] == [
        *("'=1+1", "'+SUM(A1)", "'-2+3", "'@x", r"\t=1", r"\r=1", "'\uff1d1"),
        *("-2.5", "+1e3", "1,5", 'say "x"'),
    ]
    assert {row[1] for row in told[1:]} == {"-1.5"}


def test_a_message_to_a_chat_calls_nobody() -> None:
    shown = chat("<!channel> <http://a|b> & c\x1b @channel")
    assert shown.replace("\u200b", "") == "&lt;!channel&gt; &lt;http://a|b&gt; &amp; c\\x1b @channel"
    assert "@channel" not in shown
    assert "://" not in shown


def test_a_course_on_a_picture_is_no_formula() -> None:
    assert drift_plot({HOSTILE: {"retention_score": 0.3}, "a $ and a $\\frac{": {"retention_score": 0.1}}, 0.2)


def test_tables_and_sentences_on_the_terminal_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("name", HOSTILE, title=HOSTILE)
    table.add(HOSTILE, ("one", HOSTILE), style="bold")
    table.show(HOSTILE)
    say(HOSTILE, bold=HOSTILE)
    echo(HOSTILE)
    told = capsys.readouterr().out
    assert is_still(told)
    assert "[/b]" in told
    assert f"{plain_lines(HOSTILE)}\n" in told


def test_an_error_is_one_line_of_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(**_: object) -> None:
        raise AmericanoError(f"Objective {HOSTILE} is wrong.")

    monkeypatch.setattr(sys.modules["americano_assets.cli"], "app", broken)
    with pytest.raises(SystemExit):
        main()
    told = capsys.readouterr().err
    assert told == f"americano: Objective {plain(HOSTILE)} is wrong.\n"
