"""Every format that the readers know, as its producer prints it; resumes, pipes, torn ends, and text of no format."""

from __future__ import annotations

import gzip
import io
import json
import struct
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparring.doctor.readers import Following, read_log
from sparring.doctor.readers.reading import columns
from sparring.errors import SparringError
from sparring.history import NETWORKS, TERMS, History


def read(text: str) -> History:
    found = read_log(io.StringIO(text))
    assert len(found) == 1
    return found[0]


# Producer, text, then of each series that must be there: name -> (network, term, steps, values).
FORMATS: dict[str, tuple[str, str, dict[str, tuple[str, str, list[int], list[float]]]]] = {
    "dcgan": (
        "the official DCGAN example",
        "Random Seed:  999\n"
        "[0/5][0/1583] Loss_D: 1.7659 Loss_G: 5.1120 D(x): 0.5303 D(G(z)): 0.5774 / 0.0101\n"
        "[0/5][50/1583] Loss_D: 0.3774 Loss_G: 13.1007 D(x): 0.9287 D(G(z)): 0.1399 / 0.0000\n"
        "[1/5][0/1583] Loss_D: nan Loss_G: 2.5000 D(x): 0.9287 D(G(z)): 0.1399 / 1.5e-05\n",
        {
            "Loss_D": ("d", "loss", [0, 50, 1583], [1.7659, 0.3774, np.nan]),
            "Loss_G": ("g", "loss", [0, 50, 1583], [5.112, 13.1007, 2.5]),
            "D(x)": ("d", "p_real", [0, 50, 1583], [0.5303, 0.9287, 0.9287]),
            "D(G(z))": ("d", "p_fake", [0, 50, 1583], [0.5774, 0.1399, 0.1399]),
            "D(G(z)) after": ("d", "p_fake_after", [0, 50, 1583], [0.0101, 0, 1.5e-05]),
        },
    ),
    "dcgan-tutorial": (
        "the official DCGAN example",
        "Starting Training Loop...\n"
        "[0/5][0/1583]\tLoss_D: 1.7659\tLoss_G: 5.1120\tD(x): 0.5303\tD(G(z)): 0.5774 / 0.0101\n"
        "[0/5][50/1583]\tLoss_D: 0.3774\tLoss_G: 13.1007\tD(x): 0.9287\tD(G(z)): 0.1399 / 0.0000\n",
        {"Loss_D": ("d", "loss", [0, 50], [1.7659, 0.3774]),
         "D(G(z)) after": ("d", "p_fake_after", [0, 50], [0.0101, 0])},
    ),
    "epoch-step": (
        "a loop that prints [Epoch, Step]",
        "[Epoch 0, Step 0] d_loss = 0.7 | gan_loss = 0.6\n[Epoch 0, Step 20] d_loss = 0.0001 | gan_loss = 10.2\n"
        "[Epoch 0, Step 40] d_loss = 0.0002 | gan_loss = 10.4\n[Epoch 1, Step 0] d_loss = 0.0003 | gan_loss = 10.6\n",
        {
            "d_loss": ("d", "loss", [0, 20, 40, 60], [0.7, 0.0001, 0.0002, 0.0003]),
            "gan_loss": ("g", "loss", [0, 20, 40, 60], [0.6, 10.2, 10.4, 10.6]),
        },
    ),
    "keras-gan": (
        "Keras-GAN",
        "1999 [D loss: 0.110000, acc.: 93.75%] [G loss: 4.800000]\n"
        "2000 [D loss: 0.097897, acc.: 96.88%] [G loss: 4.837958]\n",
        {
            "D loss": ("d", "loss", [1999, 2000], [0.11, 0.097897]),
            "acc": ("d", "accuracy", [1999, 2000], [93.75, 96.88]),
            "G loss": ("g", "loss", [1999, 2000], [4.8, 4.837958]),
        },
    ),
    "pytorch-gan": (
        "PyTorch-GAN",
        "\r[Epoch 39/200] [Batch 136/506] [D loss: 0.001436] [G loss: 29.534107, pixel: 0.285508, adv: 0.983272] "
        "ETA: 0:55:16.06\r[Epoch 39/200] [Batch 137/506] [D loss: 0.002] [G loss: 29.1, pixel: 0.28, adv: 0.98] "
        "ETA: 1 day, 0:55:16.06[Epoch 40/200] [Batch 0/506] [D loss: 0.003] [G loss: 29.2, pixel: 0.27, adv: "
        "0.97] ETA: 0:01",
        {
            "D loss": ("d", "loss", [19870, 19871, 20240], [0.001436, 0.002, 0.003]),
            "G loss": ("g", "loss", [19870, 19871, 20240], [29.534107, 29.1, 29.2]),
            "pixel": ("g", "auxiliary", [19870, 19871, 20240], [0.285508, 0.28, 0.27]),
            "adv": ("g", "fake", [19870, 19871, 20240], [0.983272, 0.98, 0.97]),
        },
    ),
    "began": (
        "PyTorch-GAN",
        "[Epoch 0/200] [Batch 1/938] [D loss: 0.5] [G loss: 0.1] -- M: 0.6, k: 0.01\n"
        "[Epoch 0/200] [Batch 2/938] [D loss: 0.4] [G loss: 0.2] -- M: 0.7, k: 0.02\n",
        {"M": ("", "other", [1, 2], [0.6, 0.7]), "k": ("", "other", [1, 2], [0.01, 0.02])},
    ),
    "pytorch-gan-accuracy": (
        "PyTorch-GAN",
        "[Epoch 0/200] [Batch 1/938] [D loss: 0.5, acc: 50%] [G loss: 0.1]\n",
        {"acc": ("d", "accuracy", [1], [50])},
    ),
    "keras-fit": (
        "Keras fit",
        "Epoch 1/2\n"
        "\x1b[1m 1/46\x1b[0m \x1b[32m━\x1b[0m\x1b[37m━━━━\x1b[0m \x1b[1m10s\x1b[0m 215ms/step - d_loss: 0.6931 "
        "- g_loss: 9.3e-04"
        "\b\b\b\b\r\x1b[1m46/46\x1b[0m \x1b[32m━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m9s\x1b[0m 200ms/step - "
        "d_loss: 0.5 - g_loss: 0.9\n"
        "Epoch 2/2\n46/46 - 5s - 10ms/step - d_loss: 0.4 - g_loss: 1.1\n",
        {
            "d_loss": ("d", "loss", [1, 46, 92], [0.6931, 0.5, 0.4]),
            "g_loss": ("g", "loss", [1, 46, 92], [9.3e-04, 0.9, 1.1]),
        },
    ),
    "keras-fit-old": (
        "Keras fit",
        "Epoch 3/9\n 1/46 [>...........] - ETA: 10s - g_loss: 5.0 - d_loss: 0.1 - aug_p: 0.0076\b\b\b\b\b"
        "46/46 [============] - 10s 215ms/step - g_loss: 4.9824 - d_loss: 0.0912 - aug_p: 0.0077\n",
        {"g_loss": ("g", "loss", [93, 138], [5, 4.9824]), "aug_p": ("", "other", [93, 138], [0.0076, 0.0077])},
    ),
    "stylegan-log": (
        "StyleGAN2-ADA or StyleGAN3",
        "Training for 25000 kimg...\n\n"
        "tick 0     kimg 0.0      time 45s          sec/tick 9.4     sec/kimg 2345.85 maintenance 35.3   cpumem 3.87   "
        "gpumem 9.79   reserved 10.24  augment 0.000\n"
        "tick 1     kimg 4.0      time 1h 23m 02s   sec/tick 955.4   sec/kimg 238.85  maintenance 3935.3 cpumem 3.87   "
        "gpumem 9.79   reserved 10.24  augment 0.003\n",
        {"augment": ("", "other", [0, 4000], [0, 0.003])},
    ),
    "stylegan-stats": (
        "StyleGAN stats.jsonl",
        '{"Loss/signs/real": {"num": 16000, "mean": 0.61, "std": 0.79}, "Loss/scores/fake": {"num": 1, "mean": '
        '-1.5, "std": 0}, '
        '"Loss/G/loss": {"num": 1, "mean": 1.25, "std": 0}, "Loss/D/loss": {"num": 1, "mean": NaN, "std": NaN}, '
        '"Loss/r1_penalty": {"num": 1, "mean": 0.02, "std": 0}, "Progress/kimg": {"num": 1, "mean": 4.0, "std": 0}, '
        '"Timing/sec_per_tick": {"num": 1, "mean": 9, "std": 0}, "timestamp": 1628160268.1}\n',
        {
            "Loss/G/loss": ("g", "loss", [4000], [1.25]),
            "Loss/D/loss": ("d", "loss", [4000], [np.nan]),
            "Loss/scores/fake": ("d", "logit_fake", [4000], [-1.5]),
            "Loss/r1_penalty": ("d", "penalty", [4000], [0.02]),
        },
    ),
    "stylegan-metric": (
        "StyleGAN metric-*.jsonl",
        '{"results": {"fid50k_full": 63.96}, "metric": "fid50k_full", "total_time": 531.3, "num_gpus": 2, '
        '"snapshot_pkl": "network-snapshot-001000.pkl", "timestamp": 1628160268.14}\n',
        {"fid50k_full": ("", "quality", [1000000], [63.96])},
    ),
    "studiogan-old": (
        "StudioGAN",
        "[INFO] 2020-09-15 13:24:04 > Step:     100 Progress: 0.1% Elapsed: 0:00:05 temperature: no ada_p: No "
        "Discriminator_loss: 0.00663902 Generator_loss: 5.11956 \n"
        "[INFO] 2020-09-15 13:24:09 > Step:     200 Progress: 0.1% Elapsed: 0:00:09 temperature: no ada_p: No "
        "Discriminator_loss: -0.5 Generator_loss: 5.49771 \n"
        "[INFO] 2020-09-15 13:33:20 > F_1/8 score (Step: 200, Using test images): 0.74\n"
        "[INFO] 2020-09-15 13:33:20 > FID score (Step: 200, Using test moments): 75.588\n"
        "[INFO] 2020-09-15 13:33:20 > Best FID score (Step: 100, Using test moments): 70.1\n"
        "[INFO] 2020-09-15 13:33:20 > Best FID score (Step: 100, Using test moments): 70.1\n",
        {
            "Discriminator_loss": ("d", "loss", [100, 200], [0.00663902, -0.5]),
            "Generator_loss": ("g", "loss", [100, 200], [5.11956, 5.49771]),
            "FID": ("", "quality", [200], [75.588]),
            "F_1/8": ("", "quality", [200], [0.74]),
        },
    ),
    "studiogan-new": (
        "StudioGAN",
        "[INFO] 2022-02-04 16:49:51 > Step:    100 Progress: 0.0% Elapsed: 0:01:19 Gen_loss: 6.544 Dis_loss: 1.503 "
        "Cls_loss: 4.638 Topk:  N/A aa_p: N/A \n"
        "[INFO] 2022-02-04 16:50:27 > Step:    200 Progress: 0.0% Elapsed: 2 days, 0:01:55 Gen_loss: 2.677 "
        "Dis_loss: 1.341 "
        "Cls_loss: N/A Topk:  N/A ada_p: 0.5 \n"
        "[INFO] 2022-02-04 16:50:28 > Improved Precision (Step: 200, Using train images): 0.57\n",
        {
            "Gen_loss": ("g", "loss", [100, 200], [6.544, 2.677]),
            "Dis_loss": ("d", "loss", [100, 200], [1.503, 1.341]),
            "Cls_loss": ("", "auxiliary", [100], [4.638]),
            "ada_p": ("", "other", [200], [0.5]),
            "Improved Precision": ("", "quality", [200], [0.57]),
        },
    ),
    "lightweight-gan": (
        "lightweight-gan or stylegan2-pytorch",
        "G: 1.37 | D: 1.80 | GP: 0.97 | SS: 0.02\nG: 1.27 | D: 1.70\nG: -0.17 | D: 1.60 | GP: 0.96 | SS: 0.01 | "
        "FID: 99.5\n",
        {
            "G": ("g", "loss", [0, 1, 2], [1.37, 1.27, -0.17]),
            "D": ("d", "loss", [0, 1, 2], [1.8, 1.7, 1.6]),
            "GP": ("d", "penalty", [0, 2], [0.97, 0.96]),
            "FID": ("", "quality", [2], [99.5]),
        },
    ),
    "cyclegan": (
        "CycleGAN or pix2pix",
        "================ Training Loss (Fri Nov 20 10:00:00 2020) ================\n"
        "(epoch: 1, iters: 500, time: 0.227, data: 0.001) D_A: 0.159 G_A: 0.417 cycle_A: 1.226 idt_A: 0.5 \n"
        "(epoch: 1, iters: 1000, time: 0.227, data: 0.001) D_A: 0.158 G_A: 0.416 cycle_A: 1.225 idt_A: 0.4 \n"
        "(epoch: 2, iters: 500, time: 0.227, data: 0.001) D_A: 0.157 G_A: 0.415 cycle_A: 1.224 idt_A: 0.3 \n",
        {
            "D_A": ("d", "loss", [500, 1000, 1500], [0.159, 0.158, 0.157]),
            "G_A": ("g", "loss", [500, 1000, 1500], [0.417, 0.416, 0.415]),
            "cycle_A": ("g", "auxiliary", [500, 1000, 1500], [1.226, 1.225, 1.224]),
        },
    ),
    "pix2pix": (
        "CycleGAN or pix2pix",
        "(epoch: 1, iters: 100, time: 0.2, data: 0.001) G_GAN: 0.9 G_L1: 20.5 D_real: 0.6 D_fake: 0.7 \n",
        {
            "G_GAN": ("g", "loss", [100], [0.9]),
            "G_L1": ("g", "auxiliary", [100], [20.5]),
            "D_real": ("d", "real", [100], [0.6]),
            "D_fake": ("d", "fake", [100], [0.7]),
        },
    ),
    "dcgan-tensorflow": (
        "DCGAN-tensorflow",
        "[       1 Epoch:[ 0/25] [   0/3165] time: 1.2345, d_loss: 1.38629436, g_loss: 0.69314718\n"
        "[Sample] d_loss: 1.4, g_loss: 0.7\n"
        "[       2 Epoch:[ 0/25] [   1/3165] time: 2.2345, d_loss: 1.2, g_loss: 0.8\n",
        {"d_loss": ("d", "loss", [0, 0, 1], [1.38629436, 1.4, 1.2])},
    ),
    "fastgan": (
        "FastGAN",
        "GAN: loss d: 0.81234    loss g: 0.10231\nGAN: loss d: 0.80000    loss g: -0.20000\n",
        {"loss d": ("d", "real", [0, 1], [0.81234, 0.8]), "loss g": ("g", "loss", [0, 1], [0.10231, -0.2])},
    ),
    "rosinality": (
        "rosinality's stylegan2-pytorch",
        "d: 1.3000; g: 0.7000; r1: 0.0100; path: 0.0000; mean path: 0.0000; augment: 0.0000:   0%|      | 12/800000 "
        "[00:03<55:00:20,  4.2it/s]\rd: 1.2000; g: 0.8000; r1: 0.0200; path: 0.1000; mean path: 0.2000; "
        "augment: 0.0000:   "
        "1%|█▏    | 13/800000 [00:03<55:00:20,  4.2it/s]",
        {
            "d": ("d", "loss", [12, 13], [1.3, 1.2]),
            "r1": ("d", "penalty", [12, 13], [0.01, 0.02]),
            "path": ("g", "penalty", [12, 13], [0, 0.1]),
        },
    ),
    "mimicry": (
        "mimicry",
        "INFO: [Epoch 1/10][Global Step: 500/50000] \n| D(G(z)): -0.5\n| D(x): 0.6\n| errD: 1.2\n| errG: 0.5\n| "
        "(0.12 sec/idx)\n"
        "INFO: [Epoch 1/10][Global Step: 1000/50000] \n| D(G(z)): -0.4\n| D(x): 0.5\n| errD: 1.3\n| errG: "
        "0.4\n| (0.12 sec/idx)\n",
        {
            "errD": ("d", "loss", [500, 1000], [1.2, 1.3]),
            "errG": ("g", "loss", [500, 1000], [0.5, 0.4]),
            "D(x)": ("d", "logit_real", [500, 1000], [0.6, 0.5]),
        },
    ),
    "biggan-bar": (
        "BigGAN-PyTorch",
        "1/100 (  1.00%) itr: 1, G_loss : +1.2000, D_loss_real : +0.9000, D_loss_fake : +0.8000\n"
        "2/100 (  2.00%) itr: 2, G_loss : -1.1000, D_loss_real : +0.8000, D_loss_fake : +0.7000\n",
        {
            "G_loss": ("g", "loss", [1, 2], [1.2, -1.1]),
            "D_loss_real": ("d", "real", [1, 2], [0.9, 0.8]),
            "D_loss_fake": ("d", "fake", [1, 2], [0.8, 0.7]),
        },
    ),
    "biggan-scores": (
        "JSON lines",
        '{"itr": 2000, "IS_mean": 2.80, "IS_std": 0.019, "FID": 173.7, "_stamp": 1551403232.0}\n',
        {"FID": ("", "quality", [2000], [173.7])},
    ),
    "basicsr": (
        "BasicSR",
        "2021-06-03 11:05:37,123 INFO: [train..][epoch:  0, iter:     900, lr:(1.000e-04,)] [eta: 1 day, "
        "2:03:04, time (data): "
        "0.575 (0.012)] l_g_pix: 1.2e-02 l_g_percep: 2.0e+00 l_g_gan: 3.0e-01 l_d_real: 6.0e-01 out_d_real: 1.5e+00\n"
        "2021-06-03 11:05:37,123 INFO: [train..][epoch:  0, iter:   1,000, lr:(1.000e-04,)] [eta: 1 day, "
        "2:03:04, time (data): "
        "0.575 (0.012)] l_g_pix: 1.1e-02 l_g_percep: 2.1e+00 l_g_gan: 3.1e-01 l_d_real: 6.1e-01 out_d_real: 1.4e+00\n",
        {
            "l_g_pix": ("g", "auxiliary", [900, 1000], [0.012, 0.011]),
            "l_g_gan": ("g", "loss", [900, 1000], [0.3, 0.31]),
            "l_d_real": ("d", "real", [900, 1000], [0.6, 0.61]),
            "out_d_real": ("d", "logit_real", [900, 1000], [1.5, 1.4]),
        },
    ),
    "ctgan": (
        "CTGAN",
        "Gen. (0.00) | Discrim. (0.00):   0%|          | 0/300 [00:00<?, ?it/s]\r"
        "Gen. (-1.25) | Discrim. (0.50):   0%|          | 1/300 [00:01<05:00,  1.0s/it]\r",
        {"Gen.": ("g", "loss", [0, 1], [0, -1.25]), "Discrim.": ("d", "loss", [0, 1], [0, 0.5])},
    ),
    "ctgan-losses": (
        "a table",
        "Epoch,Generator Loss,Discriminator Loss\n0,0.5,-0.1\n1,0.4,-0.2\n",
        {"Generator Loss": ("g", "loss", [0, 1], [0.5, 0.4]),
         "Discriminator Loss": ("d", "loss", [0, 1], [-0.1, -0.2])},
    ),
    "hifigan": (
        "HiFi-GAN",
        "Steps : 5, Gen Loss Total : 60.123, Mel-Spec. Error : 1.023, s/b : 0.250\n"
        "Steps : 10, Gen Loss Total : 59.123, Mel-Spec. Error : 1.013, s/b : 0.250\n",
        {
            "Gen Loss Total": ("g", "loss", [5, 10], [60.123, 59.123]),
            "Mel-Spec. Error": ("g", "auxiliary", [5, 10], [1.023, 1.013]),
        },
    ),
    "improved-wgan": (
        "improved_wgan_training",
        "iter 0\ttime\t0.5\ttrain disc cost\t-1.5\ttrain gen cost\t0.25\niter 100\ttime\t0.4\ttrain disc "
        "cost\t-2.5\ttrain gen cost\t0.5\n",
        {"train disc cost": ("d", "loss", [0, 100], [-1.5, -2.5]),
         "train gen cost": ("g", "loss", [0, 100], [0.25, 0.5])},
    ),
    "lightning": (
        "Lightning CSVLogger",
        "d_loss,epoch,g_loss,step\n0.69,0,,49\n,0,0.71,49\n0.5,1,,99\n,1,0.9,99\n",
        {"d_loss": ("d", "loss", [49, 99], [0.69, 0.5]), "g_loss": ("g", "loss", [49, 99], [0.71, 0.9])},
    ),
    "tensorboard-export": (
        "a TensorBoard export",
        "Wall time,Step,Value\n1600000000.5,0,0.69\n1600000001.5,100,NaN\n",
        {"Value": ("", "other", [0, 100], [0.69, np.nan])},
    ),
    "wandb": (
        "a W&B export",
        '"Step","run-1 - d_loss","run-1 - d_loss__MIN","run-1 - '
        'd_loss__MAX"\n"0","0.69","0.69","0.69"\n"10","0.5","0.5","0.5"\n',
        {"run-1 - d_loss": ("d", "loss", [0, 10], [0.69, 0.5])},
    ),
    "tsv": (
        "a table",
        "step\td_loss\tg_loss\n1\t0.5\tinf\n2\t0.4\t1e3\n", {"g_loss": ("g", "loss", [1, 2], [np.inf, 1000])},
    ),
    "jsonl": (
        "JSON lines",
        '{"step": 1, "loss": {"d": 0.5, "g": 0.7}, "tag": "x"}\n{"step": 2, "loss": {"d": Infinity, "g": 0.8}}\n',
        {"loss/d": ("d", "loss", [1, 2], [0.5, np.inf]), "loss/g": ("g", "loss", [1, 2], [0.7, 0.8])},
    ),
    "tqdm": (
        "",
        "Epoch 0:  12%|█▏   | 12/100 [00:03<00:20,  4.2it/s, d_loss=0.3, g_loss=1.5]\r"
        "Epoch 0:  13%|█▎   | 13/100 [00:03<00:20,  4.2it/s, d_loss=0.2, g_loss=1.6]\r"
        "Epoch 1:  13%|█▎   | 13/100 [00:03<00:20,  4.2it/s, d_loss=0.1, g_loss=1.7]\n",
        {"d_loss": ("d", "loss", [12, 13, 113], [0.3, 0.2, 0.1])},
    ),
    "by-hand": (
        "",
        "Epoch [1/20], Step [100/600], d_loss: 1.31, g_loss: 0.82, D(x): 0.55, D(G(z)): 0.45\n"
        "Epoch [1/20], Step [200/600], d_loss: 1.30, g_loss: 0.83, D(x): 0.56, D(G(z)): 0.44\n"
        "Epoch [2/20], Step [100/600], d_loss: 1.29, g_loss: 0.84, D(x): 0.57, D(G(z)): 0.43\n",
        {"d_loss": ("d", "loss", [100, 200, 700], [1.31, 1.3, 1.29]),
         "D(x)": ("d", "p_real", [100, 200, 700], [0.55, 0.56, 0.57])},
    ),
    "tensors": (
        "",
        "iter 10: d_loss=tensor(0.6931, device='cuda:0'), g_loss=tensor([0.7000])\n"
        "iter 20: d_loss=tensor(0.5931, device='cuda:0'), g_loss=tensor([0.8000])\n",
        {"d_loss": ("d", "loss", [10, 20], [0.6931, 0.5931]), "g_loss": ("g", "loss", [10, 20], [0.7, 0.8])},
    ),
    "dictionaries": (
        "",
        "{'d_loss': 0.69, 'g_loss': 1.2, 'step': 10}\n{'d_loss': 0.59, 'g_loss': 1.3, 'step': 20}\n",
        {"d_loss": ("d", "loss", [10, 20], [0.69, 0.59]), "g_loss": ("g", "loss", [10, 20], [1.2, 1.3])},
    ),
    "no-separators": (
        "",
        "INFO:root:[2021-03-04 10:11:12] Iter 000100 Loss D 0.53 Loss G 1.2\n",
        {"Loss D": ("d", "loss", [100], [0.53]), "Loss G": ("g", "loss", [100], [1.2])},
    ),
    "numbered-loop": (
        "a tutorial's loop that prints >epoch, batch",
        ">1, 1/97, d1=0.640, d2=0.630 g=0.710\n>2, 1/97, d1=0.540, d2=0.530 g=0.810\n",
        {
            "d1": ("d", "real", [1, 98], [0.64, 0.54]),
            "d2": ("d", "fake", [1, 98], [0.63, 0.53]),
            "g": ("g", "loss", [1, 98], [0.71, 0.81]),
        },
    ),
    "epochs-alone": (
        "",
        "Epoch 1/3\nD loss: 0.5, G loss: 0.6\nEpoch 2/3\nD loss: 0.4, G loss: 0.7\n",
        {"D loss": ("d", "loss", [1, 2], [0.5, 0.4]), "G loss": ("g", "loss", [1, 2], [0.6, 0.7])},
    ),
    "two-lines": (
        "",
        "Discriminator loss: 0.5\nGenerator loss: 0.7\nDiscriminator loss: 0.4\nGenerator loss: 0.8\n",
        {"Discriminator loss": ("d", "loss", [0, 1], [0.5, 0.4]), "Generator loss": ("g", "loss", [0, 1], [0.7, 0.8])},
    ),
}  # fmt: skip


