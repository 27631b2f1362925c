#!/usr/bin/env python3
"""prove.py [--minutes M] PROOF...: what takes too long for the tests, shown under load. Ends with 1 when something does not hold."""
import argparse
import importlib
import pathlib
import shutil
import sys
import tempfile

from bed import Bed

PROOFS = ("changes", "posts", "slow", "floods", "upstreams", "targets")


def run(name, options):
    print(f"{name}: {importlib.import_module(name).__doc__.splitlines()[0]}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gatehouse-prove-", dir="/var/tmp"))
    folder.chmod(0o755)
    bed = Bed(folder, options)
    try:
        importlib.import_module(name).prove(bed)
    finally:
        bed.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return all(value <= most for _, value, most, _ in bed.findings)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=30, help="how long `upstreams` takes (30)")
    options.add_argument("proofs", nargs="+", choices=PROOFS, metavar="PROOF", help=", ".join(PROOFS))
    given = options.parse_args()
    held = [run(name, given) for name in given.proofs]
    print(f"{sum(held)} of {len(held)} proofs hold")
    sys.exit(not all(held))


if __name__ == "__main__":
    main()
