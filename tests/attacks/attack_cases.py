"""Every attack, in the order of the README's table."""

from functools import cache

from attack_archives import archive_attacks
from attack_metadata import CANARY, metadata_attacks
from attack_model import Attack
from attack_nested import nested_attacks
from attack_paths import path_attacks
from attack_payload import payload_attacks


@cache
def attacks(port: int = 9) -> tuple[Attack, ...]:
    """Return all attacks; those that name a server name one at this port of the loopback."""
    return (
        *payload_attacks(),
        *path_attacks(),
        *archive_attacks(),
        *metadata_attacks(port),
        *nested_attacks(CANARY.format(port=port)),
    )


def rows() -> dict[str, list[Attack]]:
    """Return the attacks under the rows of the README's table."""
    found: dict[str, list[Attack]] = {}
    for attack in attacks():
        found.setdefault(attack.row, []).append(attack)
    return found
