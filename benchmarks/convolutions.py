"""How near the convolutions of a DCGAN step come to this machine's matrix rate, in GFLOP/s; best of six, batch 64.

python benchmarks/convolutions.py
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

LAYERS = ((3, 64, 64), (64, 128, 32), (128, 256, 16), (256, 512, 8))  # D's (maps in, maps out, side in px)


def best_seconds(work: Callable[[], object], times: int = 6) -> float:
    work()
    best = float("inf")
    for _ in range(times):
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    return best


for dtype, side in ((torch.float32, 2048), (torch.bfloat16, 512)):
    a = torch.randn(side, side, dtype=dtype)
    print(f"matrix product {side}, {dtype}: {2e-9 * side**3 / best_seconds(lambda a=a: a @ a, 3):.1f}")

for layout in (torch.contiguous_format, torch.channels_last):
    for maps_in, maps_out, side in LAYERS:
        x = torch.randn(64, maps_in, side, side).contiguous(memory_format=layout)
        w = torch.randn(maps_out, maps_in, 4, 4).contiguous(memory_format=layout)
        y = torch.randn(64, maps_out, side // 2, side // 2).contiguous(memory_format=layout)
        gigaflop = 2e-9 * y.numel() * maps_in * 16

        def backward(inputs: bool, x: torch.Tensor = x, w: torch.Tensor = w, y: torch.Tensor = y) -> object:
            mask = (inputs, not inputs, False)
            return torch.ops.aten.convolution_backward(y, x, w, None, (2, 2), (1, 1), (1, 1), False, (0, 0), 1, mask)

        rates = {
            "forward": best_seconds(lambda x=x, w=w: F.conv2d(x, w, None, 2, 1)),
            "gradient of input": best_seconds(lambda f=backward: f(True)),
            "gradient of weights": best_seconds(lambda f=backward: f(False)),
        }
        told = ", ".join(f"{name} {gigaflop / seconds:.0f}" for name, seconds in rates.items())
        print(f"{str(layout).removeprefix('torch.')}, {maps_in} -> {maps_out} at {side} px: {told}")
