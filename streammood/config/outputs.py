"""Settings of outputs other than OSC: Ableton Link, MIDI clock, Art-Net and sACN."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from streammood.config.base import Strict, Text, shown
from streammood.palette import MOODS

_Share = Annotated[int, Field(ge=0, le=255)]


def _three_numbers(value: object) -> object:
    if isinstance(value, list | tuple) and len(value) == 3:
        return value
    raise ValueError(f"must be red, green and blue in 0..255 such as [255, 0, 0], got {shown(value)}")


Colour = Annotated[tuple[_Share, _Share, _Share], BeforeValidator(_three_numbers)]
_COLOURS: dict[str, Colour] = {label: shade.lamp for label, shade in MOODS.items()}
Offset = Annotated[float, Field(ge=-200.0, le=1000.0)]


class LinkSettings(Strict):
    """Ableton Link: who leads."""

    mode: Literal["off", "lead", "follow"] = "off"
    quantum: int = Field(4, ge=1, le=32)
    offset: Offset = 0.0

    @field_validator("mode", mode="before")
    @classmethod
    def _off(cls, value: object) -> object:
        return "off" if value is False else value  # what YAML makes of a plain off


class MidiSettings(Strict):
    """MIDI clock."""

    port: Text | None = Field(None, min_length=1)
    virtual: bool = False
    offset: Offset = 0.0


class ArtnetSettings(Strict):
    """Art-Net: where to."""

    host: Text = Field(min_length=1)
    port: int = Field(6454, ge=1, le=65_535)
    universe: int = Field(0, ge=0, le=32_767)
    address: int = Field(1, ge=1, le=505)


class SacnSettings(Strict):
    """sACN (E1.31): where to."""

    host: Text | None = Field(None, min_length=1)
    interface: Text | None = None
    universe: int = Field(1, ge=1, le=63_999)
    priority: int = Field(100, ge=0, le=200)
    address: int = Field(1, ge=1, le=505)


class LightsSettings(Strict):
    """DMX channels straight to lights."""

    artnet: ArtnetSettings | None = None
    sacn: SacnSettings | None = None
    rate: float = Field(40.0, ge=1.0, le=44.0)
    decay: float = Field(0.2, ge=0.02, le=2.0)
    offset: Offset = 0.0
    colours: dict[str, Colour] = _COLOURS
