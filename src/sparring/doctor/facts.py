"""What rules may look at: facts by name, as plain data. `FACTS` says what each is; no torch here.

Names of layers are the user's own; shapes are without the batch where nothing else is said.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Shape = tuple[int, ...]

# What a layer with weights does; everything else is known by what it does to numbers (`Layer.then`).
WEIGHING = ("conv", "conv-transposed", "linear", "embedding", "recurrent", "attention", "matmul")
NORMS = ("batch-norm", "layer-norm", "instance-norm", "group-norm", "rms-norm", "spectral-norm")
ACTIVATIONS = ("relu", "leaky-relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softmax", "softplus", "glu", "prelu")


@dataclass(frozen=True)
class Layer:
    """One layer of a network: what holds weights of its own, or a norm, activation or dropout that is a layer.

    Attributes:
        name: the user's, from the top of the network ("main.3").
        type: its class ("ConvTranspose2d").
        kind: one of `WEIGHING` or `NORMS`, an activation, "dropout", "max-pool", "move" (changes no number) or "other".
        parameters: numbers in it that training may change, frozen ones included.
        trainable: of these, not frozen.
        weights: shape of each parameter by its name in the layer.
        calls: how often one forward calls it; None where that cannot be seen.
        in_shape: of its first input, with the batch; () where it was not called.
        out_shape: of its first output.
        bias: whether it adds numbers of its own to what comes out; None where that cannot be seen.
        kernel: sides of its kernel; () for what has none.
        stride: likewise.
        groups: of a convolution.
        reached_from: inputs of the network that change what comes out of it; None where that was not judged.
        leads_on: whether gradient comes back to it from the network's output; None where that was not judged.
        d_gradient: norm of the gradient of its parameters in D's update; None where there is none or it is not asked.
        g_gradient: likewise in G's.
        then: what happens to its output up to the next layer with weights or the network's end, a tuple for each way:
            kinds ("scale": times constants), then "layer:NAME" or "output". () where that cannot be seen.
        zero_share: of an activation, the part of its units that were 0 for all pictures of three batches; else None.
        training: its mode when it was called.
        unused: its trainable parameters that no way leads from to what comes out, though the structure was followed.
    """

    name: str
    type: str
    kind: str
    parameters: int = 0
    trainable: int = 0
    weights: dict[str, Shape] = field(default_factory=dict)
    calls: int | None = None
    in_shape: Shape = ()
    out_shape: Shape = ()
    bias: bool | None = None
    kernel: Shape = ()
    stride: Shape = ()
    groups: int = 1
    reached_from: tuple[str, ...] | None = None
    leads_on: bool | None = None
    d_gradient: float | None = None
    g_gradient: float | None = None
    then: tuple[tuple[str, ...], ...] = ()
    zero_share: float | None = None
    training: bool = True
    unused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Input:
    """One thing that a network is given.

    Attributes:
        name: "z", "images", "condition", or "input N" of a call that the user described.
        shape: with the batch.
        effect: largest change of the output when it is replaced, over the largest number in the output; weights as they
            are.
        woken: the same with noise on all weights, which opens what begins at zero; None where effect is not 0.
        gradient: largest gradient of the output at it; None where it has none (whole numbers).
    """

    name: str
    shape: Shape
    effect: float
    woken: float | None = None
    gradient: float | None = None

    @property
    def is_used(self) -> bool:
        """Whether it changes what comes out."""
        return self.effect > 0 or bool(self.woken) or bool(self.gradient)


@dataclass(frozen=True)
class Output:
    """What a network gives.

    Attributes:
        shape: with the batch; of G's picture, of D's first logits.
        low: the least number in it, over many inputs, in the mode of training.
        high: the largest.
        std: deviation of its numbers.
        size: the median of |x|.
        squash: what bounds it last: "sigmoid", "softmax", "tanh", "clamp" ..; "" for nothing.
        least: the least number that it can ever be, by that; -inf for any.
        most: the largest; inf for any.
        parts: shapes of all tensors that come out.
        finite: whether all of it is.
    """

    shape: Shape
    low: float
    high: float
    std: float
    size: float
    squash: str = ""
    least: float = float("-inf")
    most: float = float("inf")
    parts: tuple[Shape, ...] = ()
    finite: bool = True


@dataclass(frozen=True)
class Network:
    """One network, looked at.

    Attributes:
        role: "generator" or "discriminator".
        framework: "torch" or "keras".
        type: its class.
        layers: in the order of their first calls, then those that were never called.
        inputs: what it is given.
        output: what it gives.
        traced: whether its structure could be followed (compiled code and reentrant checkpoints cannot).
        options: names of further arguments of its forward, which decide what is called ("step", "alpha").
        field: D's receptive field: the part of the picture's side that one output depends on; None where not asked.
        training: its mode as it was given.
        frozen_by_user: Keras: `trainable = False` stood on the whole model when it was given.
        unregistered: numbers that ask for a gradient in it and are not among its parameters.
        hanging: Keras: layers with weights that hang off its inputs and are in no model.
        elsewhere: names of uncalled layers that its code speaks of outside of its forward, in other methods.
    """

    role: str
    framework: str
    type: str
    layers: tuple[Layer, ...]
    inputs: tuple[Input, ...]
    output: Output
    traced: bool = True
    options: tuple[str, ...] = ()
    field: float | None = None
    training: bool = True
    frozen_by_user: bool = False
    unregistered: int = 0
    hanging: tuple[Layer, ...] = ()
    elsewhere: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """Numbers in it that training may change, frozen ones included."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def trainable(self) -> int:
        """Of these, not frozen."""
        return sum(layer.trainable for layer in self.layers)

    def of_kind(self, *kinds: str) -> list[Layer]:
        """Its layers of these kinds that are called."""
        return [layer for layer in self.layers if layer.kind in kinds and layer.calls]


