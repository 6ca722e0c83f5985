"""Has strangers' sound files read by a process of its own, which is started when the first song comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from streammood.config import Settings
from streammood.songs.worker import Failure, Progress, Reply, Worker, wait
from streammood.web.store import Stored
from streammood.web.worker import Convert, Download, Reading, Refusal, Request, UploadRequest

_SILENT = 120.0  # s without a word after which a song is abandoned
_IDLE = 300.0  # s after which a process without work is ended
_LOOK = 0.25  # s between looks at the process
T = TypeVar("T")


class SongError(Exception):
    """Something cannot be made of a song; the text names the reason, ``status`` is that of HTTP."""

    def __init__(self, text: str, status: int = 422) -> None:
        super().__init__(text)
        self.status = status


class Analyst:
    """One song at a time, in the order in which they come."""

    def __init__(self, settings: Settings) -> None:
        self._worker = Worker(Reading(settings), _SILENT)
        self._turn = asyncio.Lock()
        self._leave: asyncio.TimerHandle | None = None

    async def analyse(self, song: Stored, progress: Callable[[float], None]) -> None:
        """Have the analysis of ``song`` and its outline written beside it; ``progress`` is given the share done.

        Raises:
            SongError: it is not a sound file that can be read.
        """
        await self._ask(UploadRequest(song.path, song.name, song.analysis, song.result, song.outline), progress)

    async def convert(self, song: Stored) -> None:
        """Have ``song`` written as WAV.

        Raises:
            SongError: it is not a sound file that can be read, it is too long, or there is no room for it.
        """
        await self._ask(Convert(song.path, song.wav), lambda done: None)

    async def make(self, song: Stored, download: str) -> None:
        """Have a download of an analysed song written.

        Raises:
            SongError: it cannot be made.
        """
        request = Download(song.path, song.name, song.analysis, download, song.download(download))
        await self._ask(request, lambda done: None)

    async def close(self) -> None:
        """End the process, whatever it is doing; requests must have been cancelled."""
        async with self._turn:
            if self._leave is not None:
                self._leave.cancel()
            self._worker.stop()

    async def _ask(self, request: Request, progress: Callable[[float], None]) -> None:
        async with self._turn:
            if self._leave is not None:
                self._leave.cancel()
            try:
                await self._exchange(request, progress)
            except asyncio.CancelledError:
                self._worker.stop()
                raise
            finally:
                self._leave = asyncio.get_running_loop().call_later(_IDLE, self._worker.stop)

    async def _exchange(self, request: Request, progress: Callable[[float], None]) -> None:
        await _in_thread(lambda: self._worker.ask(request))
        done = 0.0
        while True:
            message = await _in_thread(self._look)
            match message:
                case Progress(share):
                    done += share
                    progress(min(1.0, done))
                case Failure(reason):
                    raise SongError(reason)
                case Reply(Refusal(status, reason)):
                    raise SongError(reason, status)
                case Reply():
                    return

    def _look(self) -> Progress | Reply | Failure | None:
        wait([self._worker], _LOOK)
        return self._worker.receive()


async def _in_thread(call: Callable[[], T]) -> T:
    """Run ``call``, which waits, in a thread; it runs to its end even where its caller was cancelled."""
    step = asyncio.create_task(asyncio.to_thread(call))
    try:
        return await asyncio.shield(step)
    except asyncio.CancelledError:
        await asyncio.wait([step])
        raise
