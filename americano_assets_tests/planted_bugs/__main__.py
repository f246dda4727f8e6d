"""Plants every bug and prints, as a table, the tests that see it.

python -m americano_assets_tests.planted_bugs [--only WORD]
"""

import argparse
from concurrent.futures import ThreadPoolExecutor

from americano_assets_tests.planted_bugs import MUTATIONS
from americano_assets_tests.planted_bugs.planting import CAUGHT, run

_AT_ONCE = 2
_HEAD = """| of | in | was | planted | seen by |
| --- | --- | --- | --- | --- |"""


def _cell(text: str) -> str:
    words = " ".join(text.split()).replace("|", "\\|")
    return f"`{words}`" if words else "nothing"


def main() -> None:
    """Plant the bugs, and fail unless each was caught."""
    parser = argparse.ArgumentParser(prog="python -m americano_assets_tests.planted_bugs", description=main.__doc__)
    parser.add_argument("--only", default="", help="those whose file or feature has this word in it")
    only = parser.parse_args().only
    chosen = [one for one in MUTATIONS if only in one.file or only in one.touches]
    print(_HEAD)
    wrong = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for mutation, (verdict, tests) in zip(chosen, pool.map(run, chosen), strict=True):
            wrong += verdict != CAUGHT
            seen = f"`{tests[0]}`" if tests else f"**{verdict}**"
            cells = (_cell(text) for text in (mutation.text, mutation.planted))
            print(f"| {mutation.touches} | `{mutation.file}` | {' | '.join(cells)} | {seen} |", flush=True)
    print(f"\n{len(chosen)} planted, {len(chosen) - wrong} caught.")
    raise SystemExit(1 if wrong else 0)


main()
