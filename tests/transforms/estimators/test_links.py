"""The derivatives of both links, by finite differences, and their tails."""

from __future__ import annotations

import numpy as np
import pytest

from haiguan.transforms.estimators.links import Link, Logistic, Normal

POINTS = np.linspace(-6, 6, 49)
H = 1e-5


@pytest.mark.parametrize("link", [Normal(), Logistic()])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_each_order_is_the_derivative_of_the_one_below(link: Link, order: int) -> None:
    slope = (link.probability(POINTS + H, order) - link.probability(POINTS - H, order)) / (2 * H)
    np.testing.assert_allclose(link.probability(POINTS, order + 1), slope, atol=1e-9)


@pytest.mark.parametrize("link", [Normal(), Logistic()])
def test_score_and_information_differentiate_the_log_likelihood(link: Link) -> None:
    np.testing.assert_allclose(link.log_likelihood(POINTS), np.log(link.probability(POINTS, 0)), rtol=1e-12, atol=1e-14)
    slope = (link.log_likelihood(POINTS + H) - link.log_likelihood(POINTS - H)) / (2 * H)
    np.testing.assert_allclose(link.score(POINTS), slope, atol=1e-8)
    curvature = (link.score(POINTS + H) - link.score(POINTS - H)) / (2 * H)
    np.testing.assert_allclose(link.information(POINTS), -curvature, atol=1e-8)


@pytest.mark.parametrize("link", [Normal(), Logistic()])
def test_tails_stay_finite(link: Link) -> None:
    far = np.array([-300.0, -40.0, 40.0, 300.0])
    for values in (link.log_likelihood(far), link.score(far), link.information(far)):
        assert np.isfinite(values).all()
    assert Normal().score(np.array([-40.0])) == pytest.approx(40 + 1 / 40, rel=1e-5)
