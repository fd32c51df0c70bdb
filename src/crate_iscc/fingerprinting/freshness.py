"""Tells whether a file may have changed again without a trace in its times."""

# A file that was written in the same tick of the file system's clock as it was hashed may change
# again without a trace in its times. Coarse clocks show in times that are whole milliseconds.
_FINE_TICK_NS = 20_000_000
_COARSE_TICK_NS = 2_000_000_000


def is_too_fresh(mtime_ns: int, ctime_ns: int, started_ns: int) -> bool:
    """Tell whether a file changed so shortly before work began that its state proves nothing.

    `started_ns` is when the work began, before the file was listed; all are nanoseconds.
    """
    return max(mtime_ns, ctime_ns) > started_ns - tick_of(mtime_ns)


def tick_of(mtime_ns: int) -> int:
    """Return in how many nanoseconds a file may change again without a trace in that time."""
    return _FINE_TICK_NS if mtime_ns % 1_000_000 else _COARSE_TICK_NS
