from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from lsgan_tf.data.synthetic import hand, pen, strokes
from lsgan_tf.data.synthetic.skeleton import SPACING, Skeleton
from lsgan_tf.data.synthetic.style import Style

pytestmark = pytest.mark.fast

CALM = dataclasses.replace(
    Style.of(np.random.default_rng(0)),
    size=64.0,
    aspect=1.0,
    slant=0.0,
    rise=0.0,
    roundness=0.0,
    joining=0.0,
    bow=0.0,
    looseness=0.0,
    warp=0.0,
    hook=1.0,
    reach=0.0,
    radical=1.0,
    nib=1.2,
    ink=1.6,
    entry=0.0,
    exit=0.0,
    contrast=0.0,
    grain=0.0,
)


def skeleton(character: str) -> Skeleton:
    known = strokes.load()
    return Skeleton(known.medians(character), known.radical(character))


def draw(character: str, *styles: Style, seed: int = 0) -> list[np.ndarray]:
    generators = [np.random.default_rng((seed, number)) for number in range(len(styles))]
    return pen.draw(skeleton(character), styles, generators)


def darkness(bitmap: np.ndarray) -> float:
    return float((255 - bitmap.astype(float)).sum())


def mean_over_seeds(character: str, style: Style, measure) -> float:
    return float(np.mean([measure(draw(character, style, seed=seed)[0]) for seed in range(8)]))


def test_skeleton_points_are_evenly_spaced_along_the_strokes():
    bones = skeleton("国")
    assert bones.count == 8
    for stroke in range(bones.count):
        points = bones.points[bones.stroke == stroke]
        steps = np.abs(np.diff(points))
        # Where a corner is cut, a step is shorter; none is longer.
        assert steps.max() < 1.1 * SPACING
        assert abs(points[0] - bones.points[bones.first[stroke]]) == 0
    assert bones.size == len(bones.stroke_slots) + len(bones.join_slots)
    assert sorted([*bones.stroke_slots, *bones.join_slots]) == list(range(bones.size))


def test_hooks_are_found():
    # 小 begins with an upright that ends in a hook; 十 has none.
    assert np.abs(skeleton("小").hook).max() > 0.03
    assert np.abs(skeleton("十").hook).max() == 0


def test_a_calm_hand_writes_the_printed_form():
    bones = skeleton("永")
    numbers = np.random.default_rng(1)
    trace = hand.trace(bones, [CALM], [numbers])
    written = trace.points[0, bones.stroke_slots]
    # Equal up to a similarity: the sample's own size, rotation and a little slant remain.
    design = np.stack([bones.points, bones.points.conj(), np.ones_like(bones.points)], axis=1)
    left = np.linalg.lstsq(design, written, rcond=None)[1]
    assert np.sqrt(left[0].real / len(written)) < 0.2  # pixels
    assert 45 < np.ptp(written.imag) < 85


def test_bitmaps_are_cut_to_the_ink_on_a_white_ground():
    styles = [Style.of(np.random.default_rng(writer)) for writer in range(30)]
    for bitmap in draw("宽", *styles):
        assert bitmap.dtype == np.uint8
        inked = bitmap < 255
        assert inked[0].any() and inked[-1].any() and inked[:, 0].any() and inked[:, -1].any()
        # Nothing is almost white, as in CASIA's bitmaps.
        assert not ((bitmap >= 247) & (bitmap < 255)).any()
        assert 0.1 < inked.mean() < 0.75
        assert min(bitmap.shape) > 20 and max(bitmap.shape) < 200
        greys = np.unique(bitmap[inked])
        assert len(greys) > 60, "ink is not grey enough"


def test_ink_too_faint_to_see_still_gives_an_image():
    (bitmap,) = draw("一", dataclasses.replace(CALM, ink=0.001))
    assert bitmap.shape == (1, 1)
    assert bitmap[0, 0] < 255


@pytest.mark.parametrize("size", [12.0, 300.0, 700.0])
def test_unusually_small_and_large_hands(size: float):
    (bitmap,) = draw("国", dataclasses.replace(CALM, size=size, grain=0.3))
    assert 0.6 * size < bitmap.shape[0] < 1.6 * size