def check_series(history: History, wanted: dict[str, tuple[str, str, list[int], list[float]]]) -> None:
    for name, (network, term, steps, values) in wanted.items():
        found = history.named(name)
        assert found is not None, (name, [each.name for each in history.series])
        assert (found.network, found.term) == (network, term), name
        assert found.steps.tolist() == steps, name
        np.testing.assert_allclose(found.values, values, err_msg=name)


@pytest.mark.parametrize("case", FORMATS)
def test_a_format(case: str) -> None:
    producer, text, wanted = FORMATS[case]
    history = read(text)
    assert history.producer == producer
    check_series(history, wanted)
    assert not any("Best" in each.name for each in history.series)


@pytest.mark.parametrize("case", FORMATS)
def test_repeated_lines_are_read_alike_by_layouts(case: str) -> None:
    """The fast way and the slow way see the same numbers."""
    _, text, wanted = FORMATS[case]
    body = text if text.endswith("\n") else text + "\n"
    for name in wanted:
        many = [each.named(name) for each in read_log(io.StringIO(body * 4))]
        values = np.concatenate([each.values for each in many if each is not None])
        assert set(np.unique(values).tolist()) <= set(wanted[name][3]) or np.isnan(wanted[name][3]).any()


def excerpt(first_epoch: int = 40, records: int = 160, length: int = 157, begin: int = 0) -> tuple[str, np.ndarray]:
    """Records as in a question asked in public: all on few lines, and an epoch that ends amid them."""
    d = 0.01 + 0.05 * np.abs(np.sin(np.arange(records)))
    parts = []
    for at in range(records):
        epoch, batch = divmod(begin + at, length)
        parts.append(f"[{first_epoch + epoch}/500][{batch}/{length}] Loss_D: {d[at]:.4f} Loss_G: {5 + at / 100:.4f}")
    return " ".join(parts), np.round(d, 4)


