"""What an index looks like inside: its tables, and how a file is known to be one."""

APPLICATION_ID = 0x49534343
"""`ISCC`, in the header of the file (SQLite, Database File Format, 1.3.10)."""
VERSION = 1
"""Of the tables below; in `user_version`."""
PAGE_SIZE = 16384
"""Bytes. The codes are read in blocks of megabytes: larger pages make that faster."""
BLOCK = 1 << 16
"""Codes in a block, at most: of a million codes, sixteen rows are read."""

TABLES = (
    """CREATE TABLE crates (
        number INTEGER PRIMARY KEY,
        place BLOB NOT NULL UNIQUE,
        given BLOB NOT NULL,
        name TEXT,
        identifier TEXT,
        recorded INTEGER NOT NULL,
        added TEXT NOT NULL,
        members INTEGER NOT NULL,
        left_out INTEGER NOT NULL
    )""",
    """CREATE TABLE members (
        crate INTEGER NOT NULL REFERENCES crates (number),
        number INTEGER NOT NULL,
        path TEXT NOT NULL,
        size INTEGER,
        identity BLOB NOT NULL,
        PRIMARY KEY (crate, number)
    ) WITHOUT ROWID""",
    "CREATE INDEX by_identity ON members (identity)",
    # The codes of the members from number `first` on, one behind the other: a search goes through
    # megabytes in one piece, and makes no object for any code but those that it finds.
    """CREATE TABLE blocks (
        crate INTEGER NOT NULL REFERENCES crates (number),
        first INTEGER NOT NULL,
        width INTEGER NOT NULL,
        count INTEGER NOT NULL,
        codes BLOB NOT NULL
    )""",
    "CREATE INDEX by_crate ON blocks (crate, first)",
)
