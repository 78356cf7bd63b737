"""The files of the tree, as the checks see them."""
import os
import re
from pathlib import Path

SKIPPED = {".git", "node_modules", "run", "__pycache__", ".cache", ".pytest_cache"}
C_ENDINGS = {".c", ".h", ".cc", ".cpp", ".hpp"}


def files(root):
    """Every file of ours below root, as paths relative to it, sorted."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in SKIPPED and not re.fullmatch(r"build(-.*)?", f)]
        found += [Path(folder, name).relative_to(root) for name in names]
    return sorted(found)


def c_files(root):
    return [p for p in files(root) if p.suffix in C_ENDINGS]


def first_line(path):
    with open(path, "rb") as file:
        return file.readline(200).decode("utf-8", "replace")


def shell_scripts(root):
    return [p for p in files(root)
            if p.suffix == ".sh" or re.match(r"#!.*\b(ba|da)?sh\b", first_line(root / p))]


def python_scripts(root):
    return [p for p in files(root)
            if p.suffix == ".py" or re.match(r"#!.*\bpython3?\b", first_line(root / p))]


TOKEN = re.compile(r"""
    (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<char>'(?:\\.|[^'\\\n])*')
""", re.DOTALL | re.VERBOSE)


def code_of(text):
    """C without its comments and without what stands in quotes; lines keep their numbers."""
    def blank(match):
        lines = "\n" * match.group().count("\n")
        return '""' if match.lastgroup == "string" else lines or " "
    return TOKEN.sub(blank, text)


def strings_of(text):
    """(line, content) of every string literal outside comments and #include lines."""
    for match in TOKEN.finditer(text):
        start = text.rfind("\n", 0, match.start()) + 1
        if match.lastgroup == "string" and not text[start:match.start()].lstrip().startswith("#inc"):
            yield text.count("\n", 0, match.start()) + 1, match.group()[1:-1]


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)


def includes_of(text):
    """(line, name, quoted) of every #include."""
    for match in INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match.group(2), match.group(1) == '"'