def test_many_records_on_one_line_and_an_epoch_that_ends() -> None:
    text, d = excerpt()
    history = read("C:\\gan> python train.py\n" + text + "\n")
    found = history.of("d")
    assert found is not None
    assert found.steps.tolist() == list(range(40 * 157, 40 * 157 + 160))
    np.testing.assert_allclose(found.values, d)
    assert set(found.lines.tolist()) == {2}
    assert history.complete_from == 6280
    assert history.facts["epoch_length"] == 157
    assert history.rewinds == ()
    assert history.not_understood == 0


def test_a_line_of_any_length_in_parts_of_any_size() -> None:
    text, d = excerpt(records=4000)
    for size in (1000, 70_001):
        log = Following()
        for at in range(0, len(text), size):
            log.feed(text[at : at + size])
        log.end()
        found = log.history().of("d")
        assert found is not None
        np.testing.assert_allclose(found.values, d)
        assert found.steps.tolist() == list(range(6280, 10280))


def test_the_parts_of_a_pipe_do_not_matter() -> None:
    for _, text, wanted in FORMATS.values():
        log = Following()
        for letter in text:
            log.feed(letter)
        log.end()
        check_series(log.history(), wanted)


def dcgan(begin: int, end: int, every: int = 10, d: float = 1.0) -> str:
    steps = range(begin, end, every)
    return "".join(f"[{at // 100}/9][{at % 100}/100] Loss_D: {d:.4f} Loss_G: 2.0000\n" for at in steps)


