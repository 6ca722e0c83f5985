"""Writes mood, tempo and key from the library into the tags of its files, and takes them back again."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from streammood.errors import SinkError, SourceError
from streammood.library import tags
from streammood.library.scan import content_hash, stamp_of
from streammood.library.store import Store
from streammood.library.track import Description, Stamp, Track

SURE = 0.2  # confidence below which a value is not written


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of the tags of one song."""

    track: Track
    before: dict[str, str | None]  # of the tags that change; None: it is not there
    after: dict[str, str | None]
    left: dict[str, str]  # tags that are there already, with another value, and stay
    error: str = ""  # why nothing can be written

    @property
    def words(self) -> str:
        """What changes, for people."""
        return ", ".join(f"{name} {value}" for name, value in self.after.items())


def values(description: Description, sure: float = SURE) -> dict[str, str]:
    """The tags that ``description`` gives; values with a confidence below ``sure`` are left out."""
    found = {}
    if description.mood and description.mood_confidence >= sure:
        found["mood"] = description.mood
    if description.bpm and description.bpm_confidence >= sure:
        found["bpm"] = str(round(description.bpm))
    if description.key and description.key_confidence >= sure:
        found["key"] = description.key
    if description.valence is not None and description.arousal is not None:
        found["valence"] = f"{description.valence:.3f}"
        found["arousal"] = f"{description.arousal:.3f}"
    found["energy"] = f"{description.energy:.3f}"
    return found


def changes(
    store: Store,
    songs: Iterable[Track],
    fields: Collection[str] = tags.FIELDS,
    overwrite: bool = False,
    sure: float = SURE,
) -> Iterator[Change]:
    """What would be written into the files of ``songs``; nothing is.

    Args:
        store: The library, which stores every tag that was written: those may be replaced.
        songs: Songs of it.
        fields: Which of ``tags.FIELDS``.
        overwrite: Also tags that others have written.
        sure: Confidence below which a value is left out.

    Yields:
        One for each song with something to write, to leave, or to report.
    """
    ours: dict[int, dict[str, str | None]] = {}
    for _, song, _, text in reversed(store.tagged()):
        ours.setdefault(song, {}).update(json.loads(text))
    for track in songs:
        if track.description is None:
            continue
        wanted = {name: value for name, value in values(track.description, sure).items() if name in fields}
        try:
            there = tags.read(track.path)
        except SourceError as error:
            yield Change(track, {}, {}, {}, str(error))
            continue
        differs = {name: value for name, value in wanted.items() if there.get(name) != value}
        written = ours.get(track.id, {})
        free = {name for name in differs if overwrite or name not in there or written.get(name) == there[name]}
        left = {name: there[name] for name in differs if name not in free}
        if differs:
            after: dict[str, str | None] = {name: value for name, value in differs.items() if name in free}
            yield Change(track, {name: there.get(name) for name in after}, after, left)


def apply(store: Store, change: Change, keep_mtime: bool = False) -> None:
    """Write ``change``, so that ``undo`` finds it, and the next scan finds the file unchanged.

    Raises:
        SourceError: the file cannot be read.
        SinkError: the file cannot be written; it is as it was.
        LibraryError: the library cannot be written.
    """
    with store.writing():  # before the file: old tags are never lost
        number = store.remember_tags(change.track.id, json.dumps(change.before), json.dumps(change.after))
    try:
        tags.write(change.track.path, change.after, keep_mtime)
    except (SourceError, SinkError):
        with store.writing():
            store.forget_tags(number)
        raise
    _restamp(store, change.track)


def undo(store: Store, keep_mtime: bool = False) -> Iterator[tuple[Track, str, str]]:
    """Restore the tags from before ``apply``, latest first; a tag that was changed since then is left.

    Args:
        store: The library.
        keep_mtime: The files look as old as they were.

    Yields:
        A song, the restored tags, and the reason where one was not restored.
    """
    for number, song, before_text, after_text in store.tagged():
        track = store.track(song)
        if track is None:
            continue
        before, after = json.loads(before_text), json.loads(after_text)
        try:
            there = tags.read(track.path)
            back = {name: before[name] for name in after if there.get(name) == after[name]}
            if back:
                tags.write(track.path, back, keep_mtime)
                _restamp(store, track)
        except (SourceError, SinkError) as error:
            yield track, "", str(error)
            continue
        with store.writing():
            store.forget_tags(number)
        changed = [name for name in after if name not in back]
        yield track, ", ".join(back), f"changed since then: {', '.join(changed)}" if changed else ""


def _restamp(store: Store, track: Track) -> None:
    stamp = stamp_of(track.path)
    with store.writing():
        store.touch(track.id, Stamp(stamp.size, stamp.mtime, content_hash(track.path)))
