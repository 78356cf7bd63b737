"""Each rule of lint finds a planted violation, and is quiet about what is allowed."""
import json
import sys
import tomllib
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import matrix  # noqa: E402
import rules  # noqa: E402
import sources  # noqa: E402
import tidy  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path):
    """plant(path, text) writes a file; found(rule) lists what a rule says of the tree."""
    class Tree:
        root = tmp_path

        def plant(self, path, text):
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

        def found(self, rule):
            return [f"{path}:{line}" for path, line, _ in rule(tmp_path)]
    return Tree()


@pytest.mark.parametrize("name", sorted(rules.FORBIDDEN))
def test_forbidden_function(tree, name):
    tree.plant("core/base/a.c", f"int x;\nvoid f(void)\n{{\n    {name} (x);\n}}\n")
    tree.plant("plugins/ari/b.c", f"int y = {name}(1);\n")
    assert tree.found(rules.forbidden_functions) == ["core/base/a.c:4", "plugins/ari/b.c:1"]


def test_forbidden_function_only_where_it_is_called(tree):
    tree.plant("core/base/a.c", '/* strcpy(a, b)\n atoi(c) */\nchar *s = "system(1)"; // gets(x)\n'
               "int t = table->system(1) + x.rand(2) + my_atoi(3) + localtime_r(a, b) + system;\n")
    tree.plant("tests/unit/a_test.c", "int t = atoi(x);\n")
    assert tree.found(rules.forbidden_functions) == []


@pytest.mark.parametrize("lower, upper", [
    ("base", "loop"), ("loop", "plug"), ("plug", "data"), ("data", "events"), ("events", "domain"),
    ("events", "http"), ("domain", "auth"), ("http", "auth"), ("auth", "api"), ("base", "api")])
def test_layer_may_look_down_only(tree, lower, upper):
    tree.plant(f"core/{lower}/low.h", f'#include "{upper}/high.h"\n')
    tree.plant(f"core/{upper}/high.h", f'#include "{lower}/low.h"\n')
    assert tree.found(rules.layers) == [f"core/{lower}/low.h:1"]


@pytest.mark.parametrize("one, other", [("domain", "http"), ("http", "domain"), ("base", "web")])
def test_neighbours_do_not_know_each_other(tree, one, other):
    tree.plant(f"core/{one}/a.c", f'\n#  include "{other}/b.h"\n')
    tree.plant(f"core/{other}/b.h", "")
    assert tree.found(rules.layers) == [f"core/{one}/a.c:2"]


def test_top_files_may_include_all_and_nobody_includes_them(tree):
    tree.plant("core/app.h", "")
    tree.plant("core/main.c", '#include "app.h"\n#include "api/routes.h"\n#include "base/buf.h"\n')
    tree.plant("core/api/routes.h", '#include "app.h"\n')
    tree.plant("core/base/buf.h", "")
    assert tree.found(rules.layers) == ["core/api/routes.h:1"]


def test_includes_are_written_from_core(tree):
    tree.plant("core/base/a.c", '#include "b.h"\n#include "base/b.h"\n#include "../base/b.h"\n')
    tree.plant("core/base/b.h", "")
    assert tree.found(rules.layers) == ["core/base/a.c:1", "core/base/a.c:3"]


def test_web_is_for_http(tree):
    tree.plant("core/web/assets.h", "")
    tree.plant("core/http/assets.c", '#include "web/assets.h"\n')
    tree.plant("core/api/docs.c", '#include "web/assets.h"\n')
    assert tree.found(rules.layers) == ["core/api/docs.c:1"]


@pytest.mark.parametrize("header, keeper, other", [
    ("h2o.h", "http", "api"), ("h2o/http2.h", "http", "domain"), ("uv.h", "loop", "plug"),
    ("curl/curl.h", "loop", "http"), ("jwt.h", "auth", "api"), ("crypt.h", "auth", "domain"),
    ("toml++/toml.h", "base", "")])
