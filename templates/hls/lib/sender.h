// From groups of channels, as they are computed, to the words of a stream.
#ifndef TAILOR_SENDER_H_
#define TAILOR_SENDER_H_

#include "dialect.h"
#include "streams.h"
#include "words.h"

namespace tailor {

// Turns groups of `Group` channels into stream words of `Lanes`; one of the two divides the other.
//
// Used once an iteration: put() if ready(), then send(), which writes at most one word, and only one that the
// stream has room for.
template <class T, int Group, int Lanes> class Sender {
  public:
    typedef typename Word<T, Group>::type group_t;
    typedef typename Word<T, Lanes>::type word_t;

    Sender() : held_(0), groups_(0), unsent_(0) { TAILOR_INLINE }

    // No word is waiting, so another group may come.
    bool ready() const { return unsent_ == 0; }

    // Sends a word if it can.
    bool send(typename Stream<T, Lanes>::type &out) {
        TAILOR_INLINE
        if (unsent_ == 0 || !try_write(out, word_t(held_))) return false;
        held_ = kWords > 1 ? held_t(held_ >> word_t::width) : held_;
        --unsent_;
        return true;
    }

    void put(const group_t &group) {
        TAILOR_INLINE
        held_ = append(held_, group);
        if (++groups_ == kGroups) {
            groups_ = 0;
            unsent_ = kWords;
        }
    }

  private:
    static const int kLanes = Larger<Group, Lanes>::value;
    static const int kGroups = kLanes / Group; // that fill the register
    static const int kWords = kLanes / Lanes;  // that empty it
    static_assert(kLanes % Group == 0 && kLanes % Lanes == 0, "groups and words do not pack without remainder");
    typedef typename Word<T, kLanes>::type held_t;

    held_t held_; // the first channel lowest
    typename Count<kGroups>::type groups_;
    typename Count<kWords>::type unsent_;
};

} // namespace tailor

#endif
