"""Keras 3 models as networks of ours: against Keras' own calls, training and files; every trap of Keras by its name."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import math
import os
import runpy
import sys
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import sparring
from sparring.errors import SparringError
from sparring.events import read
from sparring.networks.keras import KerasNetwork, import_keras, is_keras
from sparring.networks.keras.files import load_keras, save_keras, to_keras
from sparring.networks.keras.tensorflow import tensorflow_stand_in

keras = import_keras()
L = keras.layers

# Keras' Variable.__array__ takes no `copy`, and NumPy 2 says so for each weight that Keras itself reads.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

EXAMPLES = Path(__file__).parents[1] / "examples" / "keras"


def g_model(bn: bool = True) -> Any:
    """z of 6 numbers -> RGB of 8 px."""
    norm = [L.BatchNormalization(momentum=0.8)] if bn else []
    return keras.Sequential(
        [
            keras.Input((6,)),
            L.Dense(4 * 4 * 8),
            *norm,
            L.LeakyReLU(negative_slope=0.2),
            L.Reshape((4, 4, 8)),
            L.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh"),
        ]
    )


def d_model(bn: bool = True, dropout: float = 0.0, end: str = "dense") -> Any:
    """RGB of 8 px -> p, functional."""
    picture = keras.Input((8, 8, 3))
    x = L.Conv2D(8, 4, strides=2, padding="same")(picture)
    x = L.BatchNormalization(momentum=0.8)(x) if bn else x
    x = L.LeakyReLU(negative_slope=0.2)(x)
    x = L.Dropout(dropout)(x) if dropout else x
    if end == "patches":
        return keras.Model(picture, L.Conv2D(1, 4, padding="same", activation="sigmoid")(x))
    if end == "flat patches":
        return keras.Model(picture, L.Flatten()(L.Conv2D(1, 4, padding="same", activation="sigmoid")(x)))
    x = L.Dense(1, activation="sigmoid" if end == "dense" else None)(L.Flatten()(x))
    if end == "activation":
        x = L.Activation("sigmoid")(x)
    if end == "operation":
        x = keras.ops.sigmoid(x)
    return keras.Model(picture, x)


def nested_model(end: str = "dense") -> Any:
    """A picture and a sentence -> p, a functional model in a functional model, with a gate that is a sigmoid too."""
    picture, sentence = keras.Input((8, 8, 3)), keras.Input((5,))
    x = L.Flatten()(L.Conv2D(4, 3, strides=2)(picture))
    x = L.Concatenate()([x, L.Dense(6, activation="sigmoid")(sentence)])
    inner = keras.Model([picture, sentence], L.Dense(1, activation="sigmoid")(L.Dropout(0.4)(x)))
    outer = [keras.Input((8, 8, 3)), keras.Input((5,))]
    return keras.Model(outer, inner(outer))


def own_loss(true: Any, p: Any) -> Any:
    """What a file names, and Keras cannot find again."""
    return keras.ops.mean(p - true)


class Subclassed(keras.Model):
    def __init__(self, end: str = "layer") -> None:
        super().__init__()
        self.end = end
        self.first, self.norm = L.Conv2D(4, 3, strides=2), L.BatchNormalization()
        self.last = L.Dense(1, activation="sigmoid" if end == "layer" else None)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = self.last(L.Flatten()(self.norm(self.first(inputs), training=training)))
        return keras.ops.sigmoid(x) if self.end == "function" else x


class TakesList(keras.Model):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.joined, self.out = L.Dense(8), L.Dense(8 * 8 * 3, activation="tanh")

    def call(self, inputs: Any) -> Any:
        return keras.ops.reshape(self.out(self.joined(keras.ops.concatenate(inputs, -1))), (-1, 8, 8, 3))


class TakesTwo(TakesList):
    def call(self, z: Any, sentence: Any, training: bool | None = None) -> Any:
        return super().call([z, sentence])


class GlobalNoise(L.Layer):
    """Draws from Keras' global seed generator, in training and not."""

    def call(self, x: Any) -> Any:
        return x + keras.random.normal(keras.ops.shape(x))


def channels_first_model() -> Any:
    picture = keras.Input((3, 8, 8))
    x = L.Conv2D(4, 3, strides=2, data_format="channels_first")(picture)
    return keras.Model(picture, L.Conv2DTranspose(2, 3, strides=2, data_format="channels_first")(x))


def last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1) if x.dim() == 4 else x


def first(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2) if x.dim() == 4 else x


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def called(model: Any, *inputs: Any) -> Any:
    """A subclassed model, built as people do it: by a call."""
    model(*inputs)
    return model


# One call is Keras' own call.

KINDS: dict[str, tuple[Callable[[], Any], tuple[tuple[int, ...], ...], tuple[int, ...]]] = {
    "sequential": (g_model, ((6,),), (3, 8, 8)),
    "functional": (d_model, ((3, 8, 8),), (1,)),
    "patches": (lambda: d_model(end="patches"), ((3, 8, 8),), (1, 4, 4)),
    "nested, two inputs": (nested_model, ((3, 8, 8), (5,)), (1,)),
    "subclassed": (lambda: called(Subclassed(), torch.zeros(2, 8, 8, 3)), ((3, 8, 8),), (1,)),
    "subclassed, a list": (
        lambda: called(TakesList(), [torch.zeros(2, 6), torch.zeros(2, 5)]),
        ((6,), (5,)),
        (3, 8, 8),
    ),
    "inputs by name": (
        lambda: keras.Model(
            (named := {"z": keras.Input((6,), name="z"), "a": keras.Input((5,), name="a")}),
            L.Dense(2)(L.Concatenate()([named["z"], named["a"]])),
        ),
        ((5,), (6,)),  # in the order of the names, as Keras flattens a dict
        (2,),
    ),
}


