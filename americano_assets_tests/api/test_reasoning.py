"""The sentence made of a prediction's factors."""

import pytest

from americano_assets.api.routes.reasoning import sentence


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ([{"feature": "f", "value": 1, "contribution": 2, "text": "Answers were weak."}], "Answers were weak."),
        ([{"text": "Answers were weak"}, {"text": "The exam is close!"}], "Answers were weak; the exam is close."),
        ([{"text": "One"}, {"text": "DNA was hard"}, {"text": "I"}], "One; DNA was hard; I."),
        ([{"text": "A"}, {"text": "A."}, {"text": "B"}, {"text": "C"}, {"text": "D"}], "A; b; c."),
        ([{"feature": "retention_score", "text": " "}], "retention score."),
        (["Answers were weak", "cards slipped"], "Answers were weak; cards slipped."),
        ({"factors": [{"text": "Answers were weak"}]}, "Answers were weak."),
        ({"text": "Answers were weak"}, "Answers were weak."),
        ({"retention_score": 0.2, "workload_level": 0}, "retention score."),
        ([3, None, {"text": 7}], "No single factor stands out."),
        (None, "No single factor stands out."),
    ],
)
def test_every_shape_of_factors_gives_one_sentence(factors: object, expected: str) -> None:
    assert sentence(factors) == expected
