"""share: several pytest processes run one suite together; each takes the next file that nobody has taken. A plugin that scripts/run-e2e
loads (-p share) when it runs all tests: they wait far more than they compute.

GATEHOUSE_E2E_SHARE is a folder in which taking a file is making one of its name. A folder whose conftest has fixtures of the session
(FOLDERS) goes to one process as a whole. Ports do not collide (kit.free_port); PostgreSQL, Redis and gateways are each process's own.
File descriptor 3, where there is one, gets a line for each file that has ended."""
import itertools
import os
import pathlib
import time

import pytest

FOLDERS = ("admin",)
FIRST = ("admin", "history/test_parallel_writers.py")  # the longest: what is taken last should be short


def part_of(item):
    path = pathlib.Path(item.fspath).relative_to(pathlib.Path(__file__).parent)
    return path.parts[0] if path.parts[0] in FOLDERS else str(path)


def take(part):
    try:
        os.close(os.open(pathlib.Path(os.environ["GATEHOUSE_E2E_SHARE"]) / part.replace("/", "+"), os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False


class Taken:
    """The tests of the parts that this process has taken, one after the other; `part` is that of the latest."""

    def __init__(self, items):
        parts = [(part, list(tests)) for part, tests in itertools.groupby(items, part_of)]
        parts.sort(key=lambda each: FIRST.index(each[0]) if each[0] in FIRST else len(FIRST))
        self.tests = ((part, test) for part, tests in parts if take(part) for test in tests)

    def pairs(self):
        """(part, test, the test after it): pytest tears down what the next one does not use."""
        now = next(self.tests, None)
        while now:
            after = next(self.tests, None)
            yield *now, after
            now = after


class Report:
    """Says of each part, as it ends, how many passed and how long it took."""

    def __init__(self):
        self.passed = self.failed = 0
        self.since = time.monotonic()

    def pytest_runtest_logreport(self, report):
        self.failed += report.failed
        self.passed += report.when == "call" and report.passed

    def part_ended(self, part):
        line = f"{'FAIL' if self.failed else 'ok':<6}{part} ({self.passed} passed, {self.failed} failed, {time.monotonic() - self.since:.0f} s)\n"
        try:
            os.write(3, line.encode())
        except OSError:
            pass
        self.__init__()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    if session.testsfailed or session.config.option.collectonly:
        return None  # as always: pytest says why
    report = Report()
    session.config.pluginmanager.register(report)
    for part, test, after in Taken(session.items).pairs():
        test.config.hook.pytest_runtest_protocol(item=test, nextitem=after[1] if after else None)
        if not after or after[0] != part:
            report.part_ended(part)
    return True
