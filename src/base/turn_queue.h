// Shares a resource in turns, so that everyone who keeps asking gets the same seconds of it,
// however long each turn is, or seconds in proportion to its weight. Start-time fair queueing:
// Goyal, Vin and Cheng, "Start-time Fair Queueing", SIGCOMM 1996. A turn's length need not be known
// ahead.
//
// Members may be of groups, the users of a server say. Then the groups that ask get the same
// seconds, however many members each has, and so do the members of one: the same rule on two
// levels (Goyal, Guo and Vin, "A Hierarchical CPU Scheduler for Multimedia Operating Systems",
// OSDI 1996).
//
// Who has had less than those that wait is likely to ask again at once, so when its turn ends the
// resource is kept for it for a moment (Iyer and Druschel, "Anticipatory scheduling", SOSP 2001).
// Otherwise two who ask one turn after another would get one turn each, however long these are.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <vector>

namespace streamdiffusion::base {

class TurnQueue {
 private:
  struct Group;

 public:
  /// About what a session needs between two frames.
  static constexpr std::chrono::milliseconds kGrace{2};
  /// `clock` gives seconds; empty: the steady clock. `grace` is the moment, of the steady clock.
  explicit TurnQueue(std::function<double()> clock = {}, std::chrono::milliseconds grace = kGrace);
  TurnQueue(const TurnQueue&) = delete;
  TurnQueue& operator=(const TurnQueue&) = delete;

  /// One who takes turns, one at a time. Must not outlive the queue.
  class Member {
   public:
    /// Those of one number are a group.
    explicit Member(TurnQueue& queue, std::uint64_t group = 0);
    ~Member();
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    /// Its share beside other members of its group; above 0. 1 at first. The seconds of a turn in
    /// progress count by it as well.
    void weigh(double weight);

   private:
    friend class TurnQueue;
    TurnQueue& queue_;
    Group* group_ = nullptr;
    double weight_ = 1;
    /// Seconds of the resource that it has had until the present turn.
    double used_ = 0;
    /// Virtual time of the group: where the turn starts, and where the last one ended.
    double start_ = 0, end_ = 0;
    /// Of the clock: when the present turn was granted.
    double granted_ = 0;
    std::uint64_t ticket_ = 0;
    /// What the turn works with. Kept while paused: nobody else may use it then.
    const void* resource_ = nullptr;
    bool waiting_ = false, paused_ = false;
    /// Whether it is to watch that the grace for another member ends.
    bool watches_ = false;
    std::condition_variable_any turn_;
  };

  /// A member's turn, from construction to destruction.
  class Turn {
   public:
    /// Waits for it. Throws busy if `stop` is requested.
    explicit Turn(Member& member, std::stop_token stop = {});
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    /// What the turn works with from now on. While it is paused nobody else gets the same resource.
    /// So this waits as well, if another turn is paused over it, and throws busy as the constructor
    /// does.
    void use(const void* resource);
    /// Whether pause() may have something to do: others wait, or `stop` is requested.
    bool wanted() const;
    /// Lets others go first, if they have had less, and returns when it is this member's turn
    /// again. Throws busy if `stop` is requested.
    void pause();
    /// Ends this turn and takes another, which is to work with `resource`, in the order in which
    /// this member now stands. Nobody is kept from the resource meanwhile. Throws busy as the
    /// constructor does.
    void again(const void* resource);
    /// Seconds of the resource that count as this member's so far: its turns, less what others
    /// were charged of them. Only differences mean something.
    double used() const;
    /// Charges `seconds` of this turn to another member, who waits: the work was its own.
    void charge(Member& other, double seconds);
    /// Seconds that the constructor, use(), again() and pause() waited.
    double waited() const { return waited_; }

   private:
    void wait(std::unique_lock<std::mutex>& lock, bool paused);

    Member& member_;
    const std::stop_token stop_;
    double waited_ = 0;
    bool held_ = false;
  };

  /// Of its clock.
  double now() const { return clock_(); }
  /// Members that wait now.
  int waiting() const { return waiting_count_.load(std::memory_order_relaxed); }

 private:
  struct Group {
    /// Virtual time of the queue: where its next turn starts.
    double start = 0;
    /// Virtual time of the group: where the turn in progress of a member started.
    double now = 0;
  };
  /// The group of that number.
  Group& group(std::uint64_t number);
  /// Whether a member of the group waits or has the turn.
  bool asks(const Group& group) const;
  /// Whether `a` has had less than `b`: the group counts first.
  static bool precedes(const Member& a, const Member& b);

  /// Whether it became the member's turn; false after a stop.
  bool wait(std::unique_lock<std::mutex>& lock, Member& member, const std::stop_token& stop);
  /// Counts seconds as the member's.
  static void count(Member& member, double seconds);
  /// Counts what the holder has had since its turn was granted.
  void account(Member& member);
  /// Ends a turn.
  void release(Member& member);
  /// Gives the turn to the next, unless somebody has it or it is kept for somebody.
  void grant();
  bool blocked(const Member& member) const;
  /// The next in turn, or null.
  Member* next() const;

  const std::function<double()> clock_;
  const std::chrono::milliseconds grace_;
  std::mutex mutex_;
  /// A group stays after its last member for as long as it has had more than others.
  std::map<std::uint64_t, Group> groups_;
  std::vector<Member*> members_;
  const Member* holder_ = nullptr;
  /// Whom the turn is kept for.
  const Member* expected_ = nullptr;
  /// The virtual time: where the turn in progress started, on the level of the groups.
  double now_ = 0;
  std::uint64_t next_ticket_ = 0;
  std::atomic<int> waiting_count_{0};
};

}  // namespace streamdiffusion::base
