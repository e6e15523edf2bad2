"""Faults of the setup (SP2), in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import Built, Faulty, gather
from .torch_held_out import make_d, make_g, make_trunk

PROGRAMS: list[Faulty] = []
fault = gather(PROGRAMS)

SMALL: dict[str, Any] = {"size": 32, "latent": 64}


# SP201 output-range-mismatch


@fault("SP201")
def tanh_for_pictures_from_totensor() -> Built:
    """ToTensor gives [0, 1], and Normalize was forgotten."""
    return make_g(), make_d(), SMALL | {"data": torch.rand(32, 3, 32, 32), "range": (0, 1)}


@fault("SP201")
def tanh_for_bytes() -> Built:
    return make_g(), make_d(), SMALL | {"data": torch.randint(0, 256, (32, 3, 32, 32)).float(), "range": (0, 255)}


@fault("SP201")
def sigmoid_for_data_in_minus_one_to_one() -> Built:
    G = make_g()
    G[-1] = nn.Sigmoid()
    return G, make_d(), SMALL | {"data": torch.rand(32, 3, 32, 32) * 2 - 1}


@fault("SP201")
def relu_at_the_end_of_g() -> Built:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = make_g()[:-1]

        def forward(self, z: Tensor) -> Tensor:
            return F.relu(self.body(z))

    return G(), make_d(), SMALL


# SP202 probabilities-into-logit-loss


@fault("SP202")
def sigmoid_and_bce_with_logits() -> Built:
    return make_g(), nn.Sequential(make_d(), nn.Sigmoid()), SMALL | {"loss": "bce-logits"}


@fault("SP202")
def sigmoid_as_a_function_deep_in_forward() -> Built:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.end = make_trunk(), nn.Linear(512, 1)

        def forward(self, x: Tensor) -> Tensor:
            validity = self.end(self.trunk(x))
            return 1 / (1 + torch.exp(-validity.view(-1)))

    return make_g(), D(), SMALL


@fault("SP202")
def patches_of_probabilities_averaged() -> Built:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(
                nn.Conv2d(3, 16, 4, 2, 1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(16, 32, 4, 2, 1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(32, 1, 3, 1, 1),
            )

        def forward(self, x: Tensor) -> Tensor:
            return F.adaptive_avg_pool2d(torch.sigmoid(self.net(x)), 1).flatten(1)

    return make_g(), D(), SMALL


# SP203 logits-into-probability-loss


@fault("SP203")
def logits_and_bceloss() -> Built:
    return make_g(), make_d(), SMALL | {"loss": "bce"}


@fault("SP203")
def tanh_and_bceloss() -> Built:
    return make_g(), nn.Sequential(make_d(), nn.Tanh()), SMALL | {"loss": "bce"}


# SP204 sigmoid-with-bce


@fault("SP204")
def dcgan_example_with_its_sigmoid() -> Built:
    D = nn.Sequential(
        nn.Conv2d(3, 16, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(16, 32, 4, 2, 1, bias=False), nn.BatchNorm2d(32),
        nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(32, 32, 4, 2, 1, bias=False), nn.BatchNorm2d(32),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(32, 1, 4, 1, 0, bias=False), nn.Sigmoid(),
    )  # fmt: skip
    return make_g(), D, SMALL | {"loss": "bce"}


@fault("SP204")
def sigmoid_method_and_bceloss() -> Built:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.end = make_trunk(), nn.Linear(512, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.end(self.trunk(x)).sigmoid().squeeze(1)

    return make_g(), D(), SMALL | {"loss": "bce"}


# SP205 bounded-critic


@fault("SP205")
def critic_with_the_sigmoid_of_the_old_gan() -> Built:
    return make_g(), nn.Sequential(make_d(), nn.Sigmoid()), SMALL | {"loss": "wasserstein", "d_lr": 5e-5, "g_lr": 5e-5}


@fault("SP205")
def tanh_under_hinge() -> Built:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = make_d()

        def forward(self, x: Tensor) -> Tensor:
            return self.layers(x).tanh()

    return make_g(), D(), SMALL | {"loss": "hinge"}


@fault("SP205")
def sigmoid_under_gradient_penalty() -> Built:
    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.main, self.act = make_d(), nn.Sigmoid()

        def forward(self, x: Tensor) -> Tensor:
            out = self.act(self.main(x))
            return out.view(-1, 1).squeeze(1)

    return make_g(), D(), SMALL | {"loss": "wasserstein-gp"}


# SP206 softmax-on-one-unit


@fault("SP206")
def softmax_after_one_unit() -> Built:
    return make_g(), nn.Sequential(make_d(), nn.Softmax(dim=1)), SMALL | {"loss": "bce"}


@fault("SP206")
def cross_entropy_over_one_unit() -> Built:
    return make_g(), make_d(), SMALL | {"loss": "softmax"}


# SP207 batch-norm-under-penalty


@fault("SP207")
def dcgan_discriminator_under_gradient_penalty() -> Built:
    D = nn.Sequential(
        nn.Conv2d(3, 16, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(16, 32, 4, 2, 1),
        nn.BatchNorm2d(32),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(2048, 1),
    )
    return make_g(), D, SMALL | {"loss": "wasserstein-gp"}


@fault("SP207")
def batch_norm_by_a_function_under_gradient_penalty() -> Built:
    """A table; the normalisation is F.batch_norm, without running statistics."""

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(9, 64), nn.Linear(64, 64), nn.Linear(64, 1)

        def forward(self, x: Tensor) -> Tensor:
            h = F.leaky_relu(F.batch_norm(self.a(x), None, None, training=True), 0.2)
            return self.c(F.leaky_relu(self.b(h), 0.2))

    G = nn.Sequential(nn.Linear(16, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 9))
    return G, D(), {"latent": 16, "data": torch.randn(64, 9), "range": (-5, 5), "loss": "wasserstein-gp"}


# SP208 batch-norm-tiny-batch


@fault("SP208")
def batch_of_four_with_batch_norm() -> Built:
    return make_g(), make_d(), SMALL | {"batch": 4}


@fault("SP208")
def batch_of_two_for_a_normalised_unet() -> Built:
    G = nn.Sequential(
        nn.Conv2d(3, 16, 4, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.ConvTranspose2d(16, 16, 4, 2, 1),
        nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 3, 3, 1, 1), nn.Tanh()
    )  # fmt: skip
    source, target = torch.rand(2, 2, 3, 32, 32) * 2 - 1
    return G, make_d(), {"size": 32, "g_inputs": (source,), "data": target, "batch": 2}


# SP209 bias-before-norm


@fault("SP209")
def biases_that_the_norm_removes() -> Built:
    return make_g(), make_d(), SMALL


# SP210 no-bias-no-norm


@fault("SP210")
def hidden_layers_without_any_shift() -> Built:
    """use_bias=False was copied from a program with batch norm, the batch norm was not."""
    G = nn.Sequential(
        nn.Linear(64, 512, bias=False), nn.Unflatten(1, (32, 4, 4)), nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False), nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(16, 16, 4, 2, 1, bias=False), nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(16, 16, 4, 2, 1, bias=False), nn.LeakyReLU(0.2),
        nn.Conv2d(16, 3, 3, 1, 1), nn.Tanh(),
    )  # fmt: skip
    return G, make_d(), SMALL


@fault("SP210")
def spectral_norm_taken_for_a_norm() -> Built:
    sn = nn.utils.parametrizations.spectral_norm
    D = nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1), nn.LeakyReLU(0.1), sn(nn.Conv2d(16, 16, 4, 2, 1, bias=False)), nn.LeakyReLU(0.1),
        sn(nn.Conv2d(16, 32, 4, 2, 1, bias=False)), nn.LeakyReLU(0.1), sn(nn.Conv2d(32, 32, 4, 2, 1, bias=False)),
        nn.LeakyReLU(0.1),
        nn.Flatten(), nn.Linear(512, 1),
    )  # fmt: skip
    return make_g(), D, SMALL | {"loss": "hinge"}


# SP211 checkerboard-upsampling


@fault("SP211")
def kernel_three_stride_two() -> Built:
    def up(i: int, o: int) -> nn.ConvTranspose2d:
        return nn.ConvTranspose2d(i, o, 3, stride=2, padding=1, output_padding=1)

    G = nn.Sequential(
        nn.Linear(64, 512),
        nn.ReLU(),
        nn.Unflatten(1, (32, 4, 4)),
        up(32, 16),
        nn.ReLU(),
        up(16, 16),
        nn.ReLU(),
        up(16, 3),
        nn.Tanh(),
    )
    return G, make_d(), SMALL


# SP212 receptive-field-small


@fault("SP212")
def discriminator_of_single_pixels() -> Built:
    D = nn.Sequential(
        nn.Conv2d(3, 32, 1), nn.LeakyReLU(0.2), nn.Conv2d(32, 32, 1), nn.LeakyReLU(0.2), nn.Conv2d(32, 1, 1)
    )
    return make_g(), D, SMALL


@fault("SP212")
def patches_of_five_px_of_a_large_picture() -> Built:
    D = nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 3, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    G = nn.Sequential(make_g(), nn.Upsample(scale_factor=2))
    return G, D, {"size": 64, "latent": 64}


# SP213 linear-stack


@fault("SP213")
def discriminator_without_activations() -> Built:
    D = nn.Sequential(
        nn.Conv2d(3, 16, 4, 2, 1),
        nn.Conv2d(16, 32, 4, 2, 1),
        nn.Conv2d(32, 32, 4, 2, 1),
        nn.Flatten(),
        nn.Linear(512, 1),
    )
    return make_g(), D, SMALL


@fault("SP213")
def activation_made_and_not_applied() -> Built:
    class G(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.fc2, self.fc3 = nn.Linear(64, 128), nn.Linear(128, 256), nn.Linear(256, 784)
            self.relu = nn.ReLU()

        def forward(self, z: Tensor) -> Tensor:
            return torch.tanh(self.fc3(self.relu(self.fc2(self.fc1(z))))).view(-1, 1, 28, 28)

    D = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1))
    return G(), D, {"latent": 64, "size": 28, "channels": 1}


# SP214 dead-units


@fault("SP214")
def relus_below_a_bias_of_minus_ten() -> Built:
    D = nn.Sequential(
        nn.Conv2d(3, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(2048, 1)
    )
    nn.init.constant_(D[2].bias, -10.0)
    return make_g(), D, SMALL


@fault("SP214")
def most_of_gs_hidden_units_dead() -> Built:
    G = nn.Sequential(
        nn.Linear(64, 256),
        nn.ReLU(),
        nn.Linear(256, 256),
        nn.ReLU(),
        nn.Linear(256, 3 * 1024),
        nn.Tanh(),
        nn.Unflatten(1, (3, 32, 32)),
    )
    with torch.no_grad():
        G[2].weight[:200] = -G[2].weight[:200].abs()  # what a step too large leaves behind
        G[2].bias[:200] = -1
    return G, make_d(), SMALL


# SP215 unequal-capacity


@fault("SP215")
def discriminator_of_fifty_parameters() -> Built:
    G = nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 3072), nn.Tanh(), nn.Unflatten(1, (3, 32, 32)))
    D = nn.Sequential(nn.Conv2d(3, 2, 2, 2), nn.LeakyReLU(0.2), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(18, 1))
    return G, D, SMALL


# SP216 learning-rate-out-of-band


@fault("SP216")
def rate_of_sgd_given_to_adam() -> Built:
    return make_g(), make_d(), SMALL | {"d_lr": 0.1, "g_lr": 2e-4}


@fault("SP216")
def rate_of_g_with_a_zero_too_many() -> Built:
    return make_g(), make_d(), SMALL | {"d_lr": 2e-4, "g_lr": 2e-9}


# SP217 saturating-generator-loss


@fault("SP217")
def minimax_as_in_the_first_equation() -> Built:
    return make_g(), make_d(), SMALL | {"loss": "saturating"}


@fault("SP217")
def logs_of_probabilities_as_in_the_book() -> Built:
    return make_g(), nn.Sequential(make_d(), nn.Sigmoid()), SMALL | {"loss": "log"}


# SP218 initial-scale


@fault("SP218")
def weights_from_a_standard_normal() -> Built:
    D = make_d()
    for m in D.modules():
        if isinstance(m, nn.Conv2d | nn.Linear):
            nn.init.normal_(m.weight)
    return make_g(), D, SMALL


@fault("SP218")
def last_weights_of_g_next_to_zero() -> Built:
    """The fakes are all gray, and a thousandth of a step apart."""
    G = make_g()
    nn.init.normal_(G[-2].weight, 0.0, 1e-6)
    nn.init.zeros_(G[-2].bias)
    return G, make_d(), SMALL


# SP208 and SP110 in other clothes


@fault("SP208")
def batch_norm_over_a_single_pair() -> Built:
    D = nn.Sequential(nn.Flatten(), nn.Linear(3072, 64), nn.BatchNorm1d(64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    G = nn.Sequential(
        nn.Linear(64, 256), nn.LeakyReLU(0.2), nn.Linear(256, 3072), nn.Tanh(), nn.Unflatten(1, (3, 32, 32))
    )
    return G, D, SMALL | {"batch": 3}


@fault("SP110")
def labels_made_boolean() -> Built:
    """Of ten classes two are left: the first, and all others."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.net = nn.Embedding(2, 16), make_g(80)

        def forward(self, z: Tensor, labels: Tensor) -> Tensor:
            return self.net(torch.cat([z, self.embed((labels > 0).long())], 1))

    class D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.embed, self.end = make_trunk(), nn.Embedding(10, 512), nn.Linear(512, 1)

        def forward(self, x: Tensor, labels: Tensor) -> Tensor:
            h = self.trunk(x)
            return self.end(h) + (h * self.embed(labels)).mean(1, keepdim=True)

    return Net(), D(), SMALL | {"condition": "class:10"}
