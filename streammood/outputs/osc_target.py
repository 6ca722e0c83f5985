"""One OSC receiver: its address map, its rate limit, its triggers that fall back to 0, its repeats."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from streammood.config import MapEntry, TargetSettings
from streammood.errors import ConfigError, OscError
from streammood.events import Beat, Event, Tempo
from streammood.outputs import SampleNow
from streammood.outputs.scaling import Scaling, scaling
from streammood.outputs.timing import Timing
from streammood.protocol.osc import Encoder, decode
from streammood.protocol.signals import SIGNALS, Signal, Value, default_names, find, moods, values
from streammood.protocol.udp import Datagrams, Report, ignore

_COMPARE: dict[str, Callable[[object, object], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": lambda a, b: a < b,  # type: ignore[operator]
    "<=": lambda a, b: a <= b,  # type: ignore[operator]
    ">": lambda a, b: a > b,  # type: ignore[operator]
    ">=": lambda a, b: a >= b,  # type: ignore[operator]
}
_NEVER = float("inf")
_ASKED = {name: signal for name, signal in SIGNALS.items() if signal.asked}
_LOCKED = {name for name, signal in SIGNALS.items() if signal.locked}


@dataclass(slots=True, eq=False)
class _Route:
    """One line of the map, and the last value sent on it."""

    entry: MapEntry
    signal: Signal
    message: Encoder
    scale: Scaling
    sent: Value | None = None
    sent_at: float = -_NEVER
    waiting: bool = field(default=False)  # a value changed, but the rate limit held it back


@dataclass(slots=True, eq=False)
class _Trigger:
    """One line of the map that is on for the hold time and then off, or that sends the number of a signal."""

    entry: MapEntry
    message: Encoder
    scale: Scaling
    on: bytes
    off: bytes
    count: int = 0  # how often its signal came
    used: bool = False  # it was on at some time
    release: float = _NEVER  # when it falls back
    repeat: float = _NEVER  # when the 0 is sent once more, because UDP loses


def _default_map(settings: TargetSettings, labels: Sequence[str]) -> list[MapEntry]:
    options = {"label"} if settings.label else set()
    return [MapEntry(source=name, to=f"{settings.prefix}/{name}") for name in default_names(labels, options)]


class OscTarget:
    """Sends signals to one host and port by UDP; a receiver that is away is not noticed and delays no other.

    Raises:
        ConfigError: the map asks for a mood that the model does not have.
    """

    def __init__(
        self,
        settings: TargetSettings,
        labels: Sequence[str],
        sample_now: SampleNow,
        report: Report = ignore,
        unlocked: bool = False,
    ) -> None:
        """``report`` takes messages for people; ``unlocked``: tempo and beats are sent without a lock, too."""
        self.name = settings.title
        self.beats = 0  # that were sent
        self._settings = settings
        self._sample_now = sample_now
        self._timing = Timing(sample_now, settings.offset / 1e3, settings.beat, unlocked)
        self._unlocked = unlocked
        self._trusted = unlocked  # tempo and beats are sent now
        self._muted = False
        self._panic = False
        entries = _default_map(settings, labels) if settings.defaults else []
        own, self.left_out = _sendable(settings, labels)  # lines that can be sent, and in words which are not
        entries += own
        if self.left_out:
            report(self.left_out)
        self._triggers = [_trigger(entry, settings) for entry in entries if entry.triggers]
        self._routes = [_route(entry, settings) for entry in entries if not entry.triggers]
        self._by_trigger: dict[str, list[_Trigger]] = {}
        self._by_value: dict[str, list[_Route]] = {}  # by each signal that the value or its condition depends on
        for trigger in self._triggers:
            self._by_trigger.setdefault(trigger.entry.source, []).append(trigger)
        for route in self._routes:
            condition = route.entry.condition
            for name in {route.entry.source} | ({condition[0]} if condition else set()):
                self._by_value.setdefault(name, []).append(route)
        self._values: dict[str, Value] = {}
        self._tempo: Tempo | None = None
        self._interval = 1.0 / settings.rate
        self._failed = 0  # of the messages, how many the latest poll knew of
        self._due = 0.0  # before this host time, in s, there is nothing to release or to repeat
        self._wire = Datagrams(settings.host, settings.port, settings.bundle, settings.interface, report)

    @property
    def sent(self) -> int:
        """Messages that went out."""
        return self._wire.sent

    @property
    def failed(self) -> int:
        """Messages that the system would not send."""
        return self._wire.failed

    @property
    def last(self) -> str:
        """The latest message, as text."""
        try:
            messages = decode(self._wire.last) if self._wire.last else []
        except OscError:  # text in an encoding that is none
            return ""
        return " ".join(map(_in_words, (messages[-1].address, *messages[-1].arguments))) if messages else ""

    def recent(self, now: float) -> Iterator[str]:
        """The latest message on each address, newest first: s since then, how many there were, the message."""
        for count, at, message in self._wire.recent():
            with contextlib.suppress(OscError):
                (address, arguments), *_ = decode(message)
                yield " ".join((f"{now - at:.3f}", str(count), address, *map(_in_words, arguments)))

    @property
    def error(self) -> str:
        """Why the latest message that failed did; empty where none has."""
        return self._wire.error

    @property
    def offset(self) -> float:
        """ms by which everything is sent late; negative: beats are sent early. Any thread may set it."""
        return 1e3 * self._timing.offset

    @offset.setter
    def offset(self, milliseconds: float) -> None:
        self._timing.offset = milliseconds / 1e3

    @property
    def muted(self) -> bool:
        """True while nothing is sent; triggers are released when this begins. Any thread may set it."""
        return self._muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        self._muted = muted
        if muted:
            self.panic()

    def panic(self) -> None:
        """Send every trigger's 0 now; any thread may."""
        for trigger in self._triggers:
            if trigger.entry.value is None:
                self._wire.at_once(trigger.off)
        self._panic = True  # a trigger is released by the thread that sent its 1

    def send(self, event: Event, now: float) -> None:
        """Send what ``event`` changes, unless the rate limit makes it wait."""
        for own in self._timing.push(event, now):
            self._take(own, now)

    def poll(self, now: float) -> float:
        """Send predicted values that are due, release triggers, send waiting values, repeat those that may be lost."""
        for event in self._timing.due(now):
            self._take(event, now)
        if self._panic:
            self._panic = False
            for trigger in self._triggers:
                trigger.release = min(trigger.release, now) if trigger.release < _NEVER else _NEVER
            self._due = now
        if self._due <= now:
            self._due = min(self._off(now), self._again(now))
        self._wire.flush()
        if self._wire.failed != self._failed:
            self._failed = self._wire.failed
            self._repeat_zeros(now)
        return min(self._due, self._timing.next_at(now))

    def close(self) -> None:
        """Release every trigger, and send 0 for what ends with the program."""
        for trigger in self._triggers:
            if trigger.used:
                self._wire.put(trigger.off)
        for route in self._routes:
            if route.sent is not None and route.signal.ends and not self._muted:
                self._wire.put(route.message.encode(route.scale(0)))
        self._wire.close()

    def _take(self, event: Event, now: float) -> None:
        changed: list[str] = []
        fired: list[str] = []
        if isinstance(event, Tempo):
            self._tempo = event if event.period > 0 else None
            began = event.locked and not self._trusted
            self._trusted = event.locked or self._unlocked
            changed += _LOCKED if began else _ASKED
        elif isinstance(event, Beat):
            self.beats += 1
        for signal, name, value in values(event):
            if signal.kind == "trigger":
                fired.append(name)
            elif self._values.get(name) != value:
                self._values[name] = value
                changed.append(name)
        self._flow(changed, now)
        if not self._muted:
            for name in fired:
                self._fire(name, now)

    def _fire(self, name: str, now: float) -> None:
        for trigger in self._by_trigger.get(name, ()):
            trigger.count += 1
            if (trigger.count - 1) % trigger.entry.every or not self._holds(trigger.entry, now):
                continue
            if trigger.entry.value is not None:
                self._send_number(trigger, trigger.entry.value, now)
                continue
            if trigger.release < _NEVER:
                self._wire.put(trigger.off)  # so that there is an edge again
            self._wire.put(trigger.on)
            trigger.used, trigger.release, trigger.repeat = True, now + self._settings.hold, _NEVER
            self._due = min(self._due, trigger.release)

    def _send_number(self, trigger: _Trigger, signal: str, now: float) -> None:
        value = self._value(signal, now)
        if value is not None:
            self._wire.put(trigger.message.encode(trigger.scale(value)))

    def _off(self, now: float) -> float:
        """Let triggers fall back that were held for long enough; returns when the next one is due."""
        due = _NEVER
        for trigger in self._triggers:
            if trigger.release <= now:
                self._wire.put(trigger.off)
                trigger.release, trigger.repeat = _NEVER, now + self._settings.resend
            elif trigger.repeat <= now:
                self._wire.put(trigger.off)
                trigger.repeat = _NEVER
            due = min(due, trigger.release, trigger.repeat)
        return due

    def _repeat_zeros(self, now: float) -> None:
        """Something was not sent: send the 0 of every trigger that rests once more."""
        for trigger in self._triggers:
            if trigger.used and trigger.release == _NEVER:
                trigger.repeat = now + self._settings.resend
                self._due = min(self._due, trigger.repeat)

    def _flow(self, names: Iterable[str], now: float) -> None:
        for name in names:
            for route in self._by_value.get(name, ()):
                if route.signal.kind == "state" or now - route.sent_at >= self._interval:
                    self._send_value(route, now)
                else:
                    route.waiting = True
                    self._due = min(self._due, route.sent_at + self._interval)

    def _again(self, now: float) -> float:
        """Send values that waited, and those that may have been missed; returns when the next one is due."""
        due, interval, resend = _NEVER, self._interval, self._settings.resend
        for route in self._routes:
            if route.waiting:
                next_at = route.sent_at + interval
            elif route.sent is not None:
                next_at = route.sent_at + resend
            else:
                continue
            if next_at <= now:
                self._send_value(route, now)
                next_at = now + resend
            if next_at < due:  # noqa: PLR1730  dozens of routes, hundreds of times a second: a call of min is slower
                due = next_at
        return due

    def _send_value(self, route: _Route, now: float) -> None:
        route.waiting = self._muted
        route.sent_at = now
        self._due = min(self._due, now + self._settings.resend)
        if route.signal.locked and not self._trusted:
            return
        value = self._value(route.entry.source, now)
        if value is None or self._muted or not self._holds(route.entry, now):
            return
        route.sent = value
        self._wire.put(route.message.encode(route.scale(value)))

    def _value(self, name: str, now: float) -> Value | None:
        """The value of a signal at this moment; None where it is not known."""
        signal = _ASKED.get(name)
        if signal is None:
            return self._values.get(name)
        return None if self._tempo is None else signal.fit(signal.read(self._tempo, self._sample_now(now)))

    def _holds(self, entry: MapEntry, now: float) -> bool:
        if entry.condition is None:
            return True
        signal, comparison, number = entry.condition
        value = self._value(signal, now)
        return value is not None and not isinstance(value, str) and _COMPARE[comparison](value, number)


