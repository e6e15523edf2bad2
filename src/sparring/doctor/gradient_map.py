"""Who updates what: every layer of both networks, what reaches it, and in which step it is changed."""

from __future__ import annotations

from dataclasses import dataclass

from .facts import Layer, Network


@dataclass(frozen=True)
class Row:
    """One layer in the map.

    Attributes:
        network: "generator" or "discriminator".
        layer: its name.
        what: its class, with kernel and stride where it has them.
        shape: what comes out of it for one picture; "" where it was not called.
        parameters: numbers in it.
        reached_from: the inputs that change what comes out; None where that was not judged.
        d_step: how D's update treats it: "updated", "frozen", "no gradient", "passed" (gradient goes through, nothing
            is changed) or "".
        g_step: likewise G's.
        state: "" or what is wrong with it in a word: "never called", "leads nowhere", "frozen".
    """

    network: str
    layer: str
    what: str
    shape: str
    parameters: int
    reached_from: tuple[str, ...] | None
    d_step: str
    g_step: str
    state: str


def rows(networks: tuple[Network, ...]) -> list[Row]:
    """The map: a row for each layer that holds parameters, and for those that were never called."""
    known = any(layer.d_gradient is not None or layer.g_gradient is not None for n in networks for layer in n.layers)
    alone = len(networks) == 1 or not known  # where no step could be made, nobody was asked for a gradient
    return [
        _row(network, layer, alone)
        for network in networks
        for layer in (*network.layers, *network.hanging)
        if layer.parameters or layer.calls == 0
    ]


def _row(network: Network, layer: Layer, alone: bool) -> Row:
    of_d = network.role == "discriminator"
    own = layer.d_gradient if of_d else layer.g_gradient
    mine = _treated(layer, own, alone)
    # D's update never touches G (its fakes are made apart), G's goes through D and leaves it as it is.
    d_step, g_step = (mine, "" if alone else _passed(layer)) if of_d else ("", mine)
    state = ""
    if layer.calls == 0:
        state = "never called"
    elif layer.leads_on is False:
        state = "leads nowhere"
    elif layer.parameters and not layer.trainable:
        state = "frozen"
    sides = f" {'x'.join(map(str, layer.kernel))}" if layer.kernel else ""
    stride = f" /{layer.stride[0]}" if layer.stride and layer.stride[0] > 1 else ""
    return Row(
        network.role,
        layer.name,
        f"{layer.type}{sides}{stride}",
        "x".join(map(str, layer.out_shape[1:])),
        layer.parameters,
        layer.reached_from,
        d_step,
        g_step,
        state,
    )


def _treated(layer: Layer, gradient: float | None, alone: bool) -> str:
    if not layer.parameters or layer.calls == 0:
        return ""
    if not layer.trainable:
        return "frozen"
    if alone:
        return ""
    return "no gradient" if gradient is None else "updated"


def _passed(layer: Layer) -> str:
    return "passed" if layer.calls and layer.leads_on else ""
