#!/usr/bin/env python3
"""What lint.py looks at again, and what it knows."""

import pathlib
import tempfile
import unittest

import lint

NOTES = """src/base/CMakeFiles/forebay_base.dir/a.cc.o: #deps 3, deps mtime 1 (VALID)
    ../../src/base/a.cc
    ../../src/base/a.h
    /usr/include/stdlib.h

src/kv/CMakeFiles/kv_test.dir/b_test.cc.o: #deps 2, deps mtime 1 (VALID)
    ../../src/kv/b_test.cc
    ../../src/base/a.h

"""


class LintTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()
        self.build = self.root / "build/dev"
        self.build.mkdir(parents=True)
        (self.root / ".clang-tidy").write_text("Checks: x")
        for path in ("src/base/a.cc", "src/base/a.h", "src/kv/b_test.cc", "src/kv/new.cc"):
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text("// text\n")
        self.looked_at, self.dirty = [], set()

    def run_lint(self, *sources):
        def tidy(source):
            self.looked_at.append(source)
            return source not in self.dirty

        self.looked_at.clear()
        return lint.Linter(self.root, self.build, NOTES, tidy).all_clean(sources, 1)

    def test_what_is_clean_is_looked_at_once(self):
        both = ("src/base/a.cc", "src/kv/b_test.cc")
        self.assertTrue(self.run_lint(*both))
        self.assertEqual(self.looked_at, list(both))
        self.assertTrue(self.run_lint(*both))
        self.assertEqual(self.looked_at, [])
        (self.root / "src/base/a.cc").write_text("// other\n")
        self.assertTrue(self.run_lint(*both))
        self.assertEqual(self.looked_at, ["src/base/a.cc"])
        (self.root / "src/base/a.h").write_text("// other\n")
        self.assertTrue(self.run_lint(*both))
        self.assertEqual(self.looked_at, list(both))
        (self.root / ".clang-tidy").write_text("Checks: y")
        self.assertTrue(self.run_lint(*both))
        self.assertEqual(self.looked_at, list(both))

    def test_what_is_not_clean_is_looked_at_again(self):
        self.dirty = {"src/base/a.cc"}
        self.assertFalse(self.run_lint("src/base/a.cc", "src/kv/b_test.cc"))
        self.assertFalse(self.run_lint("src/base/a.cc", "src/kv/b_test.cc"))
        self.assertEqual(self.looked_at, ["src/base/a.cc"])

    def test_what_was_never_compiled_is_looked_at(self):
        for _ in range(2):
            self.assertTrue(self.run_lint("src/kv/new.cc"))
            self.assertEqual(self.looked_at, ["src/kv/new.cc"])


if __name__ == "__main__":
    unittest.main()
