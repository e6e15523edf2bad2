"""The words of the command line; each verb is the function of the same name.

Results go to standard output (one JSON document with --json), everything else to standard error.
Exit codes: 0 done, 1 an error that a user can mend, 2 bad usage, 130 and 143 stopped by Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from . import cli_about, cli_doctor, cli_views
from .answering import answer, examples
from .errors import SparringError
from .folder import RunFolder, lines_of
from .methods import recipe_named, usual_recipe
from .options import Judging, Keeping, Mirroring, Networks, Pictures, Until, Which, budget_of, with_changes
from .spinning import wait_briefly
from .terminal import Progress, end_line, findings_line


def _version() -> str:
    from . import __version__, machine

    return "\n".join([f"sparring {__version__}", *(f"{name}: {value}" for name, value in machine.describe().items())])


app = App(name="sparring", help="GAN training that explains itself.", version=_version, help_format="plaintext")


@app.command(
    help_epilogue=examples("""
sparring train photos/ --minutes 30
sparring train emoji --channels 4 --size 64 --steps 20000 --out runs/emoji
sparring train fashion-mnist --epochs 10 --set d_lr=1e-4 --set flip=true --tensorboard
sparring train emoji --condition text --steps 20000
sparring train cards/ --generator gans.py:G(100) --discriminator gans.py:D --minutes 30
""")
)
def train(
    source: str = "emoji",
    /,
    *,
    pictures: Pictures = Pictures(),
    networks: Networks = Networks(),
    until: Until = Until(),
    keeping: Keeping = Keeping(),
    judging: Judging = Judging(),
    mirroring: Mirroring = Mirroring(),
    recipe: str | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", consume_multiple=False, negative="")] = None,
    batch: int | None = None,
    seed: int = 0,
    device: str = "auto",
    out: Path | None = None,
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(negative="")] = False,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Train a generator on pictures. The same command again goes on where it stopped.

    Args:
        source: Folder, .zip, .npy or .npz of pictures, or the built-in emoji or fashion-mnist.
        recipe: Every number of the method, by name. Default: sparring; dcgan for networks of your own.
        set_: NAME=VALUE, one number of the recipe changed; *k and /k scale it. May be repeated.
        batch: Pictures a step, in place of the recipe's.
        seed: Everything random is a function of it.
        device: auto, cpu, cuda, cuda:1 or mps.
        out: Folder of the run. Default: runs/ and a name made of source, recipe and a hash of the settings.
        from_: Run whose networks to start with, at its best.
        force: Train although the doctor found an error in the networks.
        yes: Ask nothing; without a budget, take 5,000 steps.
        json_: Print the result as JSON.
    """
    usual = usual_recipe(own_networks=networks.generator is not None)
    changed = with_changes(recipe_named(recipe or usual), set_ or [])
    budget = budget_of(until, yes)
    from .run import train as do

    with Progress() as progress:
        run = do(
            source,
            changed,
            size=pictures.size,
            channels=pictures.channels if pictures.channels == "auto" else int(pictures.channels),
            fit=pictures.fit,
            background=pictures.background,
            path=pictures.path,
            generator=networks.generator,
            discriminator=networks.discriminator,
            condition=None if networks.condition == "none" else networks.condition,
            condition_from=networks.condition_from,
            batch=batch,
            seed=seed,
            out=out,
            device=device,
            start_from=from_,
            force=force,
            say=progress.say,
            observers={"terminal": progress},
            **vars(budget),
            **vars(keeping),
            **vars(judging),
            **mirroring.words(),
        )
    found = {"run": str(run.path), "step": run.step, "images": run.images, "ended": run.ended, "grid": str(run.grid)}
    page = RunFolder(run.path).report
    answer(
        json_,
        found | {"best": run.best, "findings": [finding.to_dict() for finding in run.findings]},
        f"Trained {run.step:,} steps, {run.images:,} pictures seen.\n"
        f"{end_line(run.ended, run.step, run.best)}\n"
        + (f"{line}\n" if (line := findings_line(run.findings)) else "")
        + f"Samples: {run.grid}\n"
        f"Run folder: {run.path}\n"
        + (f"Report: {page}\n" if page.exists() else "")
        + f"More pictures: sparring sample {run.path} -n 64 -o grid.png",
    )


