"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a file to write that becomes ``path`` at the end; after an error there is neither of them."""
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write ``content`` as JSON.

    Raises:
        OSError: it cannot be written.
    """
    with whole(path) as part:
        part.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")
