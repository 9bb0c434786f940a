from __future__ import annotations

import re
from pathlib import Path

import pytest
from absl import flags

import lsgan_tf
from lsgan_tf.cli import flag_files
from lsgan_tf.cli import flags as flagging
from lsgan_tf.cli.presets import preset_names
from lsgan_tf.config import settings
from lsgan_tf.errors import UserError
from lsgan_tf.settings import table

pytestmark = pytest.mark.fast

FLAGS = Path(__file__).parents[2] / "flags"
PRESETS = Path(lsgan_tf.__file__).parent / "presets"
CONTRACT = {
    "dataset",
    "conditional",
    "data_dir",
    "run_dir",
    "steps",
    "batch_size",
    "seed",
    "learning_rate",
    "beta1",
    "optimizer",
    "z_dim",
    "z_distribution",
    "image_size",
    "loss",
    "label_fake",
    "label_real",
    "label_target",
    "d_steps",
    "g_steps",
    "generator_batch_norm",
    "discriminator_batch_norm",
    "precision",
    "devices",
    "steps_per_call",
    "log_every",
    "sample_every",
    "checkpoint_every",
    "max_classes",
    "all_classes",
    "keep_aspect",
    "cache_dir",
    "standin_samples",
    "characters",
    "max_bad_records",
}


def parse(*words):
    """The config, and the origins, of a command line."""
    values = flags.FlagValues()
    flags.DEFINE_multi_string("flagfile", [], "", flag_values=values)
    values.set_gnu_getopt(True)
    flagging.define_flags(values)
    argv = ["main", *words]
    values(["main", *flag_files.expanded(words)])
    return flagging.from_flags(argv, values)


@pytest.fixture
def flagfile(tmp_path):
    def write(*lines, name="a.flags"):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


class TestFlags:
    def test_all_of_the_contract_are_there(self):
        assert {field.name for field in settings()} >= CONTRACT

    @pytest.mark.parametrize("field", settings(), ids=lambda field: field.name)
    def test_each_has_a_flag_that_tells_unit_range_and_default(self, field):
        values = flags.FlagValues()
        flagging.define_flags(values)
        flag = values[field.name]
        assert flag.value is None
        text = flag.help
        assert field.metadata["help"] in text
        assert re.search(r" \(default: .+\)$", text)
        if field.metadata["type"] in (int, float):
            unit = re.escape(field.metadata["unit"])
            assert re.search(rf"\[{unit}, (\S+ to \S+|at least \S+)\]", text)

    def test_help_tells_the_defaults_of_each_dataset(self):
        values = flags.FlagValues()
        flagging.define_flags(values)
        assert values["image_size"].help.endswith(
            "[pixels, 0 to 1,024] (default: 28 for hwdb, digits; 32 for cifar10; 112 for lsun; 64 "
            "for images, tfds; 0 for mixture)"
        )
        assert values["steps"].help.endswith(
            "(default: 50,000 for digits; 35,000 for mixture; else 1,000,000)"
        )
        assert values["label_fake"].help.endswith(
            "[score, -1,000 to 1,000] (default: -1 for cifar10, digits; else 0)"
        )
        assert values["max_classes"].help.startswith("hwdb: ")
        assert values["max_classes"].help.endswith("(default: all)")
        assert values["beta2"].help.endswith("[factor, 0 to 0.999999] (default: 0.999)")

    @pytest.mark.parametrize(
        ("name", "start"),
        [
            ("beta2", "adam: decay of"),
            ("label_fake", "lsgan: a, D's target"),
            ("filters", "dcgan, mlp: width of D's"),
            ("crop", "lsun, images, tfds: crop the"),
            ("label_dim", "with --conditional: length of"),
            ("nonlinearity", "<relu|tanh|gated>: dcgan: relu (leaky"),
            ("max_bad_records", "hwdb, with --data_dir: maximum number of damaged"),
            ("standin_samples", "hwdb, without --data_dir: size of"),
            ("evaluate_samples", "with --evaluate_every: number of"),
            ("steps", "training steps"),
        ],
    )
    def test_help_tells_what_a_setting_is_for(self, name, start):
        values = flags.FlagValues()
        flagging.define_flags(values)
        assert values[name].help.startswith(start)

    def test_groups(self):
        values = flags.FlagValues()
        flagging.define_flags(values)
        groups = list(values.flags_by_module_dict())
        assert groups == [
            "presets", "data", "networks", "objective", "optimisation", "machine", "run",
            "watching",
        ]  # fmt: skip

    def test_values_arrive_with_their_types(self):
        config, _ = parse(
            "--steps=12", "--learning_rate=1e-3", "--conditional", "--nogenerator_batch_norm",
            "--loss=lsgan", "--data_dir=a b", "--max_classes=3", "--label_fake", "-1",
        )  # fmt: skip
        assert (config.steps, config.learning_rate, config.conditional) == (12, 1e-3, True)
        assert (config.generator_batch_norm, config.loss) == (False, "lsgan")
        assert (config.data_dir, config.max_classes, config.label_fake) == ("a b", 3, -1.0)

    @pytest.mark.parametrize(
        ("word", "expected"),
        [
            ("--steps=abc", "expected a whole number, 0 to 1,000,000,000"),
            ("--steps=1e3", "expected a whole number"),
            ("--beta1=half", "expected a number, 0 to 0.999999"),
            ("--loss=wgan", "lsgan|nsgan|mmgan"),
            ("--conditional=maybe", "conditional"),
        ],
    )
    def test_what_cannot_be_read_is_named(self, word, expected):
        with pytest.raises(flags.IllegalFlagValueError) as caught:
            parse(word)
        assert word in str(caught.value) and expected in str(caught.value)

    def test_an_empty_folder_is_refused_and_does_not_mean_the_standin(self):
        with pytest.raises(UserError, match=r"^--data_dir=: expected text"):
            parse("--data_dir=")


