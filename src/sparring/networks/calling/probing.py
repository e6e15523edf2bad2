"""Networks are looked at by calling them, and are as they were afterwards: weights, statistics, modes, randomness."""

from __future__ import annotations

import contextlib
import copy
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, is_lazy
from torch.overrides import TorchFunctionMode

T = TypeVar("T")


@contextlib.contextmanager
def evaluation_mode(*networks: nn.Module) -> Iterator[None]:
    """Inference mode for a while; then every module is in the mode it was in, the user's frozen norms included."""
    modes = [(module, module.training) for network in networks for module in network.modules()]
    try:
        for network in networks:
            network.eval()
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextlib.contextmanager
def randomness(seed: int, device: torch.device) -> Iterator[None]:
    """torch's random state of the CPU and of one device, seeded for a while; the user's own is as before afterwards.

    Not by `torch.manual_seed`: that seeds every accelerator of the machine, whoever uses it.
    """
    own = {"cuda": torch.cuda, "mps": torch.mps}.get(device.type)
    place = (device,) if device.type == "cuda" else ()
    before, before_own = torch.default_generator.get_state(), own.get_rng_state(*place) if own else None
    try:
        torch.default_generator.manual_seed(seed)
        if own is torch.cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif own is not None:
            own.manual_seed(seed)
        yield
    finally:
        torch.default_generator.set_state(before)
        if own is not None and before_own is not None:
            own.set_rng_state(before_own, *place)


def device_of(network: nn.Module) -> torch.device:
    """Where a network lies: the device of its first parameter, the CPU where it has none."""
    return next(iter(network.parameters()), torch.zeros(())).device


def bare(network: nn.Module) -> nn.Module:
    """What `torch.compile` was given: trying calls on the compiled module would compile it anew for each of them."""
    return getattr(network, "_orig_mod", network)


def is_compiled(network: nn.Module) -> bool:
    """Whether any of it was given to `torch.compile`, to `Module.compile` or to `torch.jit`."""
    return any(
        hasattr(module, "_orig_mod")
        or getattr(module, "_compiled_call_impl", None) is not None
        or isinstance(module, torch.jit.ScriptModule)
        for module in network.modules()
    )


def has_lazy_layers(network: nn.Module) -> bool:
    """Whether layers of it have no shape before they are first called."""
    return any(is_lazy(tensor) for tensor in (*network.parameters(), *network.buffers()))


def lazy_copy(network: nn.Module) -> nn.Module:
    """A copy of a network with layers that have no shape yet; torch itself cannot copy such buffers."""
    buffers = [buffer for buffer in network.buffers() if is_lazy(buffer)]
    anew: Any = UninitializedBuffer  # whose arguments mypy does not know
    return copy.deepcopy(network, {id(buffer): anew(device=buffer.device, dtype=buffer.dtype) for buffer in buffers})


class Probe:
    """Calls one network without changing it; not to be kept for longer than it takes to look.

    Attributes:
        network: the network, as it was before `torch.compile`.
        device: where it lies.
        is_compiled: any of it was given to `torch.compile`, to `Module.compile` or to `torch.jit`.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network, self.device, self.is_compiled = bare(network), device_of(network), is_compiled(network)
        modules = list(self.network.modules())
        self._buffers = [(m, name, buffer) for m in modules for name, buffer in m._buffers.items()]
        tensors = (t for t in (*self.network.parameters(), *self.network.buffers()) if not is_lazy(t))
        self._tensors = [(t, t.detach().clone()) for t in tensors]
        self._compiled = [(m, m._compiled_call_impl) for m in modules if getattr(m, "_compiled_call_impl", None)]

    def __call__(self, call: Callable[[nn.Module], T], *, training: bool = False) -> T:
        """Returns call(network), made without gradients and with the same random numbers every time.

        Args:
            call: what to do with the network.
            training: in the modes that its owner left it in, in place of inference mode.
        """
        mode = contextlib.nullcontext() if training else evaluation_mode(self.network)
        guard = contextlib.nullcontext() if self.device.type == "cpu" else _RowsExist()
        quiet = warnings.catch_warnings(action="ignore")  # what it says, it says again when it is trained
        random_states = (other_randomness(), randomness(0, self.device))
        with self._unchanged(), random_states[0], random_states[1], mode, guard, quiet, torch.no_grad():
            return call(self.network)

    @contextlib.contextmanager
    def _unchanged(self) -> Iterator[None]:
        """Weights and buffers are bit for bit as before, and the same objects; what is compiled runs as it was."""
        for module, _ in self._compiled:
            module._compiled_call_impl = None
        try:
            yield
        finally:
            for module, compiled in self._compiled:
                module._compiled_call_impl = compiled
            for module, name, buffer in self._buffers:
                # A forward may put another tensor in a buffer's place; script modules hand out new objects anyway.
                if not isinstance(module, torch.jit.ScriptModule) and module._buffers.get(name) is not buffer:
                    module._buffers[name] = buffer
            with torch.no_grad():
                for tensor, before in self._tensors:
                    if not torch.equal(tensor, before):
                        tensor.copy_(before)


class _RowsExist(TorchFunctionMode):
    """A class that an embedding has no row for is an error in Python; on a GPU it would be the end of the process."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.embedding and len(args) > 1 and (args[0].max() >= len(args[1]) or args[0].min() < 0):
            raise IndexError(f"an embedding of {len(args[1])} rows was asked for others")
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def other_randomness() -> Iterator[None]:
    """The random states of Python and of NumPy are as before afterwards."""
    numpy = sys.modules.get("numpy")
    before, before_numpy = random.getstate(), numpy.random.get_state() if numpy else None
    try:
        yield
    finally:
        random.setstate(before)
        if numpy:
            numpy.random.set_state(before_numpy)


def first_line(error: BaseException) -> str:
    """The first line of an error's message; its class where it has none."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def parts_of(output: Any) -> list[Tensor]:
    """The tensors of what a network gave, in order: of a tensor, or of lists, tuples and dicts in one another."""
    if isinstance(output, Tensor):
        return [output]
    if isinstance(output, dict):
        output = list(output.values())
    return [part for each in output for part in parts_of(each)] if isinstance(output, list | tuple) else []
