"""The transformer as others would write it: PyTorch eager for training, Hugging Face for sampling.

``Peer`` is the very same function as ``boostsim.learners.transformer``, layer by layer in PyTorch's
own modules, so that losses and gradients agree. Sampling is GPT-2's of the same size: its biases
and its LayerNorm cost next to nothing beside its products.
"""

import numpy as np
import torch
import transformers
from torch import nn
from torch.nn import functional

from boostsim.keys import generator
from boostsim.learners.train import rates
from boostsim.vocabulary import END, PAD


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm_attend = nn.RMSNorm(width, eps=1e-6)
        self.attend = nn.Linear(width, 3 * width, bias=False)
        self.merge = nn.Linear(width, width, bias=False)
        self.norm_up = nn.RMSNorm(width, eps=1e-6)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x, visible):
        batch, length, width = x.shape
        parts = self.attend(self.norm_attend(x)).chunk(3, dim=-1)
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2) for part in parts)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=visible)
        x = x + self.merge(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(functional.relu(self.up(self.norm_up(x))))


class Peer(nn.Module):
    def __init__(self, model, vocabulary, length):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, model.width)
        self.position = nn.Embedding(length, model.width)
        self.layers = nn.ModuleList(Layer(model.width, model.heads) for _ in range(model.layers))
        self.norm_read = nn.RMSNorm(model.width, eps=1e-6)
        self.read = nn.Linear(model.width, vocabulary, bias=False)
        self.register_buffer("causal", torch.ones(length, length, dtype=torch.bool).tril())

    def forward(self, tokens, seen):
        """Return what the last layer makes of each position, before ``read``."""
        x = self.embed(tokens) + self.position.weight[: tokens.shape[1]]
        visible = self.causal & seen[:, None, None, :]
        for layer in self.layers:
            x = layer(x, visible)
        return self.norm_read(x)


def peer(model, parameters):
    """Return the PyTorch model with boostsim's parameters."""
    given = {name: torch.tensor(np.asarray(value)) for name, value in parameters.items()}
    weights = {
        "embed.weight": given["embed_VxD"],
        "position.weight": given["position_TxD"],
        "norm_read.weight": given["norm_read_D"],
        "read.weight": given["read_DxV"].T,
    }
    for number in range(model.layers):
        for name in ("attend_LxDx3D", "merge_LxDxD", "up_LxDxF", "down_LxFxD"):
            weights[f"layers.{number}.{name.split('_')[0]}.weight"] = given[name][number].T
        for name in ("norm_attend", "norm_up"):
            weights[f"layers.{number}.{name}.weight"] = given[f"{name}_LxD"][number]
    made = Peer(model, len(given["embed_VxD"]), len(given["position_TxD"]))
    made.load_state_dict(weights, strict=False)
    assert len(weights) == len(list(made.parameters()))
    return made


def loss(model, frames, prompt_length):
    """Return the mean cross-entropy of the response's tokens; logits of the prompt are not made."""
    seen = frames != PAD
    seen[:, prompt_length:] = True
    before = model.read(model(frames, seen)[:, prompt_length - 1 : -1])
    said = frames[:, prompt_length:]
    return functional.cross_entropy(before.flatten(0, 1), said.flatten(), ignore_index=PAD)


def take(model, frames, schedule, prompt_length):
    """Take a step on each batch of frames with a new optimiser, as PyTorch's tutorials do."""
    # On a CPU the fused one is the fastest of PyTorch's three.
    adam = torch.optim.Adam(model.parameters(), lr=1.0, betas=(0.9, 0.98), fused=True)
    losses = []
    for batch, rate in zip(frames, schedule, strict=True):
        adam.param_groups[0]["lr"] = float(rate)
        adam.zero_grad(set_to_none=True)
        surprise = loss(model, batch, prompt_length)
        surprise.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        losses.append(surprise.detach())
    return torch.stack(losses).numpy()


def gpt2(model, vocabulary, length):
    """Return a GPT-2 of the same size, with random weights."""
    transformers.set_seed(0)
    config = transformers.GPT2Config(
        vocab_size=vocabulary,
        n_positions=length,
        n_embd=model.width,
        n_layer=model.layers,
        n_head=model.heads,
        activation_function="relu",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=END,
        eos_token_id=END,
        pad_token_id=PAD,
        attn_implementation="sdpa",
        dtype=torch.float32,
    )
    return transformers.GPT2LMHeadModel(config).eval()


@torch.inference_mode()
def sample(model, prompts, response_length, end=None):
    """Draw a response for each prompt from the model as it is, with a cache of keys and values.

    Without ``end`` every row says exactly ``response_length`` tokens.
    """
    prompts = torch.from_numpy(prompts).long()
    said = model.generate(
        prompts,
        attention_mask=(prompts != PAD).long(),
        max_new_tokens=response_length,
        do_sample=True,
        use_cache=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        eos_token_id=end,
        pad_token_id=PAD,
    )
    return said[:, prompts.shape[1] :].to(torch.int32).numpy()


class Loop:
    """What the boosting loop calls, on the peers: put in place of ``generate`` and ``train``."""

    def __init__(self, model, parameters, chunk):
        vocabulary, length = len(parameters["embed_VxD"]), len(parameters["position_TxD"])
        self.sampler, self.chunk = gpt2(model, vocabulary, length), chunk
        self.trained = peer(model, parameters)

    def generate(self, model, parameters, prompts, response_length, key, decode=None):
        parts = range(0, len(prompts), self.chunk)
        said = [
            sample(self.sampler, prompts[start : start + self.chunk], response_length, END)
            for start in parts
        ]
        # Where every row of a chunk has ended, Hugging Face stops.
        room = [((0, 0), (0, response_length - part.shape[1])) for part in said]
        filled = [np.pad(part, short) for part, short in zip(said, room, strict=True)]
        return np.concatenate(filled), None

    def train(
        self,
        model,
        parameters,
        frames,
        prompt_length,
        key,
        *,
        steps: int,
        learning_rate: float,
        weights: None = None,
    ):
        rng, wanted = generator(np.arange(2, dtype=np.uint32)), steps * model.batch
        passes = -(-wanted // len(frames))
        order = np.concatenate([rng.permutation(len(frames)) for _ in range(passes)])[:wanted]
        batches = torch.from_numpy(frames[order.reshape(steps, model.batch)].astype(np.int64))
        schedule = rates(learning_rate, steps)
        return parameters, take(self.trained, batches, schedule, prompt_length).mean()
