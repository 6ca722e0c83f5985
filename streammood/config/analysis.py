"""Settings of the analysis: the input, levels, onsets, beats, mood."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from streammood.config.base import Strict, Text, shown


def _one_or_two(value: object) -> object:
    """One channel, a pair, or a pair as it is written on the command line: `1,2`."""
    if value == "all":
        return value
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
    texts = [str(part).strip() for part in parts]
    if len(texts) in (1, 2) and all(re.fullmatch("[1-9][0-9]{0,4}", text) for text in texts):
        return tuple(int(text) for text in texts)
    raise ValueError(f"must be `all`, one channel or a pair such as [1, 2], counted from 1, got {shown(value)}")


Channels = Annotated[Literal["all"] | tuple[int, ...], BeforeValidator(_one_or_two)]


class InputSettings(Strict):
    """The live input."""

    device: int | Text | None = None
    host_api: Text | None = None
    sample_rate: int | None = Field(None, ge=8_000, le=192_000)
    block: int = Field(256, ge=32, le=4096)
    channels: Channels = "all"
    buffer: float = Field(2.0, ge=0.1, le=30.0)
    lost: Literal["stop", "run"] = "stop"
    gain: float = Field(0.0, ge=-40.0, le=60.0)
    agc: bool = True
    agc_target: float = Field(-18.0, ge=-40.0, le=-6.0)
    agc_time: float = Field(10.0, ge=1.0, le=120.0)

    @field_validator("device", mode="before")
    @classmethod
    def _index(cls, value: object) -> object:
        return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,6}", value) else value


class EngineSettings(Strict):
    """How the engine's process runs beside others."""

    priority: Literal["high", "normal"] = "high"


class LevelSettings(Strict):
    """The silence gate: it opens above ``silence`` and closes that much lower."""

    silence: float = Field(-60.0, ge=-100.0, le=-20.0)
    hysteresis: float = Field(6.0, ge=0.0, le=30.0)
    hold: float = Field(3.0, ge=0.1, le=60.0)
    gain: Literal["after", "before"] = "after"


class LogSettings(Strict):
    """How large the event log of a night may become."""

    size: float = Field(50.0, ge=0.01, le=10_000.0)
    files: int = Field(5, ge=2, le=1000)


class OnsetSettings(Strict):
    """aubio's onset detector."""

    method: Literal["default", "energy", "hfc", "complex", "phase", "specdiff", "kl", "mkl", "specflux"] = "specflux"
    threshold: float = Field(0.5, ge=0.01, le=5.0)
    interval: float = Field(0.05, ge=0.01, le=1.0)


class BeatSettings(Strict):
    """The beat tracker and the clock that predicts its beats."""

    tracker: Literal["network", "aubio"] = "network"
    model: str = "beat"
    bpm_min: float = Field(45.0, ge=30.0, le=200.0)
    bpm_max: float = Field(200.0, ge=60.0, le=400.0)
    lookahead: float = Field(0.05, ge=0.0, le=0.5)
    unlocked: bool = False
    stop: float = Field(1.0, ge=0.2, le=60.0)
    hold: Literal["follow", "fixed"] = "follow"
    hold_until: Literal["auto", "silence"] = "auto"

    @model_validator(mode="after")
    def _a_range(self) -> BeatSettings:
        if self.bpm_max < self.bpm_min:
            raise ValueError(f"bpm_max must be at least bpm_min ({self.bpm_min:g}), got {self.bpm_max:g}")
        return self


class MoodSettings(Strict):
    """The mood model and how calmly its answers are followed."""

    model: str = "mood"
    interval: float = Field(0.5, ge=0.1, le=10.0)
    smoothing: float = Field(60.0, ge=0.0, le=600.0)
    reaction: float = Field(0.5, ge=0.0, le=60.0)
    surprise: float = Field(0.5, ge=0.0, le=1.0)
    hysteresis: float = Field(0.1, ge=0.0, le=1.0)
    unmusical: Literal["fade", "hold", "ignore"] = "fade"
