// The clock of a timed csim: every process is a fiber, and time passes in ticks.
//
// A process calls tick() at the top of each iteration of an II=1 loop; all else costs no time. What one
// process does in a tick, another sees in a later one at the earliest (see hls_stream.h), so the order
// of processes within a tick changes nothing and every run is the same.
//
// Deadlock: every process waits for a stream, or polls its streams in vain (iteration(false)) for longer
// than a word can be under way.
#ifndef TAILOR_TIMED_CLOCK_H_
#define TAILOR_TIMED_CLOCK_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fibers.h"

namespace timed {

typedef long long Cycle;

static const Cycle kNever = Cycle(1) << 62;
static const Cycle kPatience = 64; // ticks without any progress: far more than a word is ever under way

// What a process wants of a stream.
struct Wish {
    const char *verb; // "read" or "write"
    const char *stream;
};

class Process {
  public:
    Process(const std::string &process_name, const std::function<void()> &body)
        : name(process_name), fiber(body), wake(0), moved(true), wishes_(0) {}

    // Notes a stream that could not be served in this iteration.
    void wants(const char *verb, const char *stream) {
        for (std::size_t index = 0; index < wishes_; ++index) {
            if (wish_[index].stream == stream && wish_[index].verb[0] == verb[0]) return;
        }
        if (wishes_ == kWishes) return;
        wish_[wishes_].verb = verb;
        wish_[wishes_].stream = stream;
        ++wishes_;
    }
    void forget_wishes() { wishes_ = 0; }
    const Wish *begin() const { return wish_; }
    const Wish *end() const { return wish_ + wishes_; }

    std::string name;
    Fiber fiber;
    Cycle wake; // when it runs again
    bool moved; // its last iteration did something

  private:
    static const std::size_t kWishes = 16;
    Wish wish_[kWishes];
    std::size_t wishes_;
};

class Clock {
  public:
    Clock() : now_(0), progress_(0), current_(NULL) {}

    Cycle now() const { return now_; }
    Process *current() const { return current_; } // NULL outside of all processes
    const std::vector<std::unique_ptr<Process> > &processes() const { return processes_; }

    void spawn(const std::string &name, const std::function<void()> &body) {
        processes_.push_back(std::unique_ptr<Process>(new Process(name, body)));
    }

    // Runs until `done`; false if that never comes.
    bool run(const bool &done) {
        while (!done) {
            Cycle next = kNever;
            for (std::size_t index = 0; index < processes_.size(); ++index) {
                Process &process = *processes_[index];
                if (process.wake <= now_) {
                    current_ = &process;
                    process.fiber.enter();
                    current_ = NULL;
                }
            }
            for (std::size_t index = 0; index < processes_.size(); ++index) {
                if (processes_[index]->wake < next) next = processes_[index]->wake;
            }
            if (next == kNever || now_ - progress_ > kPatience) return done;
            now_ = next;
        }
        return true;
    }

    // The next iteration of the current process begins: one cycle later.
    void tick() {
        Process &process = *current_;
        if (process.moved) progress_ = now_;
        process.moved = true;
        process.wake = now_ + 1;
        process.fiber.leave();
        process.forget_wishes();
    }
    // Whether the iteration that ends did anything but look at its streams.
    void iteration(bool moved) { current_->moved = moved; }
    // A word moved.
    void note_progress() { progress_ = now_; }

    // The current process waits for a stream until `when`, or until wake() where that is kNever.
    void wait(const char *verb, const char *stream, Cycle when) {
        Process &process = *current_;
        process.wants(verb, stream);
        process.wake = when;
        process.fiber.leave();
        process.forget_wishes();
    }
    static void wake(Process *process, Cycle when) {
        if (process != NULL && when < process->wake) process->wake = when;
    }

  private:
    Cycle now_;
    Cycle progress_;
    Process *current_;
    std::vector<std::unique_ptr<Process> > processes_;
};

inline Clock &clock() {
    static Clock instance;
    return instance;
}

} // namespace timed

#endif
