"""Coordinates of levels that learn from each other, on numbers alone."""

import numpy as np
import pytest

from bayescale import placing
from bayescale.glance import glanced

RNG = np.random.default_rng(0)


def hierarchy(near, precision, draws=4000):
    """Draws of a middle, a spread and levels of which runs say something Gaussian."""
    width = np.exp(RNG.normal(-1.5, 0.5, draws))
    middle = RNG.normal(0.3, 0.2, draws)
    total = precision[:, None] + width**-2
    mean = (precision[:, None] * near[:, None] + middle * width**-2) / total
    return mean + RNG.standard_normal(mean.shape) / np.sqrt(total), middle, width


def test_what_runs_say_of_levels_is_learned_from_draws():
    near, precision = np.array([0.0, 0.5, 1.0]), np.array([4.0, 100.0, 1e4])
    found = placing.learned(*hierarchy(near, precision))
    np.testing.assert_allclose(found.near[1:], near[1:], atol=0.05)
    ratio = found.precision / precision
    assert ratio.min() > 0.3
    assert ratio.max() < 3


def test_levels_of_which_nothing_is_said_are_offsets():
    levels, middle, width = hierarchy(np.zeros(2), np.zeros(2))
    found = placing.learned(levels, middle, width)
    assert (found.precision * np.median(width) ** 2 < 0.05).all()


def test_coordinates_are_standard_normal_whatever_the_spread():
    near, precision = np.array([0.2, 0.8]), np.array([1e-6, 400.0])
    levels, middle, width = hierarchy(near, precision)
    told = placing.Told(near[:, None], precision[:, None])
    wider = np.sqrt(1 + precision[:, None] * width**2)
    at, _ = placing.offsets(0.0, width, told, middle)
    z = ((levels - middle) / width - at) * wider
    np.testing.assert_allclose(z.mean(axis=1), 0, atol=0.06)
    np.testing.assert_allclose(z.std(axis=1), 1, atol=0.05)
    assert abs(np.corrcoef(abs(z[1]), width)[0, 1]) < 0.06


def test_a_spread_has_no_tail_without_end_near_zero_and_a_slope_that_is_told():
    u = np.array([-6.0, -1.0, 0.0, 2.0, 30.0])
    value, log_slope = placing.log_spread(u)
    step = 1e-6
    numeric = (placing.log_spread(u + step)[0] - placing.log_spread(u - step)[0]) / (2 * step)
    np.testing.assert_allclose(np.exp(log_slope), numeric, rtol=1e-6)
    assert value[0] < -20
    assert value[-1] == pytest.approx(30, abs=0.01)


def test_a_glance_finds_mode_and_variances_of_a_gaussian():
    centre = np.array([0.0, 1.0, -2.0, 0.5, 0.3, 0.1])
    inside = np.array([[4.0, 1.5], [1.5, 2.0]])
    levels = [np.array([1, 2]), np.array([3, 4])]
    precision = np.eye(6)
    for j in range(2):
        pair = np.array([levels[0][j], levels[1][j]])
        precision[np.ix_(pair, pair)] = inside * (j + 1)

    def slope(point):
        away = point - centre
        return -0.5 * away @ precision @ away, -precision @ away

    point, (variances,) = glanced(slope, 6, np.array([0]), [levels])
    np.testing.assert_allclose(point[1:], centre[1:], atol=1e-4)
    own = np.diag(np.linalg.inv(inside))
    np.testing.assert_allclose(variances, np.stack([own, own / 2], axis=1), rtol=1e-3)
    assert glanced(lambda z: (-np.inf, z), 6, np.array([0]), [levels]) is None


def test_coordinates_of_spreads_middles_and_offsets_are_found_again():
    u = np.array([-30.0, -2.0, -0.1, 0.0, 0.5, 40.0])
    np.testing.assert_allclose(placing.log_spread_back(placing.log_spread(u)[0]), u, atol=1e-9)
    told = placing.Told(RNG.standard_normal((3, 1)), np.array([[1e-6], [2.0], [1e4]]))
    width, z = np.exp(RNG.standard_normal(5)), RNG.standard_normal((3, 5))
    moved, _ = placing.offsets(z, width, told, 0.4)
    np.testing.assert_allclose(placing.offsets_back(moved, width, told, 0.4), z, rtol=1e-8)
    middle, _ = placing.middle(z[0], 0.3, 0.7, width, told)
    np.testing.assert_allclose(placing.middle_back(middle, 0.3, 0.7, width, told), z[0], rtol=1e-8)
