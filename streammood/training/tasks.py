"""What a mood network can learn to tell, apart from the framework that fits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Task:
    """Something a network learns to tell; where a clip does not say it, its target is NaN."""

    name: str
    size: int
    kind: Literal["classes", "values"]
    weight: float