@pytest.mark.parametrize("character", ["一", "乙", "人", "国", "赢"])
def test_same_generators_give_the_same_bitmaps_whatever_else_is_drawn(character: str):
    styles = [Style.of(np.random.default_rng(writer)) for writer in range(5)]
    together = draw(character, *styles)
    again = draw(character, *styles)
    for a, b in zip(together, again, strict=True):
        np.testing.assert_array_equal(a, b)
    (alone,) = pen.draw(skeleton(character), styles[3:4], [np.random.default_rng((0, 3))])
    # Up to rounding, which depends on the batch.
    np.testing.assert_allclose(alone.astype(int), together[3].astype(int), atol=1)


def test_samples_of_one_writer_differ():
    a, b = draw("永", CALM, seed=0)[0], draw("永", CALM, seed=1)[0]
    assert a.shape != b.shape or (a != b).any()


def test_a_wider_nib_makes_thicker_strokes():
    thin, thick = (
        mean_over_seeds("永", dataclasses.replace(CALM, nib=nib), lambda b: (b < 200).mean())
        for nib in (0.9, 1.8)
    )
    assert thick > 1.5 * thin


def test_more_ink_is_darker():
    pale, dark = (
        mean_over_seeds("永", dataclasses.replace(CALM, ink=ink), lambda b: b[b < 255].mean())
        for ink in (1.0, 3.0)
    )
    assert dark < pale - 30


def test_size_is_the_height_in_pixels():
    for size in (40.0, 90.0):
        style = dataclasses.replace(CALM, size=size)
        assert mean_over_seeds("国", style, lambda b: b.shape[0]) == pytest.approx(size, rel=0.2)


def test_slant_leans_uprights_to_the_right():
    def lean(bitmap: np.ndarray) -> float:
        columns = np.arange(bitmap.shape[1])
        third = bitmap.shape[0] // 3
        top, bottom = 255.0 - bitmap[:third], 255.0 - bitmap[-third:]
        return (top @ columns).sum() / top.sum() - (bottom @ columns).sum() / bottom.sum()

    upright, leaning = (
        mean_over_seeds("十", dataclasses.replace(CALM, slant=slant), lean) for slant in (0.0, 0.4)
    )
    assert leaning > upright + 8


def test_joining_draws_the_ways_between_strokes():
    bones = skeleton("宽")
    generators = [np.random.default_rng(number) for number in range(8)]
    drawn = []
    for joining in (0.0, 1.0):
        style = dataclasses.replace(CALM, joining=joining)
        trace = hand.trace(bones, [style] * 8, generators)
        assert (trace.pressure[:, bones.stroke_slots] > 0).all()
        drawn.append((trace.pressure[:, bones.join_slots] > 0).mean())
    assert drawn[0] < 0.1
    assert drawn[1] > 0.5


def test_roundness_cuts_corners():
    def inner(bitmap: np.ndarray) -> float:
        # Ink in the upper right corner, where 口 has a sharp one.
        corner = bitmap[: bitmap.shape[0] // 5, -bitmap.shape[1] // 5 :]
        return float((corner < 255).mean())

    sharp, round_ = (
        mean_over_seeds("口", dataclasses.replace(CALM, roundness=roundness), inner)
        for roundness in (0.0, 0.12)
    )
    assert round_ < sharp


def test_strokes_taper_where_they_end():
    full, tapered = (
        mean_over_seeds("人", dataclasses.replace(CALM, exit=taper, exit_length=0.3), darkness)
        for taper in (0.0, 0.9)
    )
    assert tapered < 0.85 * full


def test_looseness_moves_samples_apart():
    def spread(looseness: float) -> float:
        style = dataclasses.replace(CALM, looseness=looseness)
        small = [
            np.asarray(Image.fromarray(draw("宽", style, seed=seed)[0]).resize((28, 28)), float)
            for seed in range(8)
        ]
        return float(np.std(small, axis=0).mean())

    assert spread(1.5) > 1.3 * spread(0.0)
