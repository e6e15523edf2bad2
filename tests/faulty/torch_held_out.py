"""Faults of the wiring (SP1) that the two networks show by themselves, in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import Built, Faulty, gather

PROGRAMS: list[Faulty] = []
fault = gather(PROGRAMS)

SMALL: dict[str, Any] = {"size": 32, "latent": 64}
CLASSES = SMALL | {"condition": "class:10"}
TEXT = SMALL | {"condition": "vector:384"}


def make_g(nz: int = 64, nc: int = 3, c: int = 16) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(nz, c * 2 * 16), nn.Unflatten(1, (c * 2, 4, 4)), nn.BatchNorm2d(c * 2), nn.ReLU(),
        nn.ConvTranspose2d(c * 2, c, 4, 2, 1), nn.BatchNorm2d(c), nn.ReLU(),
        nn.ConvTranspose2d(c, c, 4, 2, 1), nn.BatchNorm2d(c), nn.ReLU(), nn.ConvTranspose2d(c, nc, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip


def make_trunk(nc: int = 3, c: int = 16) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(nc, c, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(c, c * 2, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(c * 2, c * 2, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(),
    )  # fmt: skip


def make_d(nc: int = 3) -> nn.Sequential:
    return nn.Sequential(make_trunk(nc), nn.Linear(512, 1))


class ClassG(nn.Module):
    """Does it right."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.net = nn.Embedding(10, 16), make_g(80)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.net(torch.cat([z, self.embed(labels)], 1))


class ClassD(nn.Module):
    """Does it right."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.embed, self.end = make_trunk(), nn.Embedding(10, 512), nn.Linear(512, 1)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        h = self.trunk(x)
        return self.end(h) + (h * self.embed(labels)).mean(1, keepdim=True)


class TextG(nn.Module):
    """Does it right."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.net = nn.Linear(384, 32), make_g(96)

    def forward(self, z: Tensor, text: Tensor) -> Tensor:
        return self.net(torch.cat([z, self.text(text)], 1))


class TextD(nn.Module):
    """Does it right."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.text, self.end = make_trunk(), nn.Linear(384, 32), nn.Linear(544, 1)

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        return self.end(torch.cat([self.trunk(x), self.text(text)], 1))


# SP101 input-unreachable


@fault("SP101")
def condition_overwritten_by_the_next_line() -> Built:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.text_fc, self.z_fc, self.net = nn.Linear(384, 64), nn.Linear(64, 64), make_g(64)

        def forward(self, z: Tensor, text: Tensor) -> Tensor:
            x = F.relu(self.text_fc(text))
            x = F.relu(self.z_fc(z))
            return self.net(x)

    return G(), TextD(), TEXT


@fault("SP101")
def discriminator_embeds_labels_and_forgets_them() -> Built:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.label_embedding, self.trunk, self.end = nn.Embedding(10, 32 * 32), make_trunk(3), nn.Linear(512, 1)

        def forward(self, img: Tensor, labels: Tensor) -> Tensor:
            plane = self.label_embedding(labels).view(-1, 1, 32, 32)
            d_in = torch.cat([img, plane], 1)
            return self.end(self.trunk(d_in[:, :3]))

    return ClassG(), D(), CLASSES


@fault("SP101")
def constant_input_without_any_style() -> Built:
    """The latent is mapped and then not used: every fake is the same picture."""

    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mapping = nn.Sequential(nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64))
            self.const, self.synthesis = nn.Parameter(torch.randn(1, 32, 4, 4)), make_g()[2:]

        def forward(self, z: Tensor) -> Tensor:
            w = self.mapping(z)
            return self.synthesis(self.const.expand(w.shape[0], -1, -1, -1))

    return G(), make_d(), SMALL


@fault("SP101")
def label_divided_to_zero() -> Built:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale, self.net = nn.Linear(1, 16), make_g(80)

        def forward(self, z: Tensor, labels: Tensor) -> Tensor:
            y = labels.view(-1, 1) // 10  # to [0, 1]
            return self.net(torch.cat([z, self.scale(y.float())], 1))

    return G(), ClassD(), CLASSES


@fault("SP101")
def gate_is_a_softmax_over_one_number() -> Built:
    """The text should open or close the picture's features; a softmax over one number is 1."""

    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate, self.first, self.rest = nn.Linear(384, 1), nn.Linear(64, 64), make_g(64)

        def forward(self, z: Tensor, text: Tensor) -> Tensor:
            attention = torch.softmax(self.gate(text), dim=-1)
            return self.rest(attention * F.relu(self.first(z)))

    return G(), TextD(), TEXT


