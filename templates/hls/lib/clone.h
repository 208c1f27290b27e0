// A clone stage: every word goes to two streams.
//
// Contract: a word is taken when both outputs have room; one call is one frame. The FIFO behind the
// skip output must hold what the main branch takes in before its first word comes back (the design's
// depth_live), or the two branches wait for each other for ever.
//
// Config: format_t, lanes, words (of a frame).
#ifndef TAILOR_CLONE_H_
#define TAILOR_CLONE_H_

#include "dialect.h"
#include "loop_monitor.h"
#include "streams.h"
#include "words.h"

namespace tailor {

template <class C>
void clone(typename Stream<typename C::format_t, C::lanes>::type &in,
           typename Stream<typename C::format_t, C::lanes>::type &first,
           typename Stream<typename C::format_t, C::lanes>::type &second) {
    TAILOR_STAGE
    typename Count<C::words>::type moved = 0;
word_loop:
    while (moved != C::words) {
        TAILOR_PIPELINE
        const bool moves = !first.full() && !second.full() && may_read(in);
        if (moves) {
            const typename Word<typename C::format_t, C::lanes>::type word = read_word(in);
            write_word(first, word);
            write_word(second, word);
            ++moved;
        }
        end_iteration(moves);
    }
}

} // namespace tailor

#endif
