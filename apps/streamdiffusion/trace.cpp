#include "trace.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/file_writer.h"

namespace streamdiffusion::app {
namespace {

using JsonValue = nlohmann::json;

constexpr std::size_t kSlowest = 10;
constexpr int kNameWidth = 44;

bool of_the_frame(const OpInfo& op) {
  return op.lifetime == "per frame" && !op.spans.empty();
}

double rate(const OpInfo& op) {
  return op.seconds > 0 ? op.flops * 1e-9 / op.seconds : 0;
}

JsonValue event(const OpInfo& op, const OpInfo::Span& span, double start) {
  return {{"name", op.name},
          {"cat", op.stage},
          {"ph", "X"},
          {"pid", 1},
          {"tid", span.thread},
          {"ts", (span.begin - start) * 1e6},
          {"dur", (span.end - span.begin) * 1e6},
          {"args",
           {{"kind", op.kind},
            {"implementation", op.implementation},
            {"gflop_per_second", rate(op)},
            {"gflop", op.flops * 1e-9},
            {"bytes", op.bytes}}}};
}

/// The end of a long name tells more than its beginning.
std::string shortened(const std::string& name) {
  const std::size_t most = kNameWidth;
  return name.size() <= most ? name : "…" + name.substr(name.size() - most + 1);
}

}  // namespace

void write_trace(const std::string& path, const std::vector<OpInfo>& ops) {
  double start = 0;
  for (const OpInfo& op : ops) {
    if (!of_the_frame(op)) continue;
    for (const OpInfo::Span& span : op.spans)
      start = start == 0 ? span.begin : std::min(start, span.begin);
  }
  JsonValue events = JsonValue::array();
  for (const OpInfo& op : ops) {
    if (!of_the_frame(op)) continue;
    for (const OpInfo::Span& span : op.spans) events.push_back(event(op, span, start));
  }
  base::write_file(base::output_target(path),
                   JsonValue{{"traceEvents", events}, {"displayTimeUnit", "ms"}}.dump() + "\n");
}

void print_slowest(const std::vector<OpInfo>& ops, double peak) {
  std::vector<const OpInfo*> slowest;
  for (const OpInfo& op : ops) {
    if (of_the_frame(op)) slowest.push_back(&op);
  }
  const std::size_t count = std::min(kSlowest, slowest.size());
  std::partial_sort(slowest.begin(), slowest.begin() + static_cast<std::ptrdiff_t>(count),
                    slowest.end(),
                    [](const OpInfo* a, const OpInfo* b) { return a->seconds > b->seconds; });
  std::printf("  %-*s %7s %9s %10s %8s  %s\n", kNameWidth, "the slowest ops of the last frame",
              "ms", "GFLOP/s", "of peak", "GB/s", "implementation");
  for (std::size_t i = 0; i < count; ++i) {
    const OpInfo& op = *slowest[i];
    std::printf("  %-*s %7.3f %9.0f %8.0f %% %8.1f  %s\n", kNameWidth,
                shortened(op.stage + " " + op.name).c_str(), op.seconds * 1e3, rate(op),
                100 * rate(op) / peak, op.bytes * 1e-9 / std::max(op.seconds, 1e-12),
                op.implementation.c_str());
  }
}

}  // namespace streamdiffusion::app
