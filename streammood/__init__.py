"""Listens to music and sends beats, tempo, onsets, levels and moods to lights and visuals over OSC.

In Python, without OSC:

    import streammood as sm

    song = sm.analyze("song.flac")                # .bpm .beats .moods .onsets .to_dict() .to_frame()
    tracker = sm.Analyzer(sample_rate=48_000)     # float32 or int16, mono (n,) or (n, channels)
    events = tracker.push(block)                  # a list
    for event in sm.listen("USB Audio"): ...      # live, without OSC
    x = sm.features(y, sr)                        # (n_hops, n_values), with names

Importing the package loads none of it: each name is imported when it is used first.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from streammood import config as _config
    from streammood.api.feature_table import Features as Features
    from streammood.api.feature_table import features as features
    from streammood.api.live_events import listen as listen
    from streammood.api.stream_analyzer import Analyzer as Analyzer
    from streammood.api.stream_analyzer import analyze as analyze
    from streammood.config import Settings as Settings
    from streammood.errors import ConfigError as ConfigError
    from streammood.errors import ModelError as ModelError
    from streammood.errors import SourceError as SourceError
    from streammood.errors import StreammoodError as StreammoodError
    from streammood.events import Beat as Beat
    from streammood.events import Event as Event
    from streammood.events import Level as Level
    from streammood.events import Mood as Mood
    from streammood.events import Onset as Onset
    from streammood.events import Section as Section
    from streammood.events import SongChange as SongChange
    from streammood.events import Status as Status
    from streammood.events import Structure as Structure
    from streammood.events import Tempo as Tempo
    from streammood.events import seconds as seconds
    from streammood.models import Models as Models
    from streammood.songs.song import Song as Song

    load_settings = _config.load

_PLACES = {
    "api.stream_analyzer": ("Analyzer", "analyze"),
    "api.feature_table": ("Features", "features"),
    "api.live_events": ("listen",),
    "config": ("Settings", "load_settings"),
    "errors": ("ConfigError", "ModelError", "SourceError", "StreammoodError"),
    "events": (
        "Beat",
        "Event",
        "Level",
        "Mood",
        "Onset",
        "Section",
        "SongChange",
        "Status",
        "Structure",
        "Tempo",
        "seconds",
    ),
    "models": ("Models",),
    "songs.song": ("Song",),
}
"""The modules that public names are imported from."""
_OTHER_NAMES = {"load_settings": "load"}

__all__ = ["__version__", *sorted(name for names in _PLACES.values() for name in names)]  # noqa: PLE0604  all are str


def __getattr__(name: str) -> object:
    for module, names in _PLACES.items():
        if name in names:
            value = getattr(importlib.import_module(f"streammood.{module}"), _OTHER_NAMES.get(name, name))
            globals()[name] = value
            return value
    raise AttributeError(f"module `streammood` has no attribute `{name}`; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