def arguments(kind: str, inputs: list[Tensor]) -> Any:
    if kind == "inputs by name":
        return {"a": inputs[0], "z": inputs[1]}
    return [last(x) for x in inputs] if len(inputs) > 1 else last(inputs[0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_is_keras_own_call_with_channels_first(kind: str) -> None:
    build, shapes, output_shape = KINDS[kind]
    model = build()
    network = KerasNetwork(model).eval()
    assert network.input_shapes == shapes
    assert network.output_shape == output_shape

    @settings(max_examples=8, deadline=None)
    @given(n=st.integers(1, 9), seed=st.integers(0, 2**32))
    def holds(n: int, seed: int) -> None:
        inputs = [noise(n, *shape, seed=seed) for shape in shapes]
        made = network(*inputs)
        assert made.shape == (n, *output_shape)
        assert torch.equal(made, first(model(arguments(kind, inputs), training=False)))

    holds()


@settings(max_examples=8, deadline=None)
@given(n=st.integers(2, 9), seed=st.integers(0, 2**32), calls=st.integers(1, 3))
def test_training_calls_are_keras_own_and_move_the_same_statistics(n: int, seed: int, calls: int) -> None:
    model = d_model()
    network = copy.deepcopy(KerasNetwork(model))
    for call in range(calls):
        x = noise(n, 3, 8, 8, seed=seed + call)
        assert torch.equal(network(x), model(last(x), training=True))
    statistics = [variable.value for variable in model.non_trainable_weights]
    assert len(statistics) == 2
    assert all(torch.equal(a, b) for a, b in zip(network.buffers(), statistics, strict=True))


def test_channels_first_are_left_where_they_are() -> None:
    model = channels_first_model()
    network = KerasNetwork(model)
    x = noise(3, 3, 8, 8)
    assert (network.input_shapes, network.output_shape) == (((3, 8, 8),), (2, 7, 7))
    assert torch.equal(network(x), model(x))


def test_an_open_side_is_open() -> None:
    network = KerasNetwork(keras.Sequential([keras.Input((None, None, 3)), L.Conv2D(2, 3, padding="same")]))
    assert (network.input_shapes, network.output_shape) == (((3, None, None),), (2, None, None))
    assert network(noise(2, 3, 20, 12)).shape == (2, 2, 20, 12)


def test_what_was_never_called_is_built_from_shapes() -> None:
    network = KerasNetwork(TakesTwo(), input_shapes=[(6,), (5,)])
    z, sentence = noise(3, 6), noise(3, 5)
    assert network.output_shape == (3, 8, 8)
    assert torch.equal(network(z, sentence), first(network.model(z, sentence)))
    lazy = KerasNetwork(keras.Sequential([L.Conv2D(2, 3), L.Flatten(), L.Dense(1)]), input_shapes=[(3, 8, 8)])
    assert lazy(noise(2, 3, 8, 8)).shape == (2, 1)
    assert len(list(lazy.parameters())) == 4


def test_whole_numbers_go_in_as_labels() -> None:
    label = keras.Input((1,), dtype="int32")
    network = KerasNetwork(keras.Model(label, L.Flatten()(L.Embedding(3, 4)(label))))
    assert torch.equal(network(torch.tensor([[2], [0]])), network.model(torch.tensor([[2], [0]])))


@pytest.mark.parametrize("autocast", [False, True])
def test_it_computes_under_autocast_and_inference_mode(autocast: bool) -> None:
    network = KerasNetwork(d_model())
    mean = network.get_buffer("001_BatchNormalization_running_mean").clone()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast), torch.inference_mode():
        p = network(noise(4, 3, 8, 8))
    assert p.isfinite().all()
    assert not torch.equal(network.get_buffer("001_BatchNormalization_running_mean"), mean)
    network.eval()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        p = network(noise(4, 3, 8, 8))
    p.sum().backward()
    assert (p - network(noise(4, 3, 8, 8))).abs().max() < 0.01


# The traps, each shown in Keras itself before it is shown gone.


def test_trap_train_and_eval_mean_nothing_to_keras_and_something_here() -> None:
    model, x = d_model(bn=False, dropout=0.9), noise(64, 3, 8, 8)
    model.train()
    assert torch.equal(model(last(x)), model(last(x)))
    network = KerasNetwork(model)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


def test_dropout_inside_a_nested_model_works() -> None:
    network = KerasNetwork(nested_model())
    x = noise(64, 3, 8, 8), noise(64, 5)
    assert not torch.equal(network(*x), network(*x))


def test_trap_layers_are_not_modules() -> None:
    model = nested_model()
    assert not any(isinstance(module, L.Conv2D) for module in model.modules())
    inner = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    found = KerasNetwork(model).layers_inside()
    assert {id(layer) for layer in found} == {id(x) for x in inner.layers if not isinstance(x, L.InputLayer)}
    assert [type(layer).__name__ for layer in KerasNetwork(g_model()).layers_inside()] == [
        "Dense", "BatchNormalization", "LeakyReLU", "Reshape", "Conv2DTranspose",
    ]  # fmt: skip
    wrapped = keras.Sequential([keras.Input((4,)), L.SpectralNormalization(L.Dense(2))])
    assert [type(x).__name__ for x in KerasNetwork(wrapped).layers_inside()] == ["SpectralNormalization", "Dense"]


def test_trap_statistics_and_seeds_are_parameters_for_keras_and_buffers_or_nothing_here() -> None:
    model = d_model(dropout=0.5)
    theirs = dict(model.named_parameters())
    assert any("moving_mean" in name for name in theirs)
    assert any(not value.is_floating_point() for value in theirs.values())
    network = KerasNetwork(model)
    parameters, buffers = dict(network.named_parameters()), dict(network.named_buffers())
    assert all(value.is_floating_point() and value.requires_grad for value in parameters.values())
    assert len(parameters) == len(model.trainable_weights)
    assert {name.split("_", 2)[2] for name in buffers} == {"running_mean", "running_var"}
    assert not any(value.requires_grad for value in buffers.values())
    assert buffers["001_BatchNormalization_running_mean"] is model.layers[2].moving_mean.value


def test_a_frozen_layer_stays_a_parameter_and_frozen() -> None:
    model = d_model()
    model.layers[1].trainable = False
    network = KerasNetwork(model)
    assert {name: p.requires_grad for name, p in network.named_parameters()} == {
        "000_Conv2D_kernel": False,
        "000_Conv2D_bias": False,
        "001_BatchNormalization_gamma": True,
        "001_BatchNormalization_beta": True,
        "002_Dense_kernel": True,
        "002_Dense_bias": True,
    }


def test_trap_trainable_false_freezes_d_in_keras_and_is_undone_here() -> None:
    """The classic recipe on Keras 3: compile D, D.trainable = False, compile the stack; and D never learns."""
    g, d = g_model(), d_model()
    d.compile("sgd", "binary_crossentropy")
    d.trainable = False
    keras.Sequential([keras.Input((6,)), g, d]).compile("sgd", "binary_crossentropy")
    before = d.get_weights()
    with pytest.warns(UserWarning, match="not have any trainable"):
        d.train_on_batch(noise(8, 8, 8, 3).numpy(), np.ones((8, 1)))
    assert all(np.array_equal(a, b) for a, b in zip(before, d.get_weights(), strict=True))
    network = KerasNetwork(d)
    assert len(network.notes) == 1
    assert "thawed" in network.notes[0]
    loss = network(noise(8, 3, 8, 8)).sum()
    loss.backward()
    assert all(p.grad is not None for p in network.parameters())
    mean = network.get_buffer("001_BatchNormalization_running_mean")
    assert not torch.equal(mean, torch.zeros_like(mean)), "a frozen batch norm would run in inference mode"


def test_trap_spectral_norm_of_torch_takes_kernels_by_their_names() -> None:
    spectral_norm = nn.utils.parametrizations.spectral_norm
    with pytest.raises(ValueError, match="no parameter or buffer with name 'weight'"):
        spectral_norm(L.Conv2D(2, 3))
    picture = keras.Input((8, 8, 3))
    x = L.BatchNormalization()(L.Conv2D(8, 4, strides=2)(picture))
    network = KerasNetwork(keras.Model(picture, L.Conv2DTranspose(3, 2)(x)))
    assert [(name, dim) for name, dim in network.kernels()] == [
        ("000_Conv2D_kernel", 3),
        ("002_Conv2DTranspose_kernel", 2),
    ]
    for name, dim in network.kernels():
        spectral_norm(network, name, n_power_iterations=30, dim=dim)
    x = noise(2, 3, 8, 8)
    network(x).sum().backward()
    for name, dim in network.kernels():
        flat = getattr(network, name).detach().movedim(dim, 0).flatten(1)
        assert float(torch.linalg.matrix_norm(flat, 2)) == pytest.approx(1, abs=0.03)
    assert len([p for p in network.parameters() if p.grad is not None]) == 6
    copied = copy.deepcopy(network)
    assert not {id(p) for p in network.parameters()} & {id(p) for p in copied.parameters()}
    assert torch.equal(copied.eval()(x), network.eval()(x))
    assert not torch.equal(network(x), KerasNetwork(network.model).eval()(x))


# Averages, copies, states.


def test_an_average_can_be_kept() -> None:
    """As players.py keeps it: parameters and statistics are averaged, all else is copied."""
    model = keras.Sequential([g_model(), L.SpectralNormalization(L.Conv2D(3, 3))])
    network = KerasNetwork(model)
    average = copy.deepcopy(network).requires_grad_(False)
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], 0.1)
    network(noise(4, 6)).sum().backward()
    optimizer.step()
    with torch.no_grad():
        expected = [a.lerp(b, 0.5) for a, b in zip(average.parameters(), network.parameters(), strict=True)]
        torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 0.5)
        for (name, mine), theirs in zip(average.named_buffers(), network.buffers(), strict=True):
            if name.endswith(("running_mean", "running_var")):
                mine.lerp_(theirs, 0.5)
            else:
                mine.copy_(theirs)
    assert all(torch.equal(a, b) for a, b in zip(average.parameters(), expected, strict=True))
    assert any("vector_u" in name for name, _ in average.named_buffers())
    with torch.no_grad():
        made, theirs = average.eval()(noise(4, 6)), network.eval()(noise(4, 6))
    assert made.shape == (4, 3, 6, 6)
    assert not torch.equal(made, theirs)