def test_library_has_one_keeper(tree, header, keeper, other):
    tree.plant(f"core/{keeper}/k.c", f"#include <{header}>\n")
    tree.plant(f"core/{other}/o.c".replace("//", "/"), f"#include <stdio.h>\n#include <{header}>\n")
    assert tree.found(rules.layers) == [f"core/{other}/o.c:2".replace("//", "/")]


@pytest.mark.parametrize("name", [
    '"base/buf.h"', '"../mock/calls.h"', '"plug/plug.h"', '"dialgate/none.h"', '<../core/a.h>',
    '"asterisk/none.h"'])
def test_plugin_knows_public_headers_only(tree, name):
    tree.plant("core/base/buf.h", "")
    tree.plant("core/include/dialgate/plugin.h", "")
    tree.plant("plugins/ari/own.h", "")
    tree.plant("plugins/asterisk/text.h", "")
    tree.plant("plugins/ari/ari.c", f'#include "dialgate/plugin.h"\n#include "asterisk/text.h"\n'
               f'#include "own.h"\n#include {name}\n')
    assert tree.found(rules.plugin_borders) == ["plugins/ari/ari.c:4"]


def test_public_header_stands_alone(tree):
    tree.plant("core/include/dialgate/plugin.h", "#include <stdint.h>\n")
    tree.plant("core/include/dialgate/auth.h", '#include "dialgate/plugin.h"\n#include "base/a.h"\n')
    assert tree.found(rules.public_headers) == ["core/include/dialgate/auth.h:2"]


@pytest.mark.parametrize("line", [
    'p = plug_load("ari");', 'x = "storage-pg";', 'x = "ami.so";', 'x = "mine";',
    'if (str_eq(b->plugin, "mock"))', 'plug_load(p, "mock");', 'x = "mock.so";'])
def test_core_names_no_plugin(tree, line):
    tree.plant("plugins/mine/a.c", 'char *x = "ari";\n')
    tree.plant("core/app.c", f"/* \"ari\" */\n{line}\n")
    assert tree.found(rules.plugin_names) == ["core/app.c:2"]


def test_core_may_say_that_a_call_is_mocked(tree):
    tree.plant("core/api/a.c", '#include "ari"\njson_bool(w, "mock", true);\nx = "ari_connected";\n'
               'use(config_backend(c, "mock"));\n')
    assert tree.found(rules.plugin_names) == []


def test_include_circle(tree):
    tree.plant("core/base/a.h", '#include "base/b.h"\n')
    tree.plant("core/base/b.h", '#include <stdio.h>\n#include "base/c.h"\n')
    tree.plant("core/base/c.h", '#include "base/a.h"\n')
    tree.plant("core/base/d.h", '#include "base/a.h"\n#include "base/b.h"\n')
    assert tree.found(rules.include_circles) == ["core/base/c.h:1"]


@pytest.mark.parametrize("text", [
    "a \n", "\ta\n", "a\r\n", "a", "/* TODO: x */\n", "# FIXME\n", "XXX\n", "a  \nb\n"])
def test_text_form(tree, text):
    tree.plant("conf/a.conf", text)
    assert tree.found(rules.text_form) == ["conf/a.conf:1"]


def test_text_form_of_good_and_of_binary_files(tree):
    tree.plant("README.md", "two spaces  \nbreak a line, \ttabs inside are fine\n")
    tree.plant("tests/a.bin", "\0\t \r")
    tree.plant("tests/fuzz/corpus/http/plain", "GET / HTTP/1.1\r\n")
    assert tree.found(rules.text_form) == []


def test_text_that_is_not_utf8(tree):
    (tree.root / "a.c").write_bytes(b"caf\xe9\n")
    assert tree.found(rules.text_form) == ["a.c:1"]


def test_lock_file_names_no_registry(tree):
    tree.plant("core/web/package-lock.json", '{\n"resolved": "x"\n}\n')
    assert tree.found(rules.package_lock) == ["core/web/package-lock.json:2"]


