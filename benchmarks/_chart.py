"""Two measures against size on logarithmic axes, as a hand-written SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_WIDTH, _HEIGHT, _MARGIN = 400, 320, 60
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.title{font-size:14px;font-weight:600}"
    ".grid{stroke:#ddd}.guide{stroke:#999;stroke-dasharray:5 4;fill:none}"
    ".line{stroke:#1f5fa8;stroke-width:2;fill:none}.dot{fill:#1f5fa8}"
)


@dataclass(frozen=True, slots=True)
class Panel:
    """One measure: its title, and its value at each size."""

    title: str
    values: Sequence[float]


def draw(
    path: Path,
    *,
    sizes: Sequence[float],
    panels: Sequence[Panel],
    size_name: str,
    guide: Callable[[float], float],
    guide_name: str,
) -> None:
    """Write panels side by side, each with a dashed guide through its geometric mean."""
    width = _WIDTH * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" role="img">',
        f"<title>{' and '.join(panel.title for panel in panels)} against {size_name}</title>",
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
    ]
    for number, panel in enumerate(panels):
        guided = [guide(size) for size in sizes]
        shift = _mean_log(panel.values) - _mean_log(guided)
        guided = [value * math.exp(shift) for value in guided]
        x = _Axis(sizes, number * _WIDTH + _MARGIN, (number + 1) * _WIDTH - 20)
        y = _Axis([*panel.values, *guided], _HEIGHT - _MARGIN, 40)
        parts += _frame(panel.title, size_name, x, y)
        parts.append(f'<polyline class="guide" points="{_points(x, y, sizes, guided)}"/>')
        parts.append(f'<polyline class="line" points="{_points(x, y, sizes, panel.values)}"/>')
        for size, value in zip(sizes, panel.values, strict=True):
            parts.append(f'<circle class="dot" r="4" cx="{x(size):.1f}" cy="{y(value):.1f}"/>')
        parts.append(f'<text x="{x.start + 10}" y="56">dashed: {guide_name}</text>')
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


class _Axis:
    """Positions on a logarithmic axis that ends at powers of ten."""

    def __init__(self, values: Sequence[float], start: float, stop: float) -> None:
        self.start, self.stop = start, stop
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)

    @property
    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def _frame(title: str, size_name: str, x: _Axis, y: _Axis) -> list[str]:
    middle = (x.start + x.stop) / 2
    parts = [
        f'<text class="title" x="{x.start}" y="24">{title}</text>',
        f'<text x="{middle}" y="{_HEIGHT - 16}" text-anchor="middle">{size_name}</text>',
    ]
    for tick in x.ticks:
        at = x(tick)
        parts.append(f'<path class="grid" d="M{at:.1f} {y.start}V{y.stop}"/>')
        label = f'<text x="{at:.1f}" y="{y.start + 18}" text-anchor="middle">{_label(tick)}</text>'
        parts.append(label)
    for tick in y.ticks:
        at = y(tick)
        parts.append(f'<path class="grid" d="M{x.start} {at:.1f}H{x.stop}"/>')
        label = f'<text x="{x.start - 6}" y="{at + 4:.1f}" text-anchor="end">{_label(tick)}</text>'
        parts.append(label)
    return parts


def _label(value: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g}"


def _points(x: _Axis, y: _Axis, sizes: Sequence[float], values: Sequence[float]) -> str:
    return " ".join(
        f"{x(size):.1f},{y(value):.1f}" for size, value in zip(sizes, values, strict=True)
    )


def _mean_log(values: Sequence[float]) -> float:
    return sum(math.log(value) for value in values) / len(values)
