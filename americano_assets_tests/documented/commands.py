"""Every command that README and docs name, and how it is known to work."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from americano_assets import cli
from americano_assets.installation import PROJECT_ROOT

PAGES = (
    *(PROJECT_ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "benchmarks/README.md")),
    *sorted((PROJECT_ROOT / "docs").glob("*.md")),
    *sorted((PROJECT_ROOT / "docs" / "results").glob("*.md")),
    *sorted((PROJECT_ROOT / "examples").glob("*/README.md")),
)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# How a command begins: `./americano …`, a module of ours, a tool of Dagster's or of containers.
_COMMAND = re.compile(
    r"^(?:[A-Z_]+=\S+ )*"
    r"(?:(?:\.\./\.\./|\./)?americano(?= )|(?:\.venv/bin/)?python -|docker |docker-compose (?!\.)|dg |dagster |npm )"
)

_OWN = set(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]


def named_commands(page: Path) -> Iterator[str]:
    """Commands of a page as they are written, of its shell blocks and of its sentences."""
    text = page.read_text()
    for language, block in _BLOCK.findall(text):
        if language == "sh":
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                yield from _of_line(re.split(r"\s+#|^#", line)[0].strip())
    for inline in re.findall(r"`([^`\n]+)`", _BLOCK.sub("", text)):
        yield from _of_line(inline)


def plain(command: str) -> str:
    """A command without what a place decides: where the launcher or the interpreter lies."""
    return re.sub(r"(?:\.\./\.\./|\./)?americano (?=.)|\.venv/bin/(?=python)", "", command)


def _of_line(line: str) -> Iterator[str]:
    # In a sentence a command is also named alone, without the program's name.
    if line.split(" ")[0] in _OWN and " " in line:
        line = f"americano {line}"
    for part in re.split(r" && | \|\| | \| |\$\(|\) ?", line):
        if _COMMAND.match(part := part.strip().removesuffix(" &")):
            yield part


def ours(command: str) -> list[str] | None:
    """The words after `americano`, of a plain command, those that may be left out too; None for another program's."""
    words = re.sub(r"^(?:[A-Z_]+=\S+ )+", "", command)
    if words.startswith(("python ", "docker ", "docker-compose ", "dg ", "dagster ", "npm ")):
        return None
    return shlex.split(re.sub(r"[\[\]]", "", re.split(r" [<>] ?", words)[0]))


