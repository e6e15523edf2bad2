"""Networks are as they were after the probe: weights, statistics, modes, gradients, random states."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from ...networks.calling.probing import is_compiled, other_randomness, randomness

_JITTER = 0.05  # deviation of the noise on weights that opens what begins at zero


@contextmanager
def untouched(*networks: nn.Module) -> Iterator[None]:
    """Within it networks may be called, in training mode too; afterwards statistics, modes and random states are back.

    Parameters are not copied: nothing here writes to them but `jittered`, which puts them back itself.
    """
    modes = [(module, module.training) for network in networks for module in network.modules()]
    buffers = [
        (module, name, buffer, None if buffer is None or is_lazy(buffer) else buffer.detach().clone())
        for network in networks
        for module in network.modules()
        for name, buffer in module._buffers.items()
    ]
    held = [
        (module, dict(vars(module)), dict(module._buffers), dict(module._parameters))
        for network in networks
        for module in network.modules()
        # A lazy layer's first call gives it its shape, which it keeps.
        if not isinstance(module, torch.jit.ScriptModule)
        and not any(is_lazy(param) for param in module._parameters.values() if param is not None)
    ]
    grads = [(param, param.grad) for network in networks for param in network.parameters()]
    device = next((p.device for network in networks for p in network.parameters()), torch.device("cpu"))
    try:
        with ExitStack() as stack:
            stack.enter_context(other_randomness())
            stack.enter_context(randomness(0, device))
            stack.enter_context(warnings.catch_warnings(action="ignore"))
            if any(map(is_compiled, networks)):
                # What is compiled would be compiled anew for every hook: it runs as it was written.
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            yield
    finally:
        for param, grad in grads:
            param.grad = grad
        for module, own, own_buffers, own_params in held:
            vars(module).clear()
            vars(module).update(own)
            module._buffers.clear()
            module._buffers.update(own_buffers)
            module._parameters.clear()
            module._parameters.update(own_params)
        for module, training in modes:
            module.training = training
        for module, name, buffer, value in buffers:
            if buffer is None or value is None or isinstance(module, torch.jit.ScriptModule):
                continue
            module._buffers[name] = buffer
            with torch.no_grad():
                buffer.copy_(value)


def gradients(total: Tensor, leaves: list[Tensor], *, keep: bool = True) -> list[Tensor | None]:
    """The gradient of a number at leaves of its graph; None at those that are no part of it. Within `untouched`.

    Args:
        total: a scalar.
        leaves: where.
        keep: whether the graph is gone through again.
    """
    try:
        return list(torch.autograd.grad(total, leaves, allow_unused=True, retain_graph=keep))
    except RuntimeError as error:
        if "use_reentrant" not in str(error):
            raise
    # A reentrant checkpoint takes no other way than this one.
    for leaf in leaves:
        leaf.grad = None
    total.backward(retain_graph=keep)
    return [leaf.grad for leaf in leaves]


@contextmanager
def jittered(params: list[Tensor]) -> Iterator[None]:
    """Noise on these parameters for a while, so that what begins at zero has an effect; then they are as before."""
    before = [param.detach().clone() for param in params]
    draw = torch.Generator().manual_seed(0)
    try:
        with torch.no_grad():
            for param in params:
                if param.is_floating_point():
                    noise = torch.randn(param.shape, generator=draw, dtype=torch.float32)
                    param.add_(noise.to(param.device, param.dtype), alpha=_JITTER)
        yield
    finally:
        with torch.no_grad():
            for param, value in zip(params, before, strict=True):
                param.copy_(value)


class WithoutNorms(TorchFunctionMode):
    """Norms let their input through: their statistics depend on whole pictures, however little of it a layer sees."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _NORMS and args:
            return args[0]
        return func(*args, **(kwargs or {}))


_NORMS = {
    F.batch_norm, F.instance_norm, F.layer_norm, F.group_norm, F.rms_norm,
    torch.batch_norm, torch.instance_norm, torch.layer_norm, torch.group_norm, torch.rms_norm,
}  # fmt: skip
