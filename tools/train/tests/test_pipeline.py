"""Quick checks of the training code; they need no images: python -m unittest discover tests."""

import types
import unittest

import numpy as np
import torch

from pictogram import adversary, augmentation, backgrounds, base, captions, evaluate
from pictogram.diffusion import Schedule, timestep_of
from pictogram.doodles import doodle
from pictogram.metrics import psnr, ssim
from pictogram.optimizer import orthogonalize
from pictogram.tokenizer import byte_characters

ROW = {"caption": "apple", "style": "3d render", "source": "twemoji", "colors": ["red"],
       "tags": ["fruit"], "file": "x"}


class Captions(unittest.TestCase):
    """Prompts."""

    def test_new_color_is_named(self):
        """The prompt of a recolored image names the new color."""
        rng = np.random.default_rng(0)
        for _ in range(50):
            self.assertIn("purple", captions.compose_prompt([ROW], ["purple"], None, rng))

    def test_background_is_the_one_given(self):
        """No other background is ever named."""
        rng = np.random.default_rng(0)
        texts = [captions.compose_prompt([ROW], [None], "orange", rng) for _ in range(50)]
        named = [t for t in texts if "background" in t]
        self.assertTrue(named)
        self.assertTrue(all(t.endswith("on an orange background") for t in named))

    def test_prompts_are_complete(self):
        """Only white and the default style are left out, except with a random pose."""
        rng, flat = np.random.default_rng(0), {**ROW, "style": "flat cartoon"}
        texts = [captions.compose_prompt([flat], [None], "orange", rng) for _ in range(200)]
        self.assertTrue(all("orange background" in t for t in texts))
        self.assertGreater(sum("flat cartoon" in t for t in texts), 180)
        texts = [captions.compose_prompt([ROW], [None], "white", rng) for _ in range(200)]
        self.assertTrue(any(t.endswith("apple") for t in texts))

    def test_directions_are_not_mirrored(self):
        """Mirroring would contradict these captions."""
        for caption in ("left arrow", "alarm clock", "bow and arrow", "facing right"):
            self.assertFalse(captions.may_mirror(caption))
        self.assertTrue(captions.may_mirror("apple"))

    def test_held_out_pairs_are_never_sampled(self):
        """Their weight is zero."""
        caption, style = sorted(captions.held_out_pairs())[0]
        rows = [{**ROW, "caption": caption, "style": style}, ROW]
        weights = augmentation.sampling_weights(rows, augmentation.usable_rows(rows))
        self.assertEqual(weights[0], 0)
        self.assertAlmostEqual(weights.sum(), 1)


class Arithmetic(unittest.TestCase):
    """Schedule, metrics, optimizer."""

    def test_schedule_constants(self):
        """The engine's table."""
        schedule = Schedule()
        self.assertAlmostEqual(schedule.alpha[999].item(), 0.0682649, 5)
        self.assertAlmostEqual(schedule.sigma[479].item(), 0.8336092, 5)
        self.assertEqual([timestep_of(k) for k in (0, 18, 32, 45)], [999, 639, 359, 99])

    def test_velocity_leads_to_the_clean_image(self):
        """Also from an x_t that was made from other latents."""
        schedule, t = Schedule(), torch.tensor([300, 700])
        clean, rough, noise = torch.randn(3, 2, 4, 3, 3)
        x = schedule.add_noise(rough, noise, t)
        v = schedule.velocity(x, clean, t)
        torch.testing.assert_close(schedule.predict_x0(x, v, t), clean, atol=1e-4, rtol=1e-4)

    def test_consistency_is_x0_away_from_zero(self):
        """c_skip vanishes at the timesteps in use."""
        schedule, t = Schedule(), torch.tensor([599])
        x, v = torch.randn(2, 1, 4, 3, 3)
        torch.testing.assert_close(schedule.consistency_function(x, v, t),
                                   schedule.predict_x0(x, v, t), atol=1e-4, rtol=1e-4)

    def test_metrics(self):
        """Known values."""
        a = torch.rand(2, 3, 32, 32)
        self.assertAlmostEqual(ssim(a, a).mean().item(), 1, 4)
        self.assertAlmostEqual(psnr(a * 0, a * 0 + 0.1).mean().item(), 20, 3)

    def test_orthogonalize(self):
        """Singular values end near one in both forms of the iteration."""
        for shape in ((2, 24, 96), (2, 96, 24), (2, 24, 40)):
            values = torch.linalg.svdvals(orthogonalize(torch.randn(shape)).float())
            self.assertTrue(((values > 0.5) & (values < 1.4)).all(), shape)

    def test_orthogonalize_of_low_rank(self):
        """No overflow where singular values are zero, as in real gradients."""
        for shape in ((64, 512), (512, 64), (64, 64)):
            matrix = torch.randn(shape[0], 4) @ torch.randn(4, shape[1])
            values = torch.linalg.svdvals(orthogonalize(matrix[None]).float())[0]
            self.assertTrue((values[:4] > 0.5).all(), shape)
            self.assertLess(values.max(), 1.4)


