#include "session/row_pool.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "session/compile_pause.h"
#include "session/pause_for_others.h"

namespace streamdiffusion::session {
namespace {

/// A power of two, and one and a half times that: at most a third of a call's seats are empty.
constexpr std::array kSizes{2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64};

/// A session that waits offers one set of rows, so there are never more offers than members.
constexpr std::size_t kFewMembers = 64;

std::uint64_t next_owner() {
  static std::atomic<std::uint64_t> owners = 0;
  return ++owners;
}

/// Whether memory suffices for as many seats, going by a program of so many rows. Weights are
/// shared.
bool fits(const backend::Executable& unet, int rows, int seats) {
  const std::size_t bytes = (unet.arena_bytes() + unet.state_bytes()) /
                            static_cast<std::size_t>(rows) * static_cast<std::size_t>(seats);
  const auto available = base::available_memory();
  if (!available || bytes <= *available) return true;
  base::log(base::LogLevel::notice,
            base::concat("a UNet call of ", seats, " rows would need ", bytes >> 20U,
                         " MiB, available are ", *available >> 20U, "; sessions take turns"));
  return false;
}

}  // namespace

class RowPool::Offered {
 public:
  Offered(RowPool& pool, Member& member) : pool_(pool), member_(member) {
    const std::lock_guard lock(pool_.mutex_);
    pool_.offers_.push_back(&member_);
    member_.offer_ = Member::Offer::waiting;
  }
  ~Offered() {
    const std::lock_guard lock(pool_.mutex_);
    const bool leads = !pool_.taken_.empty() && pool_.taken_.front() == &member_;
    std::erase(pool_.offers_, &member_);
    std::erase(pool_.taken_, &member_);
    member_.offer_ = Member::Offer::none;
    if (!leads) return;
    // Its call failed: the others' rows are as they were.
    for (Member* other : pool_.taken_) other->offer_ = Member::Offer::waiting;
    pool_.taken_.clear();
  }
  Offered(const Offered&) = delete;
  Offered& operator=(const Offered&) = delete;

