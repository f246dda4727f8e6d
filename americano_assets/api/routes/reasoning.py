"""Why a prediction says what it says, as one sentence for a student."""

from collections.abc import Iterator

_MOST = 3
_NOTHING = "No single factor stands out."


def sentence(factors: object) -> str:
    """One sentence from the texts of the strongest factors.

    Args:
        factors: Our list of {feature, value, contribution, text}; also a list of words, an object that holds such a
            list under `factors`, or a {feature: value}. Anything else counts as no factor.
    """
    texts = [text.strip().rstrip(".!").strip() for text in _texts(factors)]
    said = list(dict.fromkeys(text for text in texts if text))[:_MOST]
    return "; ".join([*said[:1], *map(_uncapitalized, said[1:])]) + "." if said else _NOTHING


def _texts(factors: object) -> Iterator[str]:
    if isinstance(factors, str):
        yield factors
    elif isinstance(factors, list):
        for factor in factors:
            yield from _one(factor)
    elif isinstance(factors, dict):
        if isinstance(factors.get("factors"), list | dict):
            yield from _texts(factors["factors"])
        elif "text" in factors or "feature" in factors:
            yield from _one(factors)
        else:
            yield from (_words(str(name)) for name, value in factors.items() if value)


def _one(factor: object) -> Iterator[str]:
    if isinstance(factor, str):
        yield factor
    elif isinstance(factor, dict):
        text = factor.get("text")
        name = factor.get("feature")
        if isinstance(text, str) and text.strip():
            yield text
        elif isinstance(name, str):
            yield _words(name)


def _uncapitalized(text: str) -> str:
    first = text.split(maxsplit=1)[0]
    return text if first[1:] != first[1:].lower() or first == "I" else text[0].lower() + text[1:]


def _words(name: str) -> str:
    return name.replace("_", " ")