def test_a_resume_takes_back_what_came_after_it() -> None:
    torn = dcgan(0, 500) + dcgan(500, 520, d=float("nan")) + "Loading from checkpoint #4\n" + dcgan(400, 600, d=0.5)
    (history,) = read_log(io.StringIO(torn))
    found = history.of("d")
    assert found is not None
    assert history.rewinds == ((510, 400),)
    assert found.steps.tolist() == list(range(0, 600, 10))
    assert found.values[:40].tolist() == [1.0] * 40
    assert found.values[40:].tolist() == [0.5] * 20
    told = dict(history.events)
    assert told[510].startswith("checkpoint loaded")
    assert "not finite" in told[500]
    assert np.all(np.diff(found.steps) > 0)


def test_many_resumes() -> None:
    text = "".join(dcgan(100 * at, 100 * at + 150) for at in range(6))
    (history,) = read_log(io.StringIO(text))
    assert len(history.rewinds) == 5
    assert history.series[0].steps.tolist() == list(range(0, 650, 10))


def test_two_runs_in_one_file() -> None:
    first, second = read_log(io.StringIO(dcgan(0, 500) + "\n\n" + dcgan(0, 300, d=0.25)))
    assert (len(first.series[0]), len(second.series[0])) == (50, 30)
    assert second.series[0].values.tolist() == [0.25] * 30
    assert first.rewinds == second.rewinds == ()


