"""The JUnit XML of a report is read by others as tests that passed, failed or were skipped."""

from xml.etree import ElementTree

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from crate_iscc.finding_kinds import Severity
from crate_iscc.render.grouped import counts_against
from crate_iscc.render.junit import report_junit
from crate_iscc.report import Report, Verdict
from render.render_kit import (
    BREACHES,
    DAMAGE,
    REPORTS,
    UNREAD,
    changed,
    every_kind,
    validation,
    verification,
)

EACH = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)


def suite_of(report: Report) -> TestSuite:
    (suite,) = JUnitXml.fromstring(report_junit(report).encode("utf-8"))
    assert isinstance(suite, TestSuite)
    return suite


def outcome_of(case: TestCase) -> type | None:
    return type(case.result[0]) if case.result else None


def names_of(report: Report, outcome: type | None) -> list[str]:
    return [str(case.name) for case in suite_of(report) if outcome_of(case) is outcome]


@EACH
def test_the_counts_are_those_of_the_cases(report: Report) -> None:
    """What the suite says of its tests, failures, errors and skipped is what is in it."""
    suite = suite_of(report)
    told = (suite.tests, suite.failures, suite.errors, suite.skipped)
    outcomes = [outcome_of(case) for case in suite]
    assert told == (len(outcomes), *(outcomes.count(kind) for kind in (Failure, Error, Skipped)))
    suite.update_statistics()  # type: ignore[no-untyped-call]
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == told


@EACH
def test_a_suite_without_failures_and_errors_is_a_valid_crate(report: Report) -> None:
    """A consumer that looks at nothing but the counts comes to the verdict of the report."""
    suite = suite_of(report)
    assert bool(suite.failures) is (report.verdict is Verdict.INVALID)
    assert bool(suite.failures or suite.errors) is (report.verdict is not Verdict.VALID)


@EACH
def test_each_finding_is_a_case(report: Report) -> None:
    """Unread is an error, what counts against the verdict a failure, and the rest passes."""
    unread = [finding for finding in report.findings if finding.id == "bytes.unread"]
    against = [finding for finding in report.findings if counts_against(report, finding)]
    suite = suite_of(report)
    assert (suite.errors, suite.failures) == (len(unread), len(against))
    told = [case for case in suite if case.system_out is not None]
    assert len(told) == len(report.findings) - len(unread) - len(against)


@EACH
def test_no_two_cases_have_one_name(report: Report) -> None:
    """GitLab and others show one test of a name and drop the rest."""
    names = [case.name for case in suite_of(report)]
    assert len(set(names)) == len(names)


@EACH
def test_nothing_is_in_it_that_nobody_measured(report: Report) -> None:
    """There are no times, and only elements and attributes that every reader of JUnit knows."""
    known = {
        "testsuites": {"name", "tests", "failures", "errors"},
        "testsuite": {"name", "tests", "failures", "errors", "skipped"},
        "properties": set(),
        "property": {"name", "value"},
        "testcase": {"classname", "name"},
        "failure": {"message", "type"},
        "error": {"message", "type"},
        "skipped": {"message"},
        "system-out": set(),
    }
    for element in ElementTree.fromstring(report_junit(report)).iter():
        assert set(element.attrib) <= known[element.tag]


def test_a_failure_says_what_and_what_to_do() -> None:
    """The case is named by id and place; message, meaning and hint stand in the failure."""
    case = next(iter(suite_of(verification([changed("raw/a.tif", 9)]))))
    assert (case.classname, case.name) == ("study", "bytes.changed raw/a.tif")
    (failure,) = case.result
    assert failure.message == "9 of 128 bits differ: similar"
    assert "hint: Restore the file" in failure.text
    (failure,) = next(iter(suite_of(validation(BREACHES[:1])))).result
    assert failure.message == "the file has no datahash (MUST 2.2)"
    assert "ro-crate-metadata.json, line 112" in failure.text


def test_what_is_well_passes_and_what_was_not_checked_is_skipped() -> None:
    """A crate in which nothing is wrong shows what that rests on and what it does not say."""
    assert names_of(REPORTS["valid"], None) == [
        "checked: presence",
        "checked: size",
        "checked: datahash",
        "checked: treehash",
    ]
    assert names_of(verification(quick=True), Skipped) == [
        "not checked: contents (--quick)",
        "not checked: the metadata themselves (not signed)",
    ]
    assert names_of(validation(), None) == ["checked: MUST", "checked: SHOULD"]


def test_an_aspect_that_something_spoils_does_not_pass() -> None:
    """No test passes that promises more than was found: unread or ignored, it is not well."""
    extra = verification(DAMAGE[5:6])
    assert names_of(extra, None) == ["checked: size", "checked: datahash"]
    assert not [name for name in names_of(verification([UNREAD]), None) if "checked" in name]
    ignored = verification(ignored=(("bytes.missing", 2),))
    assert names_of(ignored, None) == []
    assert "ignored: bytes.missing" in names_of(ignored, Skipped)
    should = validation(BREACHES[4:])
    assert names_of(should, None) == ["checked: MUST"]
    everything = verification(every_kind(), checked=("presence", "size", "rocrate", "metadata"))
    assert not [name for name in names_of(everything, None) if name.startswith("checked")]


def test_findings_below_the_level_do_not_fail() -> None:
    """A validation at level MUST that was told of a SHOULD mentions it and passes."""
    report = validation(BREACHES[4:], level=Severity.ERROR)
    suite = suite_of(report)
    assert (suite.failures, suite.errors) == (0, 0)
    assert names_of(report, None)[:2] == ["describe.license ./", "describe.creator ./"]


def test_an_incomplete_report_without_findings_is_an_error() -> None:
    """Whatever a report holds, what is not VALID does not look as if it had passed."""
    suite = suite_of(verification(unread=1))
    assert (suite.failures, suite.errors) == (0, 1)


def test_the_same_finding_twice_is_two_cases() -> None:
    """The second of a name has a number, also where a file has such a name itself."""
    report = verification([changed("a"), changed("a"), changed("a (2)"), changed("a (2)")])
    names = names_of(report, Failure)
    assert len(set(names)) == 4
    assert {"bytes.changed a", "bytes.changed a (2)"} <= set(names)