class TestOrigins:
    @pytest.mark.parametrize(
        ("words", "reason"),
        [
            (["--metrics=fid,nonsense"], "--metrics=nonsense: expected some of is, fid"),
            (["--metrics=fid", "--best_metric=judge_top1"], "--best_metric=judge_top1"),
        ],
    )
    def test_measures_that_there_are_not(self, words, reason):
        with pytest.raises(UserError, match=reason):
            parse("--evaluate_every=9", *words)

    def test_what_a_flagfile_sets_in_vain(self, flagfile):
        path = flagfile("--label_fake=-1", "--label_real=1", "--beta1=0.5")
        with pytest.raises(UserError, match=r"^--label_fake=-1.0: only for --loss=lsgan and"):
            parse(f"--flagfile={path}", "--loss=nsgan", "--optimizer=rmsprop")
        # A default says nothing.
        config, _ = parse(f"--flagfile={path}", "--loss=nsgan", "--label_fake=0")
        assert config.label_fake == 0

    def test_defaults(self):
        _, origins = parse()
        assert origins["learning_rate"] == "default for hwdb"
        assert origins["seed"] == "default"
        _, origins = parse("--dataset=lsun")
        assert origins["dataset"] == "command line"
        assert origins["learning_rate"] == "default for lsun"

    @pytest.mark.parametrize(
        "words",
        [
            ["--seed=3"],
            ["-seed=3"],
            ["--seed", "3"],
            ["--steps", "5", "--seed", "3"],
            ["--conditional", "--seed", "3"],
        ],
    )
    def test_command_line(self, words):
        config, origins = parse(*words)
        assert config.seed == 3
        assert origins["seed"] == "command line"

    def test_booleans(self):
        for word in ("--flip", "--noflip", "--flip=true"):
            assert parse(word)[1]["flip"] == "command line"
        assert parse("--noflip")[0].flip is False

    def test_values_that_look_like_flags(self):
        config, origins = parse("--label_fake", "-1", "--run_dir", "-seed")
        assert (config.label_fake, config.run_dir) == (-1, "-seed")
        assert origins["label_fake"] == "command line"
        assert origins["seed"] == "default"

    def test_flagfile(self, flagfile):
        path = flagfile("# a comment", "--seed=3", "", "--conditional", "--dataset=hwdb")
        for words in ([f"--flagfile={path}"], ["--flagfile", str(path)], [f"-flagfile={path}"]):
            config, origins = parse(*words)
            assert (config.seed, config.conditional) == (3, True)
            assert origins["seed"] == origins["conditional"] == f"flagfile {path}"
            assert origins["steps"] == "default"

    def test_the_last_one_wins(self, flagfile):
        path = flagfile("--seed=3", "--flip")
        config, origins = parse(f"--flagfile={path}", "--seed=4", "--noflip")
        assert (config.seed, config.flip) == (4, False)
        assert origins["seed"] == origins["flip"] == "command line"
        config, origins = parse("--seed=4", "--noflip", f"--flagfile={path}")
        assert (config.seed, config.flip) == (3, True)
        assert origins["seed"] == origins["flip"] == f"flagfile {path}"

    def test_two_flagfiles(self, flagfile):
        one, two = (
            flagfile("--seed=1", "--steps=1", name="1"),
            flagfile("--noflip", "--seed=2", name="2"),
        )
        config, origins = parse(f"--flagfile={one}", f"--flagfile={two}")
        assert (config.seed, config.steps) == (2, 1)
        assert origins["seed"] == f"flagfile {two}"
        assert origins["flip"] == f"flagfile {two}"
        assert origins["steps"] == f"flagfile {one}"

    def test_a_flagfile_within_a_flagfile(self, flagfile):
        inner = flagfile("--seed=1", name="inner")
        outer = flagfile(f"--flagfile={inner}", "--steps=5", name="outer")
        config, origins = parse(f"--flagfile={outer}")
        assert (config.seed, config.steps) == (1, 5)
        assert origins["seed"] == f"flagfile {outer}"


