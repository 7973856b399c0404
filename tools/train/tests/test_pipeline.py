"""Quick checks of the training code; no pictures needed: python -m unittest discover tests."""

import types
import unittest

import numpy as np
import torch

from pictogram import adversary, backgrounds, base, captions, evaluate, scenes
from pictogram.diffusion import Schedule, timestep_of
from pictogram.doodles import doodle
from pictogram.measures import psnr, ssim
from pictogram.optimiser import orthogonal
from pictogram.tokenizer import byte_characters

ROW = {"caption": "apple", "style": "3d render", "source": "twemoji", "colors": ["red"],
       "tags": ["fruit"], "file": "x"}


class Captions(unittest.TestCase):
    """What prompts say."""

    def test_new_colour_is_named(self):
        """A recoloured picture's prompt names the new colour unless alternatives replace it."""
        rng = np.random.default_rng(0)
        for _ in range(50):
            self.assertIn("purple", captions.compose([ROW], ["purple"], None, rng))

    def test_background_is_the_one_given(self):
        """No other background is ever named."""
        rng = np.random.default_rng(0)
        texts = [captions.compose([ROW], [None], "orange", rng) for _ in range(50)]
        named = [t for t in texts if "background" in t]
        self.assertTrue(named)
        self.assertTrue(all(t.endswith("on an orange background") for t in named))

    def test_prompts_tell_all(self):
        """Only white and the default style go unnamed, but for loose samples."""
        rng, flat = np.random.default_rng(0), {**ROW, "style": "flat cartoon"}
        texts = [captions.compose([flat], [None], "orange", rng) for _ in range(200)]
        self.assertTrue(all("orange background" in t for t in texts))
        self.assertGreater(sum("flat cartoon" in t for t in texts), 180)
        texts = [captions.compose([ROW], [None], "white", rng) for _ in range(200)]
        self.assertTrue(any(t.endswith("apple") for t in texts))

    def test_directions_are_not_mirrored(self):
        """Mirroring would contradict these."""
        for caption in ("left arrow", "alarm clock", "bow and arrow", "facing right"):
            self.assertFalse(captions.may_mirror(caption))
        self.assertTrue(captions.may_mirror("apple"))

    def test_held_out_pairs_are_never_sampled(self):
        """Their weight is zero."""
        caption, style = sorted(captions.held_out_pairs())[0]
        rows = [{**ROW, "caption": caption, "style": style}, ROW]
        weights = scenes.sampling_weights(rows, scenes.usable_rows(rows))
        self.assertEqual(weights[0], 0)
        self.assertAlmostEqual(weights.sum(), 1)


class Arithmetic(unittest.TestCase):
    """Schedule, measures, optimiser."""

    def test_schedule_constants(self):
        """The engine's table."""
        schedule = Schedule()
        self.assertAlmostEqual(schedule.a[999].item(), 0.0682649, 5)
        self.assertAlmostEqual(schedule.b[479].item(), 0.8336092, 5)
        self.assertEqual([timestep_of(k) for k in (0, 18, 32, 45)], [999, 639, 359, 99])

    def test_velocity_leads_to_the_clean_picture(self):
        """Also from an x_t that was made of something else."""
        schedule, t = Schedule(), torch.tensor([300, 700])
        clean, rough, noise = torch.randn(3, 2, 4, 3, 3)
        x = schedule.noised(rough, noise, t)
        v = schedule.velocity(x, clean, t)
        torch.testing.assert_close(schedule.x0_of(x, v, t), clean, atol=1e-4, rtol=1e-4)

    def test_consistency_is_x0_away_from_zero(self):
        """c_skip vanishes at the timesteps in use."""
        schedule, t = Schedule(), torch.tensor([599])
        x, v = torch.randn(2, 1, 4, 3, 3)
        torch.testing.assert_close(schedule.consistency(x, v, t), schedule.x0_of(x, v, t),
                                   atol=1e-4, rtol=1e-4)

    def test_measures(self):
        """Known values."""
        a = torch.rand(2, 3, 32, 32)
        self.assertAlmostEqual(ssim(a, a).mean().item(), 1, 4)
        self.assertAlmostEqual(psnr(a * 0, a * 0 + 0.1).mean().item(), 20, 3)

    def test_orthogonal(self):
        """Singular values end near one, by either way."""
        for shape in ((2, 24, 96), (2, 96, 24), (2, 24, 40)):
            values = torch.linalg.svdvals(orthogonal(torch.randn(shape)).float())
            self.assertTrue(((values > 0.5) & (values < 1.4)).all(), shape)

    def test_orthogonal_of_low_rank(self):
        """Nothing blows up where directions are missing, as in real gradients."""
        for shape in ((64, 512), (512, 64), (64, 64)):
            matrix = torch.randn(shape[0], 4) @ torch.randn(4, shape[1])
            values = torch.linalg.svdvals(orthogonal(matrix[None]).float())[0]
            self.assertTrue((values[:4] > 0.5).all(), shape)
            self.assertLess(values.max(), 1.4)