@dataclass(frozen=True)
class Loss:
    """What the networks are to minimise.

    Attributes:
        family: one of `LOSSES`.
        saturating: G minimises log(1 - D).
        penalty: a gradient penalty of each picture goes with it (R1, R2, gp, dragan).
        guessed: nobody said so: it is guessed from D's last operation.
        d_loss: D's first loss, and G's: what they are on the probe's batch; NaN where that fails.
        g_loss: likewise.
    """

    family: str
    saturating: bool = False
    penalty: bool = False
    guessed: bool = False
    d_loss: float = float("nan")
    g_loss: float = float("nan")


LOSSES = (
    "bce", "bce-logits", "hinge", "wasserstein", "least-squares", "softmax", "log", "relativistic",
)  # fmt: skip
ON_PROBABILITIES = ("bce", "log")  # what takes p; all others take logits or scores


@dataclass(frozen=True)
class Data:
    """The pictures (or rows, or sounds) as the networks will see them.

    Attributes:
        shape: of one.
        layout: "nchw", "nhwc" or "flat", as the user's networks want it; "" where it cannot be said.
        low: least number.
        high: largest.
        batch: how many at a time; 0 where nobody said.
        last_batch: how many in the last batch of an epoch; 0 where it is dropped or not known.
        made_up: there were no data: noise stands in for them, and only range and shape mean something.
        range_known: low and high were said or measured, not assumed.
    """

    shape: Shape
    low: float
    high: float
    layout: str = ""
    batch: int = 0
    last_batch: int = 0
    made_up: bool = False
    range_known: bool = True


@dataclass(frozen=True)
class Pair:
    """The two networks together.

    Attributes:
        shared: names of parameters that both hold and training changes, at most a few.
        mismatch: why G's pictures, the data and D's input do not fit; "" where they do.
        g_shape: of what G makes.
        data_shape: of the data.
        gradient: norm of the gradient of G's parameters through D; None where that cannot be asked.
        connected: whether any gradient comes from D's output to G's parameters; None likewise.
        why_not: who cuts it: "discriminator" (no gradient at D's input), "generator", or "".
    """

    shared: tuple[str, ...] = ()
    mismatch: str = ""
    g_shape: Shape = ()
    data_shape: Shape = ()
    gradient: float | None = None
    connected: bool | None = None
    why_not: str = ""


