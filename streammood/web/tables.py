"""Modules of the page that are made from tables of the program, so that neither is written twice."""

from __future__ import annotations

import json
from dataclasses import asdict

from streammood import palette
from streammood.capture.advice import ADVICE, CLIPPED
from streammood.client.child import DASHBOARD
from streammood.protocol.commands import COMMANDS
from streammood.protocol.signals import SIGNALS


def modules() -> dict[str, str]:
    """Their texts by their names."""
    moods = [name.removeprefix("mood/") for name, row in SIGNALS.items() if name.startswith("mood/") and not row.slot]
    return {
        "commands.js": _exports(COMMANDS=[asdict(row) for row in COMMANDS.values()]),
        "signals.js": _exports(NO_LABELS=moods, OURSELVES=DASHBOARD),
        "advice.js": _exports(
            ADVICE=[asdict(row) | {"below": min(row.below, 1e6)} for row in ADVICE], CLIPPED=asdict(CLIPPED)
        ),
        "palette.js": _exports(OTHERS=palette.OTHERS["screen"]),
    }


def _exports(**values: object) -> str:
    return "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in values.items())