@fault("SP101")
def hidden_state_made_from_z_and_not_passed() -> Built:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.init_h, self.start = nn.Linear(32, 24), nn.Parameter(torch.randn(1, 12, 4))
            self.gru, self.out = nn.GRU(4, 24, batch_first=True), nn.Linear(24, 4)

        def forward(self, z: Tensor) -> Tensor:
            h0 = torch.tanh(self.init_h(z)).unsqueeze(0)
            steps = self.start.repeat(h0.size(1), 1, 1)
            out, _ = self.gru(steps)
            return torch.tanh(self.out(out))

    D = nn.Sequential(nn.Flatten(), nn.Linear(48, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
    return G(), D, {"latent": 32, "data": torch.rand(16, 12, 4) * 2 - 1}


@fault("SP101")
def discriminator_looks_at_the_text_alone() -> Built:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.project = make_trunk(), nn.Linear(384, 512)
            self.end = nn.Sequential(nn.LeakyReLU(0.2), nn.Linear(512, 1))

        def forward(self, image: Tensor, text: Tensor) -> Tensor:
            features = self.trunk(image)
            features = self.project(text).view_as(features)
            return self.end(features)

    return TextG(), D(), TEXT


# SP102 layers-unreachable


@fault("SP102")
def loop_feeds_every_block_with_the_same_input() -> Built:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.project = nn.Linear(64, 16 * 16)
            self.blocks = nn.ModuleList(
                nn.Sequential(nn.Conv2d(16, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.ReLU()) for _ in range(4)
            )
            self.up = nn.Sequential(nn.Upsample(scale_factor=8), nn.Conv2d(16, 3, 3, 1, 1), nn.Tanh())

        def forward(self, z: Tensor) -> Tensor:
            h = self.project(z).view(-1, 16, 4, 4)
            for block in self.blocks:
                out = block(h)
            return self.up(out)

    return G(), make_d(), SMALL


@fault("SP102")
def residual_branch_computed_and_not_returned() -> Built:
    class Residual(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(c, c, 3, 1, 1), nn.Conv2d(c, c, 3, 1, 1)

        def forward(self, x: Tensor) -> Tensor:
            h = F.leaky_relu(self.conv1(x), 0.2)
            h = self.conv2(h)
            return F.leaky_relu(x, 0.2)

    D = nn.Sequential(
        nn.Conv2d(3, 16, 4, 4), Residual(16), nn.Conv2d(16, 32, 4, 2, 1), Residual(32), nn.Flatten(), nn.Linear(512, 1)
    )
    return make_g(), D, SMALL


@fault("SP102")
def third_convolution_never_called() -> Built:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(3, 16, 4, 2, 1), nn.Conv2d(16, 32, 4, 2, 1)
            self.conv3, self.bn3 = nn.Conv2d(32, 32, 3, 1, 1), nn.BatchNorm2d(32)
            self.fc = nn.Linear(32 * 64, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = F.leaky_relu(self.conv1(x), 0.2)
            x = F.leaky_relu(self.conv2(x), 0.2)
            return self.fc(x.flatten(1))

    return make_g(), D(), SMALL


@fault("SP102")
def returns_before_the_last_stage() -> Built:
    """A flag that was meant for debugging stays on."""

    class G(nn.Module):
        def __init__(self, low_res: bool = True) -> None:
            super().__init__()
            self.low_res, self.body = low_res, make_g()[:-2]
            self.low, self.refine = (
                nn.ConvTranspose2d(16, 3, 4, 2, 1),
                nn.Sequential(*(nn.Conv2d(3, 3, 3, 1, 1) for _ in range(3))),
            )

        def forward(self, z: Tensor) -> Tensor:
            coarse = torch.tanh(self.low(self.body(z)))
            if self.low_res:
                return coarse
            return torch.tanh(self.refine(coarse))

    return G(), make_d(), SMALL


# SP103 shape-mismatch


@fault("SP103")
def gray_generator_colour_discriminator() -> Built:
    return make_g(nc=1), make_d(3), SMALL


@fault("SP103")
def data_with_channels_last() -> Built:
    pictures = np.random.default_rng(0).uniform(-1, 1, (16, 32, 32, 3)).astype(np.float32)
    return make_g(), make_d(), SMALL | {"data": torch.from_numpy(pictures)}


@fault("SP103")
def generator_of_28_px_for_pictures_of_32() -> Built:
    G = nn.Sequential(
        nn.Linear(64, 16 * 49), nn.ReLU(), nn.Unflatten(1, (16, 7, 7)), nn.ConvTranspose2d(16, 16, 4, 2, 1),
        nn.BatchNorm2d(16), nn.ReLU(),
        nn.ConvTranspose2d(16, 3, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    D = nn.Sequential(nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 16, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(256, 1))  # fmt: skip
    return G, D, SMALL | {"data": torch.rand(16, 3, 32, 32) * 2 - 1}


@fault("SP103")
def discriminator_flattened_for_another_size() -> Built:
    return make_g(), make_d(), {"size": 64, "latent": 64}


# SP104 parameters-frozen


@fault("SP104")
def layers_in_a_plain_list() -> Built:
    """`.parameters()` does not see them, so no optimiser will."""

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = [nn.Conv2d(i, o, 4, 2, 1) for i, o in ((3, 16), (16, 32), (32, 32))]
            self.end = nn.Linear(512, 1)

        def forward(self, x: Tensor) -> Tensor:
            for conv in self.convs:
                x = F.leaky_relu(conv(x), 0.2)
            return self.end(x.flatten(1))

    return make_g(), D(), SMALL


@fault("SP104")
def discriminator_frozen_for_the_first_g_step_and_left() -> Built:
    D = make_d()
    for p in D.parameters():
        p.requires_grad = False
    return make_g(), D, SMALL


@fault("SP104")
def fine_tuning_that_spared_a_layer_of_another_name() -> Built:
    """All but the last layer should be frozen; no layer has that name here."""
    G = make_g()
    for name, p in G.named_parameters():
        p.requires_grad = name.startswith("to_rgb")
    return G, make_d(), SMALL


@fault("SP104")
def weight_that_is_no_parameter() -> Built:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = make_trunk()
            self.w1 = torch.randn(64, 512).mul_(0.05).requires_grad_()
            self.b1, self.end = torch.zeros(64, requires_grad=True), nn.Linear(64, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.end(F.leaky_relu(F.linear(self.trunk(x), self.w1, self.b1), 0.2))

    return make_g(), D(), SMALL


# SP105 optimizer-crossed


@fault("SP105")
def one_embedding_for_both_networks() -> Built:
    embedding = nn.Embedding(10, 16)

    class G(ClassG):
        def __init__(self) -> None:
            super().__init__()
            self.embed = embedding

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.trunk, self.end = embedding, make_trunk(), nn.Linear(528, 1)

        def forward(self, x: Tensor, labels: Tensor) -> Tensor:
            return self.end(torch.cat([self.trunk(x), self.embed(labels)], 1))

    return G(), D(), CLASSES


@fault("SP105")
def discriminator_built_on_the_generators_encoder() -> Built:
    encoder = nn.Sequential(nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2))
    G = nn.Sequential(
        encoder, nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 3, 4, 2, 1), nn.Tanh()
    )
    D = nn.Sequential(encoder, nn.Flatten(), nn.Linear(32 * 64, 1))
    x = torch.rand(8, 3, 32, 32) * 2 - 1
    return G, D, {"size": 32, "g_inputs": (x,), "data": x.flip(0)}


# SP106 generator-detached


@fault("SP106")
def no_grad_left_on_the_generators_forward() -> Built:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = make_g()

        @torch.no_grad()
        def forward(self, z: Tensor) -> Tensor:
            return self.net(z)

    return G(), make_d(), SMALL


@fault("SP106")
def discriminator_detaches_its_input() -> Built:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = make_d()

        def forward(self, x: Tensor) -> Tensor:
            x = x.detach()  # do not train G here
            return self.net(x)

    return make_g(), D(), SMALL


@fault("SP106")
def augmentation_by_numpy_in_the_discriminator() -> Built:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = make_d()

        def augment(self, x: Tensor) -> Tensor:
            a = x.detach().cpu().numpy()[..., ::-1]
            return torch.from_numpy(np.ascontiguousarray(a))

        def forward(self, x: Tensor) -> Tensor:
            return self.net(self.augment(x))

    return make_g(), D(), SMALL


@fault("SP106")
def frozen_features_under_no_grad() -> Built:
    """Frozen weights are right; no_grad also takes away the gradient to the picture."""

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features, self.head = (
                make_trunk().requires_grad_(False),
                nn.Sequential(nn.Linear(512, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1)),
            )

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                h = self.features(x)
            return self.head(h)

    return make_g(), D(), SMALL | {"loss": "hinge"}


@fault("SP106")
def tokens_by_argmax() -> Built:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.start, self.cell, self.logits = nn.Linear(32, 32), nn.GRUCell(20, 32), nn.Linear(32, 20)

        def forward(self, z: Tensor) -> Tensor:
            h, token, out = torch.tanh(self.start(z)), torch.zeros(len(z), 20), []
            for _ in range(8):
                h = self.cell(token, h)
                token = F.one_hot(self.logits(h).argmax(1), 20).float()
                out.append(token)
            return torch.stack(out, 1)

    D = nn.Sequential(nn.Flatten(), nn.Linear(160, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    text = F.one_hot(torch.randint(0, 20, (16, 8)), 20).float()
    return G(), D, {"latent": 32, "data": text, "range": (0, 1)}


@fault("SP106")
def pictures_quantised_to_bytes() -> Built:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = make_g()

        def forward(self, z: Tensor) -> Tensor:
            image = ((self.net(z) + 1) * 127.5).to(torch.uint8)
            return image.float() / 127.5 - 1

    return G(), make_d(), SMALL


@fault("SP106")
def data_attribute_where_the_discriminator_normalises() -> Built:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = make_d()

        def forward(self, x: Tensor) -> Tensor:
            mean, std = x.data.mean((2, 3), keepdim=True), x.data.std((2, 3), keepdim=True)
            return self.net((x.data - mean) / (std + 1e-5))

    return make_g(), D(), SMALL


# SP110 condition-indistinct


@fault("SP110")
def label_map_where_the_class_is_a_band_of_rows() -> Built:
    """As in a well-known tutorial: a class is three rows of ones in a map of zeros, all channels alike."""

    def bands(labels: Tensor) -> Tensor:
        maps = torch.zeros(len(labels), 3, 32, 32)
        for i, k in enumerate(labels.tolist()):
            maps[i, :, k * 3 : k * 3 + 3] = 1
        return maps

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = make_d(6)

        def forward(self, x: Tensor, labels: Tensor) -> Tensor:
            return self.net(torch.cat([x, bands(labels)], 1))

    return ClassG(), D(), CLASSES


@fault("SP110")
def caption_reduced_to_its_mean() -> Built:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = make_g(65)

        def forward(self, z: Tensor, text: Tensor) -> Tensor:
            return self.net(torch.cat([z, F.normalize(text, dim=1).mean(1, keepdim=True)], 1))

    return G(), TextD(), TEXT


@fault("SP110")
def label_as_a_small_number_among_many() -> Built:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = make_g(65)

        def forward(self, z: Tensor, labels: Tensor) -> Tensor:
            return self.net(torch.cat([z, labels.float()[:, None] / 1000], 1))

    return G(), ClassD(), CLASSES


# SP111 training-mode-off


@fault("SP111")
def generator_left_in_eval_after_sampling() -> Built:
    G = make_g()
    G.eval()
    with torch.no_grad():
        G(torch.randn(4, 64))  # a first grid of samples
    return G, make_d(), SMALL


@fault("SP111")
def discriminators_dropout_switched_off() -> Built:
    D = nn.Sequential(
        make_trunk(), nn.Dropout(0.5), nn.Linear(512, 64), nn.LeakyReLU(0.2), nn.Dropout(0.5), nn.Linear(64, 1)
    )
    D.train(False)
    return make_g(), D, SMALL


@fault("SP111")
def batch_norms_of_g_set_to_eval_one_by_one() -> Built:
    G = make_g()
    for m in G.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.eval()
    return G, make_d(), SMALL
