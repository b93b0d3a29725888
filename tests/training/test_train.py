"""Training runs: reproducible, resumable after any end, and clear about what they refuse."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcelite.errors import DceliteError, ModelError, OutputError
from dcelite.model.checkpoint import load_weights, read_arrays
from dcelite.training import train as train_module
from dcelite.training.cli import add_command
from dcelite.training.config import LossConfig, TrainingConfig
from dcelite.training.dataset import load_images
from dcelite.training.experiments.__main__ import trained
from dcelite.training.network import initial_weights
from dcelite.training.run import LossHistory
from dcelite.training.train import Trainer, WeightAverage, train

CONFIG = TrainingConfig(image_size=16, batch_size=2, losses=LossConfig(exposure_patch=8), seed=5)

SLOW_RUN = """
import sys, time
from pathlib import Path
from dcelite.training import run
from dcelite.training.dataset import TrainingImages
from dcelite.training.run import load_config
from dcelite.training.train import train

def slow_batch(*arguments, batch=TrainingImages.batch):
    time.sleep(0.03)  # leaves seconds in which to end the run
    return batch(*arguments)

TrainingImages.batch = slow_batch
data, output = map(Path, sys.argv[1:])
run.CHECKPOINT_SECONDS = 0.1
train(load_config(output), data, output, steps=200, resume=True)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven dark images with some structure."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(1)
    for number in range(7):
        blocks = rng.integers(0, 20 + 20 * number, (4, 4, 3)).astype(np.uint8)
        Image.fromarray(blocks).resize((32, 32), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


def history(output: Path) -> list[str]:
    return (output / "history.csv").read_text().splitlines()


def totals(output: Path) -> np.ndarray:
    return np.genfromtxt(output / "history.csv", delimiter=",", names=True)["total"]


def assert_same_weights(first: Path, second: Path) -> None:
    for name, array in load_weights(first).arrays.items():
        np.testing.assert_array_equal(array, load_weights(second).arrays[name], err_msg=name)


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a complete run of 200 steps."""
    output = tmp_path_factory.mktemp("runs") / "finished"
    train(CONFIG, data, output, steps=200)
    return output


def test_a_run_leaves_weights_history_and_plot(finished: Path) -> None:
    assert sorted(path.name for path in finished.iterdir()) == [
        "history.csv", "losses.png", "run.json", "samples", "state.ckpt", "zerodcepp_scene.ckpt",
    ]  # fmt: skip
    assert load_weights(finished / "zerodcepp_scene.ckpt").architecture == "zerodcepp_scene"
    assert_same_weights(finished / "zerodcepp_scene.ckpt", finished / "state.ckpt")
    rows = history(finished)
    assert rows[0] == "step,total,spatial,exposure,colour,smoothness,reconstruction"
    assert [row.split(",")[0] for row in rows[1:]] == [str(step) for step in range(1, 201)]
    _, total, *terms = map(float, rows[-1].split(","))
    assert total == pytest.approx(sum(terms), rel=1e-6)
    with Image.open(finished / "losses.png") as plot:
        assert plot.size == (1200, 650)


def test_samples_along_the_run(finished: Path) -> None:
    samples = sorted((finished / "samples").iterdir())
    assert [path.stem for path in samples] == ["000001", "000003", "000010", "000030", "000100", "000200"]
    with Image.open(samples[0]) as first, Image.open(samples[-1]) as last:
        assert first.size == last.size
        assert np.any(np.asarray(first) != np.asarray(last))


def test_the_result_is_the_average_of_the_weights(data: Path, tmp_path: Path) -> None:
    trainer = Trainer(CONFIG)
    images = load_images(data, CONFIG.image_size, CONFIG.batch_size)
    average = WeightAverage(initial_weights(CONFIG.architecture, CONFIG.seed).arrays)
    for step in range(1, 6):
        trainer.train_step(images)
        average.add(step, {parameter.name: parameter.asnumpy() for parameter in trainer.network.get_parameters()})
    weights = load_weights(train(CONFIG, data, tmp_path / "run", steps=5))
    for name, array in weights.arrays.items():
        np.testing.assert_array_equal(array, average.arrays[name].astype(np.float32), err_msg=name)


def test_training_lowers_the_loss(finished: Path) -> None:
    assert totals(finished)[-20:].mean() < 0.8 * totals(finished)[:20].mean()


def test_the_same_seed_gives_the_same_history_and_weights(finished: Path, data: Path, tmp_path: Path) -> None:
    train(CONFIG, data, tmp_path / "again", steps=200)
    assert history(tmp_path / "again") == history(finished)
    assert_same_weights(tmp_path / "again" / "zerodcepp_scene.ckpt", finished / "zerodcepp_scene.ckpt")


def test_another_seed_gives_another_history(finished: Path, data: Path, tmp_path: Path) -> None:
    train(replace(CONFIG, seed=6), data, tmp_path / "other", steps=3)
    assert not set(history(tmp_path / "other")[1:]) & set(history(finished)[1:])


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_interrupted_and_resumed_equals_uninterrupted(
    end: signal.Signals, finished: Path, data: Path, tmp_path: Path
) -> None:
    output = tmp_path / "interrupted"
    train(CONFIG, data, output, steps=2)
    process = subprocess.Popen([sys.executable, "-c", SLOW_RUN, data, output], stderr=subprocess.PIPE, text=True)
    wait_for_step(process, output, 20)
    process.send_signal(end)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    if end == signal.SIGINT:
        assert "which is saved; --resume continues" in errors
        assert "KeyboardInterrupt" in errors
    assert int(read_arrays(output / "state.ckpt")["step"]) < 200

    train(CONFIG, data, output, steps=200, resume=True)
    assert history(output) == history(finished)
    assert_same_weights(output / "zerodcepp_scene.ckpt", finished / "zerodcepp_scene.ckpt")
    assert not list(output.glob(".*"))


def wait_for_step(process: subprocess.Popen[str], output: Path, step: int) -> None:
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline and process.poll() is None:
        if int(read_arrays(output / "state.ckpt")["step"]) >= step:
            return
        time.sleep(0.05)
    process.kill()
    pytest.fail(f"the run ended or stood still: {process.communicate()[1]}")


def test_rows_after_the_last_checkpoint_are_dropped(finished: Path, tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(
        "\n".join(history(finished)[:31]) + "\n31,0.5,0.1,0.1,0.1,0.1,0.1\n32,0.5,0.1"
    )  # killed within row 32
    LossHistory(path).begin(30)
    assert path.read_text().splitlines() == history(finished)[:31]


def test_history_that_lacks_steps_is_refused(finished: Path, tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("\n".join(history(finished)[:21]) + "\n")
    with pytest.raises(DceliteError, match=r"history\.csv: does not hold the losses of steps 1 to 30"):
        LossHistory(path).begin(30)


def test_zero_dce_trains(data: Path, tmp_path: Path) -> None:
    weights = train(replace(CONFIG, architecture="zerodce", scale=2), data, tmp_path / "run", steps=2)
    assert weights == tmp_path / "run" / "zerodce.ckpt"
    assert load_weights(weights).architecture == "zerodce"


def test_minutes_end_a_run(data: Path, tmp_path: Path) -> None:
    started = time.monotonic()
    train(CONFIG, data, tmp_path / "run", minutes=0.02)
    assert time.monotonic() - started < 30
    assert len(history(tmp_path / "run")) > 1


class TestRefusals:
    def test_folder_that_holds_a_run(self, finished: Path, data: Path) -> None:
        before = (finished / "zerodcepp_scene.ckpt").read_bytes()
        with pytest.raises(OutputError, match="holds a run already; --resume continues it, --overwrite replaces it"):
            train(CONFIG, data, finished, steps=1)
        assert (finished / "zerodcepp_scene.ckpt").read_bytes() == before

    def test_overwrite_replaces_it(self, data: Path, tmp_path: Path) -> None:
        train(CONFIG, data, tmp_path, steps=3)
        train(CONFIG, data, tmp_path, steps=1, overwrite=True)
        assert len(history(tmp_path)) == 2

    def test_overwrite_removes_what_a_run_leaves_and_nothing_else(self, data: Path, tmp_path: Path) -> None:
        train(CONFIG, data, tmp_path, steps=3)
        mine = [tmp_path / name for name in (".state.mine.ckpt", "notes.txt", "zerodce.ckpt", "samples/holiday.png")]
        for path in mine:
            path.write_text("precious")
        train(CONFIG, data, tmp_path, steps=1, overwrite=True)
        assert [path.read_text() for path in mine] == ["precious"] * len(mine)
        assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == ["000001.png", "holiday.png"]

    def test_a_folder_with_other_things_is_no_obstacle(self, data: Path, tmp_path: Path) -> None:
        (tmp_path / "samples").mkdir()
        mine = [tmp_path / name for name in (".state.mine.ckpt", "notes.txt", "samples/holiday.png", "samples/1.png")]
        for path in mine:
            path.write_text("precious")
        train(CONFIG, data, tmp_path, steps=1)
        assert [path.read_text() for path in mine] == ["precious"] * len(mine)

    def test_an_experiment_continues_its_own_run_and_replaces_nothing(self, data: Path, tmp_path: Path) -> None:
        (tmp_path / "held_out.txt").write_text("6.png\n")
        args = argparse.Namespace(data=data, split=tmp_path, output=tmp_path, steps=2)
        trained("a row", CONFIG, args).unlink()  # as if it had been interrupted
        first = history(tmp_path / "a_row")
        args.steps = 3
        assert trained("a row", CONFIG, args).is_file()
        assert history(tmp_path / "a_row")[:3] == first
        assert len(history(tmp_path / "a_row")) == 4
        (tmp_path / "another_row").mkdir()
        (tmp_path / "another_row" / "history.csv").write_text("precious")
        with pytest.raises(OutputError, match=r"history\.csv: exists already"):
            trained("another row", CONFIG, args)
        assert (tmp_path / "another_row" / "history.csv").read_text() == "precious"

    def test_nothing_to_resume(self, data: Path, tmp_path: Path) -> None:
        with pytest.raises(DceliteError, match="run: holds no run to resume"):
            train(CONFIG, data, tmp_path / "run", steps=1, resume=True)
        assert not (tmp_path / "run").exists()

    def test_resume_with_other_settings(self, finished: Path, data: Path) -> None:
        with pytest.raises(DceliteError, match="started with batch_size 2; 3 cannot be taken up"):
            train(replace(CONFIG, batch_size=3), data, finished, steps=1, resume=True)

    def test_resume_with_other_images(self, finished: Path, data: Path, tmp_path: Path) -> None:
        for path in list(data.iterdir())[:5]:
            (tmp_path / path.name).write_bytes(path.read_bytes())
        with pytest.raises(DceliteError, match="started with other images"):
            train(CONFIG, tmp_path, finished, steps=1, resume=True)

    def test_damaged_state(self, data: Path, tmp_path: Path) -> None:
        train(CONFIG, data, tmp_path, steps=1)
        state = tmp_path / "state.ckpt"
        state.write_bytes(state.read_bytes()[:-1000])
        with pytest.raises(ModelError, match=r"state\.ckpt: "):
            train(CONFIG, data, tmp_path, steps=2, resume=True)

    @pytest.mark.parametrize("content", ["", "{}", '{"config": {"depth": 3, "losses": {}}}', "\x00"])
    def test_damaged_settings(self, data: Path, tmp_path: Path, content: str) -> None:
        (tmp_path / "run.json").write_text(content)
        with pytest.raises(DceliteError, match=r"run\.json: cannot be read as the settings of a run"):
            train(CONFIG, data, tmp_path, steps=1, resume=True)

    def test_output_that_is_a_file(self, data: Path, tmp_path: Path) -> None:
        (tmp_path / "run").touch()
        with pytest.raises(OutputError, match="run: is a file"):
            train(CONFIG, data, tmp_path / "run", steps=1)

    @pytest.mark.parametrize("output", [Path("/proc"), Path("/proc/run")])  # not even root may write there
    def test_output_that_is_not_writable(self, data: Path, output: Path) -> None:
        with pytest.raises(OutputError, match=f"^{output}: cannot write to this folder: "):
            train(CONFIG, data, output, steps=1)

    def test_bad_data_leaves_no_output(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(DceliteError, match="holds 0 usable images"):
            train(CONFIG, tmp_path / "empty", tmp_path / "run", steps=1)
        assert not (tmp_path / "run").exists()

    def test_full_disk(self, finished: Path) -> None:
        if not Path("/dev/full").exists():
            pytest.skip("this system has no /dev/full")
        full = LossHistory(Path("/dev/full"))
        full.append(1, np.ones(5, np.float32))
        with pytest.raises(OutputError, match="/dev/full: cannot be written: No space left on device"):
            full.flush()

    def test_loss_that_is_not_finite(self, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        train(CONFIG, data, tmp_path, steps=2)
        good = (tmp_path / "state.ckpt").read_bytes()
        monkeypatch.setattr(train_module.Trainer, "train_step", lambda *_: np.full(5, np.nan, np.float32))
        with pytest.raises(DceliteError, match="the loss is not finite at step 2; a lower learning rate was wanted"):
            train(CONFIG, data, tmp_path, steps=4, resume=True)
        assert (tmp_path / "state.ckpt").read_bytes() == good

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"scale": 0}, "scale 0: at least 1"),
            ({"batch_size": 0}, "batch_size 0: at least 1"),
            ({"darkening": 1.5}, r"darkening 1\.5: a probability"),
            ({"seed": -1}, "seed -1: at least 0"),
            ({"learning_rate": 0.0}, r"learning rate 0\.0: a number between 0 and 1"),
            ({"image_size": 4}, "image size 4: .* at least 8"),
            ({"architecture": "unet"}, "unet: is not an architecture"),
        ],
    )
    def test_impossible_settings(self, change: dict[str, object], message: str, data: Path, tmp_path: Path) -> None:
        with pytest.raises(DceliteError, match=message):
            train(replace(CONFIG, **change), data, tmp_path / "run", steps=1)  # type: ignore[arg-type]


class TestCommand:
    def parse(self, *arguments: object) -> argparse.Namespace:
        parser = argparse.ArgumentParser("dcelite")
        add_command(parser.add_subparsers())
        return parser.parse_args(["train", *map(str, arguments)])

    def run(self, *arguments: object) -> None:
        args = self.parse(*arguments)
        args.run(args)

    def test_trains_and_resumes(self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        common = ("--data", data, "--output", tmp_path)
        self.run(*common, "--steps", 2, "--batch-size", 3, "--image-size", 16, "--arch", "zerodce")
        self.run(*common, "--steps", 4, "--resume")
        assert len(history(tmp_path)) == 1 + 4
        config = json.loads((tmp_path / "run.json").read_text())["config"]
        assert (config["batch_size"], config["losses"]["smoothness_weight"]) == (3, 200)
        assert f"{tmp_path / 'zerodce.ckpt'}: the trained weights" in capsys.readouterr().out
        with pytest.raises(DceliteError, match="started with batch_size 3; 4 cannot be taken up"):
            self.run(*common, "--steps", 6, "--resume", "--batch-size", 4)

    def test_skipped_files_are_told(self, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        images = tmp_path / "images"
        images.mkdir()
        for path in data.iterdir():
            (images / path.name).write_bytes(path.read_bytes())
        (images / "broken.jpg").write_bytes(b"\xff\xd8\xff")
        self.run("--data", images, "--output", tmp_path / "run", "--steps", 1, "--image-size", 16, "--batch-size", 2)
        assert f"skipped {images / 'broken.jpg'}: cannot be read" in capsys.readouterr().err

    def test_settings_of_the_losses_and_excluded_images(self, data: Path, tmp_path: Path) -> None:
        (tmp_path / "held_out.txt").write_text("3.png\n")
        common = ("--data", data, "--output", tmp_path / "run", "--image-size", 16, "--batch-size", 2)
        changes = ("--well-lit", 0, "--darkening", 0, "--exposure-target", 0.6, "--spatial-weight", 2.5)
        self.run(*common, "--steps", 1, "--exclude", tmp_path / "held_out.txt", *changes)
        run = json.loads((tmp_path / "run" / "run.json").read_text())
        assert run["images"] == 6
        config = run["config"]
        assert config["darkening"] == 0
        losses = config["losses"]
        assert (losses["well_lit"], losses["exposure_target"], losses["spatial_weight"]) == (0, 0.6, 2.5)
        assert (losses["smoothness_weight"], losses["reconstruction_weight"]) == (1000, 30)
        with pytest.raises(
            DceliteError, match="started with other images; give the same --data, --exclude and --panoramas"
        ):
            self.run(*common, "--steps", 2, "--resume")
        with pytest.raises(DceliteError, match=r"started with well_lit 0\.0; 0\.5 cannot be taken up"):
            self.run(*common, "--steps", 2, "--resume", "--well-lit", 0.5)

    @pytest.mark.parametrize("bad", [("--steps", "0"), ("--minutes", "-1"), ("--minutes", "nan"), ("--arch", "unet")])
    def test_bad_arguments_exit_with_2(self, bad: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            self.parse("--data", "x", "--output", "y", *bad)
        assert caught.value.code == 2
        assert bad[0] in capsys.readouterr().err
