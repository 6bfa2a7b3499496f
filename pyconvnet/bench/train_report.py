"""The training bench's result as text and as Markdown."""

from __future__ import annotations

from typing import Any

from pyconvnet.bench import machine, report

_TITLES = {
    "train": "A training step (the whole fit), ms",
    "predict": "predict, ms a batch",
}


def as_text(content: dict[str, Any]) -> str:
    """What the command prints."""
    parts = [_head(content)]
    for what, title in _TITLES.items():
        parts += ["", title, report.text_table(*_cells(content, what))]
    return "\n".join([*parts, *_remarks(content)])


def as_markdown(content: dict[str, Any]) -> str:
    """What --table writes."""
    parts = [_head(content)]
    for what, title in _TITLES.items():
        parts += ["", f"{title}:", "", report.markdown_table(*_cells(content, what))]
    remarks = [f"- {remark}" for remark in _remarks(content)]
    return "\n".join([*parts, *(["", *remarks] if remarks else [])]) + "\n"


def _head(content: dict[str, Any]) -> str:
    config, described = content["config"], content["machine"]
    precision = "TF32" if "cuda" in described else "float32"
    return (
        f"{machine.headline(described)}; {machine.libraries(described)}; batch {config['batch']}, {precision}, Adam, "
        f"medians of {config['rounds']} round{'s' if config['rounds'] != 1 else ''}"
    )


def _cells(content: dict[str, Any], what: str) -> tuple[list[str], list[list[str]]]:
    networks = content["networks"]
    names = list(dict.fromkeys(name for result in networks for name in result["sides"]))
    compared = len(names) > 1
    head = ["network", "parameters", *names, *(["fastest peer / ours"] if compared else [])]
    rows = []
    for result in networks:
        row = [result["network"], f"{result['parameters']:,}"]
        for name in names:
            side = result["sides"].get(name)
            row.append("-" if side is None else f"{side[f'{what}_ms']:.3f}")
        if compared:
            ratio = result.get(f"{what}_ratio")
            row.append("-" if ratio is None else f"{ratio:.2f}")
        rows.append(row)
    return head, rows


def _remarks(content: dict[str, Any]) -> list[str]:
    skipped = [f"{name} was skipped: {reason}" for name, reason in content["skipped"].items()]
    failed = [
        f"{result['network']}: {name} failed: {reason}"
        for result in content["networks"]
        for name, reason in result["failed"].items()
    ]
    warning = machine.busy(content["machine"])
    return [*([warning] if warning else []), *skipped, *failed]