@app.command(
    help_epilogue=examples("""
sparring sample runs/emoji -n 64 --seed 0 -o grid.png
sparring sample runs/emoji -n 1000 -o pictures/
sparring sample runs/emoji -n 10000 --npz -o pictures.npz
sparring sample runs/emoji -n 8 --condition "red apple" --condition dog -o two_rows.png
sparring sample runs/clothes -n 4 --condition dress --to coat
sparring sample runs/mine --generator gans.py:G(100)
""")
)
def sample(
    run: Path,
    /,
    *,
    n: Annotated[int, Parameter(name=["-n", "--number"])] = 64,
    seed: int = 0,
    out: Annotated[Path, Parameter(name=["-o", "--out"])] = Path("samples.png"),
    npz: Annotated[bool, Parameter(negative="")] = False,
    condition: Annotated[list[str] | None, Parameter(consume_multiple=False, negative="")] = None,
    conditions: Path | None = None,
    to: str | None = None,
    which: Which = Which(),
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Make new pictures with a trained run. Picture i depends on the seed and i alone.

    Args:
        run: Folder of the run.
        n: How many.
        seed: Another seed, other pictures.
        out: A .png for one sheet of all, a folder for single files, a .npz for an array.
        npz: Write an array images, uint8 [n, H, W, C], into a .npz file.
        condition: A class, a caption or a vector ("0.1,0.2"; a .npy) to sample with, n pictures each. May be repeated.
        conditions: A text file of such, one a line.
        to: Go from the one condition to this one, a row for each of the n.
        json_: Print the result as JSON.
    """
    from .sampler import load, save

    words = list(condition or []) + (lines_of(conditions) if conditions is not None else [])
    sampler = load(run, **vars(which))
    written = save(sampler, n, seed, out, as_npz=npz, condition=words, to=to)
    found = {"run": str(run), "step": sampler.step, "n": n, "seed": seed, "out": str(written)}
    answer(json_, found, f"{n:,} pictures of step {sampler.step:,}: {written}")


@app.command(
    help_epilogue=examples("""
sparring export runs/mine generator.keras --trust
sparring export runs/emoji generator.pt
""")
)
def export(
    run: Path,
    out: Path,
    /,
    *,
    which: Which = Which(),
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Write a trained generator into a file for other programs.

    Args:
        run: Folder of the run.
        out: Ends in .keras (a Keras model, for a run with a Keras generator) or .pt (weights alone).
        json_: Print the result as JSON.
    """
    from .exporting import export as do

    written = do(run, out, **vars(which))
    answer(json_, {"run": str(run), "out": str(written)}, f"Written: {written}")


@app.command(
    help_epilogue=examples("""
sparring measure runs/emoji emoji
sparring measure runs/emoji emoji --split held-out --metrics kid,coverage,precision,recall
sparring measure fakes/ photos/ --metrics fd,kid --json
sparring measure fakes.npz photos/ --metrics fid --features inception --weights inception.pth
""")
)
def measure(
    fakes: str,
    reals: str,
    /,
    *,
    metrics: str = "fd,kid",
    features: str = "lite0",
    n: Annotated[int | None, Parameter(name=["-n", "--number"])] = None,
    size: int | None = None,
    split: Literal["all", "training", "held-out"] = "all",
    fit: Literal["crop", "pad", "squeeze"] = "crop",
    background: str = "white",
    seed: int = 0,
    interval: bool = True,
    weights: Path | None = None,
    path: Path | None = None,
    condition_from: str | None = None,
    device: str = "auto",
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Say how good pictures are: fakes against reals, every figure with its floor and interval.

    Args:
        fakes: A run, or a folder, .zip, .npy or .npz of pictures.
        reals: The same, or the built-in emoji or fashion-mnist.
        metrics: Names with commas between: fd, kid, is, mis, precision, recall, density, coverage, swd, msssim,
            nearest, modes; obedience and diversity of a conditional run; fid with --features inception.
        features: What looks at the pictures: lite0, inception, dinov2, clip, or own (learnt from the reals' classes).
        n: Pictures of each side. Default: all; of a run as many as there are reals, 10,000 at most.
        size: Side in px that both are brought to first. Default: that of the fakes.
        split: All reals, or only what the run (the fakes) had for training, or held out.
        fit: What to do with a picture that is not square.
        background: Colour under transparent parts, for features that know no alpha.
        seed: Of what is generated and chosen.
        interval: Whether intervals are worked out.
        weights: File of the extractor's weights.
        path: Folder of a built-in data set, where it is not in its usual place.
        condition_from: For obedience and diversity: where the reals' conditions are read, as for train.
        device: Where features are computed: auto, cpu, cuda or mps.
        json_: Print the results as JSON.
    """
    from .metrics.measuring import as_text
    from .metrics.measuring import measure as do

    results = do(
        fakes,
        reals,
        [name.strip() for name in metrics.split(",") if name.strip()],
        features,
        n=n,
        size=size,
        split=split,
        fit=fit,
        background=background,
        seed=seed,
        interval=interval,
        weights=weights,
        path=path,
        condition_from=condition_from,
        device=device,
        say=lambda message: print(message, file=sys.stderr),
    )
    answer(json_, {"results": [result.to_dict() for result in results]}, as_text(results))


app.command(
    cli_about.recipes,
    help_epilogue=examples("""
sparring recipes
sparring recipes r3gan
sparring recipes r3gan --size 64 --pictures 1865
"""),
)
app.command(
    cli_about.bench,
    help_epilogue=examples("""
sparring bench step
sparring bench step --size 32 --rounds 30 --save step-32.json
sparring bench step --monitor
sparring bench data --size 64
sparring bench metrics --rounds 10
"""),
)
app.command(
    cli_doctor.check,
    help_epilogue=examples("""
sparring check gans.py:G(100) gans.py:D --data photos/ --loss hinge
sparring check gan.py:GAN().generator gan.py:GAN().discriminator --combined gan.py:GAN().combined
sparring check none critic.py:Critic --loss wasserstein-gp
sparring check gans.py:G gans.py:D --step train.py:step --map map.svg
"""),
)
app.command(
    cli_doctor.data,
    help_epilogue=examples("""
sparring data photos/ --size 64 --sheet sheet.png
sparring data photos/ --condition class --json
sparring data emoji --condition text
"""),
)
app.command(
    cli_doctor.diagnose,
    help_epilogue=examples("""
sparring diagnose train.log
sparring diagnose runs/emoji
sparring diagnose losses.csv --names d_loss=critic,g_loss=gen --loss wasserstein
sparring diagnose train.log -o report.html --plot losses.png
python -u train.py 2>&1 | sparring diagnose -
"""),
)
app.command(cli_doctor.explain, help_epilogue=examples("sparring explain SP204\nsparring explain input-unreachable"))
app.command(cli_doctor.rules)
app.command(
    cli_views.report,
    help_epilogue=examples("""
sparring report runs/emoji
sparring report runs/emoji -o emoji.html
sparring report --compare runs/emoji runs/emoji-hinge -o comparison.html
"""),
)
app.command(
    cli_views.film,
    help_epilogue=examples("""
sparring film runs/emoji
sparring film runs/emoji -o emoji.mp4 --seconds 20 --scale 2
sparring film runs/emoji -o frames/
"""),
)
app.command(
    cli_views.watch,
    help_epilogue=examples("""
sparring watch
sparring watch runs/emoji --open
sparring watch runs/ --host 0.0.0.0 --port 8000
"""),
)


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and exits with its code; a user's mistake never shows a traceback."""
    words = sys.argv[1:] if arguments is None else arguments
    wait_briefly()
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        app(words, exit_on_error=False, print_error=False, error_console=console)
    except CycloptsError as error:
        console.print(f"{error}\nSee: sparring {' '.join(words[:1])} --help", markup=False)
        sys.exit(2)
    except SparringError as error:
        if "--json" in words:
            print(
                json.dumps({"ok": False, "error": {"what": error.what, "expected": error.expected, "fix": error.fix}})
            )
        console.print(str(error), markup=False)
        sys.exit(1)
    except (KeyboardInterrupt, EOFError):
        console.print("Stopped.", markup=False)
        sys.exit(130)
    except BrokenPipeError:  # the reader has gone: `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except MemoryError:
        console.print("There is not enough memory. To fix it: a smaller --batch, --size or --set width.", markup=False)
        sys.exit(1)
    except RuntimeError as error:
        if "memory" not in str(error):
            raise
        console.print(f"There is not enough memory: {str(error).splitlines()[0]}", markup=False)
        console.print("To fix it: a smaller --batch, --size or --set width.", markup=False)
        sys.exit(1)