def test_a_counter_of_an_epoch_that_the_log_does_not_tell() -> None:
    text = "".join(f"step: {at} d_loss: 0.5 g_loss: 0.7\n" for _ in range(6) for at in range(0, 100, 10))
    (history,) = read_log(io.StringIO(text))
    assert history.series[0].steps.tolist() == list(range(0, 600, 10))


def test_a_log_that_begins_late() -> None:
    assert read(dcgan(600, 800)).complete_from == 600
    assert read(dcgan(0, 200)).complete_from == 0


def test_what_happens_in_a_log() -> None:
    text = dcgan(0, 100) + (
        "Traceback (most recent call last):\n"
        '  File "train.py", line 12, in <module>\n'
        "    loss.backward()\n"
        "RuntimeError: all elements of input should be between 0 and 1\n"
        "NaN detected for generator or discriminator. Loading from checkpoint #3\n"
        "nothing of 12 and 13 that fits\n"
    )
    history = read(text)
    assert [what[:20] for _, what in history.events] == ["traceback: RuntimeEr", "NaN reported: NaN de"]
    assert {step for step, _ in history.events} == {90}
    assert history.not_understood == 1
    told: list[str] = []
    read_log(io.StringIO(text), say=told.append)
    assert told == ["1 of 16 lines held numbers and fitted nothing."]