class TestPresets:
    def test_names_are_those_of_the_folder(self):
        assert {"hwdb", "hwdb_quick", "lsun_bedroom"} <= set(preset_names())
        assert preset_names() == sorted(path.stem for path in PRESETS.iterdir())

    def test_sets_what_its_file_says(self):
        config, origins = parse("--preset=hwdb_quick")
        assert (config.dataset, config.conditional, config.max_classes) == ("hwdb", True, 12)
        assert (config.learning_rate, config.steps) == (0.001, 2400)
        assert origins["steps"] == origins["conditional"] == "preset hwdb_quick"
        assert origins["beta1"] == origins["seed"] == "default"

    @pytest.mark.parametrize("preset", [["--preset=hwdb_quick"], ["--preset", "hwdb_quick"]])
    @pytest.mark.parametrize("first", [True, False])
    def test_the_command_line_wins_whatever_the_order(self, preset, first):
        words = ["--noconditional", "--steps", "7"]
        config, origins = parse(*(preset + words if first else words + preset))
        assert (config.steps, config.conditional, config.max_classes) == (7, False, 12)
        assert origins["steps"] == origins["conditional"] == "command line"
        assert origins["max_classes"] == "preset hwdb_quick"

    @pytest.mark.parametrize(
        ("preset", "flag", "dropped"),
        [
            ("hwdb_quick", "--characters=阿埃", "max_classes"),
            ("hwdb_pretrained", "--max_classes=12", "characters"),
        ],
    )
    def test_a_choice_of_classes_overrides_the_other_one_of_a_preset(self, preset, flag, dropped):
        config, origins = parse(flag, f"--preset={preset}")
        assert getattr(config, dropped) is None
        assert origins[dropped] == "default"
        assert origins["steps"] == f"preset {preset}"

    def test_a_flagfile_wins_whatever_the_order(self, flagfile):
        path = flagfile("--steps=9")
        for words in (
            [f"--flagfile={path}", "--preset=hwdb_quick"],
            ["--preset=hwdb_quick", f"--flagfile={path}"],
        ):
            config, origins = parse(*words)
            assert (config.steps, config.width) == (9, 0.25)
            assert origins["steps"] == f"flagfile {path}"

    def test_the_later_of_two_wins(self):
        config, origins = parse("--preset=hwdb", "--preset=hwdb_quick")
        assert (config.steps, config.beta2) == (2400, 0.999)
        assert (origins["steps"], origins["beta2"]) == ("preset hwdb_quick", "preset hwdb")
        assert parse("--preset=hwdb_quick", "--preset=hwdb")[0].steps == 1_000_000

    def test_an_unknown_name_lists_those_there_are(self):
        with pytest.raises(UserError) as caught:
            parse("--preset=hwdb_fast")
        text = str(caught.value)
        assert text.startswith("--preset=hwdb_fast: there is no such preset, expected one of cats,")
        assert all(name in text for name in preset_names())

    @pytest.mark.parametrize("name", ["../presets/hwdb", "hwdb.flags", ""])
    def test_is_a_name_and_no_path(self, name):
        with pytest.raises(UserError, match="there is no such preset"):
            parse(f"--preset={name}")

    @pytest.mark.parametrize("name", preset_names())
    def test_the_flag_file_of_the_clone_is_its_preset(self, name, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        config, origins = parse(f"--flagfile={FLAGS / name}.flags", "--seed=3")
        assert (config, origins) == parse(f"--preset={name}", "--seed=3")
        assert origins["dataset"] == f"preset {name}"

    def test_every_preset_has_a_flag_file_in_the_clone(self):
        assert sorted(path.stem for path in FLAGS.iterdir()) == preset_names()


class TestDescribe:
    def test_is_a_table_of_everything(self):
        config, origins = parse("--seed=3", "--conditional", "--data_dir=" + 60 * "x")
        text = table.describe(config, origins)
        for field in settings():
            assert len(re.findall(rf"^  {field.name} ", text, re.MULTILINE)) == 1
        rows = {line.split()[0]: line.split()[1:] for line in text.splitlines()}
        assert rows["seed"] == ["3", "command", "line"]
        assert rows["steps"] == ["1,000,000", "default"]
        assert rows["learning_rate"] == ["0.0002", "default", "for", "hwdb"]
        assert rows["conditional"] == ["true", "command", "line"]
        assert rows["max_classes"] == ["all", "default"]
        assert rows["data_dir"] == [60 * "x", "command", "line"]
        assert rows["label_fake"] == ["0", "default"]
        assert rows["characters"][:3] == ["all,", "or", "those"]

    def test_many_characters_are_shown_by_the_first(self):
        many = "".join(map(chr, range(0x4E00, 0x4E00 + 3000)))
        config, origins = parse(f"--characters={many}")
        rows = {row.name: row.value for row in table.setting_rows(config, origins)}
        assert rows["characters"] == f"{many[:20]}... (3,000)"


def test_targets_of_a_run_that_exists_are_its_own(tmp_path):
    """One that version 0.1.0 began with the same words had other defaults."""
    words = ["--dataset=cifar10", "--label_fake=0", f"--run_dir={tmp_path}"]
    with pytest.raises(UserError, match="--label_fake=0 and --label_target=0"):
        parse(*words)
    (tmp_path / "config.json").write_text("{}")
    assert parse(*words)[0].label_fake == 0