class Training(unittest.TestCase):
    """What the base stage is made of."""

    ARGS = types.SimpleNamespace(batch=64, seed=0, refined=0.5, doodles=0.75, drop=0.05, tilt=0.5,
                                 first=0.85, workers=0)

    def batches(self):
        """Of a cache of forty samples, every other one loose."""
        cache = types.SimpleNamespace(
            clean=torch.randn(40, 5, 4, 4).bfloat16(), rough=torch.randn(40, 5, 4, 4).bfloat16(),
            codes=torch.randn(40, scenes.CODES))
        return base.Batches(self.ARGS, cache, 1.0)

    def plan(self, times):
        """Everything drawn once, at these timesteps."""
        count = self.ARGS.batch
        return base.Plan(torch.arange(count) % 40, torch.zeros(count, 32).long(),
                         torch.ones(count).bool(), torch.zeros(count).bool(),
                         torch.full((count,), times), torch.zeros(count).long())

    def test_drafts_go_on(self):
        """A step's samples come back with what was made of them, at an earlier timestep."""
        batches = self.batches()
        first = batches.draw(self.plan(999), 0)
        batches.keep(first, first.clean + 100, 0)
        second = batches.draw(self.plan(999), 1)
        carried = second.times < 999
        self.assertTrue(16 < carried.sum() < 48)
        self.assertTrue(all(len(part) == self.ARGS.batch for part in second))
        torch.testing.assert_close(second.source[carried], second.clean[carried] + 100)
        self.assertTrue((second.times[carried] < 850).all() and (second.times[carried] >= 449).all())

    def test_first_noise_tells_the_pose(self):
        """At the first timestep the source is nothing and the noise's means are the sample's code;
        elsewhere both are left alone."""
        batches, plan = self.batches(), self.plan(999)
        first = batches.fresh(plan, 5, self.ARGS.batch)
        means = first.noise[:, :scenes.CODES].mean((2, 3)) * 4
        torch.testing.assert_close(means, batches.cache.codes[plan.picks], atol=1e-4, rtol=1e-4)
        self.assertEqual(first.source.abs().max(), 0)
        later = batches.fresh(self.plan(500), 5, self.ARGS.batch)
        torch.testing.assert_close(later.source, later.clean)
        self.assertGreater((later.noise[:, :scenes.CODES] - first.noise[:, :scenes.CODES]).abs().mean(), 0.01)

    def test_plans_follow_from_the_step(self):
        """Equal when drawn again; loose samples never start from pure noise."""
        samples = [((0,), (None,), "red", number % 2 == 0) for number in range(40)]
        words = lambda texts, **_: types.SimpleNamespace(input_ids=torch.zeros(len(texts), 32).long())
        plans = base.Plans(self.ARGS, [ROW], samples, words)
        one, again, other = plans[3], plans[3], plans[4]
        self.assertTrue((one.picks == again.picks).all() and (one.times == again.times).all())
        self.assertFalse((one.picks == other.picks).all())
        loose = one.picks % 2 == 0
        self.assertLess(one.times[loose].max(), 960)
        self.assertTrue((one.times == 999).any() and one.rough[loose].any() and not one.rough[~loose].any())
        self.assertTrue((one.styles == captions.STYLES.index(ROW["style"])).all())

    def test_adversary_learns_and_pulls(self):
        """It tells two kinds of latents apart, and its gradient points from one to the other."""
        torch.manual_seed(0)
        foe = adversary.Adversary(2e-3, torch.device("cpu"), 1.0)
        real, words, styles = torch.ones(8, 16, 8, 8), torch.randn(8, 192), torch.full((8,), 2)
        made = torch.zeros_like(real, requires_grad=True)
        for _ in range(60):
            seen = foe.learn(real, made, words, styles)
        self.assertEqual(seen, 1)
        asked, _ = foe.loss(real, made, words, styles)
        pull, = torch.autograd.grad(asked.sum(), made)
        self.assertLess(pull.mean().item(), 0)
        self.assertLess(foe.misread(real, styles).max().item(), 1)
        self.assertEqual(foe.misread(real, torch.full((8,), adversary.MIXED)).max().item(), 0)
        self.assertTrue(all(p.grad is None for p in (*foe.critic.parameters(), *foe.reader.parameters())))


class Pictures(unittest.TestCase):
    """Doodles and bytes."""

    def test_tints_have_their_colour(self):
        """A thing is seen in the colour it was given, its outline stays dark, its shape the same."""
        rgba = torch.zeros(1, 4, 64, 64)
        rgba[:, 0, 8:56, 8:56], rgba[:, 1, 8:56, 8:56] = 0.9, 0.3
        rgba[:, :3, 8:12, 8:56] = 0.05
        rgba[:, 3, 8:56, 8:56] = 1
        for name in scenes.VIVID:
            target = torch.tensor([backgrounds.NAMED[name]]) / 255
            made = scenes.tinted(rgba, target)
            self.assertEqual(evaluate.dominant_colour(made[0, :3].flatten(1)), name)
            self.assertLess(made[0, :3, 9, 30].max(), 0.2)
            torch.testing.assert_close(made[:, 3], rgba[:, 3])

    def test_doodles_stay_premultiplied_pictures(self):
        """Finite, in 0..1, of the same shape, for every kind."""
        rgba = torch.zeros(2, 4, 64, 64)
        rgba[:, 0, 16:48, 16:48] = rgba[:, 3, 16:48, 16:48] = 1
        for seed in range(30):
            made = doodle(rgba, np.random.default_rng(seed))
            self.assertEqual(made.shape, rgba.shape)
            self.assertTrue(torch.isfinite(made).all() and made.min() >= 0 and made.max() <= 1)

    def test_byte_alphabet(self):
        """256 different printable characters."""
        self.assertEqual(len(set(byte_characters())), 256)


if __name__ == "__main__":
    unittest.main()