def test_a_copy_shares_no_number() -> None:
    model = d_model(dropout=0.3)
    network = KerasNetwork(model)
    copied = copy.deepcopy(network)
    assert all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), copied.state_dict().values(), strict=True)
    )
    mine = {x.data_ptr() for x in network.state_dict().values()}
    assert not mine & {x.data_ptr() for x in copied.state_dict().values()}
    x = noise(4, 3, 8, 8)
    before, state = model(last(x)), copy.deepcopy(network.state_dict())
    for _ in range(3):
        copied.zero_grad()
        copied(x).sum().backward()
        torch.optim.SGD(copied.parameters(), 0.5).step()
    assert torch.equal(model(last(x)), before)
    assert torch.equal(network.eval()(x), before)
    assert not torch.equal(copied.eval()(x), before)
    assert all(torch.equal(a, b) for a, b in zip(network.state_dict().values(), state.values(), strict=True))
    assert all(p.grad is None for p in network.parameters())


def test_a_state_goes_through_a_file_into_another_model_of_the_same_make() -> None:
    one, other = KerasNetwork(nested_model()), KerasNetwork(nested_model())
    assert one.model.weights[0].path != other.model.weights[0].path  # Keras counts its layers on
    file = io.BytesIO()
    torch.save(one.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    x = noise(3, 3, 8, 8), noise(3, 5)
    assert torch.equal(one.eval()(*x), other.eval()(*x))
    assert torch.equal(other.model([last(x[0]), x[1]]), one(*x))
    with pytest.raises(RuntimeError, match="Missing key"):
        KerasNetwork(d_model()).load_state_dict(one.state_dict())


def test_moving_a_network_moves_the_model_and_the_logits() -> None:
    network = KerasNetwork(d_model())
    logits = network.without_sigmoid()
    assert logits is not None
    network.to(torch.float64).to(torch.float32)
    network(noise(4, 3, 8, 8))
    for mine, theirs in zip(network.state_dict().values(), logits.state_dict().values(), strict=True):
        assert mine.data_ptr() == theirs.data_ptr()
    assert (
        network.model.layers[2].moving_mean.value.data_ptr()
        == network.get_buffer("001_BatchNormalization_running_mean").data_ptr()
    )


# Randomness: Keras' own, and torch's.


def noisy_pair() -> tuple[KerasNetwork, KerasNetwork]:
    g = keras.Sequential([g_model(), GlobalNoise()])
    d = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            L.GaussianNoise(0.3),
            L.Conv2D(8, 3, strides=2),
            L.SpatialDropout2D(0.3),
            L.Dropout(0.3, seed=7),
            L.BatchNormalization(),
            L.Dropout(0.3),
            L.Flatten(),
            L.Dense(1),
        ]
    )
    return KerasNetwork(g), KerasNetwork(d)


def start() -> tuple[KerasNetwork, ...]:
    """A pair that begins with the same weights each time; Keras' own seeds do not."""
    pair = noisy_pair()
    for network in pair:
        draw = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for p in network.parameters():
                p.copy_(torch.randn(p.shape, generator=draw) * 0.1)
    return pair


def train(parts: list[Any], steps: range) -> None:
    g, d, g_optimizer, d_optimizer = parts
    for step in steps:
        torch.manual_seed(step)
        real, fake = torch.rand(8, 3, 8, 8), g(torch.randn(8, 6))
        d_optimizer.zero_grad()
        (F.softplus(-d(real)) + F.softplus(d(fake.detach()))).mean().backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        F.softplus(-d(fake)).mean().backward(inputs=list(g.parameters()))
        g_optimizer.step()


def parts(pair: tuple[KerasNetwork, ...]) -> list[Any]:
    return [*pair, *(torch.optim.Adam(network.parameters(), 1e-2) for network in pair)]


def same(one: list[Any], other: list[Any]) -> bool:
    return all(
        torch.equal(a, b)
        for mine, theirs in zip(one[:2], other[:2], strict=True)
        for a, b in zip(mine.state_dict().values(), theirs.state_dict().values(), strict=True)
    )


def test_noise_and_dropout_follow_torch_and_a_resumed_run_is_the_same_bit_for_bit() -> None:
    one, other, resumed = parts(start()), parts(start()), parts(noisy_pair())
    train(one, range(3))
    file = io.BytesIO()
    torch.save([part.state_dict() for part in one], file)
    train(one, range(3, 5))
    train(other, range(5))
    assert same(one, other)
    file.seek(0)
    for part, state in zip(resumed, torch.load(file, weights_only=True), strict=True):
        part.load_state_dict(state)
    assert not same(one, resumed)
    train(resumed, range(3, 5))
    assert same(one, resumed)


def test_each_kind_of_noise_follows_torch() -> None:
    for layer in (L.GaussianNoise(0.5), L.SpatialDropout2D(0.5), L.Dropout(0.5), L.Dropout(0.5, seed=3), GlobalNoise()):
        network, x = KerasNetwork(keras.Sequential([keras.Input((8, 8, 3)), layer])), noise(4, 3, 8, 8)
        torch.manual_seed(1)
        made = network(x)
        assert not torch.equal(network(x), made)
        torch.manual_seed(1)
        assert torch.equal(network(x), made)


def test_nothing_of_keras_randomness_is_changed_for_good_and_making_a_network_draws_nothing() -> None:
    before, state = keras.random.SeedGenerator.next, torch.random.get_rng_state()
    network = KerasNetwork(keras.Sequential([keras.Input((4,)), L.Dropout(0.5), L.Dense(2)]))
    assert torch.equal(torch.random.get_rng_state(), state)
    network(noise(2, 4))
    assert keras.random.SeedGenerator.next is before


# Gradients.


@pytest.mark.parametrize("normed", [False, True])
def test_reals_and_fakes_before_one_backward(normed: bool) -> None:
    """Keras writes statistics, and with its spectral norm kernels, in place: the second call would spoil the first."""
    wrap = L.SpectralNormalization if normed else (lambda layer: layer)
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), wrap(L.Conv2D(4, 3)), L.BatchNormalization(), L.Flatten(), wrap(L.Dense(1))]
    )
    network, real, fake = KerasNetwork(model), noise(4, 3, 8, 8), noise(4, 3, 8, 8, seed=1)
    apart = copy.deepcopy(network)
    if normed:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            (copied := keras.models.clone_model(model))(last(real), training=True).sum().add(
                copied(last(fake), training=True).sum()
            ).backward()
    (network(real).square().mean() + network(fake).mean()).backward()
    apart(real).square().mean().backward()
    apart(fake).mean().backward()
    for (name, mine), theirs in zip(network.named_parameters(), apart.parameters(), strict=True):
        assert torch.allclose(mine, theirs), name
        assert torch.allclose(mine.grad, theirs.grad, atol=1e-6), name
    for mine, theirs in zip(network.buffers(), apart.buffers(), strict=True):
        assert torch.equal(mine, theirs)


def test_keras_spectral_norm_is_keras_own_step() -> None:
    model = keras.Sequential(
        [keras.Input((6,)), L.SpectralNormalization(L.Dense(4)), L.SpectralNormalization(L.Dense(1))]
    )
    network, z = copy.deepcopy(KerasNetwork(model)), noise(8, 6)
    model(z, training=True).square().mean().backward()
    network(z).square().mean().backward()
    for variable, (name, mine) in zip(model.trainable_weights, network.named_parameters(), strict=True):
        assert torch.equal(variable.value, mine), name
        assert torch.equal(variable.value.grad, mine.grad), name


