"""Settings of the dashboard: where it listens, whom it controls, how moods are coloured, what may be uploaded."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from streammood import palette
from streammood.config.base import Strict, Text, shown
from streammood.config.targets import split_target

_COLOUR = re.compile("#[0-9a-fA-F]{6}")
_MOODS = palette.colours([*palette.MOODS], "screen")

_HOST_NAME = re.compile(r"^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*$")

Port = Annotated[int, Field(ge=1, le=65_535)]


class DashboardSettings(Strict):
    """The dashboard, a program of its own beside the engine or on another machine."""

    host: Text = Field("127.0.0.1", min_length=1)
    port: Port = 7073
    names: tuple[str, ...] = ()
    token: str | None = Field(None, min_length=16, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")
    osc_host: Text = Field("127.0.0.1", min_length=1)
    osc_port: Port | tuple[Port, ...] = 7072
    control: str | tuple[str, ...] = "127.0.0.1:7071"
    colors: dict[str, str] = _MOODS
    upload_limit: float = Field(200.0, ge=1.0, le=4000.0)
    songs: int = Field(8, ge=1, le=100)
    keep: float = Field(15.0, ge=0.1, le=1440.0)

    @field_validator("colors")
    @classmethod
    def _hexadecimal(cls, value: dict[str, str]) -> dict[str, str]:
        for label, colour in value.items():
            if not _COLOUR.fullmatch(colour):
                raise ValueError(f"the colour of {shown(label)} must be '#rrggbb', in quotes, got {shown(colour)}")
        return value

    @field_validator("names")
    @classmethod
    def _openable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_name(text) for text in value)

    @field_validator("control")
    @classmethod
    def _reachable(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for text in (value,) if isinstance(value, str) else value:
            split_target(text)
        return value

    @model_validator(mode="after")
    def _one_each(self) -> DashboardSettings:
        if not self.osc_ports or len(set(self.osc_ports)) < len(self.osc_ports):
            raise ValueError("osc_port must name at least one port, and each once")
        if len(self.controls) not in {1, len(self.osc_ports)}:
            raise ValueError(f"control must name one HOST:PORT, or one for each of {len(self.osc_ports)} OSC ports")
        return self

    @property
    def host_names(self) -> tuple[str, ...]:
        """The further names of this machine, in lower case, under which the page may be opened directly."""
        return tuple(name for name in self.names if "://" not in name)

    @property
    def proxies(self) -> tuple[str, ...]:
        """The addresses, each ending in a slash, under which proxies serve the page."""
        return tuple(name for name in self.names if "://" in name)

    @property
    def osc_ports(self) -> tuple[int, ...]:
        """The ports that are listened on, one for each engine."""
        return (self.osc_port,) if isinstance(self.osc_port, int) else self.osc_port

    @property
    def controls(self) -> tuple[tuple[str, int], ...]:
        """Host and control port of each engine, or of all."""
        texts = (self.control,) if isinstance(self.control, str) else self.control
        return tuple(split_target(text) for text in texts)


def _name(text: str) -> str:
    """``text`` in the one way in which it is compared: lower case, an address with a slash at its end.

    Raises:
        ValueError: it is neither a host name nor an address.
    """
    wrong = ValueError(
        "each must be a host name such as laptop.lan, or the address at which a proxy serves the page, such as "
        f"https://show.example.org/mood/, got {text[:80]!a}"
    )
    if "://" not in text:
        name = text.strip().rstrip(".").lower()
        if not _HOST_NAME.match(name):
            raise wrong
        return name
    try:
        parts = urlsplit(text.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"http", "https"} or not _HOST_NAME.match(host):
        raise wrong
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise wrong
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}{'' if port in {None, usual} else f':{port}'}{parts.path.rstrip('/')}/"
