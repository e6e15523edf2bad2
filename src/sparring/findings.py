"""What judges say and ask for: plain data, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Action:
    """A change asked of a live trainer; applying it is itself an event of the run.

    Attributes:
        kind: "stop" (after this step), "sample" or "checkpoint" (now), "keep" (this state as the best so far), or "set"
            (change what `changes` names).
        changes: for "set": recipe field -> value, `*k` or `/k`; only what can change in mid-run: d_lr, g_lr.
        why: who asked and why, for the run's log.
    """

    kind: str
    changes: dict[str, float | str] = field(default_factory=dict)
    why: str = ""
