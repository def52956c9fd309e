#!/usr/bin/env python3
"""Holds the source tree to its house rules; prints every breach and exits 1 if there is one.

    check_tree.py [--root DIR]            check
    check_tree.py [--root DIR] --update   lower the ratchet to today's sizes (never raises it)

Rules: a layer includes only layers below it; a vendor's headers stay in their place; files and
functions stay small, in src/ (headers too), tests/ and bench/; every folder of src/ explains itself;
every decision record is in the list; every link of a page leads somewhere; no source file is outside the
build, no header without a reader, no end-to-end test without a place in ctest and in its README.
What lies outside src/ has no layers: it is clients of the whole, each on its own.
"""

import argparse
import ast
import pathlib
import re
import sys

# What each layer may include, itself apart. An arrow that is missing here is a design change: argue for
# it in review. Order: lower layers first.
LAYERS = {
    "pch": [],
    "base": [],
    "async": ["base"],
    "config": ["base"],
    "metrics": ["base"],
    "io": ["base", "async", "metrics"],
    "http": ["base", "async", "metrics", "io"],
    "kv": ["base", "async", "metrics", "io"],
    "azure": ["base"],
    "chunk": ["base", "async", "metrics", "io", "kv"],
    "meta": ["base", "async", "metrics", "kv", "azure", "chunk"],
    # The remote side speaks Azure's words and HTTP; what a local record is stays above it.
    "lake": ["base", "async", "metrics", "http", "azure"],
    "engine": ["base", "async", "metrics", "io", "kv", "azure", "chunk", "meta"],
    "tier": ["base", "async", "metrics", "kv", "azure", "chunk", "meta", "lake", "engine"],
    # engine, and below it the words that its interfaces speak.
    "rest/blob": ["base", "async", "metrics", "io", "http", "azure", "meta", "engine"],
    "rest/dfs": ["base", "async", "metrics", "io", "http", "azure", "meta", "engine", "rest/blob"],
    "admin": ["base", "async", "metrics", "io", "http", "kv", "azure", "chunk", "meta", "lake", "engine",
              "tier", "rest/blob"],
    # A mount is a client like any other: it knows HTTP and Azure's words, never the engine.
    "vfs": ["base", "async", "metrics", "io", "http", "azure", "lake"],
    "fuse": ["base", "async", "metrics", "vfs"],
    # The composition root sees everything.
    "cli": ["base", "async", "config", "metrics", "io", "http", "kv", "azure", "chunk", "meta",
            "lake", "engine", "tier", "rest/blob", "rest/dfs", "admin", "vfs", "fuse"],
}

# Header prefix -> folders or files that may include it. `headers` narrows where .h files may.
VENDORS = [
    ("rocksdb/", ["kv"], None),
    ("boost/beast", ["http", "pch"], None),
    ("boost/asio", None, ["async", "http", "pch"]),
    ("spdlog/", ["base/log.cc"], None),
    ("prometheus/", ["metrics/metrics.cc"], None),
    ("toml++/", ["config/toml.cc"], None),
    ("pugixml", ["azure"], None),
    ("openssl/", ["base", "azure", "http", "pch"], None),
    ("liburing", ["io"], None),
    ("fuse", ["fuse"], None),
    ("grpc", ["kube"], None),
    ("libpq", [], None),
    ("rados/", [], None),
    ("CLI/", ["cli"], None),
    ("nlohmann/", ["azure/json.cc", "lake/token_source.cc"], None),
]

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70
# Where sizes are measured, and of which files.
SIZED = {"src": (".h", ".cc"), "tests": (".h", ".cc", ".py", ".mjs", ".js"),
         "bench": (".h", ".cc", ".py")}
RATCHET = "tests/tidy/ratchet.txt"

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)
NOT_A_FUNCTION = re.compile(
    r"^\s*(namespace|struct|class|enum|union|extern|if|for|while|switch|else|do|try|case|default|"
    r"return|co_return|#|//|\}|public|private|protected|FB_)\b|^\s*(#|//|\}|\{)|=\s*(\[|\{)")


def source_files(root):
    return sorted(p for p in (root / "src").rglob("*")
                  if p.suffix in (".h", ".cc") and "testdata" not in p.parts)


def layer_of(relative):
    """"rest/blob/x.cc" -> "rest/blob"; None where no layer is known."""
    for depth in (2, 1):
        name = "/".join(relative.parts[:depth])
        if len(relative.parts) > depth and name in LAYERS:
            return name
    return None


def under(relative, places):
    return any(relative.as_posix() == p or relative.as_posix().startswith(p + "/") for p in places)


