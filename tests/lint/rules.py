"""Rules of this project that no general tool knows. Each function yields
(path, line, sentence) for every violation below a root."""
import re
from pathlib import Path

import sources

# From the bottom up: a folder of core/ may include those of a lower rank, and
# itself. Two of one rank do not know each other.
RANK = {"base": 0, "web": 0, "loop": 1, "plug": 2, "data": 3, "events": 4, "domain": 5, "http": 5,
        "auth": 6, "api": 7, "": 8}

# Below plugins/, no plugin: what those for Asterisk have in common.
SHARED_BY_PLUGINS = ("asterisk", "store")

# Libraries that one place only may know, so that they can be replaced there.
KEEPERS = {"h2o": "http", "uv.h": "loop", "curl/": "loop", "jwt.h": "auth", "crypt.h": "auth",
           "toml++/": "base"}

FORBIDDEN = {
    "strcpy": "base/str.h or snprintf", "strcat": "base/buf.h", "sprintf": "snprintf or base/buf.h",
    "vsprintf": "vsnprintf or base/buf.h", "strtok": "base/str.h", "atoi": "base/str.h",
    "atol": "base/str.h", "localtime": "localtime_r", "gmtime": "gmtime_r", "gets": "fgets",
    "system": "posix_spawn", "popen": "posix_spawn", "alloca": "base/mem.h",
    "rand": "base/id.h", "srand": "base/id.h",
}
CALL = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(FORBIDDEN))

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def forbidden_functions(root):
    for path in sources.c_files(root):
        if path.parts[0] not in ("core", "plugins"):
            continue
        code = sources.code_of((root / path).read_text())
        for match in CALL.finditer(code):
            name = match.group(1)
            yield path, code.count("\n", 0, match.start()) + 1, f"{name}(): use {FORBIDDEN[name]}"


def folder_of(name):
    """The folder of core/ that an include or a file belongs to; "" for core/ itself."""
    return name.split("/")[0] if "/" in name else ""


def layers(root):
    """What may include what, inside core/."""
    for path in sources.c_files(root):
        if path.parts[0] != "core" or path.parts[1] == "include":
            continue
        here = folder_of(str(path.relative_to("core")))
        for line, name, quoted in sources.includes_of((root / path).read_text()):
            for library, keeper in KEEPERS.items():
                if not quoted and name.startswith(library) and here != keeper:
                    yield path, line, f"<{name}> belongs to core/{keeper} alone"
            if not quoted or name.startswith("dialgate/"):
                continue
            there = folder_of(name)
            if not (root / "core" / name).is_file():
                yield path, line, f'"{name}" is no file of core/: includes are written from there'
            elif here != there and RANK.get(there, 9) >= RANK.get(here, 9):
                yield path, line, f"core/{here} may not include core/{there}"
            elif there == "web" and here not in ("web", "http"):
                yield path, line, "core/web belongs to core/http alone"


def plugin_borders(root):
    """A plugin knows the public headers, its own folder and what several plugins share."""
    for path in sources.c_files(root):
        if path.parts[0] != "plugins":
            continue
        for line, name, quoted in sources.includes_of((root / path).read_text()):
            if name.startswith("dialgate/"):
                if not (root / "core/include" / name).is_file():
                    yield path, line, f'"{name}" is no public header'
            elif name.split("/")[0] in SHARED_BY_PLUGINS:
                if not (root / "plugins" / name).is_file():
                    yield path, line, f'"{name}" is no file of plugins/'
            elif ".." in name or quoted and not (root / path.parent / name).is_file():
                yield path, line, f'"{name}": a plugin includes dialgate/*.h and its own folder only'


def public_headers(root):
    """Public headers stand alone: an author has nothing else of ours."""
    for path in sources.c_files(root):
        if path.parts[:2] == ("core", "include"):
            for line, name, quoted in sources.includes_of((root / path).read_text()):
                if quoted and not name.startswith("dialgate/"):
                    yield path, line, f'"{name}" is not public'


def plugin_names(root):
    """No plugin is known to the core by its name."""
    folder = root / "plugins"
    names = {p.name for p in folder.iterdir() if p.is_dir()} if folder.is_dir() else set()
    names |= {"ari", "ami", "storage-file", "storage-pg"}
    names = names - {"mock", *SHARED_BY_PLUGINS} | {name + ".so" for name in names | {"mock"}}
    # Calls can be marked as mock ones; asking for the plugin of that name is another thing.
    compared = re.compile(r'plug[^;"]*"mock"')
    for path in sources.c_files(root):
        if path.parts[0] != "core" or path.suffix == ".h":
            continue
        text = (root / path).read_text()
        for line, string in sources.strings_of(text):
            if string in names:
                yield path, line, f'"{string}": the core knows no plugin by name'
        for match in compared.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield path, line, '"mock": the core knows no plugin by name'


def include_circles(root):
    """No header includes itself by a detour."""
    graph = {}
    for path in sources.c_files(root):
        if path.parts[0] not in ("core", "plugins"):
            continue
        graph[path] = []
        for line, name, quoted in sources.includes_of((root / path).read_text()):
            for base in (Path("core"), Path("core/include"), Path("plugins"), path.parent):
                if (quoted or name.startswith("dialgate/")) and (root / base / name).is_file():
                    graph[path].append((line, base / name))
                    break
    done = set()

    def walk(path, trail):
        for line, target in graph.get(path, ()):
            if target in trail:
                circle = " > ".join(p.name for p in trail[trail.index(target):] + [target])
                yield path, line, f"include circle {circle}"
            elif target not in done:
                yield from walk(target, trail + [target])
        done.add(path)

    for path in sorted(graph):
        if path not in done:
            yield from walk(path, [path])


def text_form(root):
    """What .editorconfig asks for, and no unfinished work."""
    for path in sources.files(root):
        data = (root / path).read_bytes()
        if b"\0" in data or path.parts[:2] == ("tests", "lint") or "corpus" in path.parts:
            continue
        try:
            text = data.decode()
        except UnicodeDecodeError:
            yield path, 1, "is not UTF-8"
            continue
        if text and not text.endswith("\n"):
            yield path, text.count("\n") + 1, "the last line has no end"
        for number, line in enumerate(text.split("\n"), 1):
            if line.endswith("\r"):
                yield path, number, "CR at the end of the line"
            elif line != line.rstrip() and path.suffix not in (".md", ".pem"):
                yield path, number, "spaces at the end of the line"
            if line.startswith("\t"):
                yield path, number, "indented by a tab"
            if UNFINISHED.search(line):
                yield path, number, "finish it, or leave it out"


def package_lock(root):
    """The npm packages come from whatever registry this machine uses."""
    path = Path("core/web/package-lock.json")
    if (root / path).is_file():
        for number, line in enumerate((root / path).read_text().split("\n"), 1):
            if '"resolved"' in line:
                yield path, number, "names a registry; see core/web/.npmrc"


ALL = [forbidden_functions, layers, plugin_borders, public_headers, plugin_names, include_circles,
       text_form, package_lock]
