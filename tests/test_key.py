"""Keys: laws of the estimate, and a fit to songs whose keys are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streammood.analysis.hops import F64
from streammood.analysis.key import Key, estimate_key
from streammood.errors import DataError
from streammood.training.key import KeyedSong, fit, read_keys

_TRIADS = {False: (0, 4, 7), True: (0, 3, 7)}
_SCALES = {False: (0, 2, 4, 5, 7, 9, 11), True: (0, 2, 3, 5, 7, 8, 10)}
_CHROMA = st.lists(st.floats(0.0, 1.0), min_size=12, max_size=12)


@given(_CHROMA, st.integers(0, 11), st.floats(1e-3, 1e3), st.floats(0.0, 10.0))
def test_a_transposed_piece_has_the_transposed_key_and_neither_level_nor_noise_floor_counts(
    chroma: list[float], steps: int, gain: float, floor: float
) -> None:
    profile = np.round(chroma, 3)
    found, moved = estimate_key(profile), estimate_key(gain * (np.roll(profile, steps) + floor))
    if np.ptp(profile) == 0.0:
        assert found is None
        return
    assert found is not None
    assert moved is not None
    assert moved[1] == pytest.approx(found[1], abs=1e-6)
    if found[1] > 0.51:  # no other key is as likely
        assert moved[0] == Key((found[0].tonic + steps) % 12, found[0].minor)


@pytest.mark.parametrize("minor", [False, True])
def test_a_cadence_has_the_key_of_its_tonic(minor: bool) -> None:
    """Four bars of tonic, subdominant, dominant (with its leading note) and tonic again."""
    for tonic in range(12):
        chroma = np.zeros(12)
        fourth = (5, 8, 0) if minor else (5, 9, 0)
        for chord in (_TRIADS[minor], fourth, (7, 11, 2), _TRIADS[minor]):
            chroma[[(tonic + pitch) % 12 for pitch in chord]] += 1.0
        found = estimate_key(chroma)
        assert found is not None
        assert found[0] == Key(tonic, minor)


def _song(key: Key, rng: np.random.Generator, name: str = "song") -> KeyedSong:
    """Notes of the scale, those of the tonic's triad twice as often, with as much noise."""
    shares: F64 = np.zeros(12)
    shares[[(key.tonic + step) % 12 for step in _SCALES[key.minor]]] += 1.0
    shares[[(key.tonic + step) % 12 for step in _TRIADS[key.minor]]] += 1.0
    return KeyedSong(name, shares + rng.uniform(0.0, 6.0, (100, 12)), ((0.0, 1000.0, key),))


def test_a_fit_tells_keys_apart_that_it_has_never_seen_and_says_how_sure_it_is() -> None:
    rng = np.random.default_rng(1)
    profiles = fit([_song(Key(tonic, minor), rng, f"{tonic}{minor}") for tonic in range(6) for minor in (False, True)])
    right, stated = [], []
    for minor in (False, True):
        for tonic in range(6, 12):
            for _ in range(20):
                found = estimate_key(_song(Key(tonic, minor), rng).chroma[:8].mean(axis=0), profiles)
                assert found is not None
                right.append(found[0] == Key(tonic, minor))
                stated.append(found[1])
    assert 0.6 < np.mean(right) < 1.0
    assert np.mean(stated) == pytest.approx(np.mean(right), abs=0.15)


def test_keys_are_read_as_mirex_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "song.key"
    path.write_text("0.5 10.0 A:min\n10.0 20.5 Gb:maj\n")
    assert read_keys(path) == ((0.5, 10.0, Key(9, True)), (10.0, 20.5, Key(6, False)))
    path.write_text("0.5 10.0 H:min\n")
    with pytest.raises(DataError, match="A:min"):
        read_keys(path)
