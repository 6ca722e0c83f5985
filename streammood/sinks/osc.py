"""One OSC receiver: its address map, its rate limit, its triggers that fall back to 0, its repeats."""

from __future__ import annotations

import operator
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pythonosc.udp_client import SimpleUDPClient

from streammood.config import TRIGGERS, VALUES, MapEntry, TargetSettings
from streammood.errors import ConfigError, SinkError
from streammood.events import Event, Tempo
from streammood.sinks import SampleNow
from streammood.sinks.signals import Value, signals

_COMPARE: dict[str, Callable[[object, object], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": lambda a, b: a < b,  # type: ignore[operator]
    "<=": lambda a, b: a <= b,  # type: ignore[operator]
    ">": lambda a, b: a > b,  # type: ignore[operator]
    ">=": lambda a, b: a >= b,  # type: ignore[operator]
}
_PHASE = "beat/phase"
_NEVER = float("inf")
# Counters, states and names go out when they change; everything else flows and is thinned to the rate limit.
_AT_ONCE = {"beat/number", "beat/count", "beat/locked", "mood/index", "mood/label", "status/alive", "status/signal"}
_AT_ONCE |= {"level/clipping", "status/input"}
_OFF_AT_CLOSE = {"status/alive", "status/signal", "beat/locked"}


def scaled(value: Value, entry: MapEntry) -> Value:
    """``value`` moved linearly from the range ``in`` to the range ``out``, and kept inside ``out``."""
    if entry.in_range is None or isinstance(value, str):
        return value
    (a, b), (c, d) = entry.in_range, entry.out_range
    moved = c + (float(value) - a) / (b - a) * (d - c)
    return min(max(moved, min(c, d)), max(c, d))


@dataclass(slots=True, eq=False)
class _Route:
    """One line of the map, and what has gone out on it."""

    entry: MapEntry
    trigger: bool
    at_once: bool
    count: int = 0  # triggers seen
    sent: Value | None = None
    sent_at: float = -_NEVER
    release: float = _NEVER  # when a held trigger falls back to 0
    waiting: bool = field(default=False)  # a value changed, but the rate limit held it back


def resolve(host: str, port: int) -> str:
    """The numeric address of ``host``, IPv4 where it has one, since many receivers listen on that alone.

    Raises:
        SinkError: the host does not resolve.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise SinkError(f"target {host}:{port}: the host does not resolve ({error}); check its name") from None
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return str(found[0][4][0])


def _default_map(prefix: str, labels: Sequence[str], with_label: bool) -> list[MapEntry]:
    names = sorted(TRIGGERS | VALUES - ({"mood/label"} if not with_label else set()))
    names += [f"mood/{label}" for label in labels]
    return [MapEntry(source=name, to=f"{prefix}/{name}") for name in names]


class OscTarget:
    """Sends signals to one host and port by UDP; a receiver that is away is not noticed and delays nobody.

    Raises:
        SinkError: the host does not resolve.
        ConfigError: the map asks for a mood that the model does not know.
    """

    def __init__(self, settings: TargetSettings, labels: Sequence[str], sample_now: SampleNow) -> None:
        self.name = f"{settings.host}:{settings.port}"
        self.failed = 0  # messages that the system would not send
        self._settings = settings
        self._sample_now = sample_now
        entries = _default_map(settings.prefix, labels, settings.label) if settings.defaults else []
        entries += settings.map
        _check_moods(entries, labels)
        self._all = [_Route(entry, entry.source in TRIGGERS, entry.source in _AT_ONCE) for entry in entries]
        self._triggers: dict[str, list[_Route]] = {}
        self._flows: dict[str, list[_Route]] = {}  # by each signal that the value or its condition depends on
        for route in self._all:
            if route.trigger:
                self._triggers.setdefault(route.entry.source, []).append(route)
                continue
            condition = route.entry.condition
            for name in {route.entry.source} | ({condition[0]} if condition else set()):
                self._flows.setdefault(name, []).append(route)
        self._values: dict[str, Value] = {}
        self._tempo: Tempo | None = None
        self._interval = 1.0 / settings.rate
        # By number: the client would ask the name server again with every message.
        self._client = SimpleUDPClient(resolve(settings.host, settings.port), settings.port, allow_broadcast=True)

    def send(self, event: Event, now: float) -> None:
        """Send what ``event`` changes, unless the rate limit makes it wait."""
        changed = []
        if isinstance(event, Tempo):
            self._tempo = event if event.period > 0 else None
            changed.append(_PHASE)
        fired = []
        for name, value in signals(event):
            if name in TRIGGERS:
                fired.append(name)
            elif self._values.get(name) != value:
                self._values[name] = value
                changed.append(name)
        for name in changed:
            self._flow(name, now)
        for name in fired:
            self._fire(name, now)

    def poll(self, now: float) -> float:
        """Release triggers, send what waited, repeat what receivers may have missed."""
        due = _NEVER
        for route in self._all:
            if route.trigger:
                if route.release <= now:
                    self._release(route)
                due = min(due, route.release)
                continue
            if route.sent is None and not route.waiting:
                continue
            next_at = route.sent_at + (self._interval if route.waiting else self._settings.resend)
            if next_at <= now:
                self._send_value(route, now)
                next_at = now + self._settings.resend
            due = min(due, next_at)
        return due

    def close(self) -> None:
        """Release every trigger, and say that nobody is there any more."""
        for route in self._all:
            if route.sent is None:
                continue
            if route.trigger:
                self._release(route)
            elif route.entry.source in _OFF_AT_CLOSE:
                self._put(route, scaled(0, route.entry))
        self._client.close()

    def _fire(self, name: str, now: float) -> None:
        for route in self._triggers.get(name, ()):
            route.count += 1
            if (route.count - 1) % route.entry.every or not self._holds(route.entry):
                continue
            if route.release < _NEVER:
                self._release(route)
            route.sent = route.entry.out_range[1]
            self._put(route, route.sent)
            route.release = now + self._settings.hold

    def _release(self, route: _Route) -> None:
        self._put(route, route.entry.out_range[0])
        route.release = _NEVER

    def _flow(self, name: str, now: float) -> None:
        for route in self._flows.get(name, ()):
            if route.at_once or now - route.sent_at >= self._interval:
                self._send_value(route, now)
            else:
                route.waiting = True

    def _send_value(self, route: _Route, now: float) -> None:
        route.waiting = False
        route.sent_at = now
        value = self._phase(now) if route.entry.source == _PHASE else self._values.get(route.entry.source)
        if value is None or not self._holds(route.entry):
            return
        route.sent = value
        self._put(route, scaled(value, route.entry))

    def _phase(self, now: float) -> float | None:
        return None if self._tempo is None else self._tempo.phase(self._sample_now(now))

    def _holds(self, entry: MapEntry) -> bool:
        if entry.condition is None:
            return True
        signal, comparison, number = entry.condition
        value = self._values.get(signal)
        return value is not None and not isinstance(value, str) and _COMPARE[comparison](value, number)

    def _put(self, route: _Route, value: Value) -> None:
        if route.trigger:
            value = int(value) if float(value).is_integer() else value
        try:
            self._client.send_message(route.entry.to, value)
        except OSError:  # buffer full, network down: the next repeat will do
            self.failed += 1


def _check_moods(entries: Sequence[MapEntry], labels: Sequence[str]) -> None:
    for entry in entries:
        named = [entry.source] + ([entry.condition[0]] if entry.condition else [])
        for name in named:
            if name not in TRIGGERS | VALUES and name.removeprefix("mood/") not in labels:
                raise ConfigError(f"osc map: no signal `{name}`; this model's moods are {', '.join(labels)}")