class Training(unittest.TestCase):
    """The parts of the base stage."""

    ARGS = types.SimpleNamespace(batch=64, seed=0, refined=0.5, doodles=0.75, drop=0.05,
                                 timestep_power=0.5, start_at_noise=0.85, workers=0)

    def builder(self):
        """A BatchBuilder over a cache of forty samples."""
        cache = types.SimpleNamespace(
            clean=torch.randn(40, 5, 4, 4).bfloat16(), doodles=torch.randn(40, 5, 4, 4).bfloat16(),
            pose_codes=torch.randn(40, augmentation.POSE_CODES))
        return base.BatchBuilder(self.ARGS, cache, 1.0)

    def spec(self, timesteps):
        """A spec with every sample of the cache, at these timesteps."""
        count = self.ARGS.batch
        return base.BatchSpec(torch.arange(count) % 40, torch.zeros(count, 32).long(),
                              torch.ones(count).bool(), torch.zeros(count).bool(),
                              torch.full((count,), timesteps), torch.zeros(count).long())

    def test_samples_are_carried_over(self):
        """Samples are carried over with the model's prediction, at an earlier timestep."""
        builder = self.builder()
        first = builder.build(self.spec(999), 0)
        builder.carry_over(first, first.clean + 100, 0)
        second = builder.build(self.spec(999), 1)
        carried = second.timesteps < 999
        self.assertTrue(16 < carried.sum() < 48)
        self.assertTrue(all(len(part) == self.ARGS.batch for part in second))
        torch.testing.assert_close(second.source[carried], second.clean[carried] + 100)
        timesteps = second.timesteps[carried]
        self.assertTrue((timesteps < 850).all() and (timesteps >= 449).all())

    def test_pure_noise_encodes_the_pose(self):
        """At t = 999 the source is zero and the means of the noise are the pose code. At other
        timesteps source and noise are unchanged."""
        builder, spec = self.builder(), self.spec(999)
        first = builder.new_samples(spec, 5, self.ARGS.batch)
        means = first.noise[:, :augmentation.POSE_CODES].mean((2, 3)) * 4
        torch.testing.assert_close(means, builder.cache.pose_codes[spec.indices],
                                   atol=1e-4, rtol=1e-4)
        self.assertEqual(first.source.abs().max(), 0)
        later = builder.new_samples(self.spec(500), 5, self.ARGS.batch)
        torch.testing.assert_close(later.source, later.clean)
        difference = (later.noise - first.noise)[:, :augmentation.POSE_CODES]
        self.assertGreater(difference.abs().mean(), 0.01)

    def test_specs_depend_on_the_step_only(self):
        """Specs of a step are always equal. Samples with a random pose never start from pure noise.
        """
        samples = [((0,), (None,), "red", number % 2 == 0) for number in range(40)]

        def clip_tokenizer(texts, **_):
            return types.SimpleNamespace(input_ids=torch.zeros(len(texts), 32).long())

        specs = base.BatchSpecDataset(self.ARGS, [ROW], samples, clip_tokenizer)
        one, again, other = specs[3], specs[3], specs[4]
        self.assertTrue((one.indices == again.indices).all())
        self.assertTrue((one.timesteps == again.timesteps).all())
        self.assertFalse((one.indices == other.indices).all())
        random_pose = one.indices % 2 == 0
        self.assertLess(one.timesteps[random_pose].max(), 960)
        self.assertTrue((one.timesteps == 999).any())
        self.assertTrue(one.from_doodle[random_pose].any())
        self.assertFalse(one.from_doodle[~random_pose].any())
        self.assertTrue((one.styles == captions.STYLES.index(ROW["style"])).all())

    def test_adversary_learns_and_has_a_gradient(self):
        """It tells two kinds of latents apart, and its gradient points from one to the other."""
        torch.manual_seed(0)
        opponent = adversary.Adversary(2e-3, torch.device("cpu"), 1.0)
        real, words, styles = torch.ones(8, 16, 8, 8), torch.randn(8, 192), torch.full((8,), 2)
        generated = torch.zeros_like(real, requires_grad=True)
        for _ in range(60):
            critic_accuracy = opponent.update(real, generated, words, styles)
        self.assertEqual(critic_accuracy, 1)
        adversary_loss, _ = opponent.generator_loss(real, generated, words, styles)
        gradient, = torch.autograd.grad(adversary_loss.sum(), generated)
        self.assertLess(gradient.mean().item(), 0)
        self.assertLess(opponent.style_loss(real, styles).max().item(), 1)
        mixed = torch.full((8,), adversary.MIXED_STYLE)
        self.assertEqual(opponent.style_loss(real, mixed).max().item(), 0)
        parameters = (*opponent.critic.parameters(), *opponent.style_classifier.parameters())
        self.assertTrue(all(p.grad is None for p in parameters))


class Images(unittest.TestCase):
    """Doodles, tints and bytes."""

    def test_tints_have_their_color(self):
        """An object has the color it was tinted in; its outline stays dark and its alpha unchanged.
        """
        rgba = torch.zeros(1, 4, 64, 64)
        rgba[:, 0, 8:56, 8:56], rgba[:, 1, 8:56, 8:56] = 0.9, 0.3
        rgba[:, :3, 8:12, 8:56] = 0.05
        rgba[:, 3, 8:56, 8:56] = 1
        for name in augmentation.VIVID:
            target = torch.tensor([backgrounds.NAMED[name]]) / 255
            generated = augmentation.tint(rgba, target)
            self.assertEqual(evaluate.dominant_color(generated[0, :3].flatten(1)), name)
            self.assertLess(generated[0, :3, 9, 30].max(), 0.2)
            torch.testing.assert_close(generated[:, 3], rgba[:, 3])

    def test_doodles_stay_premultiplied_images(self):
        """Finite, in 0..1 and of the same shape, for every kind of doodle."""
        rgba = torch.zeros(2, 4, 64, 64)
        rgba[:, 0, 16:48, 16:48] = rgba[:, 3, 16:48, 16:48] = 1
        for seed in range(30):
            generated = doodle(rgba, np.random.default_rng(seed))
            self.assertEqual(generated.shape, rgba.shape)
            self.assertTrue(torch.isfinite(generated).all())
            self.assertTrue(generated.min() >= 0 and generated.max() <= 1)

    def test_byte_alphabet(self):
        """256 different printable characters."""
        self.assertEqual(len(set(byte_characters())), 256)


if __name__ == "__main__":
    unittest.main()