def check_includes(root, problems):
    src = root / "src"
    included = set()
    files = source_files(root)
    for path in files:
        relative = path.relative_to(src)
        layer = layer_of(relative)
        if layer is None:
            problems.append(f"src/{relative}: belongs to no layer of the table in check_tree.py")
            continue
        text = path.read_text()
        for quote, target in INCLUDE.findall(text):
            if quote == '"':
                included.add(target)
                check_own_include(src, relative, layer, target, problems)
            else:
                check_vendor_include(relative, target, problems)
    for path in files:
        relative = path.relative_to(src).as_posix()
        if path.suffix == ".h":
            if "#pragma once" not in path.read_text():
                problems.append(f"src/{relative}: no #pragma once")
            if relative not in included and not relative.startswith("pch/"):
                problems.append(f"src/{relative}: nobody includes this header")


def check_own_include(src, relative, layer, target, problems):
    if not (src / target).is_file():
        problems.append(f'src/{relative}: "{target}" is not a file under src/')
        return
    other = layer_of(pathlib.PurePosixPath(target))
    if other != layer and other not in LAYERS[layer]:
        problems.append(f'src/{relative}: {layer} must not include "{target}" of {other}')


def check_vendor_include(relative, target, problems):
    for prefix, places, header_places in VENDORS:
        if not target.startswith(prefix):
            continue
        if places is not None and not under(relative, places):
            problems.append(f"src/{relative}: <{target}> stays in {', '.join(places) or 'no layer yet'}")
        if header_places is not None and relative.suffix == ".h" and not under(relative, header_places):
            problems.append(f"src/{relative}: headers outside {', '.join(header_places)} must not "
                            f"include <{target}>")


def check_build(root, problems):
    src = root / "src"
    for path in source_files(root):
        if path.suffix != ".cc":
            continue
        relative = path.relative_to(root).as_posix()
        lists = path.parent / "CMakeLists.txt"
        text = lists.read_text() if lists.is_file() else ""
        globbed = "forebay_layer(" in text and not path.name.endswith("_fuzz.cc") and path.name != "main.cc"
        named = path.name in text or path.stem in text
        parent = (src / "CMakeLists.txt").read_text() if (src / "CMakeLists.txt").is_file() else ""
        if not (globbed or named or path.relative_to(src).as_posix() in parent or
                (path.name.endswith("_fuzz.cc") and fuzzers_are_globbed(root))):
            problems.append(f"{relative}: in no library, program or test")


def fuzzers_are_globbed(root):
    places = [*(root / "cmake").glob("*.cmake"), *(root / "tests").rglob("CMakeLists.txt")]
    return any("_fuzz" in p.read_text() and "GLOB" in p.read_text() for p in places)


def check_readmes(root, problems):
    for path in source_files(root):
        if not (path.parent / "README.md").is_file():
            problem = f"{path.parent.relative_to(root)}: no README.md (why it exists, what belongs here)"
            if problem not in problems:
                problems.append(problem)


def check_decisions(root, problems):
    folder = root / "docs" / "adr"
    index = folder / "README.md"
    text = index.read_text() if index.is_file() else ""
    numbers = {}
    for page in sorted(folder.glob("*.md")):
        if page.name == "README.md":
            continue
        if not re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", page.name):
            problems.append(f"docs/adr/{page.name}: the name is not NNNN-title.md")
            continue
        if f"]({page.name})" not in text:
            problems.append(f"docs/adr/{page.name}: not linked in docs/adr/README.md")
        other = numbers.setdefault(page.name[:4], page.name)
        if other != page.name:
            problems.append(f"docs/adr/{page.name}: has the number of {other}")


def pages(root):
    """The Markdown of the tree, what others wrote and what is built apart."""
    for path in sorted(root.rglob("*.md")):
        parts = path.relative_to(root).parts
        if parts[0] != "build" and not {"node_modules", ".git"} & set(parts):
            yield path


def without_code(text):
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.S | re.M)


