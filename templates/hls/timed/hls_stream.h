// `hls::stream` on the clock of a timed csim: bounded, and a word is under way for some cycles.
//
// A word written in cycle t is offered from t + latency on; the place of a word taken in t can be filled
// again from t + 1 on. As the RTL's FIFO: latency 2. A stream of at most two words is a pair of registers:
// latency 1. Outside of all processes a stream is a plain queue.
#ifndef TAILOR_CSIM_HLS_STREAM_H_
#define TAILOR_CSIM_HLS_STREAM_H_

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <vector>

#include "clock.h"

namespace timed {

// What the report says of a stream, whatever its words are.
class StreamBase {
  public:
    explicit StreamBase(const char *name) : name_(name), most_(0) { all().push_back(this); }

    const std::string &name() const { return name_; }
    std::size_t most() const { return most_; } // words held at a time
    static std::vector<StreamBase *> &all() {
        static std::vector<StreamBase *> streams;
        return streams;
    }

  protected:
    ~StreamBase() {}
    std::string name_;
    std::size_t most_;
};

// Depths that the command line sets in place of the emitted ones.
inline std::vector<std::pair<std::string, std::size_t> > &depth_overrides() {
    static std::vector<std::pair<std::string, std::size_t> > overrides;
    return overrides;
}

} // namespace timed

namespace hls {

template <class T> class stream : public timed::StreamBase {
  public:
    stream() : StreamBase("(unnamed)"), depth_(0), freed_(0), freed_at_(-1), reader_(NULL), writer_(NULL) {}
    explicit stream(const char *name)
        : StreamBase(name), depth_(0), freed_(0), freed_at_(-1), reader_(NULL), writer_(NULL) {}

    // Holds at most `depth` words; 0 for no limit.
    void bound(std::size_t depth) {
        depth_ = depth;
        for (std::size_t index = 0; index < timed::depth_overrides().size(); ++index) {
            if (timed::depth_overrides()[index].first == name_) depth_ = timed::depth_overrides()[index].second;
        }
    }

    bool empty() const {
        const bool nothing = words_.empty() || (timed::clock().current() != NULL && words_.front().when > now());
        if (nothing) complain("read");
        return nothing;
    }
    bool full() const {
        const bool no_place = depth_ != 0 && held() >= depth_;
        if (no_place) complain("write");
        return no_place;
    }
    std::size_t size() const { return words_.size(); }

    T read() {
        while (empty()) {
            require_process("read from an empty stream");
            reader_ = timed::clock().current();
            timed::clock().wait("read", name_.c_str(), words_.empty() ? timed::kNever : words_.front().when);
            reader_ = NULL;
        }
        const T word = words_.front().word;
        words_.pop_front();
        if (freed_at_ != now()) freed_ = 0;
        freed_at_ = now();
        ++freed_;
        timed::clock().note_progress();
        timed::Clock::wake(writer_, now() + 1);
        return word;
    }
    void read(T &word) { word = read(); }
    bool read_nb(T &word) {
        if (empty()) return false;
        word = read();
        return true;
    }
    void write(const T &word) {
        while (full()) {
            require_process("write to a full stream");
            writer_ = timed::clock().current();
            timed::clock().wait("write", name_.c_str(), freed_at_ == now() ? now() + 1 : timed::kNever);
            writer_ = NULL;
        }
        const Timed entry = {now() + (depth_ > 2 ? 2 : 1), word};
        words_.push_back(entry);
        if (held() > most_) most_ = held();
        timed::clock().note_progress();
        timed::Clock::wake(reader_, entry.when);
    }
    bool write_nb(const T &word) {
        if (full()) return false;
        write(word);
        return true;
    }
    void operator>>(T &word) { word = read(); }
    void operator<<(const T &word) { write(word); }

  private:
    struct Timed {
        timed::Cycle when; // it is offered
        T word;
    };

    stream(const stream &);
    stream &operator=(const stream &);

    static timed::Cycle now() { return timed::clock().now(); }
    // Places taken, as a writer sees them in this cycle.
    std::size_t held() const { return words_.size() + (freed_at_ == now() ? freed_ : 0); }
    void complain(const char *verb) const {
        if (timed::clock().current() != NULL) timed::clock().current()->wants(verb, name_.c_str());
    }
    void require_process(const char *what) const {
        if (timed::clock().current() != NULL) return;
        std::fprintf(stderr, "csim: stream '%s': %s outside of all stages\n", name_.c_str(), what);
        std::abort();
    }

    std::size_t depth_;
    std::size_t freed_; // places of words that were taken in cycle freed_at_
    timed::Cycle freed_at_;
    timed::Process *reader_; // where it waits
    timed::Process *writer_;
    std::deque<Timed> words_;
};

} // namespace hls

#endif