def test_rules_see_the_real_tree():
    paths = {str(p) for p in sources.c_files(ROOT)}
    assert {"core/base/buf.c", "core/include/dialgate/plugin.h", "core/base/toml.cc"} <= paths
    assert not [p for p in paths if p.startswith(("build", "run/")) or "node_modules" in p]
    assert Path("dev") in sources.shell_scripts(ROOT)
    assert Path("tests/lint/run") in sources.python_scripts(ROOT)


def compile_commands(tree, *names, flags=""):
    (tree.root / ".clang-tidy").write_bytes((ROOT / ".clang-tidy").read_bytes())
    tree.plant("build/compile_commands.json", json.dumps([
        {"directory": str(tree.root / "build"), "file": f"../core/base/{name}.c",
         "command": f"/usr/bin/ccache /usr/bin/cc -Wall -Werror {flags} -o {name}.o "
                    f"-c ../core/base/{name}.c"}
        for name in names]))


@pytest.mark.parametrize("body, check", [
    ("int f(int *p)\n{\n    if (!p)\n        return *p;\n    return 0;\n}\n", "NullDereference"),
    ("int f(int a)\n{\n    if (a == 1 || a == 1)\n        return 2;\n    return 3;\n}\n",
     "misc-redundant-expression"),
    ("#include <string.h>\nint f(char *a)\n{\n    if (strcmp(a, \"x\"))\n        return 1;\n"
     "    memset(a, 0, sizeof(a));\n    return 0;\n}\n", "bugprone-suspicious-string-compare"),
    ("int f(int a)\n{\n    int b;\n    if (a)\n        b = 2;\n    return b;\n}\n", "UndefReturn"),
])
def test_analysis_finds_a_bug(tree, monkeypatch, capsys, body, check):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tree.root / "cache"))
    tree.plant("core/base/bad.c", body)
    tree.plant("core/base/good.c", "int g(int a)\n{\n    return a + 1;\n}\n")
    compile_commands(tree, "bad", "good")
    for _ in range(2):  # what passed is remembered, what failed is not
        assert tidy.run(tree.root, tree.root / "build") == (1, 2)
        assert check in capsys.readouterr().out
    assert len(list((tree.root / "cache/dialgate/tidy").iterdir())) == 1


def test_analysis_leaves_the_headers_of_others_alone(tree, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tree.root / "cache"))
    others = tmp_path_factory.mktemp("others")
    (others / "other.h").write_text("static inline int deref(int *p)\n{\n    return *p;\n}\n")
    tree.plant("core/base/user.c", "#include <other.h>\nint f(void)\n{\n    return deref(0);\n}\n")
    compile_commands(tree, "user", flags=f"-isystem {others}")
    assert tidy.run(tree.root, tree.root / "build") == (0, 1)
    (tree.root / "core/base/other.h").write_bytes((others / "other.h").read_bytes())
    compile_commands(tree, "user", flags=f"-I{tree.root}/core/base")
    assert tidy.run(tree.root, tree.root / "build") == (1, 1)


# ---- README's table of call control ----

ACTIONS = """[[action]]
name = "hold"
note = "sometimes"
ari = ["works", "409"]
companion = ["works", "works"]
ami = ["501", "501"]
mock = ["works", "works"]
"""


def test_control_table(tree):
    tree.plant("tests/asterisk/control_matrix.toml", ACTIONS)
    tree.plant("README.md", f"# x\n{matrix.BEGIN}\nold\n{matrix.END}\nrest\n")
    assert [path for path, _, _ in matrix.findings(tree.root)] == ["README.md"]
    good = matrix.with_table((tree.root / "README.md").read_text(), tomllib.loads(ACTIONS)["action"])
    assert "| hold (1) | works / 409 | works | 501 | works |" in good
    tree.plant("README.md", good)
    assert not list(matrix.findings(tree.root))


def test_control_table_has_no_place(tree):
    tree.plant("tests/asterisk/control_matrix.toml", ACTIONS)
    tree.plant("README.md", "# x\n")
    assert list(matrix.findings(tree.root))
