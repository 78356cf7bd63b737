"""Writes a configuration: {"server": {...}, "backend.pbx": {...}} as TOML."""
import json


def value(item):
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, (int, float)):
        return str(item)
    if isinstance(item, (list, tuple)):
        return "[" + ", ".join(value(one) for one in item) + "]"
    if isinstance(item, dict):
        return "{" + ", ".join(f"{key} = {value(one)}" for key, one in item.items()) + "}"
    # A JSON string is a TOML basic string; DEL is the one that TOML wants escaped as well.
    return json.dumps(str(item), ensure_ascii=False).replace("\x7f", "\\u007f")


def write(sections):
    lines = []
    for name, keys in sections.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {value(item)}" for key, item in keys.items() if item is not None]
        lines.append("")
    return "\n".join(lines)
