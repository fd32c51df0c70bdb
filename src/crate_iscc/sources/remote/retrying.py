"""How long to go on where a store fails: bounded tries, longer and longer waits, shared patience.

Every request of one tree shares the patience. So a store that is down for good ends the reading of
a million objects after one wait, not after a million.
"""

import threading
import time
from dataclasses import dataclass
from random import SystemRandom


@dataclass(frozen=True, slots=True)
class Retrying:
    """How often to try, and how long to wait, in seconds.

    The wait before another try is random up to `first_wait`, doubled after each failure, and never
    more than `longest_wait`. Where no request of the tree has succeeded for `patience`, no request
    is made again. `timeout` is for a connection, and for an answer that goes on with nothing.
    """

    tries: int = 8
    first_wait: float = 0.2
    longest_wait: float = 10.0
    patience: float = 60.0
    timeout: float = 30.0


class Patience:
    """What the requests of one tree know of each other's failures; any thread may ask."""

    def __init__(self, how: Retrying) -> None:
        self.how = how
        self._random = SystemRandom()
        self._lock = threading.Lock()
        self._failing_since: float | None = None
        self._ended = threading.Event()

    def succeeded(self) -> None:
        """Note that the store has answered in full."""
        if self._failing_since is not None:
            with self._lock:
                self._failing_since = None

    def wait(self, failures: int) -> bool:
        """Wait after so many failures of one request; False if it is not to be tried again."""
        now = time.monotonic()
        with self._lock:
            since = self._failing_since = self._failing_since or now
        if failures >= self.how.tries or now - since > self.how.patience:
            return False
        longest = min(self.how.longest_wait, self.how.first_wait * 2 ** (failures - 1))
        return not self._ended.wait(self._random.uniform(0, longest))

    def end(self) -> None:
        """Have nobody wait any more, nor try again."""
        self._ended.set()