 private:
  RowPool& pool_;
  Member& member_;
};

RowPool::RowPool(RowPoolContext& context, const UNetKey& shape, std::shared_ptr<RowCosts> costs)
    : context_(context), shape_(shape), costs_(std::move(costs)) {}

std::vector<int> RowPool::sizes(int max_rows) {
  std::vector<int> sizes;
  std::ranges::copy_if(kSizes, std::back_inserter(sizes),
                       [&](int rows) { return rows < max_rows; });
  if (max_rows > 1) sizes.push_back(max_rows);
  return sizes;
}

std::vector<int> RowPool::rows_of_members() const {
  std::vector<int> rows;
  for (const Member* member : members_) {
    if (member->begun_) rows.push_back(member->rows());
  }
  std::ranges::sort(rows);
  return rows;
}

/// Those that hold the two smallest members, up to the first that holds all.
std::vector<int> RowPool::wanted_sizes(const std::vector<int>& rows) const {
  std::vector<int> wanted;
  if (rows.size() < 2) return wanted;
  const int least = rows[0] + rows[1], all = std::accumulate(rows.begin(), rows.end(), 0);
  for (const int size : sizes(context_.batching.max_rows)) {
    if (size < least) continue;
    if (!programs_.contains(size) && may_pay(rows, size)) wanted.push_back(size);
    if (size >= all) break;
  }
  return wanted;
}

bool RowPool::may_pay(const std::vector<int>& rows, int seats) const {
  const auto known = [&](int own) { return costs_->knows_alone(own); };
  if (costs() == nullptr || !costs_->knows_shared(seats) || !std::ranges::all_of(rows, known))
    return true;
  return choose_share(rows, std::array{seats}, costs_.get()).members > 1;
}

void RowPool::update() {
  sizes_.clear();
  for (const auto& [seats, program] : programs_) sizes_.push_back(seats);
  shares_ = choose_share(rows_of_members(), sizes_, costs()).members > 1;
}

void RowPool::reserve(const std::stop_token& stop) {
  std::vector<int> rows, wanted;
  std::map<int, SharedExecutable> alone;
  {
    const std::lock_guard lock(mutex_);
    rows = rows_of_members();
    wanted = wanted_sizes(rows);
    for (const Member* member : members_) {
      if (member->begun_) alone[member->rows()] = member->rows_.unet.executable;
    }
  }
  if (rows.size() < 2) return;
  for (const auto& [own, unet] : alone) measure_alone(own, unet, stop);
  for (const int seats : wanted) {
    if (fits(*alone.begin()->second, alone.begin()->first, seats)) add_program(seats, rows, stop);
  }
  const std::lock_guard lock(mutex_);
  update();
}

void RowPool::measure_alone(int rows, const SharedExecutable& unet, const std::stop_token& stop) {
  if (costs() == nullptr || costs_->knows_alone(rows)) return;
  costs_->set_alone(rows, measure(*unet, stop));
}

/// A program that is measured not to pay is not kept.
void RowPool::add_program(int seats, const std::vector<int>& rows, const std::stop_token& stop) {
  require_not(stop);
  const SharedExecutable unet = compile(seats, stop);
  if (costs() != nullptr && !costs_->knows_shared(seats)) {
    costs_->set_shared(seats, measure(*unet, stop));
  }
  auto program = std::make_unique<SeatedProgram>(unet);
  const std::lock_guard lock(mutex_);
  if (!may_pay(rows, seats)) return;
  programs_.emplace(seats, std::move(program));
  update();
}

/// Seconds of a call: the best of three after one to warm up, or that one if it is long already.
double RowPool::measure(backend::Executable& unet, const std::stop_token& stop) {
  constexpr int kRuns = 4;
  constexpr double kLong = 0.5;
  const auto state = unet.make_state();
  base::TurnQueue::Member member(context_.turns);
  base::TurnQueue::Turn turn(member, stop);
  double best = kLong;
  for (int i = 0; i < kRuns; ++i) {
    turn.again(&unet);
    PauseForOthers pause(turn);
    const double before = turn.used();
    unet.run(graph::Lifetime::per_frame, *state, &pause);
    const double seconds = turn.used() - before;
    if (seconds > kLong) return seconds;
    if (i > 0) best = std::min(best, seconds);
  }
  return best;
}

SharedExecutable RowPool::compile(int seats, const std::stop_token& stop) {
  UNetKey key = shape_;
  key.prompts = seats;
  key.kv_rows.resize(static_cast<std::size_t>(seats));
  std::iota(key.kv_rows.begin(), key.kv_rows.end(), 0);
  return context_.executables.unet(key, stop);
}

RowPool::Member::Member(std::shared_ptr<RowPool> pool, base::TurnQueue::Member& turns,
                        const Program& unet)
    : pool_(std::move(pool)),
      turns_(turns),
      rows_{unet, RowPieces(*unet.executable), next_owner()} {
  rows_.seats.resize(static_cast<std::size_t>(rows()), -1);
  const std::lock_guard lock(pool_->mutex_);
  pool_->members_.push_back(this);
  // Here, because a call allocates nothing.
  const std::size_t capacity = std::max(kFewMembers, 2 * pool_->members_.size());
  pool_->offers_.reserve(capacity);
  pool_->taken_.reserve(capacity);
  pool_->taken_rows_.reserve(capacity);
}

RowPool::Member::~Member() {
  const std::lock_guard lock(pool_->mutex_);
  std::erase(pool_->members_, this);
  pool_->update();
}

void RowPool::Member::begin() {
  bool company = false;
  {
    const std::lock_guard lock(pool_->mutex_);
    begun_ = true;
    pool_->update();
    company = pool_->rows_of_members().size() > 1;
  }
  if (company) pool_->context_.ask_to_reserve(pool_);
}

void RowPool::Member::run_alone(base::TurnQueue::Turn& turn, backend::Pause& pause) {
  turn.use(rows_.unet.executable.get());
  rows_.unet.executable->run(graph::Lifetime::per_frame, *rows_.unet.state, &pause);
}

double RowPool::Member::run(base::TurnQueue::Turn& turn, backend::Pause& pause) {
  RowPool& pool = *pool_;
  if (!begun_) begin();
  from_others_ = 0;
  if (!pool.shares_) {
    run_alone(turn, pause);
    return 0;
  }
  const Offered offered(pool, *this);
  turn.again(&pool);
  SeatedProgram* program = nullptr;
  {
    const std::lock_guard lock(pool.mutex_);
    if (offer_ == Offer::answered) return from_others_;
    program = pool.take(*this);
  }
  if (program == nullptr) {
    ++pool.context_.stats.calls_alone;
    run_alone(turn, pause);
  } else {
    pool.call(*program, *this, turn, pause);
  }
  return from_others_;
}

SeatedProgram* RowPool::take(Member& leader) {
  taken_.assign(1, &leader);
  for (Member* other : offers_) {
    if (other != &leader && other->offer_ == Member::Offer::waiting) taken_.push_back(other);
  }
  taken_rows_.clear();
  for (const Member* member : taken_) taken_rows_.push_back(member->rows());
  const RowShare share = choose_share(taken_rows_, sizes_, costs());
  std::erase(offers_, &leader);
  taken_.resize(share.members);
  taken_rows_.resize(share.members);
  for (Member* member : taken_) member->offer_ = Member::Offer::taken;
  return taken_.empty() ? nullptr : programs_.at(share.seats).get();
}

void RowPool::call(SeatedProgram& program, Member& leader, base::TurnQueue::Turn& turn,
                   backend::Pause& pause) {
  enter(program);
  const double before = turn.used();
  program.run(&pause);
  leave(program, leader, turn, turn.used() - before);
}

/// Under the lock, so that no session goes away whose values are read.
void RowPool::enter(SeatedProgram& program) {
  const std::lock_guard lock(mutex_);
  program.begin();
  std::size_t copied = 0;
  for (Member* member : taken_) copied += program.enter(member->rows_);
  const int rows = std::accumulate(taken_rows_.begin(), taken_rows_.end(), 0);
  RowPoolStats& stats = context_.stats;
  ++stats.calls;
  stats.copied_bytes += copied;
  stats.rows += static_cast<std::uint64_t>(rows);
  stats.sessions += taken_.size();
  stats.empty_seats += static_cast<std::uint64_t>(program.seats() - rows);
}

/// Who was stopped meanwhile is in the call no more.
void RowPool::leave(const SeatedProgram& program, Member& leader, base::TurnQueue::Turn& turn,
                    double seconds) {
  const std::lock_guard lock(mutex_);
  const int rows = std::accumulate(taken_rows_.begin(), taken_rows_.end(), 0);
  for (Member* member : taken_) {
    program.leave(member->rows_);
    member->offer_ = Member::Offer::answered;
    if (member == &leader) continue;
    const double share = seconds * member->rows() / rows;
    turn.charge(member->turns_, share);
    member->from_others_ = share;
    leader.from_others_ -= share;
    std::erase(offers_, member);
  }
  taken_.clear();
}

}  // namespace streamdiffusion::session
