"""Reads Prometheus' text format."""
import re

LINE = re.compile(r'^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')


def parse(text):
    """[(name, {label: value}, number)] of every sample; a malformed line is an error."""
    samples = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = LINE.match(line)
        if not match:
            raise ValueError(f"not a sample: {line!r}")
        name, labels, number = match.groups()
        samples.append((name, dict(LABEL.findall(labels or "")), float(number)))
    return samples


def total(text, name, **labels):
    """The sum of the samples that have this name and these labels; None if there is none."""
    found = [number for got, having, number in parse(text)
             if got == name and labels.items() <= having.items()]
    return sum(found) if found else None
