"""What SARIF 2.1.0 (with Errata 01) asks of the objects that a report uses; § are its sections.

The official JSON Schema says less than the standard and is not ours to ship, so this says in a
few tables what holds, and `check` walks through a log with them. Objects are closed: a member
that is not listed here is refused, whether the standard knows it or not.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Check = Callable[[Any], bool]


@dataclass(frozen=True)
class Member:
    """A member of an object: where the standard has it, what it holds, and if it must be there."""

    section: str
    holds: "Check | str | tuple[str]"
    required: bool = True


def string(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def integer(least: int) -> Check:
    return lambda value: type(value) is int and value >= least


def one_of(*words: str) -> Check:
    return lambda value: value in words


def strings_by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(map(string, [*value, *value.values()]))


def bag(value: Any) -> bool:
    """Tell whether a value is a property bag, whose tags are unique strings (§3.8)."""
    if not isinstance(value, dict):
        return False
    tags = value.get("tags", [])
    return all(map(string, tags)) and len(set(tags)) == len(tags)


_PCHAR = r"[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2}"


def uri(value: Any) -> bool:
    """Tell whether a value is an absolute URI of RFC 3986, normalised (§3.10.1, §3.10.2)."""
    scheme = re.fullmatch(rf"([a-z][a-z0-9+.-]*)://[A-Za-z0-9.-]*((/({_PCHAR})*)*)", str(value))
    return scheme is not None and _no_empty_segments(scheme[2][1:])


def uri_reference(value: Any) -> bool:
    """Tell whether a value is an absolute URI, or a relative reference of segments (§3.4.3)."""
    first = re.match(rf"({_PCHAR})+", str(value))
    relative = first is not None and ":" not in first[0]
    path = re.fullmatch(rf"({_PCHAR})+(/({_PCHAR})+)*", str(value)) is not None
    return uri(value) or (relative and path and (value == "." or _no_empty_segments(value)))


def _no_empty_segments(path: str) -> bool:
    return all(segment not in ("", ".") for segment in path.split("/")) or path == ""


def semantic_version(value: Any) -> bool:
    return (
        re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?", str(value)) is not None
    )


def message_text(value: Any) -> bool:
    """Tell whether plain text holds no placeholder (§3.11.5) and no embedded link (§3.11.6)."""
    return (
        string(value)
        and not re.search(r"[{}]", value.replace("{{", "").replace("}}", ""))
        and not re.search(r"\]\(", value)
    )


LEVEL = one_of("none", "note", "warning", "error")
OBJECTS: dict[str, dict[str, Member]] = {
    "sarifLog": {
        "$schema": Member("3.13.3", uri, required=False),
        "version": Member("3.13.2", one_of("2.1.0")),
        "runs": Member("3.13.4", ("run",)),
    },
    "run": {
        "tool": Member("3.14.6", "tool"),
        "automationDetails": Member("3.14.3", "runAutomationDetails", required=False),
        "invocations": Member("3.14.11", ("invocation",), required=False),
        "originalUriBaseIds": Member("3.14.14", lambda value: bool(value), required=False),
        "results": Member("3.14.23", ("result",)),
        "properties": Member("3.8", bag, required=False),
    },
    "runAutomationDetails": {"id": Member("3.17.3", string, required=False)},
    "tool": {"driver": Member("3.18.2", "toolComponent")},
    "toolComponent": {
        "name": Member("3.19.8", string),
        "semanticVersion": Member("3.19.12", semantic_version, required=False),
        "version": Member("3.19.13", string),
        "informationUri": Member("3.19.17", uri, required=False),
        "rules": Member("3.19.23", ("reportingDescriptor",)),
    },
    "reportingDescriptor": {
        "id": Member("3.49.3", string),
        "shortDescription": Member("3.49.9", "multiformatMessageString"),
        "fullDescription": Member("3.49.10", "multiformatMessageString"),
        "help": Member("3.49.13", "multiformatMessageString"),
        "defaultConfiguration": Member("3.49.14", "reportingConfiguration"),
        "properties": Member("3.8", bag, required=False),
    },
    "reportingConfiguration": {"level": Member("3.50.3", LEVEL)},
    "multiformatMessageString": {
        "text": Member("3.12.3", message_text),
        "markdown": Member("3.12.4", string, required=False),
    },
    "message": {"text": Member("3.11.8", message_text)},
    "invocation": {
        "executionSuccessful": Member("3.20.14", lambda value: value is True),
        "toolExecutionNotifications": Member("3.20.21", ("notification",), required=False),
    },
    "notification": {
        "message": Member("3.58.5", "message"),
        # An error among them would make the run count as failed (§3.20.21).
        "level": Member("3.58.6", one_of("none", "note", "warning"), required=False),
    },
    "result": {
        "ruleId": Member("3.27.5", string),
        "ruleIndex": Member("3.27.6", integer(0)),
        "level": Member("3.27.10", LEVEL),
        "message": Member("3.27.11", "message"),
        "locations": Member("3.27.12", ("location",)),
        "partialFingerprints": Member("3.27.17", strings_by_name),
        "properties": Member("3.8", bag, required=False),
    },
    "location": {
        "physicalLocation": Member("3.28.3", "physicalLocation"),
        "logicalLocations": Member("3.28.4", ("logicalLocation",), required=False),
    },
    "physicalLocation": {
        "artifactLocation": Member("3.29.3", "artifactLocation"),
        "region": Member("3.29.4", "region", required=False),
    },
    "artifactLocation": {
        "uri": Member("3.4.3", uri_reference),
        "uriBaseId": Member("3.4.4", string, required=False),
    },
    "region": {"startLine": Member("3.30.5", integer(1))},
    # One at the top has no other fully qualified name than its name (§3.33.5).
    "logicalLocation": {
        "name": Member("3.33.4", string),
        "kind": Member("3.33.7", string),
    },
}


def check(log: Any) -> None:
    """Raise AssertionError, with the section, for the first thing that the standard forbids."""
    for problem in problems(log, "sarifLog", "log"):
        raise AssertionError(problem)
    for run in log["runs"]:
        rules = run["tool"]["driver"]["rules"]
        for result in run["results"]:
            assert result["ruleIndex"] < len(rules), "§3.27.6: there is no such rule"
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"], "§3.27.6: another rule"
            assert len(result["locations"]) == 1, "§3.27.12: one place that can be mended alone"
            place = result["locations"][0]["physicalLocation"]["artifactLocation"]
            absolute = uri(place["uri"])
            assert ("uriBaseId" in place) is not absolute, "§3.4.4: a base for what is relative"
            if not absolute:
                assert place["uriBaseId"] in run["originalUriBaseIds"], "§3.14.14: no such base"
        keys = [repr(rule) for rule in rules]
        assert len(set(keys)) == len(keys), "§3.19.23: the rules are unique"


def problems(value: Any, name: str, place: str) -> Iterator[str]:
    """Yield what is wrong with an object of a type and with everything in it."""
    members = OBJECTS[name]
    if not isinstance(value, dict):
        yield f"{place} is no {name} object"
        return
    yield from (f"{place}: {name} has no {extra}" for extra in value.keys() - members.keys())
    for key, member in members.items():
        if key not in value:
            if member.required:
                yield f"§{member.section}: {place} lacks {key}"
        elif isinstance(member.holds, str):
            yield from problems(value[key], member.holds, f"{place}/{key}")
        elif isinstance(member.holds, tuple):
            if not isinstance(value[key], list):
                yield f"§{member.section}: {place}/{key} is no array"
                continue
            for index, item in enumerate(value[key]):
                yield from problems(item, member.holds[0], f"{place}/{key}/{index}")
        elif not member.holds(value[key]):
            yield f"§{member.section}: {place}/{key} holds {value[key]!r:.200}"