@dataclass(frozen=True)
class Update:
    """One call of an optimiser in a step of the user's.

    Attributes:
        optimizer: "d" or "g", by the network most of whose parameters it holds; "?" for neither.
        changed: network -> largest change of a parameter by it.
        carried_over: networks whose gradient was left from an earlier update.
        computed: networks whose gradients a backward pass wrote since the update before.
        backwards: how many backward passes there were since the update before.
    """

    optimizer: str
    changed: dict[str, float]
    carried_over: tuple[str, ...] = ()
    computed: tuple[str, ...] = ()
    backwards: int = 0


@dataclass(frozen=True)
class Step:
    """What a training step of the user's does, from running it a few times on copies.

    Attributes:
        updates: in order, of the second run.
        holds: optimiser ("d", "g", "?") -> network -> how many of its parameters it holds, of how many.
        inference: (network, layer) of norms and dropouts that were called in inference mode in a network's update.
        same_z: G was given the same z in both runs.
        z_std: deviation of z; None where it was not seen.
        mixed: D was given reals and fakes in one batch.
        mixed_change: how far D(real) in such a batch is from D(real) alone, over its deviation; None if not mixed.
        fakes_kept_graph: D's update also computed G's gradient.
        optimizers: how many there are.
        left_frozen: networks that could learn at first, and of which all was frozen when their own turn came.
        of_user: the optimisers are the user's own, and not made for the probe.
    """

    updates: tuple[Update, ...]
    holds: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)
    inference: tuple[tuple[str, str], ...] = ()
    same_z: bool | None = None
    z_std: float | None = None
    mixed: bool = False
    mixed_change: float | None = None
    fakes_kept_graph: bool = False
    optimizers: int = 0
    left_frozen: tuple[str, ...] = ()
    of_user: bool = False

    def of(self, optimizer: str) -> list[Update]:
        """The updates by one optimiser: "d", "g" or "?"."""
        return [update for update in self.updates if update.optimizer == optimizer]


@dataclass(frozen=True)
class Compiled:
    """What one `train_on_batch` of compiled Keras models really changes: the largest change of a weight.

    Attributes:
        d_by_d: of D in D's own step; None where D is not compiled.
        d_by_stack: of D in the stack's step; None where there is no stack.
        g_by_stack: of G in it.
        backend: Keras' ("torch").
        d_frozen: `trainable = False` stands on all of D, which is compiled.
    """

    d_by_d: float | None = None
    d_by_stack: float | None = None
    g_by_stack: float | None = None
    backend: str = ""
    d_frozen: bool = False


@dataclass(frozen=True)
class Told:
    """How conditions arrive.

    Attributes:
        kind: "class" or "vector".
        distance: the least distance of two different conditions where they first meet weights, over their length;
            of those that the user gave, or of those that are drawn.
        where: the network and the layer where they arrive, or "".
        share: the least distance over the length of all that this layer is given; None where it was not measured.
        pooled: the distance is that of their means over all places of a map: a convolution tells them by these alone.
    """

    kind: str
    distance: float
    where: str = ""
    share: float | None = None
    pooled: bool = False


@dataclass(frozen=True)
class Wiring:
    """All that is known of how things are wired; what is not known is None.

    Attributes:
        networks: those that were given.
        pair: both together.
        step: what the user's own step does.
        compiled: what compiled Keras models do.
    """

    networks: tuple[Network, ...]
    pair: Pair | None = None
    step: Step | None = None
    compiled: Compiled | None = None

    def of(self, role: str) -> Network | None:
        """One network by its role; None where it was not given."""
        return next((network for network in self.networks if network.role == role), None)


# Every fact that a rule may need, by name.
FACTS: dict[str, str] = {
    "networks": "tuple of Network: those that were given",
    "generator": "Network",
    "discriminator": "Network",
    "pair": "Pair: both were given",
    "loss": "Loss",
    "data": "Data",
    "rates": "dict: d_lr, g_lr, where they are known",
    "step": "Step: a training step of the user's was given",
    "compiled": "Compiled: Keras models, compiled",
    "told": "Told: there is a condition",
    "wiring": "Wiring: networks, and what is known of the pair, a step and compiled models",
    "pictures": "DataFacts: files were scanned",
}
