#include "graph/memory_plan.h"

#include <algorithm>

#include "base/align.h"

namespace streamdiffusion::graph {
namespace {

using base::aligned;

std::size_t index(Value value) {
  return static_cast<std::size_t>(value.id);
}

/// A piece of the arena: one value, several of which each overwrites the one before it, or several
/// side by side.
struct Block {
  int program = 0;
  /// Positions in the program, both ends included.
  int first = 0, last = 0;
  std::size_t bytes = 0;
  std::size_t offset = 0;
  /// Several side by side.
  bool shared = false;
};

bool overlap(const Block& a, const Block& b) {
  return a.program == b.program && a.first <= b.last && b.first <= a.last;
}

/// The input that an op may overwrite with its output, or -1.
int overwritable_input(const Attributes& attributes) {
  struct Visitor {
    int operator()(const Conv2d& op) const { return op.residual_input(); }
    int operator()(const Linear& op) const { return op.residual_input(); }
    int operator()(const Add&) const { return 0; }
    int operator()(const AddScaled&) const { return 0; }
    int operator()(const Act&) const { return 0; }
    int operator()(const GegluLinear&) const { return -1; }
    int operator()(const GroupNorm&) const { return -1; }
    int operator()(const LayerNorm&) const { return -1; }
    int operator()(const Attention&) const { return -1; }
    int operator()(const Convert&) const { return -1; }
    int operator()(const UpsampleNearest&) const { return -1; }
    int operator()(const ConcatChannels&) const { return -1; }
    int operator()(const ConcatTokens&) const { return -1; }
    int operator()(const SliceChannels&) const { return -1; }
    int operator()(const Embedding&) const { return -1; }
    int operator()(const TimestepEmbedding&) const { return -1; }
    int operator()(const InjectFeatures&) const { return 1; }
  };
  return std::visit(Visitor{}, attributes);
}

class Planner {
 public:
  Planner(const Graph& graph, const std::vector<std::vector<Value>>& side_by_side)
      : graph_(graph),
        side_by_side_(side_by_side),
        last_use_(graph.values.size(), -1),
        block_of_(graph.values.size(), -1),
        offset_in_block_(graph.values.size(), 0) {
    plan_.placements.resize(graph.values.size());
  }

  MemoryPlan run() {
    const std::vector<bool> needed = needed_ops();
    for (std::size_t i = 0; i < graph_.ops.size(); ++i) {
      if (!needed[i]) continue;
      const auto lifetime = static_cast<std::size_t>(graph_.info(graph_.ops[i].output).lifetime);
      plan_.programs[lifetime].push_back(static_cast<int>(i));
    }
    place_persistent(needed);
    for (int program = 0; program < kLifetimes; ++program) make_blocks(program);
    place_blocks();
    return std::move(plan_);
  }

 private:
  std::vector<bool> needed_ops() const {
    std::vector<bool> needed(graph_.ops.size(), false);
    std::vector<Value> open;
    for (const Output& output : graph_.outputs) open.push_back(output.value);
    while (!open.empty()) {
      const int producer = graph_.info(open.back()).producer;
      open.pop_back();
      if (producer < 0 || needed[static_cast<std::size_t>(producer)]) continue;
      needed[static_cast<std::size_t>(producer)] = true;
      for (const Value input : graph_.ops[static_cast<std::size_t>(producer)].inputs)
        open.push_back(input);
    }
    return needed;
  }

  void make_persistent(Value value) {
    Placement& placement = plan_.placements[index(value)];
    if (placement.persistent) return;
    placement = {true, plan_.persistent_bytes};
    plan_.persistent_bytes += aligned(graph_.desc(value).bytes());
  }

  void place_persistent(const std::vector<bool>& needed) {
    for (const Input& input : graph_.inputs) make_persistent(input.value);
    for (const Output& output : graph_.outputs) make_persistent(output.value);
    for (std::size_t i = 0; i < graph_.ops.size(); ++i) {
      if (!needed[i]) continue;
      const Lifetime lifetime = graph_.info(graph_.ops[i].output).lifetime;
      for (const Value input : graph_.ops[i].inputs) {
        if (graph_.info(input).lifetime != lifetime) make_persistent(input);
      }
    }
  }

