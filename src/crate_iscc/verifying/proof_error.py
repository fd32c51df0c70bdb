"""How a proof says that it does not hold."""


class ProofError(Exception):
    """A proof that does not hold, with the kind of finding that says so."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