def test_a_gradient_penalty_is_that_of_the_same_network_in_torch() -> None:
    logits, x = KerasNetwork(jiggled(d_model(bn=False))).without_sigmoid(), noise(3, 3, 8, 8)
    assert logits is not None
    weights = [p.detach().clone().requires_grad_() for p in logits.parameters()]

    def in_torch(picture: Tensor) -> Tensor:
        kernel, bias, matrix, offset = weights
        maps = F.leaky_relu(F.conv2d(picture, kernel.permute(3, 2, 0, 1), bias, stride=2, padding=1), 0.2)
        return last(maps).flatten(1) @ matrix + offset

    def penalty(network: Callable[[Tensor], Tensor]) -> Tensor:
        leaf = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(network(leaf).sum(), leaf, create_graph=True)
        return slope.square().sum()

    assert torch.allclose(logits(x), in_torch(x), atol=1e-5)
    penalty(logits).backward()
    penalty(in_torch).backward()
    for mine, theirs in zip(logits.parameters(), weights, strict=True):
        if theirs.grad is not None:
            assert mine.grad is not None
            assert torch.allclose(mine.grad, theirs.grad, atol=1e-5)
    assert sum(theirs.grad is not None for theirs in weights) >= 2


def test_d_learns_and_g_does_not() -> None:
    g, d = KerasNetwork(g_model()), KerasNetwork(d_model())
    d(g(noise(4, 6))).sum().backward(inputs=list(d.parameters()))
    assert all(p.grad is None for p in g.parameters())
    assert all(p.grad is not None for p in d.parameters())


@pytest.mark.parametrize("optimizer", ["SGD", "fused Adam"])
def test_constraints_hold_after_each_update(optimizer: str) -> None:
    """The weight clipping of many WGANs; Keras' optimisers apply it, torch's do not know of it."""
    clip = keras.constraints.NonNeg()
    model = keras.Sequential([keras.Input((6,)), L.Dense(8, kernel_constraint=clip), L.Dense(1)])
    network, z = KerasNetwork(model), noise(8, 6)
    made = (
        torch.optim.SGD(network.parameters(), 1.0)
        if optimizer == "SGD"
        else torch.optim.Adam(network.parameters(), 1.0, fused=True)
    )
    kernel = network.get_parameter("000_Dense_kernel")
    network.eval()(z)
    assert (kernel < 0).any(), "an inference call must not change weights"
    network.train()
    for _ in range(3):
        made.zero_grad()
        (network(z).mean() - network(-z).mean()).backward()
        assert (kernel >= 0).all()
        made.step()
        assert (kernel < 0).any()
    average = copy.deepcopy(network).requires_grad_(False)
    average(z)
    assert (average.get_parameter("000_Dense_kernel") < 0).any(), "an average is only looked at"


def test_regularizers_are_a_term_of_the_loss_of_the_network_that_has_them(tmp_path: Path) -> None:
    g = keras.Sequential([keras.Input((100,)), L.Dense(16 * 16, activation="tanh"), L.Reshape((16, 16, 1))])
    d = keras.Sequential(
        [keras.Input((16, 16, 1)), L.Flatten(), L.Dense(1, kernel_regularizer=keras.regularizers.L2(0.5))]
    )
    data = np.random.default_rng(0).integers(0, 255, (40, 16, 16, 1), dtype=np.uint8)
    sparring.train(
        data, "dcgan", generator=g, discriminator=d, size=16, steps=10, out=tmp_path / "run", batch=8, held_out=0,
        say=lambda _: None,
    )  # fmt: skip
    tick = next(event.values for event in read(tmp_path / "run" / "events.jsonl") if event.kind == "tick")
    assert tick["d_loss_regularisation"] > 0
    assert tick["d_loss"] == pytest.approx(
        tick["d_loss_real"] + tick["d_loss_fake"] + tick["d_loss_regularisation"], rel=1e-4
    )
    assert not any(name.startswith("g_loss_") for name in tick), "G has none, so its loss is the adversarial one"


def test_regularizers_are_told_and_can_be_had() -> None:
    model = keras.Sequential(
        [
            keras.Input((6,)),
            L.Dense(8, kernel_regularizer=keras.regularizers.L2(0.1)),
            L.Dense(1, bias_regularizer="l1"),
        ]
    )
    network = copy.deepcopy(KerasNetwork(model))
    with torch.no_grad():
        network.get_parameter("001_Dense_bias").fill_(2)
    value = network.regularisation()
    assert value is not None
    expected = 0.1 * network.get_parameter("000_Dense_kernel").square().sum() + 0.01 * 2
    assert torch.allclose(value, expected)
    value.backward()
    assert network.get_parameter("000_Dense_kernel").grad is not None
    assert any("regularisation()" in note for note in network.notes)
    assert KerasNetwork(g_model()).regularisation() is None
    noted = KerasNetwork(keras.Sequential([keras.Input((6,)), L.Dense(1, activity_regularizer="l2")]))
    assert any("activity" in note for note in noted.notes)
    assert KerasNetwork(g_model()).notes == []


# Logits.


@pytest.mark.parametrize("end", ["dense", "activation", "operation", "patches", "flat patches"])
@pytest.mark.parametrize("stacked", [False, True])
def test_logits_before_the_sigmoid(end: str, stacked: bool) -> None:
    model = d_model(dropout=0.2, end=end)
    model = keras.Sequential([keras.Input((8, 8, 3)), model]) if stacked else model
    network, x = KerasNetwork(model), 30 * noise(16, 3, 8, 8)
    p_before = model(last(x))
    logits = network.without_sigmoid()
    assert logits is not None
    assert [id(p) for p in logits.parameters()] == [id(p) for p in network.parameters()]
    with torch.no_grad():
        for p in network.parameters():
            p.mul_(20)
    made = logits.eval()(x)
    assert made.abs().max() > 100, "far beyond what inverting p in fp32 could give"
    assert torch.equal(made.sigmoid(), network.eval()(x))
    assert torch.equal(first(model(last(x))), network(x))
    assert not torch.equal(p_before, model(last(x)))
    assert to_keras(logits) is model


def test_logits_of_other_models() -> None:
    nested = KerasNetwork(nested_model()).without_sigmoid()
    assert nested is not None
    assert type(nested._plan.left_out).__name__ == "Dense"
    assert nested._plan.left_out.units == 1, "and not the gate"
    subclassed = KerasNetwork(called(Subclassed(), torch.zeros(2, 8, 8, 3)))
    logits, x = subclassed.without_sigmoid(), noise(4, 3, 8, 8)
    assert logits is not None
    assert torch.allclose(logits.eval()(x).sigmoid(), subclassed.eval()(x))
    assert logits.without_sigmoid() is None


@pytest.mark.parametrize("end", ["function", "none"])
def test_logits_that_cannot_be_reached(end: str) -> None:
    assert KerasNetwork(called(Subclassed(end), torch.zeros(2, 8, 8, 3))).without_sigmoid() is None
    shared = L.Activation("sigmoid")
    twice = keras.Sequential([keras.Input((6,)), L.Dense(4), shared, L.Dense(1)])
    z = keras.Input((6,))
    assert KerasNetwork(twice).without_sigmoid() is None
    assert KerasNetwork(keras.Model(z, shared(twice(z)))).without_sigmoid() is None, (
        "it would be left out in two places"
    )


# One step of each, against train_on_batch.

OPTIMIZERS = {"SGD": lambda: keras.optimizers.SGD(0.1), "Adam": lambda: keras.optimizers.Adam(2e-4, 0.5)}


def classic_steps(g: Any, d: Any, optimizer: Callable[[], Any], real: Tensor, z: Tensor, z2: Tensor) -> None:
    """A step of D on reals and fakes in one batch, then one of the stack, as people write it; `trainable` set right."""
    n = len(real)
    d.compile(optimizer=optimizer(), loss="binary_crossentropy")
    d.trainable = False
    stack = keras.Sequential([keras.Input((6,)), g, d])
    stack.compile(optimizer=optimizer(), loss="binary_crossentropy")
    fake = g.predict(z.numpy(), verbose=0)
    d.trainable = True
    d.train_on_batch(np.concatenate([last(real).numpy(), fake]), np.repeat([[1.0], [0.0]], n, axis=0))
    d.trainable = False
    d_after = d.get_weights()
    stack.train_on_batch(z2.numpy(), np.ones((n, 1)))
    assert all(np.array_equal(a, b) for a, b in zip(d_after, d.get_weights(), strict=True)), "G's step moved D"