  void make_blocks(int program) {
    const std::vector<int>& ops = plan_.programs[static_cast<std::size_t>(program)];
    for (std::size_t at = 0; at < ops.size(); ++at) {
      for (const Value input : op_at(ops, at).inputs)
        last_use_[index(input)] = static_cast<int>(at);
    }
    for (std::size_t at = 0; at < ops.size(); ++at) {
      const Op& op = op_at(ops, at);
      if (plan_.placements[index(op.output)].persistent || block_of_[index(op.output)] >= 0)
        continue;
      if (const std::vector<Value>* together = neighbors(op.output)) {
        make_shared_block(*together, program, static_cast<int>(at));
        continue;
      }
      const int position = static_cast<int>(at);
      const int last = std::max(position, last_use_[index(op.output)]);
      const int reuse = reusable_block(op, position);
      if (reuse >= 0) {
        blocks_[static_cast<std::size_t>(reuse)].last = last;
        block_of_[index(op.output)] = reuse;
      } else {
        block_of_[index(op.output)] = static_cast<int>(blocks_.size());
        blocks_.push_back({program, position, last, aligned(graph_.desc(op.output).bytes())});
      }
    }
  }

  /// The values that a value lies beside, itself among them; null if it lies alone.
  const std::vector<Value>* neighbors(Value value) const {
    for (const std::vector<Value>& values : side_by_side_)
      if (std::find(values.begin(), values.end(), value) != values.end()) return &values;
    return nullptr;
  }

  /// From the first op on that writes one of the values, to the last that reads one.
  void make_shared_block(const std::vector<Value>& values, int program, int first) {
    Block block{.program = program, .first = first, .last = first, .shared = true};
    for (const Value value : values) {
      block.last = std::max(block.last, last_use_[index(value)]);
      block_of_[index(value)] = static_cast<int>(blocks_.size());
      offset_in_block_[index(value)] = block.bytes;
      block.bytes += aligned(graph_.desc(value).bytes());
    }
    blocks_.push_back(block);
  }

  /// The block of the input that `op` may overwrite, or -1. No later op reads that input, and the
  /// op itself reads nothing else in the block.
  int reusable_block(const Op& op, int position) const {
    const int candidate = overwritable_input(op.attributes);
    if (candidate < 0) return -1;
    const Value input = op.inputs[static_cast<std::size_t>(candidate)];
    const bool fits =
        graph_.desc(input) == graph_.desc(op.output) && last_use_[index(input)] == position;
    const int block = block_of_[index(input)];
    if (!fits || block < 0 || blocks_[static_cast<std::size_t>(block)].shared) return -1;
    for (std::size_t i = 0; i < op.inputs.size(); ++i) {
      if (static_cast<int>(i) != candidate && block_of_[index(op.inputs[i])] == block) return -1;
    }
    return block;
  }

  /// Places the largest block first, each at the lowest offset that is free for its lifetime.
  void place_blocks() {
    std::vector<Block*> order;
    for (Block& block : blocks_) order.push_back(&block);
    std::stable_sort(order.begin(), order.end(),
                     [](const Block* a, const Block* b) { return a->bytes > b->bytes; });
    std::vector<const Block*> placed;
    for (Block* block : order) {
      std::size_t offset = 0;
      for (const Block* other : placed) {  // sorted by offset
        if (!overlap(*block, *other)) continue;
        if (offset + block->bytes <= other->offset) break;
        offset = std::max(offset, other->offset + other->bytes);
      }
      block->offset = offset;
      plan_.arena_bytes = std::max(plan_.arena_bytes, offset + block->bytes);
      placed.insert(
          std::upper_bound(placed.begin(), placed.end(), block,
                           [](const Block* a, const Block* b) { return a->offset < b->offset; }),
          block);
    }
    for (std::size_t i = 0; i < block_of_.size(); ++i) {
      if (block_of_[i] >= 0)
        plan_.placements[i].offset =
            blocks_[static_cast<std::size_t>(block_of_[i])].offset + offset_in_block_[i];
    }
  }

  const Op& op_at(const std::vector<int>& ops, std::size_t at) const {
    return graph_.ops[static_cast<std::size_t>(ops[at])];
  }

  const Graph& graph_;
  const std::vector<std::vector<Value>>& side_by_side_;
  MemoryPlan plan_;
  /// By value: the position of the last op that reads it, in the program being planned.
  std::vector<int> last_use_;
  /// By value: an index into blocks_, or -1.
  std::vector<int> block_of_;
  /// By value: in bytes from the start of its block.
  std::vector<std::size_t> offset_in_block_;
  std::vector<Block> blocks_;
};

}  // namespace

bool MemoryPlan::in_place(const Op& op, int input) const {
  const Placement& a = placements[index(op.output)];
  const Placement& b = placements[index(op.inputs[static_cast<std::size_t>(input)])];
  return a.persistent == b.persistent && a.offset == b.offset;
}

MemoryPlan plan_memory(const Graph& graph, const std::vector<std::vector<Value>>& side_by_side) {
  return Planner(graph, side_by_side).run();
}

}  // namespace streamdiffusion::graph
