// csim's view of a stage's loop: its clock, and the proof of what it promises the compiler.
//
// Clock: an iteration is a cycle at II=1. csim's timed mode (TAILOR_TIMED) lets it pass at TAILOR_PIPELINE, and
// hears from end_iteration, which every stage calls once in each, whether the stage did anything.
// Distance: the compiler overlaps iterations trusting TAILOR_KEEPS_DISTANCE. Were the promise wrong,
// csim would still be right (it runs one iteration after another) and the hardware would not; so csim
// counts iterations and stops at the first access that comes too early.
// Progress: a loop that neither reads, computes nor writes for some iterations waits for room, or for
// words of a skip connection, that never come; it would hang in hardware, so csim stops. (In timed
// mode waiting is normal, and the shim finds what hangs.)
#ifndef TAILOR_LOOP_MONITOR_H_
#define TAILOR_LOOP_MONITOR_H_

#ifndef __SYNTHESIS__
#include <cstdio>
#include <cstdlib>
#endif

namespace tailor {

// `moved`: the iteration read, computed or wrote something.
inline void end_iteration(bool moved) {
#ifdef TAILOR_TIMED
    timed::clock().iteration(moved); // of the clock that compiles this header in
#else
    (void)moved;
#endif
}

#ifdef __SYNTHESIS__

template <int Words, int Distance> struct LoopMonitor {
    void next_call() {}
    void next_iteration(bool) {}
    void reads(int) {}
    void writes(int) {}
};

#else

template <int Words, int Distance> class LoopMonitor {
  public:
    LoopMonitor() : now_(0), idle_(0) {
        for (int address = 0; address < Words; ++address) read_[address] = written_[address] = -Distance;
    }
    // A call's pipeline has drained before the next call begins.
    void next_call() {
        now_ += Distance;
        idle_ = 0;
    }
    void next_iteration(bool moved) {
        ++now_;
        end_iteration(moved);
        idle_ = moved ? 0 : idle_ + 1;
#ifndef TAILOR_TIMED
        if (idle_ <= 2 * Distance) return;
        std::fprintf(stderr, "csim: a stage waits for room that never comes; its ring or shift register is too small\n");
        std::abort();
#endif
    }
    void reads(int address) {
        check("read", "written", address, written_[address]);
        read_[address] = now_;
    }
    void writes(int address) {
        check("written", "read", address, read_[address]);
        written_[address] = now_;
    }

  private:
    void check(const char *what, const char *before, int address, long long then) const {
        if (now_ - then >= Distance) return;
        std::fprintf(stderr, "csim: ring address %d is %s %lld iterations after it was %s; the loop promises %d\n",
                     address, what, now_ - then, before, Distance);
        std::abort();
    }
    long long now_;
    int idle_;
    long long read_[Words];
    long long written_[Words];
};

#endif

} // namespace tailor

#endif
