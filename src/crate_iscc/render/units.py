"""Numbers as people read them."""


def file_size(size: int) -> str:
    """Return a number of bytes in decimal units: `999 B`, `3.7 MB`, `41.2 GB`."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if value < 999.95 or unit == "PB":
            break
        value /= 1000
    return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"


def number(value: int) -> str:
    """Return a number with a thin grouping of its thousands: `1,248`."""
    return f"{value:,}"


def files(count: int) -> str:
    """Return a number of files with the right noun."""
    return f"{number(count)} file" + ("" if count == 1 else "s")
