"""SP104."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import Layer, Network, Step, Wiring

_SHOWN = 3


@rule(
    "SP104",
    "parameters-frozen",
    needs=("wiring",),
    severity="warning",
    remedies=[
        Remedy("Let them learn: requires_grad_(True) in PyTorch, layer.trainable = True in Keras, before each update."),
        Remedy("Give the optimiser all parameters of its network, after the network is complete."),
    ],
)
def parameters_frozen(wiring: Wiring) -> list[Evidence]:
    """Parameters that nobody will update.

    ## Measures
    `requires_grad` and `trainable` of every layer that is called; what asks for a gradient without being a parameter of
    the network (layers in a plain list); and, where a training step is given, which parameters
    its optimisers hold and which network is still frozen when its own turn comes.

    ## Why it hurts
    What cannot learn only passes on. A D that is frozen as a whole loses every round: its loss rises, G's falls, and
    the pictures are noise.

    ## When it is wrong
    A pretrained feature extractor at D's input, a text encoder, a fixed blur, constants: frozen where such things
    stand, they are an info.

    ## What to do
    Look for a flag that was set for G's update and never taken back.
    """
    found = []
    for network in wiring.networks:
        found += _unregistered(network)
        evidence = _frozen(network, wiring)
        if evidence is not None:
            found.append(evidence)
        elif wiring.step is not None:
            late = _left(network, wiring.step) or _outside(network, wiring.step)
            found += [late] if late is not None else []
    return found


def _unregistered(network: Network) -> list[Evidence]:
    if not network.unregistered:
        return []
    return [
        Evidence(
            f"{network.unregistered:,} numbers of the {network.role} ask for a gradient and are not among its "
            "parameters(): no optimiser will get them, and no checkpoint.",
            {"unregistered": network.unregistered, "parameters": network.parameters},
            network.role,
            remedies=(
                Remedy(
                    "Keep layers in nn.ModuleList or nn.Sequential, not in a plain list, and tensors as nn.Parameter."
                ),
            ),
        )
    ]


def _frozen(network: Network, wiring: Wiring) -> Evidence | None:
    called = [layer for layer in network.layers if layer.parameters and layer.calls != 0]
    if not called:
        return None
    frozen = [layer for layer in called if layer.trainable == 0]
    numbers = {
        "frozen": float(sum(layer.parameters - layer.trainable for layer in called)),
        "parameters": float(sum(layer.parameters for layer in called)),
    }
    if len(frozen) == len(called):
        if _is_stacked(network, wiring) or _learns(network, wiring.step):
            return None
        stands = "trainable = False" if network.framework == "keras" else "requires_grad = False"
        return Evidence(
            f"Nothing of the {network.role} can learn: {stands} stands on all of its {int(numbers['parameters']):,} "
            "parameters.",
            numbers,
            network.role,
            severity="error",
        )
    if not frozen:
        return None
    place = {layer.name: i for i, layer in enumerate(called)}
    odd = [layer for layer in frozen if not _on_purpose(layer, place[layer.name], called, network)]
    shown = odd or frozen
    names = ", ".join(layer.name for layer in shown[:_SHOWN]) + (" .." if len(shown) > _SHOWN else "")
    message = (
        f"{len(frozen)} of {len(called)} layers of the {network.role} are frozen ({names}): "
        f"{int(numbers['frozen']):,} of {int(numbers['parameters']):,} parameters stay as they are."
    )
    where = f"{network.role}, {names}"
    if odd:
        return Evidence(message, numbers, where, confidence="likely")
    return Evidence(message, numbers, where, severity="info", confidence="likely")


def _is_stacked(network: Network, wiring: Wiring) -> bool:
    """A Keras D that stands frozen for its stack: SP108 speaks of that."""
    return network.frozen_by_user and wiring.compiled is not None


def _learns(network: Network, step: Step | None) -> bool:
    return step is not None and any(update.changed.get(network.role, 0) > 0 for update in step.of(network.role[0]))


def _on_purpose(layer: Layer, place: int, called: list[Layer], network: Network) -> bool:
    """Whether a frozen layer stands where people freeze: D's input, a condition's way, a constant, a blur."""
    if layer.reached_from is not None and "z" not in layer.reached_from and "images" not in layer.reached_from:
        return True
    if layer.kind == "conv" and layer.groups > 1 and layer.groups == (layer.in_shape or (0, 0))[1]:
        return True
    before = all(other.trainable == 0 for other in called[:place])
    return network.role == "discriminator" and before


def _left(network: Network, step: Step) -> Evidence | None:
    if network.role not in step.left_frozen:
        return None
    return Evidence(
        f"In the step all of the {network.role} is frozen when its own update comes, and nothing of it changes.",
        {"parameters": float(network.parameters), "frozen": float(network.parameters)},
        network.role,
        severity="error",
    )


def _outside(network: Network, step: Step) -> Evidence | None:
    """Parameters that no optimiser of the user's holds; none at all is SP105's."""
    if not step.of_user:
        return None
    held = max((holds.get(network.role, (0, 0))[0] for holds in step.holds.values()), default=0)
    total = max((holds.get(network.role, (0, 0))[1] for holds in step.holds.values()), default=0)
    if not 0 < held < total:
        return None
    return Evidence(
        f"The optimisers of the step hold {held} of the {total} parameters of the {network.role}: "
        "the others never change.",
        {"held": float(held), "parameters": float(total)},
        network.role,
    )