def test_settings_are_no_signals() -> None:
    history = read("batch_size: 64\nlr: 0.0002\n" + dcgan(0, 100))
    assert [each.name for each in history.series] == ["Loss_D", "Loss_G"]
    assert history.facts["settings"] == {"batch_size": 64, "lr": 0.0002}


def test_names_that_the_user_gives() -> None:
    text = "step: 1 alpha: 0.5 beta: 0.7\nstep: 2 alpha: 0.4 beta: 0.8\n"
    (history,) = read_log(io.StringIO(text), names={"d_loss": "Beta", "g_loss": "alpha"})
    d, g = history.of("d"), history.of("g")
    assert d is not None
    assert g is not None
    assert (d.name, g.name) == ("beta", "alpha")
    with pytest.raises(SparringError, match=r"no column 'alfa'(.|\n)*did you mean 'alpha'"):
        read_log(io.StringIO(text), names={"d_loss": "alfa"})


def test_a_run_of_ours(tmp_path: Path) -> None:
    def event(kind: str, step: int, **values: object) -> str:
        return json.dumps({"event": kind, "step": step, "images": 16 * step, "time": 1.0, **values}) + "\n"

    ticks = [
        event("tick", step, d_loss=1.0, g_loss=0.7, d_real_logit=0.1, nonfinite={}, epoch=0.1) for step in (10, 20, 30)
    ]
    (tmp_path / "events.jsonl").write_text(
        event("started", 0, until_step=180, minutes=None)
        + "".join(ticks)
        + event("resumed", 20)
        + event("tick", 30, d_loss=None, g_loss=0.9, d_real_logit=0.2, nonfinite={"d_loss": 1}, epoch=0.1)
        + event("evaluation", 30, metric="fd", value=0.79, noise=1e-5, better="lower", precision=1.0)
        + event("ended", 30)[:20]
    )
    (history,) = read_log(tmp_path)
    assert history.producer == "sparring"
    check_series(
        history,
        {
            "d_loss": ("d", "loss", [10, 20, 30], [1, 1, np.nan]),
            "g_loss": ("g", "loss", [10, 20, 30], [0.7, 0.7, 0.9]),
            "d_real_logit": ("d", "logit_real", [10, 20, 30], [0.1, 0.1, 0.2]),
            "fd": ("", "quality", [30], [0.79]),
            "precision": ("", "quality", [30], [1.0]),
        },
    )
    assert history.rewinds == ((30, 20),)


def varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def record(event: bytes) -> bytes:
    return struct.pack("<Q", len(event)) + b"\0" * 4 + event + b"\0" * 4


def scalar(step: int, tag: str, value: bytes) -> bytes:
    summary = field(1, field(1, tag.encode()) + value)
    return record(b"\x09" + struct.pack("<d", 1.5) + b"\x10" + varint(step) + field(5, summary))


def event_file() -> bytes:
    simple = b"\x15" + struct.pack("<f", 0.5)
    as_tensor = field(8, b"\x08\x01" + field(4, struct.pack("<f", 0.25)))
    as_list = field(8, b"\x08\x02" + field(6, struct.pack("<d", 0.125)))
    return (
        record(b"\x09" + struct.pack("<d", 1.5) + field(3, b"brain.Event:2"))
        + scalar(0, "Loss/D/loss", simple)
        + scalar(300, "Loss/D/loss", as_tensor)
        + scalar(300, "g_loss", as_list)
        + scalar(300, "a picture", field(4, b"\x08\x10"))
    )


def test_event_files_of_tensorboard(tmp_path: Path) -> None:
    wanted = {"Loss/D/loss": ("d", "loss", [0, 300], [0.5, 0.25]), "g_loss": ("g", "loss", [300], [0.125])}
    whole = event_file()
    (tmp_path / "events.out.tfevents.1.host").write_bytes(whole)
    (history,) = read_log(tmp_path)
    assert history.producer == "TensorBoard"
    check_series(history, wanted)
    (tmp_path / "torn").write_bytes(whole[:-7])
    (history,) = read_log(tmp_path / "torn")
    check_series(history, wanted)
    assert history.events[0][1].endswith("in the middle of a record")


def test_columns_in_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "losses.npz", d_loss=np.array([0.5, np.nan]), g_loss=np.array([1, 2]), note=np.array("x"))
    (history,) = read_log(tmp_path / "losses.npz")
    wanted = {"d_loss": ("d", "loss", [0, 1], [0.5, np.nan]), "g_loss": ("g", "loss", [0, 1], [1.0, 2.0])}
    check_series(history, wanted)
    assert len(history.series[0].lines) == 0
    np.save(tmp_path / "d_loss.npy", np.arange(3.0))
    check_series(read_log(tmp_path / "d_loss.npy")[0], {"d_loss": ("d", "loss", [0, 1, 2], [0, 1, 2])})
    np.save(tmp_path / "dict.npy", np.array({"d_loss": [1.0]}))
    with pytest.raises(SparringError, match="pickled"):
        read_log(tmp_path / "dict.npy")


def test_sources(tmp_path: Path) -> None:
    text = dcgan(0, 50)
    (tmp_path / "log.txt.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "odd.log").write_bytes(b"\xff\xfenot that\n" + text.encode())
    (tmp_path / "sixteen.log").write_bytes(text.encode("utf-16"))
    (tmp_path / "G_loss.log").write_text("0: 1.5\n100: 1.25\n")
    for source in (tmp_path / "log.txt.gz", str(tmp_path / "sixteen.log"), text.splitlines(), io.StringIO(text)):
        assert len(read_log(source)[0].series[0]) == 5
    assert read_log(tmp_path / "odd.log")
    check_series(read_log(tmp_path / "G_loss.log")[0], {"G_loss": ("g", "loss", [0, 100], [1.5, 1.25])})
    with pytest.raises(SparringError, match="cannot be read"):
        read_log(tmp_path / "none.log")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SparringError, match="holds no log"):
        read_log(tmp_path / "empty")
    (tmp_path / "torn.gz").write_bytes(gzip.compress(text.encode())[:-9])
    with pytest.raises(SparringError, match="cannot be read"):
        read_log(tmp_path / "torn.gz")
    assert read_log([])[0].series == ()


def test_a_long_log_is_thinned_and_keeps_its_extremes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MOST", 20_000)
    monkeypatch.setattr(columns, "_BLOCK", 512)
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40_000, 2))
    values[12_345] = 1e9, -1e9
    values[23_456, 0] = np.nan
    values[34_567, 1] = np.inf
    log = Following()
    log.feed("".join(f"step: {at} d_loss: {d} g_loss: {g}\n" for at, (d, g) in enumerate(values.tolist())))
    history = log.history()
    d, g = history.of("d"), history.of("g")
    assert d is not None
    assert g is not None
    assert 1000 < len(d) < 8000
    assert d.values[d.steps == 12_345].tolist() == [1e9]
    assert g.values[g.steps == 12_345].tolist() == [-1e9]
    assert np.isnan(d.values).sum() == 1
    assert np.isinf(g.values).sum() == 1
    assert d.steps[-1] == 39_999
    assert np.all(np.diff(d.steps) > 0)
    assert np.diff(d.steps).max() <= 2 * history.facts["thinned"]


