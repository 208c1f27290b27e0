// An add stage: main + skip, exact at the finer point, then ReLU, then at most one requantization.
//
// Contract: a word is taken when both inputs have one and the output has room; all three streams have
// the same lanes; one call is one frame.
//
// Config: main_t, skip_t, sum_t, output_t, lanes, words (of a frame), relu.
#ifndef TAILOR_ADD_H_
#define TAILOR_ADD_H_

#include "dialect.h"
#include "loop_monitor.h"
#include "streams.h"
#include "words.h"

namespace tailor {

// The results of one word.
template <class C>
typename Word<typename C::output_t, C::lanes>::type
add_words(const typename Word<typename C::main_t, C::lanes>::type &main_word,
          const typename Word<typename C::skip_t, C::lanes>::type &skip_word) {
    TAILOR_INLINE
    typename Word<typename C::output_t, C::lanes>::type results;
lane_loop:
    for (int lane = 0; lane < C::lanes; ++lane) {
        TAILOR_UNROLL
        typename C::sum_t sum = get_lane<typename C::main_t>(main_word, lane);
        sum += get_lane<typename C::skip_t>(skip_word, lane);
        if (C::relu && sum < 0) sum = 0;
        const typename C::output_t result = sum;
        set_lane(results, lane, result);
    }
    return results;
}

template <class C>
void add(typename Stream<typename C::main_t, C::lanes>::type &main,
         typename Stream<typename C::skip_t, C::lanes>::type &skip,
         typename Stream<typename C::output_t, C::lanes>::type &out) {
    TAILOR_STAGE
    typename Count<C::words>::type moved = 0;
word_loop:
    while (moved != C::words) {
        TAILOR_PIPELINE
        const bool moves = may_read(main) && may_read(skip);
        if (moves) {
            const typename Word<typename C::main_t, C::lanes>::type main_word = read_word(main);
            const typename Word<typename C::skip_t, C::lanes>::type skip_word = read_word(skip);
            write_word(out, add_words<C>(main_word, skip_word));
            ++moved;
        }
        end_iteration(moves);
    }
}

} // namespace tailor

#endif
