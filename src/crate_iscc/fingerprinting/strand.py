"""Tasks that run one after another, in order, on whatever thread of a pool is free."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

Result = TypeVar("Result")


class Strand:
    """A code over many pieces of bytes is computed on one: no two of its tasks run at once.

    A task that fails makes all that follow it fail with the same error.
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._is_running = False
        self._error: BaseException | None = None

    def post(self, task: Callable[[], Result]) -> "Future[Result]":
        """Have a task run when those posted before it have ended."""
        future: Future[Result] = Future()
        with self._lock:
            self._waiting.append((future, task))
            starts = not self._is_running
            self._is_running = True
        if starts:
            self._pool.submit(self._run)
        return future

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._is_running = False
                    return
                future, task = self._waiting.popleft()
            if self._error is None:
                try:
                    future.set_result(task())
                except BaseException as error:  # told to whoever asks for a result
                    self._error = error
            if self._error is not None:
                future.set_exception(self._error)
