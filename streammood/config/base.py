"""What all settings share: frozen, nothing unknown, no infinities; and what an OSC address is."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Frozen settings that refuse unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


OSC_ADDRESS = re.compile(r"^(/[^\s#*,?\[\]{}/]+)+$")


def osc_prefix(value: str) -> str:
    """``value``, if addresses can begin with it.

    Raises:
        ValueError: they cannot.
    """
    if value and not OSC_ADDRESS.match(value):
        raise ValueError(f"must be empty or an OSC address such as /streammood, got `{value}`")
    return value