def our_steps(
    g: Any, d: Any, optimizer: Callable[[], Any], real: Tensor, z: Tensor, z2: Tensor, as_keras: bool = False
) -> None:
    """The same here, with Keras' optimisers on the gradients of the networks.

    as_keras: does with batch norm what the classic recipe does (see the test).
    """
    G, D = KerasNetwork(g), KerasNetwork(d)
    logits = D.without_sigmoid()
    assert logits is not None
    with torch.no_grad():
        fake = G.train(not as_keras)(z)
    both = logits(torch.cat([real, fake])) if as_keras else torch.cat([logits(real), logits(fake)])
    aims = torch.cat([torch.ones(len(real), 1), torch.zeros(len(fake), 1)])
    apply(optimizer(), d, F.binary_cross_entropy_with_logits(both, aims))
    made = logits.train(not as_keras)(G.train()(z2))
    apply(optimizer(), g, F.binary_cross_entropy_with_logits(made, torch.ones_like(made)))


def apply(optimizer: Any, model: Any, loss: Tensor) -> None:
    variables = model.trainable_variables
    optimizer.apply(torch.autograd.grad(loss, [variable.value for variable in variables]), variables)


def difference(one: Any, other: Any) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


def two_pairs(bn: bool) -> tuple[tuple[Any, Any], tuple[Any, Any], list[Tensor]]:
    keras.utils.set_random_seed(3)
    ours, theirs = (g_model(bn), d_model(bn)), (g_model(bn), d_model(bn))
    for mine, other in zip(ours, theirs, strict=True):
        mine.set_weights(other.get_weights())
    return ours, theirs, [noise(8, 3, 8, 8).tanh(), noise(8, 6, seed=1), noise(8, 6, seed=2)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_of_d_and_g_is_train_on_batch_without_batch_norm(optimizer: str) -> None:
    ours, theirs, data = two_pairs(bn=False)
    start = [model.get_weights() for model in theirs]
    classic_steps(*theirs, OPTIMIZERS[optimizer], *data)
    our_steps(*ours, OPTIMIZERS[optimizer], *data)
    for mine, other, before in zip(ours, theirs, start, strict=True):
        assert difference(mine, other) < 1e-5
        assert max(np.abs(a - b).max() for a, b in zip(other.get_weights(), before, strict=True)) > 1e-4


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_of_d_and_g_with_batch_norm_differs_in_three_things_and_no_other(optimizer: str) -> None:
    """Batch norm normalises by the batch it sees, and the classic recipe shows it other batches.

    1. `generator.predict` makes D's fakes by the running statistics; here G makes them as it trains, by the batch's.
    2. One `train_on_batch` of reals and fakes normalises both by their common statistics; here D is called on each.
    3. In the combined step D is frozen, which for batch norm means inference mode; here it goes by the batch's.

    After one step the weights differ by up to .043 (G) and .024 (D) with SGD at .1, and by 4e-4 with Adam: twice the
    rate, since Adam's first step has the sign of a gradient and little else. Running variances differ by up to .27.
    With these three done as the classic recipe does them, nothing is left (1.5e-8 with SGD, 3e-6 with Adam).
    """
    ours, theirs, data = two_pairs(bn=True)
    again = (g_model(), d_model())
    for mine, other in zip(again, theirs, strict=True):
        mine.set_weights(other.get_weights())
    classic_steps(*theirs, OPTIMIZERS[optimizer], *data)
    our_steps(*ours, OPTIMIZERS[optimizer], *data)
    our_steps(*again, OPTIMIZERS[optimizer], *data, as_keras=True)
    for mine, other, same in zip(ours, theirs, again, strict=True):
        assert 1e-4 < difference(mine, other) < 0.5
        assert difference(same, other) < 1e-5


def test_adam_of_torch_is_keras_own_but_for_where_epsilon_stands() -> None:
    """Keras adds epsilon (1e-7) before it corrects the second moment, torch after: times 31.6 in the first step."""
    (_, d), (_, other), (real, *_) = two_pairs(bn=False)
    (_, third), _, _ = two_pairs(bn=False)
    third.set_weights(d.get_weights())
    loss = {}
    for model in (d, other, third):
        network = KerasNetwork(model)
        loss[id(model)] = network(real).square().mean()
    apply(keras.optimizers.Adam(1e-3, 0.5, 0.999, epsilon=1e-7), d, loss[id(d)])
    for model, epsilon in ((other, 1e-7 / math.sqrt(1 - 0.999)), (third, 1e-7)):
        network = KerasNetwork(model)
        loss[id(model)].backward()
        torch.optim.Adam(network.parameters(), 1e-3, (0.5, 0.999), eps=epsilon).step()
    assert difference(d, other) < 1e-7
    assert difference(d, third) > 1e-6


# Files.


def jiggled(model: Any) -> Any:
    """Weights that are nowhere 0 or 1, statistics too."""
    with torch.no_grad():
        for i, weight in enumerate(model.weights):
            weight.value.add_(noise(*weight.shape, seed=i).abs() * 0.1)
    return model


def agree(network: KerasNetwork, model: Any, *inputs: Tensor) -> bool:
    given = [last(x) for x in inputs]
    theirs = first(model(given if len(given) > 1 else given[0], training=False))
    return torch.allclose(network.eval()(*inputs), theirs, rtol=0, atol=1e-6)


def test_a_saved_network_is_loaded_by_keras_itself(tmp_path: Path) -> None:
    model = jiggled(nested_model())
    model.compile("adam", loss=own_loss)
    network, x = KerasNetwork(model), (noise(4, 3, 8, 8), noise(4, 5))
    average = copy.deepcopy(network)
    with torch.no_grad():
        for p in average.parameters():
            p.mul_(1.5)
    for each, name in ((network, "g.keras"), (average, "average.keras")):
        path = save_keras(each, tmp_path / "models" / name)
        assert agree(each, keras.saving.load_model(path), *x)
    assert not torch.equal(network(*x), average(*x))
    assert agree(network, model, *x)
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["average.keras", "g.keras"]
    with pytest.raises(SparringError, match=r"g\.pt"):
        save_keras(network, tmp_path / "g.pt")


def test_a_model_is_given_back_and_a_copys_is_a_copy() -> None:
    network, z = KerasNetwork(jiggled(g_model())), noise(4, 6)
    assert to_keras(network) is network.model
    average = copy.deepcopy(network)
    with torch.no_grad():
        average.get_parameter("000_Dense_kernel").mul_(2)
    given_back = to_keras(average)
    assert given_back is not network.model
    assert agree(average, given_back, z)
    assert agree(network, network.model, z)
    listed = copy.deepcopy(KerasNetwork(called(TakesList(), [torch.zeros(2, 6), torch.zeros(2, 5)])))
    assert agree(listed, to_keras(listed), z, noise(4, 5))
    hidden = copy.deepcopy(KerasNetwork(keras.Sequential([keras.Input((6,)), L.Dense(2), L.Lambda(lambda x: x * 2)])))
    with pytest.raises(SparringError, match="Keras cannot copy"):
        to_keras(hidden)


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.hdf5"])
def test_a_model_that_keras_saved_is_loaded(tmp_path: Path, name: str) -> None:
    for build, inputs in ((g_model, [noise(4, 6)]), (nested_model, [noise(4, 3, 8, 8), noise(4, 5)])):
        model = jiggled(build())
        model.compile("adam", "binary_crossentropy")
        model.save(tmp_path / name)
        network = load_keras(tmp_path / name)
        assert network.training
        assert agree(network, model, *inputs)
        assert not torch.equal(network(*inputs), network.train()(*inputs))


def lambda_model(path: Path) -> Any:
    """A network whose Lambda writes a file wherever it is built or called."""
    function = eval(f"lambda x: (open({str(path)!r}, 'w').close(), x)[1]")  # the path among the code's constants
    return keras.Sequential([keras.Input((4,)), L.Lambda(function), L.Dense(2)])


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
@pytest.mark.parametrize("nested", [False, True])
def test_a_lambda_in_a_file_is_refused_before_it_runs(tmp_path: Path, name: str, nested: bool) -> None:
    written = tmp_path / "written"
    model = lambda_model(written)
    if nested:
        z = keras.Input((4,))
        model = keras.Model(z, L.Dense(1)(model(z)))
    model.save(tmp_path / name)
    written.unlink()
    keras.saving.load_model(tmp_path / name, compile=False, safe_mode=False)
    assert written.exists(), "the payload works"
    written.unlink()
    with pytest.raises(SparringError, match=r"(?s)Lambda.*run code"):
        load_keras(tmp_path / name)
    assert not written.exists()


def test_unsafe_mode_of_keras_does_not_open_the_door(tmp_path: Path) -> None:
    from keras.src.backend.common import global_state

    written = tmp_path / "written"
    lambda_model(written).save(tmp_path / "model.keras")
    written.unlink()
    keras.config.enable_unsafe_deserialization()
    try:
        with pytest.raises(SparringError, match="Lambda"):
            load_keras(tmp_path / "model.keras")
    finally:
        global_state.set_global_attribute("safe_mode_saving", None)
    assert not written.exists()


def described(module: str | None, name: str, config: Any, registered: str | None = None) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": registered}


PAYLOADS = {
    "a class of a module": described("payload_module", "Payload", {}, "a>Payload"),
    "a module inside keras": described("keras.src.utils.file_utils", "Payload", {}),
    "a registered class": described(None, "Payload", {}, "mine>Payload"),
    "a class of no module": {"class_name": "Payload", "config": {}},
    "a function": described("keras.utils", "function", "get_file", "get_file"),
    "a custom function": described("builtins", "function", "mine>payload"),
    "code": described("builtins", "__lambda__", {"value": "4wAA"}),
    "a pickle": described("keras.layers", "TorchModuleWrapper", {"module": "gAR9"}),
    "a file of its own": described("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"}),
}


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("place", ["layer", "activation", "inbound"])
@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_payloads_are_refused_wherever_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, payload: str, place: str, name: str
) -> None:
    (tmp_path / "payload_module.py").write_text("class Payload: pass")
    monkeypatch.syspath_prepend(tmp_path)
    d_model().save(tmp_path / name)

    def change(config: dict[str, Any]) -> None:
        layer = config["config"]["layers"][-1]
        if place == "layer":
            config["config"]["layers"].append({**PAYLOADS[payload], "name": "x", "inbound_nodes": []})
        elif place == "activation":
            layer["config"]["activation"] = PAYLOADS[payload]
        else:
            layer["inbound_nodes"].append({"args": [], "kwargs": {"mask": PAYLOADS[payload]}})

    rewrite(tmp_path / name, change)
    with pytest.raises(SparringError, match=r"(?s)holds (a )?[\w.>]+.*build the network in Python"):
        load_keras(tmp_path / name)
    assert "payload_module" not in sys.modules


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes the description of a network in a file."""
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            held = {name: archive.read(name) for name in archive.namelist()}
        config = json.loads(held["config.json"])
        change(config)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in held.items():
                archive.writestr(name, json.dumps(config) if name == "config.json" else content)
        return
    import h5py

    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config)
        file.attrs["model_config"] = json.dumps(config)


def test_a_loss_of_the_users_own_does_not_keep_a_file_from_loading(tmp_path: Path) -> None:
    inner = d_model()
    inner.compile("adam", loss=own_loss)
    picture = keras.Input((8, 8, 3))
    model = keras.Model(picture, inner(picture))
    model.save(tmp_path / "model.keras")
    assert agree(load_keras(tmp_path / "model.keras"), model, noise(2, 3, 8, 8))


def damaged_files(folder: Path) -> Iterator[tuple[str, str]]:
    g_model().save(folder / "g.keras")
    g_model().save(folder / "g.h5")
    whole = {suffix: (folder / f"g{suffix}").read_bytes() for suffix in (".keras", ".h5")}
    (folder / "half.keras").write_bytes(whole[".keras"][: len(whole[".keras"]) // 2])
    yield "half.keras", "neither a .keras nor a .h5"
    (folder / "half.h5").write_bytes(whole[".h5"][: len(whole[".h5"]) // 2])
    yield "half.h5", "cannot be loaded"
    (folder / "text.keras").write_text("not a model")
    yield "text.keras", "neither a .keras nor a .h5"
    (folder / "empty.h5").write_bytes(b"")
    yield "empty.h5", "neither a .keras nor a .h5"
    yield "absent.keras", "is not there"
    (folder / "saved_model").mkdir()
    yield "saved_model", "SavedModel"
    with zipfile.ZipFile(folder / "other.keras", "w") as archive:
        archive.writestr("readme", "some archive")
    yield "other.keras", "cannot be loaded"
    g_model().save_weights(folder / "only.weights.h5")
    yield "only.weights.h5", "weights alone"
    (folder / "fewer.h5").write_bytes(whole[".h5"])
    rewrite(folder / "fewer.h5", lambda config: config["config"]["layers"].pop())
    yield "fewer.h5", "Layer count mismatch"


def test_damaged_files_are_told_in_words(tmp_path: Path) -> None:
    for name, words in damaged_files(tmp_path):
        with pytest.raises(SparringError, match=words) as told:
            load_keras(tmp_path / name)
        assert name in str(told.value)
        assert told.value.fix
    wrong = tmp_path / "renamed.keras"
    (tmp_path / "g.h5").rename(wrong)
    assert load_keras(wrong).output_shape == (3, 8, 8), "a file is known by what it holds"


# Files of Keras 2, in its own words (compared with files that tf_keras 2.21 wrote).


def initializer(name: str) -> dict[str, Any]:
    return {"module": "keras.initializers", "class_name": name, "config": {"seed": None}, "registered_name": None}


def keras2_config(old: bool = False) -> dict[str, Any]:
    """G of z and a label, stacked as in many GANs of Keras 2: a sequential model inside a functional one.

    old: as before 2.3: a sequential model is a list, no InputLayer, initialisers with their number type.
    """
    kernel = initializer("GlorotUniform")
    if old:
        kernel = {"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}}

    def layer(kind: str, name: str, **config: Any) -> dict[str, Any]:
        return {"class_name": kind, "config": {"name": name, "trainable": True, "dtype": "float32", **config}}

    def conv(kind: str, name: str, **config: Any) -> dict[str, Any]:
        return layer(kind, name, padding="same", data_format="channels_last", dilation_rate=[1, 1], groups=1, **config)

    def source(name: str, size: int, dtype: str) -> dict[str, Any]:
        config = {"batch_input_shape": [None, size], "dtype": dtype, "sparse": False, "ragged": False, "name": name}
        return {"class_name": "InputLayer", "config": config}

    idle = {"kernel_initializer": kernel, "kernel_regularizer": None, "kernel_constraint": None}
    inner: Any = [
        layer("Dense", "dense", batch_input_shape=[None, 10], units=32, kernel_initializer=kernel),
        layer("BatchNormalization", "bn", axis=[1], momentum=0.8),
        layer("LeakyReLU", "leaky", alpha=0.2),
        layer("Reshape", "reshape", target_shape=[2, 2, 8]),
        layer("SpatialDropout2D", "drop", rate=0.2, noise_shape=None, seed=None),
        conv("SeparableConv2D", "separable", strides=[1, 1], filters=5, kernel_size=[3, 3], **idle),
        conv("Conv2DTranspose", "up", strides=[2, 2], filters=3, kernel_size=[4, 4], activation="tanh", use_bias=False),
    ]
    if not old:  # from 2.12 on, what is nested says its module too
        layers = [source("dense_input", 10, "float32"), *inner]
        named = [{"module": "keras.layers", "registered_name": None, **each} for each in layers]
        inner = {"name": "sequential", "layers": named}
    policy = {"class_name": "Policy", "config": {"name": "float32"}}
    embedding = {"batch_input_shape": [None, 1], "input_dim": 4, "output_dim": 5, "input_length": 1, "dtype": policy}
    graph = {
        "z": (source("z", 5, "float32"), []),
        "label": (source("label", 1, "int32"), []),
        "embedding": (layer("Embedding", "embedding", **embedding), [[["label", 0, 0, {}]]]),
        "flat": (layer("Flatten", "flat"), [[["embedding", 0, 0, {}]]]),
        "both": (layer("Concatenate", "both", axis=-1), [[["z", 0, 0, {}], ["flat", 0, 0, {}]]]),
        "sequential": ({"class_name": "Sequential", "config": inner}, [[["both", 0, 0, {}]]]),
        "out": (layer("Activation", "out", activation="linear"), [[["sequential", 1, 0, {}]]]),
    }
    layers = [{**each, "name": name, "inbound_nodes": nodes} for name, (each, nodes) in graph.items()]
    ends = {"input_layers": [["z", 0, 0], ["label", 0, 0]], "output_layers": [["out", 0, 0]]}
    return {"class_name": "Model" if old else "Functional", "config": {"name": "model", "layers": layers, **ends}}


def keras3_model() -> Any:
    """The same network in Keras 3's words."""
    inner = keras.Sequential(
        [
            keras.Input((10,)),
            L.Dense(32),
            L.BatchNormalization(momentum=0.8),
            L.LeakyReLU(negative_slope=0.2),
            L.Reshape((2, 2, 8)),
            L.SpatialDropout2D(0.2),
            L.SeparableConv2D(5, 3, padding="same"),
            L.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh", use_bias=False),
        ]
    )
    z, label = keras.Input((5,)), keras.Input((1,), dtype="int32")
    return keras.Model([z, label], inner(L.Concatenate()([z, L.Flatten()(L.Embedding(4, 5)(label))])))


