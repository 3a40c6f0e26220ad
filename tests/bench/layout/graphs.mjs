// Graphs shaped like deep-learning models: long and thin, with residuals, skips, and a few tensors that many read.
//
// A graph is plain JSON: nodes with a size and the group that holds them (-1 for none), edges as [source, target] with
// source < target, and groups with the group around them. The same graphs on every machine.

class GraphWriter {
  nodes = [];
  edges = [];
  groups = [];
  #open = [-1];

  /** What `body` adds is in a group of its own. */
  group(label, body) {
    this.groups.push({ label, parent: this.#open.at(-1) });
    this.#open.push(this.groups.length - 1);
    const result = body();
    this.#open.pop();
    return result;
  }

  /** An operation that reads the given ones; as wide as its name. */
  op(label, ...inputs) {
    const id = this.nodes.length;
    const width = Math.max(90, Math.min(220, 24 + 7 * label.length + (id % 7) * 6));
    this.nodes.push({ label, width, height: 40, group: this.#open.at(-1) });
    for (const source of new Set(inputs.flat())) this.edges.push([source, id]);
    return id;
  }

  /** Operations one after the other. */
  chain(x, ...labels) {
    return labels.reduce((y, label) => this.op(label, y), x);
  }

  graph(name) {
    return { name, nodes: this.nodes, edges: this.edges, groups: this.groups };
  }
}

/** ResNet152: stages of bottleneck blocks. */
export function resnet(name) {
  const b = new GraphWriter();
  const convolution = (x) => b.chain(x, "conv2d", "batch_norm", "relu");
  const bottleneck = (x, widens) => {
    const y = b.chain(convolution(convolution(x)), "conv2d", "batch_norm");
    const shortcut = widens ? b.group("downsample", () => b.chain(x, "conv2d", "batch_norm")) : x;
    return b.chain(b.op("add_", y, shortcut), "relu");
  };
  let x = b.chain(convolution(b.op("input")), "max_pool2d");
  [3, 8, 36, 3].forEach((blocks, stage) => {
    b.group(`layer${stage + 1}`, () => {
      for (let i = 0; i < blocks; i++) x = b.group(String(i), () => bottleneck(x, i === 0));
    });
  });
  b.chain(x, "adaptive_avg_pool2d", "flatten", "linear", "output");
  return b.graph(name);
}

/** DenseNet201: each layer reads all layers of its block before it. */
export function densenet(name) {
  const b = new GraphWriter();
  const blocks = [6, 12, 48, 32];
  let x = b.chain(b.op("input"), "conv2d", "batch_norm", "relu", "max_pool2d");
  blocks.forEach((layers, k) => {
    b.group(`denseblock${k + 1}`, () => {
      const features = [x];
      for (let i = 0; i < layers; i++) {
        const layer = () =>
          b.chain(b.op("cat", ...features), "batch_norm", "relu", "conv2d", "batch_norm", "relu", "conv2d");
        features.push(b.group(`denselayer${i + 1}`, layer));
      }
      x = b.op("cat", ...features);
    });
    if (k === blocks.length - 1) return;
    b.group(`transition${k + 1}`, () => {
      x = b.chain(x, "batch_norm", "relu", "conv2d", "avg_pool2d");
    });
  });
  b.chain(x, "batch_norm", "relu", "adaptive_avg_pool2d", "flatten", "linear", "output");
  return b.graph(name);
}

/** One decoder-only transformer under construction: about 52 operations to a layer. */
class Transformer {
  b = new GraphWriter();
  outputs = [];
  /** Mask, cosine and sine, where all layers share them. */
  shared = null;

  share() {
    const { b } = this;
    const attention = b.op("attention_mask");
    const mask = b.group("causal_mask", () => {
      const expanded = b.chain(attention, "unsqueeze", "expand", "eq");
      return b.op("masked_fill", b.op("triu", b.op("full")), expanded);
    });
    this.shared = b.group("rotary_emb", () => {
      const angles = b.chain(b.op("position_ids"), "matmul", "transpose", "cat");
      return { mask, cos: b.op("cos", angles), sin: b.op("sin", angles) };
    });
  }

  linear(x, name) {
    return this.b.group(name, () => this.b.op("linear", x));
  }

  norm(x, name) {
    const { b } = this;
    return b.group(name, () => {
      const float = b.op("to_float", x);
      const scale = b.chain(float, "pow", "mean", "add_eps", "rsqrt");
      return b.op("mul_weight", b.op("mul", float, scale));
    });
  }

  rotary(x, name) {
    const { b, shared } = this;
    return b.group(name, () => {
      const cos = shared ? shared.cos : b.op("cos_cache");
      const sin = shared ? shared.sin : b.op("sin_cache");
      const straight = b.op("mul", x, cos);
      const low = b.op("slice", x);
      const high = b.op("neg", b.op("slice", x));
      return b.op("add", straight, b.op("mul", b.op("cat", high, low), sin));
    });
  }

  attention(x) {
    const { b, shared } = this;
    return b.group("self_attn", () => {
      const [q, k, v] = ["q_proj", "k_proj", "v_proj"].map((name) =>
        b.chain(this.linear(x, name), "view", "transpose"),
      );
      const query = this.rotary(q, "rotary_q");
      const key = this.rotary(k, "rotary_k");
      const scores = b.chain(b.op("matmul", query, b.op("transpose", key)), "mul_scale");
      const weights = b.op("softmax", shared ? b.op("add_mask", scores, shared.mask) : scores);
      return this.linear(b.chain(b.op("matmul", weights, v), "transpose", "contiguous", "view"), "o_proj");
    });
  }

  feedForward(x) {
    const { b } = this;
    return b.group("mlp", () => {
      const gate = b.op("silu", this.linear(x, "gate_proj"));
      return this.linear(b.op("mul", gate, this.linear(x, "up_proj")), "down_proj");
    });
  }

  /** What layer `i` of `count` reads from its mirror image in the first half, as in a U-Net. */
  skip(x, i, count) {
    const mirror = count - 1 - i;
    const reads = mirror % 16 === 4 || (count < 40 && mirror % 4 === 1);
    if (i < Math.ceil(count / 2) || !reads) return x;
    const { b } = this;
    return b.group("skip", () => b.op("linear", b.op("cat", x, this.outputs[mirror])));
  }

  layer(x, i, count, skips) {
    const { b } = this;
    return b.group(`layers.${i}`, () => {
      const read = skips ? this.skip(x, i, count) : x;
      const attended = b.op("add", read, this.attention(this.norm(read, "input_layernorm")));
      const fed = b.op("add", attended, this.feedForward(this.norm(attended, "post_attention_layernorm")));
      this.outputs.push(fed);
      return fed;
    });
  }
}

/** `full`: all layers read one mask, one cosine and one sine, and there are skips across the whole depth. */
export function transformer(name, size, full) {
  const t = new Transformer();
  const layers = Math.max(1, Math.round((size - 20) / 52));
  t.b.group("model", () => {
    const ids = t.b.op("input_ids");
    let x = t.b.group("embed_tokens", () => t.b.op("embedding", ids));
    if (full) t.share();
    for (let i = 0; i < layers; i++) x = t.layer(x, i, layers, full);
    t.b.op("output", t.linear(t.norm(x, "norm"), "lm_head"));
  });
  return t.b.graph(name);
}

/** Mixture of experts: every layer spreads to 32 experts and gathers them again. */
export function mixture(name, size) {
  const EXPERTS = 32;
  const b = new GraphWriter();
  const expert = (h, chosen) => {
    const read = b.op("index_select", h, chosen);
    const gate = b.op("gate_proj", read);
    return b.op("down_proj", b.op("silu_mul", gate, b.op("up_proj", read)));
  };
  const layer = (x) => {
    const h = b.op("norm", x);
    const heads = ["q", "k", "v"].map((label) => b.op(label, h));
    const attended = b.op("add", x, b.chain(b.op("sdpa", ...heads), "o_proj"));
    const normed = b.op("norm", attended);
    const chosen = b.chain(normed, "router", "topk");
    const outputs = Array.from({ length: EXPERTS }, (_, e) => b.group(`experts.${e}`, () => expert(normed, chosen)));
    return b.op("add", attended, b.op("index_add", outputs, chosen));
  };
  let x = b.op("input");
  const layers = Math.max(1, Math.round(size / (EXPERTS * 5 + 14)));
  for (let i = 0; i < layers; i++) x = b.group(`layers.${i}`, () => layer(x));
  b.op("output", x);
  return b.graph(name);
}

const SIZES = { "1k": 1_000, "5k": 5_000, "10k": 10_000, "50k": 50_000, "100k": 100_000 };

/** Builders of all graphs by name. */
export const GRAPHS = {
  resnet152: resnet,
  densenet201: densenet,
  moe_2k: (name) => mixture(name, 2_000),
  moe_10k: (name) => mixture(name, 10_000),
};
for (const [label, size] of Object.entries(SIZES)) {
  GRAPHS[`tf_plain_${label}`] = (name) => transformer(name, size, false);
  GRAPHS[`tf_full_${label}`] = (name) => transformer(name, size, true);
}
