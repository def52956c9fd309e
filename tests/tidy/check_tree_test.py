#!/usr/bin/env python3
"""Breaks each rule of check_tree.py in a small tree and expects to hear of it."""

import pathlib
import tempfile
import unittest

import check_tree


class CheckTreeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("src/base/CMakeLists.txt", "forebay_layer(base)\n")
        self.write("src/base/README.md", "x")
        self.write("src/base/a.h", "#pragma once\n")
        self.write("src/base/a.cc", '#include "base/a.h"\n')
        self.write("src/kv/CMakeLists.txt", "forebay_layer(kv DEPS base)\n")
        self.write("src/kv/README.md", "x")
        self.write("src/kv/s.h", '#pragma once\n#include "base/a.h"\n')
        self.write("src/kv/s.cc", '#include "kv/s.h"\n#include <rocksdb/db.h>\n')
        self.write("docs/adr/README.md", "- [1](0001-one.md)\n")
        self.write("docs/adr/0001-one.md", "x")
        self.write("tests/tidy/ratchet.txt", "# head\n")

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def expect(self, *parts):
        problems = check_tree.check(self.root)
        self.assertEqual(len(problems), 1, problems)
        for part in parts:
            self.assertIn(part, problems[0])

    def test_a_good_tree(self):
        self.assertEqual(check_tree.check(self.root), [])

    def test_an_arrow_up(self):
        self.write("src/base/a.cc", '#include "base/a.h"\n#include "kv/s.h"\n')
        self.expect("base must not include", "kv/s.h")

    def test_a_vendor_astray(self):
        self.write("src/base/a.cc", '#include "base/a.h"\n#include <rocksdb/db.h>\n')
        self.expect("src/base/a.cc", "<rocksdb/db.h>")

    def test_asio_in_a_header_but_not_in_a_source(self):
        self.write("src/kv/s.cc", '#include "kv/s.h"\n#include <boost/asio/post.hpp>\n')
        self.assertEqual(check_tree.check(self.root), [])
        self.write("src/kv/s.h", "#pragma once\n#include <boost/asio/post.hpp>\n")
        self.expect("src/kv/s.h", "headers outside")

    def test_headers(self):
        self.write("src/base/b.h", "#pragma once\n")
        self.expect("src/base/b.h", "nobody includes")
        self.write("src/base/b.h", "")
        self.write("src/base/b.cc", '#include "base/b.h"\n')
        self.expect("no #pragma once")

    def test_missing_include(self):
        self.write("src/base/a.cc", '#include "base/a.h"\n#include "base/gone.h"\n')
        self.expect("base/gone.h", "not a file")

    def test_unknown_layer(self):
        self.write("src/odd/x.cc", "")
        problems = check_tree.check(self.root)
        self.assertEqual(len(problems), 3, problems)  # no layer, no build, no readme
        self.assertIn("belongs to no layer", problems[0])

    def test_dead_source(self):
        self.write("src/base/inner/x.cc", "")
        self.write("src/base/inner/README.md", "")
        self.expect("src/base/inner/x.cc", "in no library")

    def test_main_must_be_named(self):
        self.write("src/base/main.cc", "")
        self.expect("src/base/main.cc", "in no library")

    def test_readme(self):
        (self.root / "src/kv/README.md").unlink()
        self.expect("src/kv: no README.md")

    def test_decisions(self):
        self.write("docs/adr/0002-two.md", "x")
        self.expect("0002-two.md", "not linked")
        self.write("docs/adr/README.md", "[1](0001-one.md) [2](0002-two.md) [3](0003-three.md)")
        self.expect("0003-three.md", "not there")
        self.write("docs/adr/README.md", "[1](0001-one.md) [2](0002-two.md) [1](0001-uno.md)")
        self.write("docs/adr/0001-uno.md", "x")
        self.expect("has the number of 0001-one.md")

    def test_links(self):
        self.write("docs/a.md", "# The first\n\n## A `b`, c\n\n[x](#a-b-c) [y](adr/) [z](https://a.b/c)\n")
        self.write("README.md", "[a](docs/a.md#the-first)\n```sh\n# No heading\n[x](nowhere)\n```\n")
        self.assertEqual(check_tree.check(self.root), [])
        self.write("README.md", "[a](docs/b.md)\n")
        self.expect("README.md: links docs/b.md", "not there")
        self.write("README.md", "[a](docs/a.md#no-heading)\n")
        self.expect("README.md: links docs/a.md#no-heading", "no such heading")
        self.write("README.md", "")
        self.write("bench/node_modules/a/README.md", "[a](gone)")
        self.assertEqual(check_tree.check(self.root), [])

    def test_end_to_end_tests_are_run_and_told_of(self):
        self.write("tests/e2e/CMakeLists.txt", "e2e_test(names TIMEOUT 1)\n")
        self.write("tests/e2e/README.md", "| `test_names.py`, `test_name.py` | … |\n")
        self.write("tests/e2e/test_names.py", "")
        self.assertEqual(check_tree.check(self.root), [])
        self.write("tests/e2e/test_name.py", "")
        self.expect("tests/e2e/test_name.py: no e2e_test()")
        self.write("tests/e2e/CMakeLists.txt", "e2e_test(names TIMEOUT 1)\ne2e_test(name TIMEOUT 1)\n")
        self.assertEqual(check_tree.check(self.root), [])
        self.write("tests/e2e/README.md", "| `test_names.py` | … |\n")
        self.expect("tests/e2e/test_name.py: not in README.md")

    def test_large_files_may_only_shrink(self):
        self.write("src/base/a.cc", '#include "base/a.h"\n' + "\n" * 600)
        self.expect("file src/base/a.cc: 601 lines")
        self.write("tests/tidy/ratchet.txt", "# head\nfile src/base/a.cc 600\n")
        self.expect("grew from 600 to 601")
        check_tree.update_ratchet(self.root)
        self.expect("grew from 600 to 601")
        self.write("tests/tidy/ratchet.txt", "# head\nfile src/base/a.cc 700\n")
        self.expect("shrank to 601")
        check_tree.update_ratchet(self.root)
        self.assertEqual(check_tree.check(self.root), [])
        self.write("src/base/a.cc", '#include "base/a.h"\n')
        self.expect("no longer too large")

    def test_large_functions(self):
        body = "  x();\n" * 80
        for head in ("void F(int a) {\n", "Result<int> C::F(int a,\n                 int b) {\n"):
            text = '#include "base/a.h"\nnamespace n {\n\n' + head + body + "}\n\n}  // namespace n\n"
            self.write("src/base/a.cc", text)
            self.expect("function src/base/a.cc", "F:", "at most 70")
        method = "class C {\n public:\n  void M() {\n" + "    x();\n" * 80 + "  }\n};\n"
        self.write("src/base/a.cc", '#include "base/a.h"\n' + method)
        self.expect("function src/base/a.cc M")
        self.write("src/base/a.cc", '#include "base/a.h"\n')
        self.write("src/base/a.h", "#pragma once\n" + method)
        self.expect("function src/base/a.h M", "at most 70")
        self.write("src/base/a.h", "#pragma once\n")
        small = ("void F() {\n  x();\n}\n\n" * 60)
        table = "constexpr int kTable[] = {\n" + "    1,\n" * 100 + "};\n"
        self.write("src/base/a.cc", '#include "base/a.h"\n' + small + table)
        self.assertEqual(check_tree.check(self.root), [])

    def test_sizes_outside_of_src(self):
        self.write("tests/proxy/a.cc", "void F(int a) {\n" + "  x();\n" * 80 + "}\n")
        self.expect("function tests/proxy/a.cc F")
        self.write("tests/proxy/a.cc", "TEST(A, B) {\n" + "  x();\n" * 60 + "}\n")
        self.write("tests/e2e/harness/a.py", "def f():\n" + "    x()\n" * 80)
        self.expect("function tests/e2e/harness/a.py f")
        self.write("tests/e2e/harness/a.py", "x = 1\n" * 600)
        self.expect("file tests/e2e/harness/a.py")
        self.write("tests/e2e/harness/a.py", "")
        self.write("bench/node_modules/a/b.py", "x = 1\n" * 600)
        self.assertEqual(check_tree.check(self.root), [])


if __name__ == "__main__":
    unittest.main()