def write_keras2(path: Path, model: Any, config: dict[str, Any]) -> None:
    """The weights of a Keras 3 model as Keras 2 lays them out: trainable ones of a layer first, names with ':0'."""
    import h5py

    inner = next(layer for layer in model.layers if isinstance(layer, keras.Sequential))
    embedding = next(layer for layer in model.layers if isinstance(layer, L.Embedding))
    held = {"embedding": embedding.weights, "sequential": inner.trainable_weights + inner.non_trainable_weights}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["keras_version"] = "2.2.4" if config["class_name"] == "Model" else "2.15.0"
        file.attrs["backend"] = "tensorflow"
        file.attrs["training_config"] = json.dumps({"loss": "wasserstein", "optimizer_config": {"class_name": "Adam"}})
        group = file.create_group("model_weights")
        names = [layer["name"] for layer in config["config"]["layers"]]
        group.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            layer = group.create_group(name)
            layer.attrs["weight_names"] = [f"{weight.path}:0".encode() for weight in held.get(name, [])]
            for weight in held.get(name, []):
                layer.create_dataset(f"{weight.path}:0", data=weight.value.detach().numpy())


@pytest.mark.parametrize("old", [False, True])
def test_a_file_of_keras_2_is_loaded(tmp_path: Path, old: bool) -> None:
    model, path = jiggled(keras3_model()), tmp_path / "g.h5"
    write_keras2(path, model, keras2_config(old))
    before = path.read_bytes()
    with pytest.raises(Exception, match=r"quantization_mode|groups|deserializ"):  # Keras 3 itself cannot
        keras.saving.load_model(path, compile=False)
    network = load_keras(path)
    assert network.input_shapes == ((5,), (1,))
    z, label = noise(4, 5), torch.tensor([[0], [3], [2], [1]])
    assert agree(network, model, z, label)
    assert path.read_bytes() == before
    again = load_keras(save_keras(network, tmp_path / "g.keras"))
    assert torch.equal(again.eval()(z, label), network(z, label))


