"""Runs the worker process: starts it when the first song comes, and again when a song has ended it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from streammood.config import Settings
from streammood.web.store import Stored

_SILENT = 120.0  # s without a line after which a song is abandoned
_IDLE = 300.0  # s after which a worker without work is ended


class SongError(Exception):
    """A song cannot be analysed; the text names the reason."""


class Analyst:
    """One song at a time, in the order in which they come."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.model_dump_json(by_alias=True)
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._leave: asyncio.TimerHandle | None = None

    async def analyse(self, song: Stored, progress: Callable[[float], None]) -> None:
        """Have the analysis of ``song`` and its outline written beside it.

        Raises:
            SongError: it is no sound that can be read.
        """
        request: dict[str, Path | str] = {
            "path": song.path,
            "name": song.name,
            "analysis": song.analysis,
            "result": song.result,
            "outline": song.outline,
        }
        await self._ask(request, progress)

    async def convert(self, song: Stored) -> None:
        """Have ``song`` written as WAV.

        Raises:
            SongError: it is no sound that can be read.
        """
        await self._ask({"path": song.path, "wav": song.wav}, lambda done: None)

    async def make(self, song: Stored, download: str) -> None:
        """Have a download of an analysed song written.

        Raises:
            SongError: it cannot be made.
        """
        request: dict[str, Path | str] = {
            "path": song.path,
            "name": song.name,
            "analysis": song.analysis,
            "download": download,
            "to": song.download(download),
        }
        await self._ask(request, lambda done: None)

    async def close(self) -> None:
        """End the worker, whatever it is doing."""
        if self._leave is not None:
            self._leave.cancel()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None

    async def _ask(self, request: Mapping[str, Path | str], progress: Callable[[float], None]) -> None:
        async with self._turn:
            if self._leave is not None:
                self._leave.cancel()
            try:
                await self._exchange(request, progress)
            except (TimeoutError, OSError, EOFError, ValueError):
                await self.close()
                raise SongError("the decoder broke down on this file") from None
            except asyncio.CancelledError:
                await self.close()
                raise
            self._leave = asyncio.get_running_loop().call_later(_IDLE, self._dismiss)

    async def _exchange(self, request: Mapping[str, Path | str], progress: Callable[[float], None]) -> None:
        process = self._process = self._process or await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request, default=str).encode() + b"\n")
        await process.stdin.drain()
        while True:
            line = await asyncio.wait_for(process.stdout.readline(), _SILENT)
            if not line:
                raise EOFError
            answer = json.loads(line)
            if "error" in answer:
                raise SongError(answer["error"])
            if "done" in answer:
                return
            progress(answer["progress"])

    async def _start(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "streammood.web.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the server, which ends this process in its own time
        )
        assert process.stdin is not None
        process.stdin.write(self._settings.encode() + b"\n")
        return process

    def _dismiss(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process = None
