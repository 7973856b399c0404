"""Writes tests/data/golden/cached_frames/*.json: what diffusers' UNets compute where their self-attentions also attend
to keys and values of earlier calls, and draw features to those of earlier calls (StreamV2V, arXiv 2405.15757).

A plain loop over the frames of a few rows. Weights, inputs and results are as in models.py; the latents of a call are
"latents" plus a share of "latents.N", so that calls resemble each other as frames of a stream do.

    python tools/goldens/cached_frames.py
"""

import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel

from models import FOLDER, config_of, nchw, nhwc, normal_input, summarize, to_json, with_hash_weights
from models_list import CROSS_DOWN, CROSS_UP, DOWN, UP, SDXL, call

CHANGE = 0.25  # of the latents, from call to call
KEPT = 48  # numbers stored of each result

SD = dict(block_out_channels=(32, 64, 64), down_block_types=(CROSS_DOWN, CROSS_DOWN, DOWN),
          up_block_types=(UP, CROSS_UP, CROSS_UP), attention_head_dim=(2, 4, 4), cross_attention_dim=40,
          norm_num_groups=16)
# A frame enters the first row and moves on; later calls have rows without one.
HELD = [[1, 0, 0], [1, 1, 0], [1, 1, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0], [1, 1, 1]]


def sd(frames, interval, **more):
    return SD, call(6, 7, (999, 459, 19), (0, 0, 1), frames=frames, interval=interval, held=HELD, **more)


# By name: the UNet's config and the calls. "injection": strength and threshold.
CASES = {
    "one_frame": sd(1, 1),
    "two_frames": sd(2, 2),
    "three_frames": sd(3, 1),
    "four_frames": sd(4, 1, first_level=1),
    "interval": sd(2, 3, injection=[0.75, 0.98]),
    "injection": sd(2, 1, injection=[0.75, 0.9]),
    "one_row": (SD, call(5, 5, (459,), frames=1, interval=2, held=[[1]] * 6, injection=[0.4, 0.8])),
    "sdxl": (dict(SDXL, transformer_layers_per_block=(1, 2, 3), attention_head_dim=(2, 4, 4)),
             call(4, 6, (999, 459), (0, 1), frames=2, interval=1, held=[[1, 0], [1, 1], [1, 1], [0, 1]],
                  injection=[1.0, 0.95],
                  size=[[512, 512, 0, 0, 512, 512], [1024, 768, 16, 8, 512, 640]])),
}


class CachedAttention:
    """A self-attention with what each row keeps."""

    def __init__(self, rows, frames, injection):
        self.frames, self.injection = frames, injection
        self.kept = [[] for _ in range(rows)]  # by row, newest first: keys, values, outputs
        self.found = [None] * rows
        self.margins = []  # how far decisions were from going the other way

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **unused):
        assert encoder_hidden_states is None and attention_mask is None and attn.norm_q is None
        q, k, v = attn.to_q(hidden_states), attn.to_k(hidden_states), attn.to_v(hidden_states)
        heads = lambda x: x.view(1, -1, attn.heads, x.shape[-1] // attn.heads).transpose(1, 2)
        rows = []
        for row, kept in enumerate(self.kept):
            keys = torch.cat([k[row:row + 1]] + [frame[0] for frame in kept], dim=1)
            values = torch.cat([v[row:row + 1]] + [frame[1] for frame in kept], dim=1)
            seen = F.scaled_dot_product_attention(heads(q[row:row + 1]), heads(keys), heads(values))
            out = attn.to_out[0](seen.transpose(1, 2).reshape(1, -1, q.shape[-1]))
            self.found[row] = (k[row:row + 1], v[row:row + 1], out)
            rows.append(self.inject(out, kept) if self.injection else out)
        return torch.cat(rows)

    def inject(self, out, kept):
        if not kept:
            return out
        strength, threshold = self.injection
        earlier = torch.cat([frame[2] for frame in kept], dim=1)[0]
        similarity = F.normalize(out[0], dim=1) @ F.normalize(earlier, dim=1).T
        best, nearest = similarity.max(dim=1)
        drawn = best >= threshold
        self.margins += (best - threshold).abs().tolist()
        if similarity.shape[1] > 1:
            two = similarity.topk(2, dim=1).values
            self.margins += (two[:, 0] - two[:, 1])[drawn].tolist()
        mixed = (1 - strength) * out[0] + strength * earlier[nearest]
        return torch.where(drawn[:, None], mixed, out[0])[None]

    def keep(self, row):
        self.kept[row] = ([self.found[row]] + self.kept[row])[:self.frames]


def level_of(name, levels):
    if name.startswith("mid_block"):
        return levels - 1
    block = int(name.split(".")[1])
    return block if name.startswith("down") else levels - 1 - block


def cache_frames(model, config, shape):
    """Gives the UNet's self-attentions their memory."""
    processors = dict(model.attn_processors)
    cached = []
    for name in processors:
        if not name.endswith("attn1.processor"):
            continue
        if level_of(name, len(config["block_out_channels"])) < shape.get("first_level", 0):
            continue
        injects = name.startswith(("mid_block", "up_blocks.0.", "up_blocks.1."))
        processors[name] = CachedAttention(shape["rows"], shape["frames"], injects and shape.get("injection"))
        cached.append(processors[name])
    model.set_attn_processor(processors)
    return cached


def frames_of(config, shape):
    model = with_hash_weights(UNet2DConditionModel(**config))
    written = config_of(model)
    cached = cache_frames(model, config, shape)
    size = (shape["rows"], shape["h"], shape["w"], 4)
    dim = config["cross_attention_dim"]
    context = torch.from_numpy(normal_input("context", (shape["prompts"], shape["tokens"], dim)))[shape["kv_rows"]]
    more = {}
    if "size" in shape:
        pooled = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
        more["added_cond_kwargs"] = {"time_ids": torch.tensor(shape["size"], dtype=torch.float32),
                                     "text_embeds": torch.from_numpy(normal_input("pooled", (shape["rows"], pooled)))}
    outputs, seen = {}, [0] * shape["rows"]
    for index, held in enumerate(shape["held"]):
        latents = nchw(normal_input("latents", size) + CHANGE * normal_input(f"latents.{index}", size))
        result = model(latents, torch.tensor(shape["timesteps"]), context, **more).sample
        outputs[f"prediction.{index}"] = summarize(nhwc(result))
        del outputs[f"prediction.{index}"]["values"][KEPT:]
        for row in range(shape["rows"]):
            if held[row] and seen[row] % shape["interval"] == 0:
                for attention in cached:
                    attention.keep(row)
            seen[row] += held[row]
    margin = min((m for attention in cached for m in attention.margins), default=1)
    assert margin > 1e-5, f"a decision is within rounding: {margin}"
    return {"unet": written, "call": shape, "change": CHANGE, "attentions": len(cached), "outputs": outputs}


def main():
    folder = FOLDER / "cached_frames"
    folder.mkdir(parents=True, exist_ok=True)
    for name, case in CASES.items():
        golden = frames_of(*case)
        (folder / f"{name}.json").write_text(to_json(golden))
        print(name, [round(output["rms"], 5) for output in golden["outputs"].values()])


if __name__ == "__main__":
    with torch.inference_mode():
        main()
