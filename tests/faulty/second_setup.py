"""The second unseen set, continued: faults of steps, conditions, losses and layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from . import Built, Faulty, gather
from .second import LabelledCritic, critic, painter, photos

PROGRAMS: list[Faulty] = []
fault = gather(PROGRAMS)


# ---- steps


@fault("SP107")
def critic_gradients_never_cleared() -> Built:
    def step(G, D, real, g_optimizer, d_optimizer):
        z = torch.randn(len(real), 100)
        (F.relu(1 - D(real)).mean() + F.relu(1 + D(G(z).detach())).mean()).backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        (-D(G(z)).mean()).backward()
        g_optimizer.step()

    return painter(), critic(), {"data": photos(3, 16), "loss": "hinge", "step": step}


@fault("SP107")
def zero_grad_after_backward_only_for_the_wrong_one() -> Built:
    def update(G, D, real, g_optimizer, d_optimizer):
        d_optimizer.zero_grad()
        fake = G(torch.randn(len(real), 100))
        (((D(real) - 1) ** 2).mean() + (D(fake.detach()) ** 2).mean()).backward()
        d_optimizer.step()
        d_optimizer.zero_grad()  # meant: g_optimizer
        ((D(fake) - 1) ** 2).mean().backward()
        g_optimizer.step()

    return painter(), critic(), {"data": photos(3, 16), "loss": "least-squares", "step": update}


@fault("SP109")
def fake_goes_undetached_into_the_critics_loss() -> Built:
    def step(G, D, real, g_optimizer, d_optimizer):
        d_optimizer.zero_grad()
        (D(G(torch.randn(len(real), 100))).mean() - D(real).mean()).backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        (-D(G(torch.randn(len(real), 100))).mean()).backward()
        g_optimizer.step()

    return painter(), critic(), {"data": photos(3, 16), "loss": "wasserstein", "step": step}


@fault("SP112")
def seed_set_at_the_top_of_every_step() -> Built:
    def step(G, D, real, g_optimizer, d_optimizer):
        torch.manual_seed(42)
        z = torch.randn(len(real), 100)
        d_optimizer.zero_grad()
        (F.softplus(-D(real)) + F.softplus(D(G(z).detach()))).mean().backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        F.softplus(-D(G(z))).mean().backward()
        g_optimizer.step()

    return painter(), critic(), {"data": photos(3, 16), "loss": "bce-logits", "step": step}


@fault("SP112")
def fixed_noise_of_the_sample_grid_trains() -> Built:
    fixed_noise = torch.randn(8, 100)

    def step(G, D, real, g_optimizer, d_optimizer):
        d_optimizer.zero_grad()
        (F.relu(1 - D(real)).mean() + F.relu(1 + D(G(fixed_noise).detach())).mean()).backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        (-D(G(fixed_noise)).mean()).backward()
        g_optimizer.step()

    return painter(), critic(), {"data": photos(3, 16), "loss": "hinge", "step": step}


@fault("SP219")
def real_and_fake_share_a_batch_norm() -> Built:
    def step(G, D, real, g_optimizer, d_optimizer):
        fake = G(torch.randn(len(real), 100))
        both = torch.cat([real, fake.detach()])
        target = torch.cat([torch.ones(len(real), 1), torch.zeros(len(real), 1)])
        d_optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(D(both), target).backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(D(fake), target[: len(real)]).backward()
        g_optimizer.step()

    D = nn.Sequential(
        nn.Conv2d(3, 16, 4, 2, 1), nn.BatchNorm2d(16), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1),
        nn.BatchNorm2d(32), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(512, 1),
    )  # fmt: skip
    return painter(), D, {"data": photos(3, 16), "loss": "bce-logits", "step": step}


# ---- modes and conditions


@fault("SP110")
def text_enters_with_the_weight_of_dust() -> Built:
    class G(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = painter(484)

        def forward(self, z, text):
            return self.net(torch.cat([z, text * 1e-3], 1))

    class D(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.text, self.out = critic()[:-1], nn.Linear(384, 64), nn.Linear(32 * 16 + 64, 1)

        def forward(self, x, text):
            return self.out(torch.cat([self.body(x), F.leaky_relu(self.text(text), 0.2)], 1))

    return G(), D(), {"condition": "vector:384", "data": photos(3, 16), "loss": "hinge"}


@fault("SP110")
def labels_drawn_next_to_one() -> Built:
    """An embedding started at 1 with hardly any spread, to multiply the noise."""

    class G(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.net = nn.Embedding(10, 100), painter()
            nn.init.normal_(self.emb.weight, 1.0, 1e-4)

        def forward(self, z, y):
            return self.net(z * self.emb(y))

    return G(), LabelledCritic(), {"condition": "class:10", "data": photos(3, 16), "loss": "hinge"}


@fault("SP111")
def generator_left_in_eval_after_sampling() -> Built:
    G = painter()
    with torch.no_grad():
        G.eval()
        G(torch.randn(16, 100))
    return G, critic(), {"data": photos(3, 16), "loss": "bce-logits"}


@fault("SP111")
def critic_switches_its_dropout_off_in_forward() -> Built:
    class D(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(*critic()[:-1], nn.Dropout(0.4), nn.Linear(512, 1))

        def forward(self, x):
            self.net.eval()
            return self.net(x)

    return painter(), D(), {"data": photos(3, 16), "loss": "bce-logits"}


# ---- ranges and losses


@fault("SP201")
def tanh_against_bytes() -> Built:
    data = torch.randint(0, 256, (8, 3, 16, 16)).float()
    return painter(), critic(), {"data": data, "loss": "least-squares"}


@fault("SP201")
def table_in_tanh_of_columns_scaled_to_hundreds() -> Built:
    G = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 8), nn.Tanh())
    D = nn.Sequential(nn.Linear(8, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    return G, D, {"latent": 16, "data": torch.rand(64, 8) * 300 + 20, "loss": "bce-logits"}


@fault("SP201")
def pixels_as_probabilities_against_signed_photos() -> Built:
    class G(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = painter()[:-1]

        def forward(self, z):
            return torch.sigmoid(self.net(z))

    return G(), critic(), {"data": photos(3, 16), "loss": "hinge"}


@fault("SP202")
def sigmoid_in_the_second_return_line() -> Built:
    class D(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = critic()[:-1]
            self.fc = nn.Linear(512, 1)

        def forward(self, x):
            out = self.fc(self.features(x))
            return torch.sigmoid(out).squeeze(1)

    return painter(), D(), {"data": photos(3, 16), "loss": "bce-logits"}


@fault("SP203")
def logits_into_binary_cross_entropy() -> Built:
    return painter(), critic(), {"data": photos(3, 16), "loss": "bce"}


@fault("SP204")
def probability_by_hand_under_binary_cross_entropy() -> Built:
    class D(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = critic()

        def forward(self, x):
            return 1 / (1 + torch.exp(-self.net(x)))

    return painter(), D(), {"data": photos(3, 16), "loss": "bce"}


@fault("SP205")
def critic_bounded_by_tanh_under_hinge() -> Built:
    class D(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = critic()

        def forward(self, x):
            return self.net(x).tanh()

    return painter(), D(), {"data": photos(3, 16), "loss": "hinge"}


@fault("SP205")
def sigmoid_left_from_the_first_version() -> Built:
    return painter(), nn.Sequential(critic(), nn.Sigmoid()), {"data": photos(3, 16), "loss": "wasserstein-gp"}


@fault("SP206")
def cross_entropy_over_one_class() -> Built:
    return painter(), critic(), {"data": photos(3, 16), "loss": "softmax"}


@fault("SP217")
def textbook_minimax_for_the_generator() -> Built:
    return painter(), nn.Sequential(critic(), nn.Sigmoid()), {"data": photos(3, 16), "loss": "minimax"}


# ---- layers


@fault("SP207")
def batch_norm_in_a_penalised_table_critic() -> Built:
    G = nn.Sequential(nn.Linear(16, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 8), nn.Sigmoid())
    D = nn.Sequential(nn.Linear(8, 64), nn.BatchNorm1d(64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    return G, D, {"latent": 16, "data": torch.rand(64, 8), "loss": "wasserstein-gp"}


@fault("SP208")
def batches_of_two_with_batch_norm() -> Built:
    return painter(), critic(), {"data": photos(3, 16), "loss": "bce-logits", "batch": 2}


@fault("SP210")
def four_biasless_convolutions_without_norms() -> Built:
    def up(i, o):
        return [nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), nn.ReLU()]

    G = nn.Sequential(
        nn.Linear(100, 32 * 4), nn.ReLU(), nn.Unflatten(1, (32, 2, 2)), *up(32, 32), *up(32, 24), *up(24, 24),
        nn.Conv2d(24, 24, 3, 1, 1, bias=False), nn.ReLU(), nn.Conv2d(24, 3, 3, 1, 1), nn.Tanh(),
    )  # fmt: skip
    return G, critic(), {"data": photos(3, 16), "loss": "bce-logits"}


@fault("SP211")
def kernels_of_three_with_a_stride_of_two() -> Built:
    G = nn.Sequential(
        nn.Linear(100, 32 * 16), nn.Unflatten(1, (32, 4, 4)), nn.BatchNorm2d(32), nn.ReLU(),
        nn.ConvTranspose2d(32, 24, 3, 2, 1, 1), nn.BatchNorm2d(24), nn.ReLU(),
        nn.ConvTranspose2d(24, 3, 3, 2, 1, 1), nn.Tanh(),
    )  # fmt: skip
    return G, critic(), {"data": photos(3, 16), "loss": "hinge"}


@fault("SP212")
def critic_sees_five_pixels_of_sixty_four() -> Built:
    D = nn.Sequential(
        nn.Conv2d(3, 24, 3, 1, 1), nn.LeakyReLU(0.2), nn.Conv2d(24, 24, 3, 1, 1), nn.LeakyReLU(0.2), nn.Conv2d(24, 1, 1)
    )
    G = nn.Sequential(painter(), nn.Upsample(scale_factor=4), nn.Conv2d(3, 3, 5, 1, 2), nn.Tanh())
    return G, D, {"data": photos(3, 64, 4), "loss": "least-squares"}


@fault("SP213")
def forgotten_activations_between_dense_layers() -> Built:
    class G(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.fc2, self.fc3 = nn.Linear(64, 128), nn.Linear(128, 128), nn.Linear(128, 256)

        def forward(self, z):
            x = self.fc2(self.fc1(z))
            return torch.tanh(self.fc3(F.relu(x))).view(-1, 1, 16, 16)

    return G(), critic(1), {"latent": 64, "data": photos(1, 16), "loss": "bce-logits"}


@fault("SP214")
def bias_of_minus_eight_kills_the_units() -> Built:
    D = nn.Sequential(
        nn.Flatten(), nn.Linear(768, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)
    )
    with torch.no_grad():
        D[3].bias[:48] = -8.0
    return painter(), D, {"data": photos(3, 16), "loss": "hinge"}


@fault("SP215")
def giant_against_dwarf() -> Built:
    D = nn.Sequential(
        nn.Conv2d(3, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(4, 4, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(64, 1),
    )  # fmt: skip
    return painter(width=96), D, {"data": photos(3, 16), "loss": "bce-logits"}


@fault("SP216")
def discriminator_at_a_rate_of_one_tenth() -> Built:
    return painter(), critic(), {"data": photos(3, 16), "loss": "bce-logits", "d_lr": 0.1, "g_lr": 2e-4}


@fault("SP218")
def weights_from_a_unit_normal() -> Built:
    def weights_init(m):
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(m.weight, 0.0, 1.0)

    return painter(), critic().apply(weights_init), {"data": photos(3, 16), "loss": "least-squares"}