def _in_words(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _route(entry: MapEntry, target: TargetSettings) -> _Route:
    signal = find(entry.source)
    assert signal is not None  # by the checks of the settings
    return _Route(entry, signal, Encoder(entry.to), scaling(entry, target))


def _trigger(entry: MapEntry, target: TargetSettings) -> _Trigger:
    off, on = (
        int(value) if value.is_integer() and not target.floats else value
        for value in entry.out_range or target.value_range
    )
    message = Encoder(entry.to)
    return _Trigger(entry, message, scaling(entry, target), message.encode(on), message.encode(off))


def _sendable(settings: TargetSettings, labels: Sequence[str]) -> tuple[list[MapEntry], str]:
    """The lines of the map whose signals there are, and in words which others, all of them optional, are left out.

    Raises:
        ConfigError: a line that is not optional asks for a mood that the model does not have.
    """
    lines, missing = [], []
    for entry in settings.map:
        unknown = [mood for mood in moods(entry.signals) if mood not in labels]
        if not unknown:
            lines.append(entry)
        elif entry.optional:
            missing += unknown
        else:
            raise ConfigError(
                f"target {settings.title}: no signal `mood/{unknown[0]}`: this model has {_listed(labels)}; "
                "correct that line of its map, or say `optional: true` there"
            )
    if not missing:
        return lines, ""
    asked = ", ".join(dict.fromkeys(missing))
    return lines, (
        f"target {settings.title}: {len(settings.map) - len(lines)} lines of its map are left out: "
        f"they ask for {asked}, and this model has {_listed(labels)}"
    )


def _listed(labels: Sequence[str]) -> str:
    return f"the moods {', '.join(labels)}" if labels else "no moods, valence and arousal alone"
