"""A run that gets worse on purpose (rates x 20 after a third) ends early, and keeps what it had at its best.

python early_stopping.py [DATA] [STEPS]
"""

import sys
from tempfile import mkdtemp

import torch
import torch.nn.functional as F

import sparring
from sparring.findings import Action

source, steps = "", 180
if len(sys.argv) > 1:
    source, steps = sys.argv[1], int(sys.argv[2])
    recipe = sparring.recipes["dcgan"].but(width=32, batch=32)
    judging = {"patience": 3}
else:  # small enough for a glance: smooth gray squares, judged by their coarse shades
    torch.manual_seed(0)
    squares = F.interpolate(torch.rand(200, 1, 3, 3), size=28, mode="bilinear")
    recipe = sparring.recipes["dcgan"].but(width=8, batch=16, d_lr=1e-3, g_lr=1e-3)

    def shades(pictures: torch.Tensor) -> torch.Tensor:
        return F.adaptive_avg_pool2d(pictures.float() / 255, 4).flatten(1)

    judging = {"features": shades, "held_out": 60, "evaluate_every": 10 * recipe.batch, "patience": 3}


def worsen(event: sparring.Event) -> Action | None:
    """What an observer may ask of a run: here something that nobody should."""
    if event.kind == "tick" and event.step == steps // 3 // 10 * 10:
        return Action("set", {"d_lr": "*20", "g_lr": "*20"}, why="to make it worse on purpose")
    if event.kind in ("evaluation", "best"):
        print(f"step {event.step}: {event.kind} {event.values.get('value', '')}")
    return None


run = sparring.train(
    source or squares, recipe, out=mkdtemp() + "/run", steps=steps, observers={"worsen": worsen}, **judging
)
print(f"Ended at step {run.step} of {steps}: {run.ended}. Best was step {run.best['step']}, and sample takes it:")
print(f"sparring sample {run.path} -o best.png; sparring sample {run.path} --step newest -o newest.png")
