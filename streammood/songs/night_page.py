"""A night as one page that needs nothing else: a picture over time, and tables below it."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Sequence

from streammood.palette import colours
from streammood.songs.night import Night, Piece

_WIDTH, _LEFT = 1200, 90  # px
_COLUMNS = 555  # of two pixels each, at most; a column is one second at least
_ROWS = {"mood": (10, 34), "valence": (60, 70), "arousal": (145, 70), "tempo": (230, 90), "energy": (335, 50)}
_MARKS, _AXIS, _HEIGHT = 400, 440, 470
_SLOW, _FAST = 60.0, 200.0  # BPM of the tempo's row
_STEPS = (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)  # s between two times on the axis

_STYLE = """
:root { color-scheme: light; font: 16px/1.45 system-ui, sans-serif; color: #1b1f24; background: #fff; }
body { max-width: 1240px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { margin: 0 0 4px; font-size: 28px; } h2 { margin: 36px 0 10px; font-size: 20px; }
.facts { display: flex; flex-wrap: wrap; gap: 6px 34px; margin: 14px 0 18px; }
.facts div { display: grid; }
dt { color: #57606a; font-size: 14px; } dd { margin: 0; font-size: 20px; font-weight: 650; }
.scroll { overflow-x: auto; } svg { display: block; min-width: 720px; width: 100%; height: auto; }
svg text { font: 13px system-ui, sans-serif; fill: #57606a; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 14px 6px 0; text-align: left; border-bottom: 1px solid #d8dee4; vertical-align: top; }
th { color: #57606a; font-weight: 600; } .no { color: #a40e26; font-weight: 600; }
.swatch { display: inline-block; width: 12px; height: 12px; margin-right: 6px; border-radius: 3px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 10px 0 0; padding: 0; list-style: none; }
@media print { .scroll { overflow: visible; } }
"""


def night_page(night: Night, title: str) -> str:
    """The report of ``night`` as HTML."""
    own = colours(sorted({moment.label for moment in night.moods if moment.label}), "paper")
    name = html.escape(title)
    parts = [
        f"<h1>{name}</h1>",
        f"<p>{html.escape(_when(night))}</p>",
        _facts(night),
        f'<div class="scroll" tabindex="0" role="region" aria-label="The night over time">{_picture(night, own)}</div>',
        _legend(night, own),
        _set_list(night, own),
        _table("Operator", "What the operator sent.", ("time", "command", "values", "answer"), _actions(night)),
        _table("Losses and notes", "What went wrong.", ("time", "what"), _troubles(night)),
    ]
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{name}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{_STYLE}</style>\n</head>\n'
        f"<body>\n<main>\n{chr(10).join(parts)}\n</main>\n</body>\n</html>\n"
    )


def _when(night: Night) -> str:
    began = "" if night.began is None else f"{night.began.astimezone():%A, %d %B %Y, %H:%M}, "
    left_out = f"; {night.left_out} rows of the log could not be read" if night.left_out else ""
    return f"{began}input {night.source or 'not known'}{left_out}"


def _facts(night: Night) -> str:
    locked = sum(locked for _, _, locked in night.beats)
    share = f"{100 * locked / len(night.beats):.0f} % locked" if night.beats else "none"
    facts = {
        "Length": _length(night.duration),
        "Beats": f"{len(night.beats):,}, {share}" if night.beats else share,
        "Tempo": f"{night.bpm:.1f} BPM" if night.bpm else "–",
        "Mood": ", ".join(f"{label} {100 * part:.0f} %" for label, part in night.shares[:2]) or "–",
        "Lost": f"{night.all_lost:,} samples",
        "Commands": f"{len(night.actions)}",
    }
    cells = (f"<div><dt>{name}</dt><dd>{html.escape(text)}</dd></div>" for name, text in facts.items())
    return f'<dl class="facts">{"".join(cells)}</dl>'


def _legend(night: Night, own: dict[str, str]) -> str:
    items = (f"<li>{_swatch(own, label)}{html.escape(label)} {100 * share:.0f} %</li>" for label, share in night.shares)
    return f'<ul class="legend">{"".join(items)}</ul>'


def _swatch(own: dict[str, str], label: str) -> str:
    return f'<span class="swatch" style="background:{own.get(label, "#888")}"></span>'


def _set_list(night: Night, own: dict[str, str]) -> str:
    def cells(number: int, piece: Piece) -> Iterable[str]:
        label, share = piece.moods[0] if piece.moods else ("", 0.0)
        yield str(number)
        yield night.clock(piece.start)
        yield _length(piece.end - piece.start)
        yield html.escape(piece.title) or "not known"
        yield f"{piece.bpm:.1f}" if piece.bpm else "–"
        yield f"{_swatch(own, label)}{html.escape(label)} {100 * share:.0f} %" if label else "–"
        yield f"{piece.valence:+.2f}".replace("-", "−")
        yield f"{piece.arousal:+.2f}".replace("-", "−")

    rows = [tuple(cells(i, piece)) for i, piece in enumerate(night.pieces(), 1)]
    head = ("", "began", "length", "song", "BPM", "mood", "valence", "arousal")
    return _table("Set list", "Music between two silences.", head, rows)


def _actions(night: Night) -> list[tuple[str, ...]]:
    return [
        (
            night.clock(action.time),
            html.escape(action.name),
            html.escape(action.values),
            html.escape(action.answer)
            if action.done
            else f'<span class="no">refused: {html.escape(action.answer)}</span>',
        )
        for action in night.actions
    ]


def _troubles(night: Night) -> list[tuple[str, ...]]:
    found = [(time, f"{count:,} samples of the input were lost") for time, count in night.lost] + night.notes
    return [(night.clock(time), html.escape(text)) for time, text in sorted(found)]


def _table(title: str, caption: str, head: Sequence[str], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return f"<h2>{title}</h2>\n<p>None.</p>"
    titles = "".join(f'<th scope="col">{name or "<span>no.</span>"}</th>' for name in head)
    lines = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<h2>{title}</h2>\n<p>{caption}</p>\n<div class="scroll" tabindex="0" role="region" aria-label="{title}">'
        f"<table><thead><tr>{titles}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>"
    )


# The picture


def _picture(night: Night, own: dict[str, str]) -> str:
    span = max(night.duration, 1.0)
    words = f"{_length(night.duration)} from {night.clock(0.0)}: " + ", ".join(
        f"{label} {100 * share:.0f} %" for label, share in night.shares
    )
    drawn = [
        *_ribbon(night, own, span),
        *(
            _curve(name, [(m.time, getattr(m, name)) for m in night.moods], span, colour)
            for name, colour in (("valence", "#0b7285"), ("arousal", "#a61e8d"))
        ),
        *_tempo(night, span),
        *_energy(night, span),
        *_marks(night, span),
        *_axis(night, span),
    ]
    names = [f'<text x="0" y="{top + height / 2 + 4:.0f}">{name}</text>' for name, (top, height) in _ROWS.items()]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(words)}">'
        f"{''.join(names)}{''.join(drawn)}</svg>"
    )


def _x(time: float, span: float) -> float:
    return _LEFT + (_WIDTH - _LEFT) * time / span


def _columns(span: float) -> int:
    return max(1, min(_COLUMNS, int(span)))


def _column(time: float, span: float) -> int:
    return min(_columns(span) - 1, int(_columns(span) * time / span))


def _middle(column: int, span: float) -> float:
    """Where ``column`` has its middle, in px."""
    return _x(span * (column + 0.5) / _columns(span), span)


def _ribbon(night: Night, own: dict[str, str], span: float) -> Iterable[str]:
    """The prevailing mood of every column; neighbours of one mood are one rectangle."""
    top, height = _ROWS["mood"]
    found: dict[int, Counter[str]] = {}
    for moment in night.moods:
        if moment.label:
            found.setdefault(_column(moment.time, span), Counter())[moment.label] += 1
    first, label = 0, ""
    columns = _columns(span)
    for column in range(columns + 1):
        best = found[column].most_common(1)[0][0] if column in found else ""
        if best == label and column < columns:
            continue
        if label:
            left, right = (_x(span * place / columns, span) for place in (first, column))
            yield (
                f'<rect x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="{height}" fill="{own[label]}">'
                f"<title>{html.escape(label)}</title></rect>"
            )
        first, label = column, best


def _curve(name: str, points: Sequence[tuple[float, float]], span: float, colour: str) -> str:
    top, height = _ROWS[name]
    middle = top + height / 2
    sums: dict[int, list[float]] = {}
    for time, value in points:
        sums.setdefault(_column(time, span), []).append(value)
    path, before = [], -9
    for column, values in sorted(sums.items()):
        y = middle - height / 2 * sum(values) / len(values)
        path.append(f"{'L' if column - before < 4 else 'M'}{_middle(column, span):.1f} {y:.1f}")
        before = column
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{middle}" y2="{middle}" stroke="#d8dee4"/>'
        f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="2"/>'
    )


def _tempo(night: Night, span: float) -> Iterable[str]:
    """A dot a column for the beats that were locked, and a pale one for the others."""
    top, height = _ROWS["tempo"]
    for bpm in (80, 120, 160):
        y = _tempo_y(bpm, top, height)
        yield f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d8dee4"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{bpm}</text>'
    for locked, colour in ((False, "#b6bec7"), (True, "#1b1f24")):
        sums: dict[int, list[float]] = {}
        for time, bpm_, lock in night.beats:
            if lock is locked:
                sums.setdefault(_column(time, span), []).append(bpm_)
        dots = "".join(
            f"M{_middle(column, span):.1f} {_tempo_y(sorted(values)[len(values) // 2], top, height):.1f}h0"
            for column, values in sums.items()
        )
        yield f'<path d="{dots}" fill="none" stroke="{colour}" stroke-width="3" stroke-linecap="round"/>'


def _tempo_y(bpm: float, top: float, height: float) -> float:
    return top + height * (1.0 - (min(_FAST, max(_SLOW, bpm)) - _SLOW) / (_FAST - _SLOW))


def _energy(night: Night, span: float) -> Iterable[str]:
    """Onsets a second, against the most of the night."""
    top, height = _ROWS["energy"]
    counts = Counter(_column(time, span) for time in night.onsets)
    most = max(counts.values(), default=1)
    bars = "".join(
        f"M{_middle(column, span):.1f} {top + height}v{-height * count / most:.1f}" for column, count in counts.items()
    )
    width = 0.9 * (_WIDTH - _LEFT) / _columns(span)
    yield f'<path d="{bars}" fill="none" stroke="#8a6d3b" stroke-width="{width:.1f}"/>'


def _marks(night: Night, span: float) -> Iterable[str]:
    """What the operator did, above; what went wrong, below."""
    yield f'<text x="0" y="{_MARKS + 4}">operator</text><text x="0" y="{_MARKS + 22}">losses</text>'
    for action in night.actions:
        x = _x(action.time, span)
        words = html.escape(f"{night.clock(action.time)} {action.name} {action.values}".strip())
        yield f'<circle cx="{x:.1f}" cy="{_MARKS}" r="4" fill="#1f6feb"><title>{words}</title></circle>'
    for time, text in [*night.notes, *((time, f"{count} samples lost") for time, count in night.lost)]:
        words = html.escape(f"{night.clock(time)} {text}")
        x = _x(time, span)
        yield f'<circle cx="{x:.1f}" cy="{_MARKS + 18}" r="4" fill="#c8202f"><title>{words}</title></circle>'


def _axis(night: Night, span: float) -> Iterable[str]:
    step = next((step for step in _STEPS if span / step <= 10), _STEPS[-1] * max(1, round(span / 10 / _STEPS[-1])))
    for time in range(0, int(span) + 1, step):
        x = _x(time, span)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_AXIS - 8}" y2="{_AXIS}" stroke="#57606a"/>'
        anchor = "middle" if x < _WIDTH - 30 else "end"
        clock = night.clock(time) if step < 60 else night.clock(time)[:-3]
        yield f'<text x="{x:.1f}" y="{_AXIS + 18}" text-anchor="{anchor}">{clock}</text>'


def _length(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes}:{whole % 60:02d} min"
