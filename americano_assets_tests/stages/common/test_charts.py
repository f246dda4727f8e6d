"""What a picture shows can be read."""

from itertools import pairwise

import pytest

from americano_assets.core.features.catalog import MODEL_INPUTS
from americano_assets.stages.common.charts import importance_figure


@pytest.mark.parametrize("features", [1, 3, 12, len(MODEL_INPUTS)])
def test_no_label_of_the_importance_plot_lies_on_another(features: int) -> None:
    names = MODEL_INPUTS[:features]
    importance = {name: (place + 1) / sum(range(1, features + 1)) for place, name in enumerate(names)}
    figure = importance_figure(importance)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    labels = axes.get_yticklabels()
    boxes = sorted((one.get_window_extent() for one in labels), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 for low, high in pairwise(boxes))
    assert boxes[0].y0 >= 0
    assert boxes[-1].y1 <= figure.bbox.height
    # The largest first, and nothing is lost: what is not named stands below as one bar.
    shown = [one.get_text() for one in labels]
    assert shown[0] == names[-1].replace("_", " ")
    assert shown[12:] == ([f"{features - 12} others"] if features > 12 else [])
    whole = axes.transData.transform((1, 0))[0] - axes.transData.transform((0, 0))[0]
    assert sum(bar.get_window_extent().width for bar in axes.patches) == pytest.approx(whole)