def test_operations_of_tensorflow_in_a_file_of_keras_2_are_refused(tmp_path: Path) -> None:
    config = keras2_config()
    config["config"]["layers"][-1]["class_name"] = "TFOpLambda"
    write_keras2(tmp_path / "g.h5", keras3_model(), config)
    with pytest.raises(SparringError, match="TFOpLambda, which is not a layer"):
        load_keras(tmp_path / "g.h5")


# What is refused.


def test_models_that_cannot_be_networks() -> None:
    z = keras.Input((6,))
    two = keras.Model(z, [L.Dense(1)(z), L.Dense(2)(z)])

    class TwoOutputs(keras.Model):
        def call(self, x: Any) -> Any:
            return x, x

    mixed = keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(2, 1), L.Conv2D(2, 1, data_format="channels_first")])
    torch_inside = keras.Sequential([keras.Input((6,)), L.TorchModuleWrapper(nn.Linear(6, 2))])
    cases = [
        (nn.Linear(2, 2), "no Keras model"),
        (two, "2 outputs"),
        (called(TwoOutputs(), torch.zeros(2, 3)), "2 outputs"),
        (keras.Sequential([L.Dense(2)]), "never called"),
        (Subclassed(), "never called"),
        (called(TakesTwo(), torch.zeros(2, 6), torch.zeros(2, 5)), "takes 2 tensors"),
        (mixed, "some last"),
        (torch_inside, "torch module inside"),
    ]
    for model, words in cases:
        with pytest.raises(SparringError, match=words) as told:
            KerasNetwork(model)
        assert told.value.expected
    with pytest.raises(SparringError, match="called with 2 inputs"):
        KerasNetwork(g_model())(noise(2, 6), noise(2, 6))
    with pytest.raises(SparringError, match="could not be called on"):
        KerasNetwork(TakesTwo(), input_shapes=[(6,), (5, 2)])
    with pytest.raises(SparringError, match="2 input shapes were given"):
        KerasNetwork(g_model(), input_shapes=[(6,), (5,)])


def test_is_keras_never_imports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_keras(g_model())
    assert is_keras(Subclassed())
    assert not is_keras(nn.Linear(2, 2))
    assert not is_keras(L.Dense(2))
    monkeypatch.delitem(sys.modules, "keras")
    assert not is_keras(nn.Linear(2, 2))
    assert "keras" not in sys.modules


def test_keras_is_asked_for_torch_and_for_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert import_keras() is keras
    assert "KERAS_BACKEND" not in os.environ, "it is too late to set it"
    asked = types.SimpleNamespace(__version__="3.99", backend=types.SimpleNamespace(backend=lambda: "torch"))

    def imported(name: str) -> Any:
        assert (name, os.environ["KERAS_BACKEND"]) == ("keras", "torch")
        return asked

    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setattr("importlib.import_module", imported)
    monkeypatch.setenv("KERAS_BACKEND", "")  # for monkeypatch to put back what is set now
    monkeypatch.delenv("KERAS_BACKEND")
    assert import_keras() is asked


def test_keras_that_is_not_there_or_on_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*words: str) -> None:
        with pytest.raises(SparringError) as told:
            import_keras()
        assert all(word in str(told.value) for word in words), told.value

    monkeypatch.setitem(sys.modules, "keras", None)
    refused("Keras cannot be had", "pip install 'sparring[keras]'")
    on_tensorflow = types.SimpleNamespace(backend=lambda: "tensorflow")
    monkeypatch.setitem(sys.modules, "keras", types.SimpleNamespace(__version__="3.15.1", backend=on_tensorflow))
    refused("Keras runs on tensorflow here", "KERAS_BACKEND=torch before keras or tensorflow is imported")
    monkeypatch.setitem(sys.modules, "keras", types.SimpleNamespace(__version__="2.15.0"))
    refused("Keras 2.15.0 is installed")
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    refused("Keras runs on jax here")
    assert "keras" not in sys.modules


# The stand-in for TensorFlow, and the models of public questions.


