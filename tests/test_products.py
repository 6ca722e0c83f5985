"""Products of a few rows against numpy's."""

from __future__ import annotations

import numpy as np
import pytest

from streammood.dsp.products import COLUMNS, ROWS, TERMS, padded, products


@pytest.mark.parametrize(("terms", "step", "n"), [(125, 5, 22), (96, 1, 27), (8, 8, 1), (315, 63, 20)])
def test_products_of_windows_are_those_of_numpy(terms: int, step: int, n: int) -> None:
    rng = np.random.default_rng(terms)
    weights = rng.standard_normal((n, terms)).astype(np.float32)
    values = rng.standard_normal(step * 12 + terms + TERMS).astype(np.float32)
    ready = padded(weights)
    assert ready.shape[0] % COLUMNS == ready.shape[1] % TERMS == 0
    out = np.empty((3 * ROWS, ready.shape[0]), dtype=np.float32)
    products(values, step, ready, out)
    windows = np.lib.stride_tricks.sliding_window_view(values, terms)[: 12 * step : step]
    expected = windows.astype(np.float64) @ weights.T
    np.testing.assert_allclose(out[:, :n], expected, atol=1e-6 * terms)  # float32, sums of so many terms near 1
