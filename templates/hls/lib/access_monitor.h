// csim's proof of a DEPENDENCE promise: how many iterations lie between accesses to one address.
//
// The compiler schedules the reads and writes of a memory trusting TAILOR_DISTANCE. Were the promise
// wrong, csim would still be right (it runs one iteration after another) and the hardware would not;
// so csim counts iterations and stops at the first access that comes too early.
#ifndef TAILOR_ACCESS_MONITOR_H_
#define TAILOR_ACCESS_MONITOR_H_

#ifndef __SYNTHESIS__
#include <cstdio>
#include <cstdlib>
#endif

namespace tailor {

#ifdef __SYNTHESIS__

template <int Words, int Distance> struct AccessMonitor {
    void next_call() {}
    void next_iteration() {}
    void reads(int) {}
    void writes(int) {}
};

#else

template <int Words, int Distance> class AccessMonitor {
  public:
    AccessMonitor() : now_(0) {
        for (int address = 0; address < Words; ++address) read_[address] = written_[address] = -Distance;
    }
    // A call's pipeline has drained before the next call begins.
    void next_call() { now_ += Distance; }
    void next_iteration() { ++now_; }
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
        std::fprintf(stderr, "csim: ring address %d is %s %lld iterations after it was %s; the pragma promises %d\n",
                     address, what, now_ - then, before, Distance);
        std::abort();
    }
    long long now_;
    long long read_[Words];
    long long written_[Words];
};

#endif

} // namespace tailor

#endif
