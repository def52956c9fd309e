#!/usr/bin/env python3
"""clang-tidy over sources, those left out that are known to be clean as they are.

    lint.py BUILD_DIR JOBS FILE...

A source is known by what it includes of this tree (the build directory's notes say what that is), the
checks and itself; each clean one is noted in BUILD_DIR/lint. Exits 1 when there was a finding.
"""

import concurrent.futures
import hashlib
import os
import pathlib
import re
import subprocess
import sys


def inputs_of(notes, build):
    """{source: [file of the tree, …]} of what `ninja -t deps` says; paths from the root of the tree."""
    root = os.path.abspath(build.parent.parent)
    out = {}
    for block in re.split(r"\n\n+", notes.strip()):
        found = [os.path.normpath(os.path.join(root, build, line.strip())) for line in block.splitlines()[1:]]
        own = [os.path.relpath(path, root) for path in found if path.startswith(f"{root}/src/")]
        source = next((path for path in own if path.endswith(".cc")), None)
        if source is not None:
            out[source] = sorted(set(own))
    return out


def key_of(root, inputs):
    digest = hashlib.sha256((root / ".clang-tidy").read_bytes())
    for path in inputs:
        digest.update(f"\0{path}\0".encode())
        digest.update((root / path).read_bytes() if (root / path).is_file() else b"gone")
    return digest.hexdigest()


class Linter:
    def __init__(self, root, build, notes, tidy):
        self.root, self.build, self.tidy = root, build, tidy
        self.inputs = inputs_of(notes, build)

    def is_clean(self, source):
        """Whether it is, by what is known or by looking. What was never compiled has no notes."""
        inputs = self.inputs.get(source)
        stamp = self.build / "lint" / source
        key = key_of(self.root, inputs) if inputs else None
        if key and stamp.is_file() and stamp.read_text() == key:
            return True
        if not self.tidy(source):
            return False
        if key:
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.write_text(key)
        return True

    def all_clean(self, sources, jobs):
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            return all(list(pool.map(self.is_clean, sources)))


def main():
    build, jobs, sources = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    notes = subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True, check=True)

    def tidy(source):
        command = ["clang-tidy-19", "-p", build, "--quiet", "--warnings-as-errors=*", source]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        print(f"{source}: {'clean' if done.returncode == 0 else done.stdout}", flush=True)
        return done.returncode == 0

    root = pathlib.Path(__file__).resolve().parents[2]
    sys.exit(0 if Linter(root, build, notes.stdout, tidy).all_clean(sources, jobs) else 1)


if __name__ == "__main__":
    main()
