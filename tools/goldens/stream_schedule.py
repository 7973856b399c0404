"""Writes tests/data/stream/schedule.json: the timesteps and alpha_bar of diffusers' LCMScheduler.

    python tools/goldens/stream_schedule.py
"""

import json
import pathlib
import warnings

from diffusers import LCMScheduler

FILE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "stream" / "schedule.json"
CONFIGS = [
    {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000},
    {"beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "num_train_timesteps": 1000},
    {"beta_start": 0.001, "beta_end": 0.03, "beta_schedule": "scaled_linear", "num_train_timesteps": 130},
]


def schedule_values(config):
    """The config, its timesteps for 1 to 50 steps, and alpha_bar at some of them."""
    scheduler = LCMScheduler(**config, original_inference_steps=50)
    timesteps = {}
    for count in range(1, 51):
        scheduler.set_timesteps(count)
        timesteps[count] = scheduler.timesteps.tolist()
    at = sorted(set(timesteps[50]) | {0, 1, 2, config["num_train_timesteps"] // 2})
    return {**config, "at": at, "alpha_bar": [float(f"{scheduler.alphas_cumprod[t].item():.9g}") for t in at],
            "timesteps": [timesteps[count] for count in sorted(timesteps)]}


def main():
    warnings.simplefilter("ignore")
    rows = ",\n  ".join(json.dumps(schedule_values(c), separators=(",", ":")) for c in CONFIGS)
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(f'{{"configs": [\n  {rows}\n]}}\n')


if __name__ == "__main__":
    main()