def anchors_of(page):
    """Its headings, as a browser of the repository names them."""
    out = set()
    for heading in re.findall(r"^#+ (.*)$", without_code(page.read_text()), re.M):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        out.add(re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-"))
    return out


def check_links(root, problems):
    for page in pages(root):
        where = page.relative_to(root).as_posix()
        for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            if not target.exists():
                problems.append(f"{where}: links {link}, which is not there")
            elif anchor and target.suffix == ".md" and anchor not in anchors_of(target):
                problems.append(f"{where}: links {link}, and the page has no such heading")


def check_end_to_end(root, problems):
    folder = root / "tests" / "e2e"
    for test in sorted(folder.glob("test_*.py")):
        if f"e2e_test({test.stem.removeprefix('test_')} " not in (folder / "CMakeLists.txt").read_text():
            problems.append(f"tests/e2e/{test.name}: no e2e_test() in CMakeLists.txt runs it")
        if f"`{test.name}`" not in (folder / "README.md").read_text():
            problems.append(f"tests/e2e/{test.name}: not in README.md")


def function_sizes(text):
    """Yields (name, lines) for functions as clang-format lays them out: closed by a brace alone, at the
    start of a line or indented by two in a class. An approximation, good enough to catch the large."""
    lines = blank_raw_strings(text).split("\n")
    for end, line in enumerate(lines):
        close = re.fullmatch(r"( {2})?\}", line)
        if not close:
            continue
        indent = close.group(1) or ""
        start = end - 1
        while start >= 0 and not is_opening(lines[start], indent):
            start -= 1
        if start < 0 or NOT_A_FUNCTION.search(lines[start]):
            continue
        name = re.search(r"([\w:~]+)\s*\(", lines[start])
        yield (name.group(1) if name else lines[start].strip()[:40]), end - start + 1


def is_opening(line, indent):
    rest = line[len(indent):]
    return line.startswith(indent) and rest != "" and rest[0] not in " #/)" and rest not in ("{",)


def blank_raw_strings(text):
    return re.sub(r'R"(\w*)\(.*?\)\1"', lambda m: re.sub(r"(?m)^(?=.)", "      ", m.group(0)), text,
                  flags=re.S)


def python_function_sizes(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.end_lineno - node.lineno + 1


def measured_files(root):
    """The sources whose sizes count, what others wrote (node_modules, data) apart."""
    for folder, kinds in SIZED.items():
        for path in sorted((root / folder).rglob("*")):
            parts = path.relative_to(root).parts
            if path.suffix in kinds and not {"testdata", "node_modules"} & set(parts):
                yield path


def function_sizes_of(path, text):
    if path.suffix == ".py":
        return python_function_sizes(text)
    # A test is a story, and may be told at length.
    if path.suffix in (".cc", ".h") and not path.name.endswith("_test.cc"):
        return function_sizes(text)
    return ()


def measure(root):
    """{"file src/x.cc": lines, "function src/x.cc Name": lines} for all that is above its limit."""
    large = {}
    for path in measured_files(root):
        relative = path.relative_to(root).as_posix()
        text = path.read_text()
        count = text.count("\n")
        if count > MAX_FILE_LINES:
            large[f"file {relative}"] = count
        for name, size in function_sizes_of(path, text):
            key = f"function {relative} {name}"
            if size > MAX_FUNCTION_LINES:
                large[key] = max(size, large.get(key, 0))
    return large


def read_ratchet(root):
    path = root / RATCHET
    entries = {}
    for line in path.read_text().splitlines() if path.is_file() else []:
        if line and not line.startswith("#"):
            key, size = line.rsplit(" ", 1)
            entries[key] = int(size)
    return entries


def check_sizes(root, problems):
    large, allowed = measure(root), read_ratchet(root)
    for key, size in sorted(large.items()):
        limit = MAX_FILE_LINES if key.startswith("file ") else MAX_FUNCTION_LINES
        if key not in allowed:
            problems.append(f"{key}: {size} lines, at most {limit}; cut it at a seam")
        elif size > allowed[key]:
            problems.append(f"{key}: grew from {allowed[key]} to {size} lines; it may only shrink")
        elif size < allowed[key]:
            problems.append(f"{key}: shrank to {size}, well done; run check_tree.py --update")
    for key in sorted(set(allowed) - set(large)):
        problems.append(f"{key}: no longer too large, well done; run check_tree.py --update")


def update_ratchet(root):
    large, allowed = measure(root), read_ratchet(root)
    kept = {key: min(size, large[key]) for key, size in allowed.items() if key in large}
    head = [line for line in (root / RATCHET).read_text().splitlines() if line.startswith("#")]
    body = [f"{key} {size}" for key, size in sorted(kept.items())]
    (root / RATCHET).write_text("\n".join(head + body) + "\n")


def check(root):
    problems = []
    check_includes(root, problems)
    check_build(root, problems)
    check_readmes(root, problems)
    check_decisions(root, problems)
    check_links(root, problems)
    check_end_to_end(root, problems)
    check_sizes(root, problems)
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    if arguments.update:
        update_ratchet(arguments.root)
    problems = check(arguments.root)
    print("\n".join(problems) or "the tree is tidy")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
