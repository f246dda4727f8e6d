"""What a query or a function says, without how it is written: part of the keys under which results are kept.

Comments, white space and the file that it stands in may change, and nothing is made anew for it.
"""

import io
import re
import tokenize

# What stands in quotes is taken whole: `--` within it begins no comment.
_SQL = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")|(?:--[^\n]*|/\*.*?\*/|\s)+""", re.DOTALL)
_LAYOUT = {tokenize.COMMENT, tokenize.NL}
_BEFORE_A_STATEMENT = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
_NAMED = {tokenize.INDENT: "INDENT", tokenize.DEDENT: "DEDENT", tokenize.NEWLINE: "\n"}


def canonical_sql(text: str) -> str:
    """A query without comments, white space as single blanks; what stands in quotes is as it was."""
    return _SQL.sub(lambda part: part[1] or " ", text).strip()


def canonical_python(source: str) -> str:
    """A module's code without comments, docstrings and layout."""
    kept: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in _LAYOUT:
            continue
        if token.type == tokenize.NEWLINE and _is_bare_string(kept):
            kept.pop()
        else:
            kept.append(token)
    return " ".join(_NAMED.get(token.type, token.string) for token in kept)


def _is_bare_string(tokens: list[tokenize.TokenInfo]) -> bool:
    """Whether the statement that ends here is nothing but a string: a docstring."""
    before = tokens[-2].type if len(tokens) > 1 else tokenize.NEWLINE
    return tokens[-1].type == tokenize.STRING and before in _BEFORE_A_STATEMENT
