#!/usr/bin/env python3
"""bench.py [--seconds S] [--rounds N] [--json FILE] [CASE...]: our data plane beside nginx, HAProxy and a relay that only copies bytes.

Repetitions are interleaved, so that a change of the machine's speed hits all alike, and medians are shown. CPU is the proxy process's user
and system time over answered requests."""
import argparse
import json
import pathlib
import shutil
import tempfile

from cases import CASES, configure
from proxies import Field


def compared(figures):
    """The column that ours is compared in: the last that is a cost."""
    return [c for c in next(iter(figures.values())) if c.startswith(("CPU", "bytes/", "own", "p99"))][-1]


def report(name, figures):
    columns = [c for c in figures["gatehouse" if "gatehouse" in figures else next(iter(figures))] if c != "bad"]
    column = compared(figures)
    print(f"\n{name:22}" + "".join(f"{c:>18}" for c in columns) + f"{'ours to it':>12}")
    for who, row in figures.items():
        suffix = who.partition(",")[2] if "%" in who else ""
        ours = figures["gatehouse" + (f",{suffix}" if suffix else "")][column]
        bad = f"  {int(row['bad'])} failed" if row.get("bad") else ""
        print(f"  {who:20}" + "".join(f"{row[c]:18.2f}" if c in row else " " * 18 for c in columns) + f"{ours / row[column]:12.2f}{bad}", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", help="also write the figures to this file")
    options.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    given = options.parse_args()
    for case in given.cases:
        if case not in CASES:
            options.error(f"no case '{case}'; there are: {', '.join(CASES)}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gatehouse-bench-", dir="/var/tmp"))
    folder.chmod(0o755)
    field, figures = Field(folder), {}
    try:
        field.start()
        configure(field)
        for case, run in CASES.items():
            if not given.cases or case in given.cases:
                figures[case] = run(field, given)
                report(case, figures[case])
        if given.json:
            pathlib.Path(given.json).write_text(json.dumps(figures, indent=1))
    finally:
        field.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