@contextlib.contextmanager
def nothing_left_behind() -> Iterator[None]:
    def state() -> tuple[Any, ...]:
        modules = {name for name in sys.modules if "tensorflow" in name.split(".")[0]}
        old = {
            name for name in sys.modules if name.startswith("keras.") and "_tf_keras" not in name and "src" not in name
        }
        return modules, old, list(sys.meta_path), set(dir(L)), sys.modules["keras.optimizers"], keras.optimizers

    with tensorflow_stand_in():  # what Keras imports of itself the first time stays
        pass
    before = state()
    yield
    assert state() == before


def test_the_models_of_trading_cards_run_as_printed() -> None:
    with nothing_left_behind(), tensorflow_stand_in():
        code = runpy.run_path(str(EXAMPLES / "trading_cards.py"))
        g, d = code["generator_model"](), code["discriminator_model"]()
        code["gan_model"](g, d)
    G, D = KerasNetwork(g), KerasNetwork(d)
    assert (G.input_shapes, G.output_shape) == (((100,),), (3, 64, 64))
    assert (D.input_shapes, D.output_shape) == (((3, 64, 64),), (1,))
    assert sum(p.numel() for p in G.parameters()) == 985_952
    assert sum(p.numel() for p in D.parameters()) == 263_073
    logits = D.without_sigmoid()
    assert logits is not None
    logits(G(noise(2, 100))).sum().backward()
    assert all(p.grad is not None for p in (*G.parameters(), *D.parameters()))
    assert [layer.negative_slope for layer in D.layers_inside() if isinstance(layer, L.LeakyReLU)] == [
        pytest.approx(0.3)
    ] * 4


def test_the_gan_of_mnist_runs_as_printed_and_both_can_learn() -> None:
    with nothing_left_behind(), tensorflow_stand_in():
        gan = runpy.run_path(str(EXAMPLES / "mnist_gan.py"))["GAN"]()
    assert not gan.discriminator.trainable
    G, D = KerasNetwork(gan.generator), KerasNetwork(gan.discriminator)
    assert (G.output_shape, D.input_shapes) == ((1, 28, 28), ((1, 28, 28),))
    logits = D.without_sigmoid()
    assert logits is not None
    logits(G(noise(2, 100))).sum().backward()
    assert all(p.grad is not None for p in (*G.parameters(), *D.parameters()))
    norms = [layer for layer in G.layers_inside() if isinstance(layer, L.BatchNormalization)]
    assert [layer.momentum for layer in norms] == [0.8] * 3


def test_the_sentence_reaches_the_repaired_discriminator_only() -> None:
    with nothing_left_behind(), tensorflow_stand_in():
        code = runpy.run_path(str(EXAMPLES / "sentence_condition.py"))
        printed, repaired = code["discriminator_as_printed"](32), code["discriminator_repaired"](32)
        g = code["generator"](32)
    G = KerasNetwork(g)
    assert (G.input_shapes, G.output_shape) == (((100,), (384,)), (3, 32, 32))
    picture = G(noise(4, 100), noise(4, 384))
    for model, reached in ((printed, False), (repaired, True)):
        D = KerasNetwork(model).eval()
        assert D.input_shapes == ((3, 32, 32), (384,))
        difference = (D(picture, noise(4, 384)) - D(picture, noise(4, 384, seed=1))).abs().max()
        assert (difference > 0) == reached
    convolutions = [
        [x for x in KerasNetwork(model).layers_inside() if isinstance(x, L.Conv2D)] for model in (printed, repaired)
    ]
    assert list(map(len, convolutions)) == [1, 8]


OLD_WORDS = """
import tensorflow as tf
import tensorflow.keras as K
from tensorflow import keras
from tensorflow.keras import layers, Model
from tensorflow.keras.layers import *
from tensorflow.python.keras.layers import Dense as PythonDense
from tensorflow.keras.preprocessing.image import ImageDataGenerator
from keras.layers.advanced_activations import LeakyReLU
from keras.layers.convolutional import UpSampling2D, Conv2D, ZeroPadding2D
from keras.layers.core import Dense
from keras.optimizers import Adam
from keras.engine.topology import Layer
from keras.utils.np_utils import to_categorical
import keras as plain

@tf.function
def train_step(x):
    with tf.GradientTape():
        return x

@tf.function(jit_compile=True)
def other_step(x):
    return x

class Own(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)
    def call(self, x):
        return self.dense(x)

class OwnLayer(Layer):
    pass

class OwnOptimizer(keras.optimizers.Optimizer):
    pass

def build():
    model = keras.Sequential()
    model.add(Dense(4 * 4 * 3, input_shape=[7]))
    model.add(LeakyReLU(alpha=0.2))
    model.add(K.layers.BatchNormalization(momentum=0.8))
    model.add(Reshape((4, 4, 3)))
    model.add(UpSampling2D())
    model.add(ZeroPadding2D(padding=((0, 1), (0, 1))))
    model.add(Conv2D(3, kernel_size=3, activation="tanh"))
    model.compile(loss="binary_crossentropy", optimizer=Adam(lr=0.0002, beta_1=0.5, decay=1e-6))
    model.summary()
    return model

def optimizers():
    return [Adam(lr=0.25), Adam(0.25, 0.5), plain.optimizers.RMSprop(lr=0.25), tf.keras.optimizers.Adam(lr=0.25),
            tf.keras.optimizers.SGD(learning_rate=0.25), keras.optimizers.legacy.Adam(lr=0.25)]
"""


def test_code_in_the_words_of_keras_2_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gan.py").write_text(OLD_WORDS)
    with nothing_left_behind(), tensorflow_stand_in():
        code = runpy.run_path(str(tmp_path / "gan.py"))
        model = code["build"]()
        rates = [float(np.asarray(optimizer.get_config()["learning_rate"])) for optimizer in code["optimizers"]()]
    assert "Total params" in capsys.readouterr().out
    assert rates == [0.25] * 6
    assert KerasNetwork(model).output_shape == (3, 7, 7)
    own = code["Own"]()  # what was imported inside goes on working
    assert called(own, torch.zeros(3, 5)).weights[0].shape == (5, 2)
    assert isinstance(own, keras.Model)
    assert code["tf"].keras.layers.Dense is L.Dense
    assert code["tf"].__version__.startswith("2.")
    assert type(code["Adam"](lr=0.1)) is type(keras.optimizers.Adam())
    for step in ("train_step", "other_step"):
        with pytest.raises(SparringError, match=step):
            code[step](1)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import tensorflow as tf\ntf.data.Dataset", "tensorflow.data"),
        ("import tensorflow as tf\ntf.GradientTape()", "tensorflow.GradientTape"),
        ("import tensorflow.data", "tensorflow.data"),
        ("from tensorflow import nn", "tensorflow.nn"),
        ("from tensorflow.keras.layers import MaxoutDense", "tensorflow.keras.layers.MaxoutDense"),
        ("from tensorflow.keras.nonsense import x", "tensorflow.keras.nonsense"),
        ("import tensorflow as tf\ntf.keras.nonsense", "tensorflow.keras.nonsense"),
        ("from keras.layers.merge import _Merge", "keras.layers.merge._Merge"),
    ],
)
def test_what_keras_cannot_stand_in_for_is_told(code: str, name: str) -> None:
    with nothing_left_behind(), tensorflow_stand_in(), pytest.raises(SparringError) as told:
        exec(code, {})
    assert f"uses {name}" in str(told.value)
    assert "keras.ops" in told.value.fix


def test_keras_itself_never_takes_the_stand_in_for_tensorflow() -> None:
    from keras.src.utils import module_utils

    module_utils.tensorflow._available = None  # as if Keras had not looked yet
    with nothing_left_behind(), tensorflow_stand_in():
        import tensorflow

        assert tensorflow.keras.layers.Dense is L.Dense
        assert not module_utils.tensorflow.available
        model = g_model()
        model.compile("sgd", "mse")
        model.fit(noise(4, 6).numpy(), np.zeros((4, 8, 8, 3)), verbose=0)
    with pytest.raises(ModuleNotFoundError):
        import tensorflow
