"""sparring trains GANs, says in plain words what went wrong, and proves the cure on your own run."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Where each public name lives. They are imported when first asked for, so that `import sparring` loads no torch.
_PUBLIC = {
    "train": "run",
    "load": "sampler",
    "export": "exporting",
    "measure": "metrics.measuring",
    "bench": "benchmark",
    "check": "doctor.examining",
    "explain": "doctor.explaining",
    "report": "reporting.writing",
    "watch": "dashboard.opening",
    "diagnose": "doctor.diagnosing",
    "Monitor": "doctor.monitor",
    "Trainer": "trainer",
    "Recipe": "methods",
    "RECIPES": "methods",
    "Event": "events",
    "SparringError": "errors",
    "Finding": "findings",
    "Report": "findings",
}
_ALIASES = {"recipes": "RECIPES"}

if TYPE_CHECKING:
    from .benchmark import bench
    from .dashboard.opening import watch
    from .doctor.diagnosing import diagnose
    from .doctor.examining import check
    from .doctor.explaining import explain
    from .doctor.monitor import Monitor
    from .errors import SparringError
    from .events import Event
    from .exporting import export
    from .findings import Finding, Report
    from .methods import RECIPES as recipes  # noqa: N811
    from .methods import Recipe
    from .metrics.measuring import measure
    from .reporting.writing import report
    from .run import train
    from .sampler import load
    from .trainer import Trainer

__all__ = [
    "Event",
    "Finding",
    "Monitor",
    "Recipe",
    "Report",
    "SparringError",
    "Trainer",
    "bench",
    "check",
    "diagnose",
    "explain",
    "export",
    "load",
    "measure",
    "recipes",
    "report",
    "train",
    "watch",
]


def __getattr__(name: str) -> Any:
    target = _ALIASES.get(name, name)
    if name not in __all__:
        raise AttributeError(f"module 'sparring' has no attribute {name!r}")
    value = getattr(import_module(f".{_PUBLIC[target]}", __name__), target)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
