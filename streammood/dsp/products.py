"""Products of a few rows with a matrix, compiled: BLAS would let a thread spin on every core for so little work."""

from __future__ import annotations

import numpy as np

from streammood.dsp.jit import kernel
from streammood.events import F32

ROWS, COLUMNS, TERMS = 4, 2, 8  # sizes that are computed at once; every size is a whole number of these


def padded(weights: F32) -> F32:
    """``weights`` (n, n_terms) with zeros up to whole numbers of ``COLUMNS`` and ``TERMS``."""
    n, terms = weights.shape
    return np.pad(np.ascontiguousarray(weights), ((0, -n % COLUMNS), (0, -terms % TERMS)))


@kernel
def products(values: F32, step: int, weights: F32, out: F32) -> None:
    """Dot products of windows of ``values`` with each of ``weights`` (n, n_terms), into ``out`` (n_windows, n).

    Window i holds the ``n_terms`` values from ``i * step`` on. n_windows is a multiple of ``ROWS``, n of ``COLUMNS``.
    """
    terms = weights.shape[1]
    for i in range(0, out.shape[0], 4):
        at = i * step
        p, q = values[at : at + terms], values[at + step : at + step + terms]
        at += 2 * step
        r, s = values[at : at + terms], values[at + step : at + step + terms]
        for j in range(0, out.shape[1], 2):
            u, v = weights[j], weights[j + 1]
            pu = qu = ru = su = pv = qv = rv = sv = np.float32(0.0)  # eight sums that need no memory
            for k in range(terms):
                pu += p[k] * u[k]
                qu += q[k] * u[k]
                ru += r[k] * u[k]
                su += s[k] * u[k]
                pv += p[k] * v[k]
                qv += q[k] * v[k]
                rv += r[k] * v[k]
                sv += s[k] * v[k]
            out[i, j], out[i + 1, j], out[i + 2, j], out[i + 3, j] = pu, qu, ru, su
            out[i, j + 1], out[i + 1, j + 1], out[i + 2, j + 1], out[i + 3, j + 1] = pv, qv, rv, sv
