"""Keys to commands for a view. A key that changes a state, or a number by a step, begins from what the engine sent."""

from __future__ import annotations

import time

from streammood.client.engine_state import EngineState
from streammood.protocol.commands import KEYS
from streammood.protocol.signals import Value


def pressed(key: str, state: EngineState, target: int) -> tuple[str, list[Value]] | None:
    """Name and arguments of the command that ``key`` gives; ``target`` is the chosen one, 0 for none.

    A value that a key sets counts as set until the engine has sent it, so several quick presses add up.
    """
    if key not in KEYS:
        return None
    row, own = KEYS[key]
    name = row.sets.replace("N", str(target))
    now = state.values.get(name, 0)
    before = 0.0 if isinstance(now, str) else now
    arguments: list[Value] = []
    for argument in row.arguments:
        if argument.kind == "target":
            if not target:
                return None
            arguments.append(str(target))
        elif argument.kind == "switch":
            arguments.append(0 if before else 1)
        else:
            low, high = argument.range
            arguments.append(own.step if argument.adds else min(high, max(low, before + own.step)))
    if row.sets and not any(argument.adds for argument in row.arguments):
        state.expect(name, arguments[-1], time.monotonic())
    return row.name, arguments
