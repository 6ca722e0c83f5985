"""Settings of what is heard: the input, levels, onsets, beats, mood."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from streammood.config.base import Strict


class InputSettings(Strict):
    """The live input."""

    device: int | str | None = None
    host_api: str | None = None
    sample_rate: int | None = Field(None, ge=8_000, le=192_000)
    block: int = Field(256, ge=32, le=4096)
    channels: Literal["all"] | tuple[Annotated[int, Field(ge=1)], ...] = "all"
    buffer: float = Field(2.0, ge=0.1, le=30.0)
    lost: Literal["stop", "run"] = "stop"
    gain: float = Field(0.0, ge=-40.0, le=60.0)
    agc: bool = True
    agc_target: float = Field(-18.0, ge=-40.0, le=-6.0)
    agc_time: float = Field(10.0, ge=1.0, le=120.0)

    @field_validator("channels", mode="before")
    @classmethod
    def _one_channel(cls, value: object) -> object:
        return (value,) if isinstance(value, int) else value

    @field_validator("channels")
    @classmethod
    def _one_or_two(cls, value: object) -> object:
        if isinstance(value, tuple) and len(value) not in (1, 2):
            raise ValueError("must be `all`, one channel or a pair, counted from 1")
        return value


class EngineSettings(Strict):
    """How the engine's process runs beside others."""

    priority: Literal["high", "normal"] = "high"


class LevelSettings(Strict):
    """The silence gate: it opens above ``silence`` and closes that much lower."""

    silence: float = Field(-60.0, ge=-100.0, le=-20.0)
    hysteresis: float = Field(6.0, ge=0.0, le=30.0)
    hold: float = Field(3.0, ge=0.1, le=60.0)


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
    bpm_min: float = Field(60.0, ge=30.0, le=200.0)
    bpm_max: float = Field(200.0, ge=60.0, le=400.0)
    lookahead: float = Field(0.05, ge=0.0, le=0.5)

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
    agreement: float = Field(0.1, ge=0.0, le=1.0)