def parts(words: list[str]) -> set[tuple[str, str]]:
    """What a command of ours asks for: its name with each of its options, and with none.

    Raises:
        AssertionError: There is no such command or option.
    """
    found: Any = typer.main.get_command(cli.app)
    path, rest = "", list(words)
    while rest and hasattr(found, "commands") and not rest[0].startswith("-") and rest[0] != "COMMAND":
        names = rest[0].split("|")
        assert set(names) <= set(found.commands), f"{path} {rest[0]}"
        if len(names) > 1:
            return {part for name in names for part in parts([*path.split(), name, *rest[1:]])}
        found, path = found.commands[rest[0]], f"{path} {rest.pop(0)}".strip()
    if found.context_settings.get("ignore_unknown_options"):
        return {(path, "")}  # The rest is another program's.
    there = {name for one in found.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
    asked = {option for word in rest if word.startswith("--") for option in word.split("|")}
    assert asked <= there, f"{path}: {sorted(asked - there)}"
    return {(path, option) for option in {"", *asked}}


def all_commands() -> dict[str, list[str]]:
    """Each command with the pages that name it."""
    found: dict[str, list[str]] = {}
    for page in PAGES:
        for command in named_commands(page):
            name = str(page.relative_to(PROJECT_ROOT))
            if name not in found.setdefault(plain(command), []):
                found[plain(command)].append(name)
    return found


# Each of ours that README and docs name, with each option: run by the installed package in a small demo, in this order.
RUN = (
    *(
        "--help",
        "--version",
        "nightly --help",
        "check-db",
        "doctor",
        "db-url",
        "home --help",
        "home show",
        "home adopt",
        "store show",
    ),
    *("nightly", "nightly --day {day}", "nightly --day {day} --latest-inputs"),
    *("backfill --from {day} --to {day} --history-only", "backfill --from {day} --to {day}"),
    *("today", "today --csv"),
    *("report", "report --day {day}", "export-events", "quarantine", "single-case --help", "close-runs"),
    "export-events --days 9 --user-id {learner} --output {folder}/events.parquet --sync-duckdb",
    *("dataset list", "dataset show {dataset}", "dataset restore {dataset}"),
    "dataset restore {dataset} --to {folder}/restored",
    *("model list", "model show", "model show {model}", "model promote {model} --reason tried --force"),
    *("model rollback --reason tried", "model release --reason tried"),
    "evaluate",
    "evaluate {folder}/log.parquet --json {folder}/report.json --rows {folder}/rows.parquet",
    *("token create app", "token create phone --learner {learner} --days 30", "token list", "token revoke app"),
    *("prune --days 30 --dry-run", "prune --days 30", "rebucket 2", "archive run", "archive restore --since {day}"),
    *("schema --sql", "schema --sql --written", "schema --views", "schema --markdown", "schema --prisma"),
    *("forget {learner} --yes", "demo --remove --yes", "stop"),
)
_COMMANDS, _DAGSTER, _PAGE = (
    "cli/test_commands.py",
    "cli/test_dagster_commands.py",
    "end_to_end/app/test_example_page.py",
)
_ONE_ASSET = f"{_DAGSTER}::test_one_asset_of_one_study_day"
_LISTED = f"{_DAGSTER}::test_dg_checks_and_lists_the_definitions"
_SERVED = f"{_DAGSTER}::test_dev_serves_the_definitions_and_ends_with_ctrl_c"
_SEEN = f"{_PAGE}::test_a_learner_sees_applies_and_tells"
_SCHEMA = "contract/test_printed_schema.py::test_the_command_prints_one_of_them_and_asks_which"
_IMPORTS = "loading/imports/test_imported_home.py"
_IMPORTED = f"{_IMPORTS}::test_a_collection_goes_through_a_night_to_the_api_and_the_report_and_again_after_more"
_WRITTEN = "cli/test_init.py::test_every_choice_is_written_with_what_it_means_for_its_owner_alone"
_MOVED = (
    "resources/home/test_moved_store.py::test_the_command_moves_it_and_every_machine_with_it_belongs_to_its_database"
)
_KEPT = "end_to_end/test_store_in_a_bucket.py::test_a_file_that_is_not_what_it_says_stops_a_move_and_nothing_is_lost"
# Run by a test of its own.
BY_A_TEST = {
    "demo --learners 300": f"{_COMMANDS}::test_a_demo_ends_with_what_it_found_and_a_second_one_changes_no_byte",
    "demo --cohort simulated --learners 40 --days 60 --seed 5": (
        "documented/test_installed.py::test_a_demo_speaks_of_the_command_as_it_is_called_here"
    ),
    "store move s3://our-bucket/americano": _MOVED,
    "store move /mnt/large/americano": _MOVED,
    "store move home": _MOVED,
    "store move PLACE --keep": _KEPT,
    "dev": f"{_COMMANDS}::test_dev_serves_everything_runs_what_the_ui_launches_and_ends_with_ctrl_c",
    "api": _SEEN,
    "schema": _SCHEMA,
    "evaluate log.parquet --task next-answer --struggle-below 0.4": (
        "evaluation/test_next_answer.py::test_the_command_prints_what_its_json_says"
    ),
    "init": "cli/test_init.py::test_a_person_is_asked_and_the_password_is_not_shown",
    "init --database-url - --timezone Europe/Berlin": _WRITTEN,
    "today --course ANAT": "cli/test_today.py::test_today_says_whom_to_help_first",
    "token create ada --adviser --course ANAT": "cli/test_today.py::test_an_advisers_token_names_its_courses",
    "single-case ann --analysis-run ID": "stages/s8_reduction/test_single_case.py::test_the_command_tells_it",
    "import collection.colpkg": _IMPORTED,
    "--home imported nightly": _IMPORTED,
    "evaluate collection.colpkg": f"{_IMPORTS}::test_a_collection_is_judged_by_time_and_says_what_cannot_be_known",
    "import log.csv --plans plans.csv": f"{_IMPORTS}::test_the_guide_is_true_to_the_letter",
    "import log.csv --map learner_id=user": f"{_IMPORTS}::test_the_guide_is_true_to_the_letter",
    "nightly --analysis-run ID": (
        "stages/s3_training/test_model_choice.py::test_mlflow_the_night_and_the_apps_analysis_run_link_to_each_other"
    ),
    "dagster asset materialize": _ONE_ASSET,
    "dagster asset materialize -m americano_assets.definitions --select log_snapshots --partition D": _ONE_ASSET,
    "dg launch --assets log_snapshots --partition D": _ONE_ASSET,
    "dagster definitions validate": f"{_DAGSTER}::test_validate_starts_the_embedded_server_and_accepts_the_definitions",
    "dg check defs": _LISTED,
    "dg list defs": _LISTED,
    "dg dev": _SERVED,
    "dagster dev": _SERVED,
    "npm run build": _SEEN,
    "npm start": _SEEN,
    "python -m tools.env_example > .env.example": "test_env_example.py::test_it_is_complete_and_has_nothing_else",
    "python -m tools.data_dictionary > docs/data-dictionary.md": "test_data_dictionary.py::test_the_page_is_current",
    "python -m tools.api_bodies > docs/api-bodies.md": "api/test_documentation.py::test_the_page_of_bodies_is_current",
    "python -m americano_assets.contract.grants": (
        "end_to_end/test_least_privilege.py::test_the_documented_grants_are_those_of_the_contract"
    ),
    "python -m americano_assets.contract.grants americano_pipeline americano": (
        "documented/test_adopt.py::test_a_role_that_may_read_the_views_reads_nothing_behind_them"
    ),
}
_MINUTES = "takes minutes; its figures are in the page that names it"
_CI = "is what runs these tests: .ci/run"
# Not run by a test, and why.
NOT_RUN = {
    "report --open": "opens a browser where somebody sits",
    "test": _CI,
    "python -m americano_assets_tests.planted_bugs --only WORD": "does not fit into CI; one bug is planted there",
    "npm ci": "needs a registry of packages: .ci/run does it",
    "dagster instance migrate": "Dagster's own, after an upgrade of Dagster",
    "evaluate --setting demo": _MINUTES,
    "model-card": _MINUTES,
    "demo --all --fresh --help-logits 0": _MINUTES,
}