def test_json_lines_with_texts_are_read_alike_by_layouts() -> None:
    rng = np.random.default_rng(0)
    made = [
        {"note": "ok", "step": at, "time": 1e9 + at, "d_loss": d, "g_loss": g, "on": True, "lr": None}
        for at, (d, g) in enumerate(rng.normal(size=(300, 2)).tolist())
    ]
    made[150] |= {"note": "warm: 5", "d_loss": float("nan")}
    made[200] |= {"g_loss": None}
    history = read("".join(f"{json.dumps(each)}\n" for each in made))
    d, g = history.of("d"), history.of("g")
    assert d is not None
    assert g is not None
    assert [each.name for each in history.series] == ["d_loss", "g_loss"]
    np.testing.assert_array_equal(d.values, [each["d_loss"] for each in made])
    assert d.lines.tolist() == list(range(1, 301))
    assert g.steps.tolist() == [at for at in range(300) if at != 200]
    np.testing.assert_array_equal(g.values, [each["g_loss"] for each in made if each["g_loss"] is not None])


def test_ticks_of_a_run_of_ours_are_read_alike_by_layouts() -> None:
    ticks = [
        {
            "event": "tick",
            "step": 10 * at,
            "images": 640 * at,
            "time": 1.5e9 + at,
            "epoch": at / 7,
            "d_loss": 1 / (1 + at),
        }
        for at in range(1, 300)
    ]
    ticks[100]["d_loss"] = None  # it was not finite
    resumed = {"event": "resumed", "step": 2000, "images": 0, "time": 0.0}
    lines = [*ticks[:250], resumed, *ticks[200:]]
    history = read("".join(f"{json.dumps(each)}\n" for each in lines))
    (series,) = history.series
    assert series.steps.tolist() == list(range(10, 3000, 10))
    wanted = [np.nan if each["d_loss"] is None else each["d_loss"] for each in ticks]
    np.testing.assert_array_equal(series.values, wanted)
    assert history.rewinds == ((2500, 2000),)


def test_a_bar_drawn_hundreds_of_times_on_one_line() -> None:
    drawn = [f"{at}/900 [00:10<00:20, 5.1it/s, d_loss={1 / (1 + at):.5f}, g_loss={2 + at:.3f}]" for at in range(900)]
    drawn[500] = "a warning about something"
    history = read("\r" + "\r".join(drawn) + "\nlast words\n")
    d = history.of("d")
    assert d is not None
    assert d.steps.tolist() == [at for at in range(900) if at != 500]
    np.testing.assert_allclose(d.values, [round(1 / (1 + at), 5) for at in range(900) if at != 500])
    assert set(d.lines.tolist()) == {1}


def test_following_is_cheap() -> None:
    log = Following()
    log.feed(dcgan(0, 100_000, every=1))
    began = time.process_time()
    for at in range(20):
        log.feed(dcgan(100_000 + at, 100_001 + at))
        log.history()
    assert (time.process_time() - began) / 20 < 0.5


def check_sound(histories: list[History]) -> None:
    assert histories
    for history in histories:
        for each in history.series:
            assert each.network in NETWORKS
            assert each.term in TERMS
            assert len(each.steps) == len(each.values) == len(each.lines)
            assert each.steps.dtype == np.int64
            assert np.all(np.diff(each.steps) >= 0)


FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PIECES = [piece for _, text, _ in FORMATS.values() for line in text.split("\n") for piece in line.split(" ") if piece]


@FUZZ
@given(st.text(max_size=400))
def test_any_text(text: str) -> None:
    check_sound(read_log(io.StringIO(text)))


@FUZZ
@given(
    st.lists(st.sampled_from([*PIECES, "\n", "\r", "\b", "\x1b[", "nan", "-", "9" * 400, "1e999", ","]), max_size=80)
)
def test_pieces_of_logs_in_any_order(pieces: list[str]) -> None:
    check_sound(read_log(io.StringIO(" ".join(pieces))))


@FUZZ
@given(st.sampled_from(sorted(FORMATS)), st.data())
def test_logs_with_faults(case: str, data: st.DataObject) -> None:
    text = list(FORMATS[case][1] * 3)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] = data.draw(
            st.sampled_from(["", "\n", "\r", " ", "9", "-", ".", ":", "[", "\x1b", "é", "٣", "²", "e", "\0"])
        )
    check_sound(read_log(io.StringIO("".join(text))))


@FUZZ
@given(st.binary(max_size=300), st.sampled_from([b"", b"\x93NUMPY\x01\0", b"PK\x03\x04", b"\x1f\x8b", event_file()]))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes, head: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "a.npz"
    path.write_bytes(head + content)
    try:
        histories = read_log(path)
    except SparringError:
        return
    assert histories


@FUZZ
@given(st.data())
def test_event_files_with_faults(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = bytearray(event_file())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("bytes") / "events.out.tfevents.1"
    path.write_bytes(bytes(content))
    assert read_log(path)


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "[0/",
        "[0/5][0/9] ",
        "a: ",
        "a: 1 ",
        "\x1b[",
        "\r",
        "\b",
        "9",
        "9,",
        "Epoch ",
        "1/1 ",
        ": : ",
        "D(",
        "Best ",
        "{",
        '{"a":',
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    began = time.process_time()
    check_sound(read_log(io.StringIO(piece * (300_000 // len(piece)))))
    assert time.process_time() - began < 5


def test_the_readers_import_no_torch() -> None:
    import subprocess

    code = "import sys, sparring.doctor.readers; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False"]
